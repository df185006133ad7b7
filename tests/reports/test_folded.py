"""Folded stacks of a difference: the growth of every stack, names that cannot break a line."""

import re
from array import array

from hypothesis import given
from hypothesis import strategies as st

from leakhunt.model.profile import Profile, ProfileKind, ValueType
from leakhunt.reports.folded import render_folded
from tests.reports import build


def profile_of(samples: list[tuple[tuple[str, ...], int]], **columns: memoryview) -> Profile:
    """A profile of one column whose stacks (leaf first) have a location for each name."""
    names = sorted({name for stack, _ in samples for name in stack})
    offsets = [0]
    for stack, _ in samples:
        offsets.append(offsets[-1] + len(stack))
    plain = {
        "values": column([value for _, value in samples]),
        "stack_offsets": column(offsets),
        "stack_locations": column([names.index(name) for stack, _ in samples for name in stack]),
        "block_bytes": column([0] * len(samples)),
        "line_offsets": column(list(range(len(names) + 1))),
        "line_functions": column(list(range(len(names)))),
        "line_numbers": column([0] * len(names)),
        "location_addresses": column([0] * len(names)),
        "location_mappings": column([-1] * len(names)),
    }
    return Profile(
        source="-",
        kind=ProfileKind.HEAP,
        sample_types=(ValueType("inuse_space", "bytes"),),
        default_sample_type="",
        function_names=names,
        function_files=[""] * len(names),
        mappings=(),
        period=1,
        period_type=ValueType("space", "bytes"),
        time_ns=0,
        **(plain | columns),
    )


def column(values: list[int]) -> memoryview:
    return memoryview(array("q", values))


def test_root_first_sorted_and_summed() -> None:
    samples = [(("leaf", "main"), 5), (("leaf", "main"), 6), (("main",), 1), (("gone", "main"), -7)]
    assert render_folded(profile_of(samples), 0) == ("main 1\nmain;leaf 11\n", -7)


@given(st.lists(st.tuples(st.lists(st.sampled_from("abc"), max_size=4).map(tuple), st.integers(-9, 9)), max_size=12))
def test_nothing_is_lost(samples: list[tuple[tuple[str, ...], int]]) -> None:
    text, shrunk = render_folded(profile_of(samples), 0)
    assert sum(int(line.rpartition(" ")[2]) for line in text.splitlines()) + shrunk == sum(value for _, value in samples)


def test_hostile_names_stay_in_their_line() -> None:
    text, _ = render_folded(profile_of([((name, "main"), 1) for name in build.HOSTILE]), 0)
    lines = text.splitlines()
    assert len(lines) == len(set(build.HOSTILE))
    assert all(re.fullmatch(r"main;[^;]* 1", line) for line in lines)


def test_inlined_calls_and_locations_without_names() -> None:
    calls = {"line_offsets": column([0, 2]), "line_functions": column([0, -1]), "line_numbers": column([0, 0])}
    assert render_folded(profile_of([(("a",), 3)], **calls), 0)[0] == "[unknown];a 3\n"
    bare = {"line_offsets": column([0, 0]), "line_functions": column([]), "location_addresses": column([-16])}
    assert render_folded(profile_of([(("a",), 3)], **bare), 0)[0] == "0xfffffffffffffff0 3\n"
