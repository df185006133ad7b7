"""Interning: which stacks are one site."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from leakhunt.errors import MismatchError
from leakhunt.measure import sites
from leakhunt.measure.sites import SiteTable
from leakhunt.model.profile import Profile
from tests.profiles import Sample, heap_profile, int64


def changed(profile: Profile, **columns: Any) -> Profile:
    """The same profile with other columns."""
    return Profile(**{name: getattr(profile, name) for name in Profile.__slots__} | columns)


def test_sites_are_interned_across_profiles() -> None:
    table = SiteTable()
    first = table.intern(heap_profile([Sample(("a.f", "a.main"), 8, 1, 1), Sample(("a.g", "a.main"), 8, 1, 1)]))
    second = table.intern(
        heap_profile([Sample(("a.g", "a.main"), 8, 1, 1), Sample(("a.h", "a.main"), 8, 1, 1)], first_address=1 << 20)
    )
    assert first.tolist() == [0, 1]
    assert second.tolist() == [1, 2]
    assert [site.frames[0].function for site in table.sites] == ["a.f", "a.g", "a.h"]


def test_runtime_leaves_are_dropped_unless_all_are_the_runtimes() -> None:
    table = SiteTable()
    found = table.intern(
        heap_profile(
            [
                Sample(("runtime.mallocgc", "internal/runtime/maps.(*table).grow", "a.f"), 8, 1, 1),
                Sample(("a.f",), 8, 1, 1),
                Sample(("runtime.malg", "runtime.newproc1"), 8, 1, 1),
                Sample(("a.f", "runtime.main"), 8, 1, 1),
            ]
        )
    )
    assert found.tolist() == [0, 0, 1, 2]
    assert [frame.function for frame in table.sites[1].frames] == ["runtime.malg", "runtime.newproc1"]


def test_line_granularity_tells_lines_apart() -> None:
    drawn = [Sample(("a.f",), 8, 1, 1, line=10), Sample(("a.f",), 8, 1, 1, line=11)]
    assert SiteTable("function").intern(heap_profile(drawn)).tolist() == [0, 0]
    table = SiteTable("line")
    assert table.intern(heap_profile(drawn)).tolist() == [0, 1]
    assert [site.leaf.line for site in table.sites] == [10, 11]
    assert table.sites[0].fingerprint == table.sites[1].fingerprint


def test_inlining_does_not_make_another_site() -> None:
    """f inlined into g at one location, and g calling f at two: the same frames, the same site."""
    plain = heap_profile([Sample(("a.f", "a.g"), 8, 1, 1)])
    inlined = changed(
        plain,
        stack_offsets=int64([0, 1]),
        stack_locations=int64([0]),
        line_offsets=int64([0, 2]),
        location_addresses=int64([1]),
        location_mappings=int64([0]),
    )
    table = SiteTable()
    assert table.intern(plain).tolist() == table.intern(inlined).tolist() == [0]


def test_locations_without_lines_are_named_by_their_binary() -> None:
    profile = heap_profile([Sample(("a.f",), 8, 1, 1)])
    bare = changed(profile, line_offsets=int64([0, 0]), line_functions=int64([]), line_numbers=int64([]))
    table = SiteTable()
    table.intern(bare)
    assert table.sites[0].frames[0].function == "[app]"
    table.intern(changed(bare, location_mappings=int64([-1])))
    assert table.sites[1].frames[0].function == "[unknown]"


def test_a_line_without_a_function_is_unknown() -> None:
    table = SiteTable()
    table.intern(changed(heap_profile([Sample(("a.f",), 8, 1, 1)]), line_functions=int64([-1])))
    assert table.sites[0].frames == (replace(table.sites[0].frames[0], function="[unknown]"),)


def test_endless_stacks_are_cut() -> None:
    table = SiteTable()
    deep = [Sample((*("a.f",) * (3 * sites.MAX_FRAMES), f"a.end{i}"), 8, 1, 1) for i in range(3)]
    assert len(set(table.intern(heap_profile(deep)).tolist())) == 1
    assert len(table.sites[0].frames) == sites.MAX_FRAMES


def test_the_table_is_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr(sites, "MAX_TABLE_FRAMES", 100)
    table = SiteTable()
    table.intern(heap_profile([Sample((f"a.f{i}", *("a.g",) * 60), 8, 1, 1) for i in range(5)]))
    assert [len(site.frames) for site in table.sites] == [61, 61, sites.SHORT_FRAMES, sites.SHORT_FRAMES, sites.SHORT_FRAMES]


def test_names_that_are_not_utf8_are_sites_too() -> None:
    table = SiteTable()
    assert table.intern(heap_profile([Sample(("a.\udcff",), 8, 1, 1), Sample(("a.\udcfe",), 8, 1, 1)])).tolist() == [0, 1]
    assert len(np.unique(table.keys)) == 2


def test_stacks_that_would_take_for_ever_are_refused() -> None:
    """One location of 30 000 lines that 40 000 samples share: a file of a megabyte, 1.2 billion frames."""
    plain = heap_profile([Sample(("a.f",), 8, 1, 1)])
    lines = [0] * 30_000
    hostile = changed(
        plain,
        values=int64([1, 8, 1, 8] * 40_000),
        stack_offsets=int64(range(40_001)),
        stack_locations=int64([0] * 40_000),
        block_bytes=int64([8] * 40_000),
        line_offsets=int64([0, len(lines)]),
        line_functions=int64(lines),
        line_numbers=int64(lines),
    )
    with pytest.raises(MismatchError, match="1,200,000,000 frames"):
        SiteTable().intern(hostile)
