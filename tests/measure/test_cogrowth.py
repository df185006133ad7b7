"""What grows as one: equal numbers, containers, and what only happens to rise."""

import numpy as np
import pytest

from leakhunt.measure.cogrowth import _as_many, _of_one_goroutine, _owner, by_near_function, equal, growth_groups, meet, meeting
from leakhunt.measure.trend import analyse
from leakhunt.model.site import AllocationSite, Frame
from tests.detectors.lab import Row, evidence, outgrown, ramp


def grouped(*rows: Row, seeds: tuple[str, ...]) -> list[list[str]]:
    """Leaf functions by group, of the sites that grow with those whose leaf is one of `seeds`."""
    seen = evidence(*rows)
    names = [site.leaf.function for site in seen.series.sites]
    groups = growth_groups(seen.series, [names.index(seed) for seed in seeds], seen.grown_objects, seen.trends.freed_samples)
    return [[names[i] for i in group] for group in groups]


def stack(*functions: str) -> AllocationSite:
    return AllocationSite(tuple(Frame(name) for name in functions))


def test_equal_numbers_under_one_caller_are_one() -> None:
    value, key = Row("main.value < main.f", 640, ramp(12, 6)), Row("main.key < main.f", 64, [0, *[1] * 5, *[6] * 6])
    assert grouped(value, key, seeds=("main.value",)) == [["main.value", "main.key"]]
    assert grouped(value, key, seeds=("main.value", "main.key")) == [["main.value", "main.key"]]


def test_far_fewer_or_far_more_are_not_equal() -> None:
    value = Row("main.value < main.f", 640, ramp(12, 60))
    fewer = Row("main.rare < main.f", 640, ramp(12, 20))
    assert grouped(value, fewer, seeds=("main.value",)) == [["main.value"]]


def test_the_bar_of_equality() -> None:
    """660 objects sampled of each 640 B: errors of sqrt(n) and n/4 allow 495 - 2 sqrt(660 + 495) = 427 and no fewer."""
    value = Row("main.value < main.f", 640, ramp(12, 60))
    for gained, same, start in ((432, True, 0), (420, False, 0), (432, True, 5000), (420, False, 5000)):
        other = Row("main.other < main.f", 640, [start] * 11 + [start + gained])
        assert (grouped(value, other, seeds=("main.value",)) == [["main.value", "main.other"]]) == same


def test_one_sampled_object_is_one_give_or_take_one() -> None:
    """2 sqrt(10 + 1) and a quarter of ten are 9.13: ten against one are equal, eleven are not."""
    one = Row("main.key < main.name < main.f", 640, [0] * 6 + [1] * 6)
    for gained, same in ((10, True), (11, False)):
        value = Row("main.value < main.f", 640, [0] * 11 + [gained])
        assert (grouped(value, one, seeds=("main.value",)) == [["main.value", "main.key"]]) == same


def test_what_frees_much_of_what_it_allocates_does_not_ride_along() -> None:
    value = Row("main.value < main.f", 640, ramp(12, 60))
    for freed, rides, start in ((14, True, 0), (16, False, 0), (16, False, 900)):  # of 59 + freed: a share of .19 and .21
        other = Row("main.other < main.f", 640, ramp(12, 59, start=start), freed=ramp(12, freed))
        assert (grouped(value, other, seeds=("main.value",)) == [["main.value", "main.other"]]) == rides
    both = Row("main.other < main.f", 640, ramp(12, 59), freed=ramp(12, 30))
    assert grouped(value, both, seeds=("main.value", "main.other")) == [["main.value", "main.other"]], (
        "seeds need not be steady"
    )


def test_a_container_gains_an_eighth_at_most() -> None:
    """In the function that makes the entries, or called by the same: objects of 64 B against tables of 8 KiB."""
    entry = Row("main.entry < main.put < main.serve", 64, ramp(12, 12))
    for stack_, rides in (("main.entry", True), ("main.put", True), ("main.grow < main.put", True), ("main.x < main.y", False)):
        table = Row(f"{stack_} < main.serve < main.main", 8192, ramp(12, 3), freed=ramp(12, 3))
        name = stack_.partition(" ")[0]
        if name != "main.entry":
            assert ([name in group for group in grouped(entry, table, seeds=("main.entry",))] == [True]) == rides, stack_


def test_groups_come_largest_first_and_hold_every_seed_once() -> None:
    for steps in ((3, 9, 6), (9, 6, 3), (6, 3, 9)):
        rows = [Row(f"main.s{i} < main.f{i}", 640, ramp(12, step, start=900 - 99 * step)) for i, step in enumerate(steps)]
        order = sorted(range(3), key=lambda i: -steps[i])
        assert grouped(*rows, seeds=("main.s0", "main.s1", "main.s2")) == [[f"main.s{i}"] for i in order]


@pytest.mark.parametrize("distance", range(7))
def test_stacks_meet_within_four_frames(distance: int) -> None:
    """Both distances from the leaf added; frames of the standard library do not count."""
    deep = stack(*[f"main.a{i}" for i in range(distance)], "main.f", "main.main")
    assert meet(deep, stack("main.f", "main.z")) == (distance <= 4)
    assert meet(stack("main.f"), deep) == (distance <= 4)
    assert meet(stack("fmt.Sprint", *[f.function for f in deep.frames]), stack("main.f")) == (distance <= 4)
    split = stack("main.b", "main.f")
    assert meet(deep, split) == (distance + 1 <= 4)


def test_the_sites_that_meet_a_seed_are_found_by_their_functions() -> None:
    sites = [stack(*[f"main.a{i}{k}" for k in range(i)], "main.f", "main.z") for i in range(7)]
    sites += [stack("main.q"), stack("fmt.Sprint"), stack("main.a60", "main.z")]
    index = by_near_function(sites, range(1, 7))
    for i, seed in enumerate(sites):
        assert meeting(seed, index) == {j for j in range(1, 7) if meet(seed, sites[j])}, i


def test_entries_have_one_container() -> None:
    """Two tables that the caller of the entries fills as well: the one that gained more is theirs."""
    entry = Row("main.entry < main.f", 64, ramp(12, 12))
    tables = [
        Row(f"{name} < main.f", 27264, ramp(12, step)) for name, step in (("cart.(*Store).Add", 6), ("audit.(*Log).Note", 5))
    ]
    assert grouped(entry, *tables, seeds=("main.entry",)) == [["main.entry", "cart.(*Store).Add"]]
    key = Row("main.key < main.f", 16, ramp(12, 3))
    assert grouped(entry, *tables, key, seeds=("main.entry",)) == [["main.entry", "cart.(*Store).Add", "main.key"]]


def test_what_rides_must_rise_and_may_be_kept_from_it() -> None:
    value, key, aside = (
        Row("main.value < main.f", 640, [0] * 9 + [3] * 3),
        Row("main.key < main.f", 320, [0] * 11 + [1]),
        Row("main.more < main.g", 640, ramp(12, 9)),
    )
    level = Row("main.level < main.f", 640, [2] * 12)
    assert grouped(value, key, aside, level, seeds=("main.value",)) == [["main.value", "main.key"]]
    seen = evidence(value, key)
    names = [site.leaf.function for site in seen.series.sites]
    for may in (True, False):
        mask = np.array([name != "main.key" or may for name in names])
        seed = [names.index("main.value")]
        (group,) = growth_groups(seen.series, seed, seen.grown_objects, seen.trends.freed_samples, mask)
        assert len(group) == 1 + may


def test_seeds_that_do_not_rise_are_groups_of_their_own() -> None:
    seen = evidence(Row("main.down < main.f", 640, [50 - i for i in range(12)], freed=ramp(12, 1)))
    down = next(i for i, site in enumerate(seen.series.sites) if site.leaf.function == "main.down")
    found = growth_groups(seen.series, [down], np.zeros(2), analyse(seen.series).freed_samples)
    assert found == ((down,),)


def test_what_a_function_makes_for_its_own_map_does_not_ride_with_another_container() -> None:
    """`Add` puts what `open` makes into its map, `keep` appends to an array of its own, both once a request: whichever gained
    more bytes, they are two."""
    table = Row("cart.(*Store).Add < cart.shop", 27264, ramp(12, 1))
    for entry_bytes, line_bytes in ((640, 1024), (1024, 640)):
        entry = Row("cart.open < cart.(*Store).Add < cart.shop", entry_bytes, ramp(12, 30))
        line = Row("cart.keep < cart.shop", line_bytes, ramp(12, 30))
        array = outgrown("cart.keep < cart.shop", [(3 << 15) << k for k in range(6)])
        groups = grouped(table, entry, line, *array, seeds=("cart.open", "cart.keep"))
        assert sorted("cart.keep" in group for group in groups) == [False, True]
        assert sum("cart.open" in group for group in groups) == 1
        assert not any({"cart.open", "cart.keep"} <= set(group) for group in groups)


def test_two_types_of_one_package_that_each_fill_a_map_are_two() -> None:
    """What opens a cart logs it, in a map of its own: equal numbers, and one caller. Were both the same type's, they would be
    one."""
    for other, apart in (("cart.(*Log).Append", True), ("cart.(*Store).Append", False)):
        rows = [
            Row("cart.(*Store).Add < cart.shop", 27264, ramp(12, 1)),
            Row(f"{other} < cart.(*Store).Add < cart.shop", 27264, ramp(12, 1)),
            Row("cart.open < cart.(*Store).Add < cart.shop", 640, ramp(12, 30)),
            Row(f"cart.line < {other} < cart.(*Store).Add < cart.shop", 1024, ramp(12, 30)),
        ]
        groups = grouped(*rows, seeds=("cart.open", "cart.line"))
        assert any({"cart.open", "cart.line"} <= set(group) for group in groups) == (not apart), other


@pytest.mark.parametrize(("times", "groups"), [(4, 1), (7, 2)])
def test_a_few_objects_of_one_may_go_with_each_of_the_other(times: int, groups: int) -> None:
    """Where both grow surely; what only rides along must be as many."""
    one, several = Row("main.open < main.f", 640, ramp(12, 30)), Row("main.header < main.f", 640, ramp(12, 30 * times))
    assert len(grouped(one, several, seeds=("main.open", "main.header"))) == groups
    assert grouped(one, several, seeds=("main.open",)) == [["main.open"]]


def test_what_fills_one_container_is_one_however_many_objects_each_entry_has() -> None:
    """A cache's entry and the text that was made for it, of which many are made and let go beside it."""
    table = Row("memo.(*Memo).Get < main.look", 27264, ramp(12, 1))
    entry = Row("main.explore < memo.(*Memo).Get < main.look", 640, ramp(12, 30), freed=ramp(12, 20))
    text = Row("main.encode < memo.(*Memo).Get < main.look", 640, ramp(12, 4))
    assert len(grouped(table, entry, text, seeds=("main.explore", "main.encode"))) == 1
    assert len(grouped(entry, text, seeds=("main.explore", "main.encode"))) == 2, "no container is known"


def test_what_the_standard_library_makes_in_one_kind_of_goroutine_is_one() -> None:
    reader = Row("bufio.NewReaderSize < net/http.newBufioReader < net/http.(*conn).serve", 4096, ramp(12, 30))
    writer = Row("bufio.NewWriterSize < net/http.newBufioWriterSize < net/http.(*conn).serve", 4096, ramp(12, 6))
    seeds = ("bufio.NewReaderSize", "bufio.NewWriterSize")
    assert len(grouped(reader, writer, seeds=seeds)) == 1
    dialled = Row("bufio.NewWriterSize < net/http.(*Transport).dialConn < net/http.(*Transport).dialConnFor", 4096, ramp(12, 6))
    assert len(grouped(reader, dialled, seeds=seeds)) == 2


def test_a_few_objects_that_a_handler_makes_for_each_connection_are_one_with_its_buffers() -> None:
    """66 sampled buffers of 4 KiB are as many as 462 sampled messages, of which each connection has seven."""
    buffer = Row("bufio.NewWriterSize < net/http.newBufioWriterSize < net/http.(*conn).serve", 4096, ramp(12, 6))
    begins = "net/http.HandlerFunc.ServeHTTP < net/http.(*conn).serve"
    seeds = ("main.play", "bufio.NewWriterSize")
    for step, begin, groups in ((42, begins, 1), (200, begins, 2), (2, begins, 2), (42, "main.main", 2)):
        message = Row(f"io.ReadAll < main.play < {begin}", 4096, ramp(12, step))
        assert len(grouped(buffer, message, seeds=seeds)) == groups, (step, begin)


def test_a_map_that_the_maker_of_keys_calls_is_one_with_them() -> None:
    """Its tables double all at once, which is no trend; what is no map is of none."""
    key = Row("fmt.Sprintf < main.receive < main.serve", 64, ramp(12, 30))
    for size, groups in ((27264, [["main.receive", "lib.(*set).Add"]]), (20000, [["main.receive"]])):
        table = Row(
            "lib.(*set).Add < lib.(*Set).Add < main.receive < main.serve", size, [8] * 5 + [30] * 7, freed=[0] * 5 + [8] * 7
        )
        assert grouped(key, table, seeds=("main.receive",)) == groups


def test_entries_ride_with_the_table_that_gained_more_than_they() -> None:
    """The seed is the table here: 99 samples of 8 KiB stand for 6 400 tables, 33 of 64 B for 270 000 entries."""
    table = Row("main.put < main.serve < main.main", 8192, ramp(12, 9))
    entry = Row("main.entry < main.put < main.serve", 64, ramp(12, 3))
    assert grouped(table, entry, seeds=("main.put",)) == [["main.put", "main.entry"]]


def test_a_container_and_its_entries_may_come_from_two_functions_of_one_caller() -> None:
    """Whoever calls that one."""
    entry = Row("main.entry < main.visit < main.get < main.serve", 64, ramp(12, 12))
    table = Row("main.note < main.visit < main.post < main.serve", 8192, ramp(12, 3))
    assert grouped(entry, table, seeds=("main.entry",)) == [["main.entry", "main.note"]]
    apart = Row("main.note < main.page < main.visit < main.post", 8192, ramp(12, 3))
    assert grouped(entry, apart, seeds=("main.entry",)) == [["main.entry"]]


def test_the_owner_of_a_container_is_a_type_or_a_package() -> None:
    functions = ("cart.(*Store).Add", "cart.(*Store[...]).Add", "cart.Put[...]", "example.org/cart.Put")
    assert [_owner(each) for each in functions] == ["cart.(*Store)", "cart.(*Store[...])", "cart", "example.org/cart"]


def test_a_few_of_one_may_go_with_each_of_the_other() -> None:
    """Up to so many; the error of the fewer is as many times as large."""
    for gained in (np.array([10.0, 30.0]), np.array([30.0, 10.0])):
        assert _as_many(gained, np.zeros(2), 3)
        assert not _as_many(gained, np.zeros(2), 2), "20 and a quarter of 30 are less than 30"
    assert _as_many(np.array([10.0, 50.0]), np.array([3.0, 0.0]), 3), "30, twice 9, and a quarter of 50"
    assert not _as_many(np.array([10.0, 50.0]), np.array([0.5, 0.0]), 3)


def test_numbers_are_equal_up_to_a_quarter_and_two_errors() -> None:
    assert [equal(10, b, 0) for b in (7.5, 13, 13.4, 14)] == [True, True, False, False]
    assert [equal(10, b, 2.0) for b in (18, 19)] == [True, False]


def test_two_stacks_of_the_standard_library_alone_are_one_goroutines_by_where_it_begins() -> None:
    reader = stack("bufio.NewReaderSize", "net/http.newBufioReader", "net/http.(*conn).serve")
    begins = ("net/http.(*conn).serve", "time.goFunc")
    context, other = (stack("context.withCancel", "context.WithCancel", begin) for begin in begins)
    program = stack("context.withCancel", "main.handle", "net/http.(*conn).serve")
    pairs = {"same": context, "other": other, "program": program}
    for one, expected in ((reader, ["same"]), (program, [])):
        assert [name for name, each in pairs.items() if each is not one and _of_one_goroutine(one, each)] == expected
        assert [name for name, each in pairs.items() if each is not one and _of_one_goroutine(each, one)] == expected


def test_each_seed_has_riders_of_its_own() -> None:
    rows = [
        Row(f"main.{what}{k} < main.f{k}", size, ramp(12, step - k))
        for k in range(2)
        for what, size, step in (("value", 640, 12), ("key", 320, 6))
    ]
    assert grouped(*rows, seeds=("main.value0", "main.value1")) == [["main.value0", "main.key0"], ["main.value1", "main.key1"]]
