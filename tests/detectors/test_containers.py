"""Detectors that go by block sizes: maps, appended slices, buffers, documents."""

import pytest

from leakhunt.detectors import append_only_slice, buffer_growth, subslice_retention, unbounded_map, unbounded_queue
from leakhunt.measure.groups import Basis, Group
from leakhunt.thresholds import DOCUMENT_FRAMES, LONE_TABLE_BYTES
from tests.detectors.lab import Row, evidence, outgrown, ramp, verdicts

TABLE_BYTES = 27264  # a full table of a map with slots of 24 B, go1.24 on
LADDER = (524288, 679936, 876544, 1122304, 1425408)  # what append allocated in fixtures/series/audit


def test_map_tables_betray_a_map() -> None:
    seen = evidence(
        Row("main.(*registry).add < main.serve", 640, ramp(12, 6)),
        Row("main.(*registry).add < main.serve", TABLE_BYTES, ramp(12, 1)),
    )
    (finding,) = unbounded_map.examine(seen)
    assert finding.facts["map_tables"] > 100
    assert verdicts(append_only_slice.examine, seen) == []


def test_map_tables_beside_growing_entries_name_the_map_and_add_no_weight() -> None:
    entries = Row("main.(*book).issue < main.visit < main.serve", 1024, ramp(12, 6))
    keep = Row("main.(*book).keep < main.(*book).issue < main.visit < main.serve", TABLE_BYTES, [0] * 6 + [1] * 6)
    elsewhere = Row("main.load < main.open < main.main", TABLE_BYTES, [4] * 12)
    assert verdicts(unbounded_map.examine, evidence(entries, keep)) == [("main.(*book).issue", "low")]
    assert verdicts(unbounded_map.examine, evidence(entries, elsewhere)) == []


def test_a_backing_array_of_the_size_of_a_table_is_hardly_a_map() -> None:
    """49 152 B is the size of a table of 40 B slots and of many a slice; one sample of it stands for eleven blocks. A map's
    tables were made of others, which are free by now. One alone names a map for want of better."""
    stack = "main.subscribe < main.handle"
    entries = Row(stack, 576, ramp(12, 6))
    once = evidence(entries, Row(stack, 49152, [0] * 6 + [1] * 6, freed=[0] * 6 + [1] * 6))
    kept = evidence(entries, Row(stack, 49152, [0] * 6 + [2] * 6))
    split = evidence(entries, Row(stack, 49152, [0] * 6 + [2] * 6, freed=[0] * 6 + [1] * 6))
    grown = evidence(entries, Row(stack, 49152, [0] * 6 + [2] * 6), Row(stack, 21760, [0] * 12, freed=[0] * 6 + [1] * 6))
    assert verdicts(unbounded_map.examine, once) == [("main.subscribe", "low")]
    (finding,) = unbounded_map.examine(once)
    assert ": a block of 48.0 KiB at main.subscribe has the size of a full map table, and 1 %" in finding.text
    assert verdicts(unbounded_map.examine, kept) == []
    assert verdicts(unbounded_map.examine, split) == [("main.subscribe", "medium")]
    assert verdicts(unbounded_map.examine, grown) == [("main.subscribe", "medium")]


def test_one_array_too_large_for_a_table_names_a_slice_for_want_of_better() -> None:
    entries = Row("main.open < main.handle", 576, ramp(12, 6))
    for stack, said in (
        ("main.tie < main.handle", [("main.open", "low")]),
        ("bytes.growSlice < main.handle", []),
        ("main.load < main.main", []),
    ):
        array = evidence(entries, Row(stack, 106496, [0] * 4 + [1] * 8))
        assert verdicts(append_only_slice.examine, array) == said
        assert verdicts(unbounded_map.examine, array) == []
    tie, larger = Row("main.tie < main.handle", 106496, [0] * 4 + [1] * 8), Row("main.load < main.main", 640, ramp(12, 40))
    (finding,) = append_only_slice.examine(evidence(larger, entries, tie))
    assert finding.text == "a slice is appended to and never cut: one array of 104 KiB at main.tie"
    assert finding.facts == {"reallocations": 0, "array_bytes": 0}
    table = evidence(entries, Row("main.tie < main.handle", LONE_TABLE_BYTES, [0] * 4 + [1] * 8))
    assert verdicts(append_only_slice.examine, table) == []


def test_a_backing_array_that_passed_the_size_of_a_table_is_no_map() -> None:
    rows = outgrown("main.(*trail).Append < main.record", (TABLE_BYTES, 49152, 81920, 131072, 196608, 286720, 376832))
    seen = evidence(*rows, Row("main.(*trail).Append < main.record", 96, ramp(12, 6)))
    assert verdicts(unbounded_map.examine, seen) == []
    assert verdicts(append_only_slice.examine, seen) == [("main.(*trail).Append", "medium")]


def test_a_list_beside_a_map_is_an_index_and_no_queue() -> None:
    entries = Row("main.load < main.lookup < main.serve", 1200, ramp(12, 6))
    element = Row("container/list.(*List).insertValue < store.(*Cache).Put < main.lookup < main.serve", 48, ramp(12, 1))
    tables = Row("store.(*Cache).Put < main.lookup < main.serve", TABLE_BYTES, [1] * 12)
    assert verdicts(unbounded_queue.examine, evidence(entries, element)) == [("main.load", "medium")]
    listed = evidence(entries, element, tables)
    assert verdicts(unbounded_queue.examine, listed) == []
    assert verdicts(unbounded_map.examine, listed) == [("main.load", "medium")]


def test_a_bucket_array_that_doubles_is_an_old_map() -> None:
    sizes = tuple(73728 * 2**k for k in range(6))
    rows = outgrown("main.(*registry).add < main.serve", sizes)
    seen = evidence(Row("main.(*registry).add < main.serve", 640, ramp(12, 6)), *rows)
    assert [pattern for pattern, _ in verdicts(unbounded_map.examine, seen)] == ["main.(*registry).add"]


def test_an_array_outgrown_again_and_again_betrays_append() -> None:
    rows = outgrown("main.(*trail).Append < main.record < main.serve", LADDER)
    seen = evidence(Row("main.snapshot < main.record < main.serve", 768, ramp(12, 6)), *rows)
    (finding,) = append_only_slice.examine(seen)
    assert finding.facts["reallocations"] == len(LADDER) - 1
    assert verdicts(unbounded_map.examine, seen) == []


@pytest.mark.parametrize(("rungs", "confidence"), [(4, "low"), (5, "medium")])
def test_an_array_that_doubles_may_be_a_map_of_old_unless_it_goes_on(rungs: int, confidence: str) -> None:
    rows = outgrown("main.(*trail).Append < main.record", tuple((1 << 20) << k for k in range(rungs)))
    seen = evidence(Row("main.(*trail).Append < main.record", 96, ramp(12, 6)), *rows)
    assert verdicts(append_only_slice.examine, seen) == [("main.(*trail).Append", confidence)]


def test_growing_objects_of_one_size_are_neither() -> None:
    seen = evidence(Row("main.put < main.serve", 640, ramp(12, 6)))
    assert verdicts(unbounded_map.examine, seen) == []
    assert verdicts(append_only_slice.examine, seen) == []


def test_buffers_that_get_larger_are_told_from_more_buffers() -> None:
    stack = "bytes.growSlice < bytes.(*Buffer).grow < bytes.(*Buffer).Write < main.render"
    level = [8] * 12
    larger = outgrown(stack, tuple((2 << 20) + (k << 20) for k in range(12)))
    assert [f for f, _ in verdicts(buffer_growth.examine, evidence(*larger))] == ["main.render"]
    assert verdicts(buffer_growth.examine, evidence(Row(stack, 65536, level, freed=ramp(12, 9)))) == []
    for start in (0, 9):
        assert verdicts(buffer_growth.examine, evidence(Row(stack, 65536, ramp(12, 9, start=start)))) == []


def test_buffers_are_compared_by_the_first_and_the_last_snapshot() -> None:
    stack = "bytes.growSlice < bytes.(*Buffer).grow < bytes.(*Buffer).Write < main.render"
    sizes = outgrown(stack, tuple((2 << 20) + (k << 20) for k in range(12)))
    (finding,) = buffer_growth.examine(evidence(*sizes))
    assert (finding.facts["bytes_ratio"], finding.facts["objects_ratio"]) == (pytest.approx(6.4, rel=0.01), 1)
    more_at_the_end = evidence(*sizes, Row(stack, 64 << 10, [0] * 11 + [1]))  # whose sample stands for some eight
    assert len(more_at_the_end.growing_groups) == 1
    assert verdicts(buffer_growth.examine, more_at_the_end) == []


@pytest.mark.parametrize(("last", "told"), [(10, True), (13, True), (14, False), (21, False)])
def test_buffers_grow_in_bytes_twice_as_much_as_in_number(last: int, told: bool) -> None:
    """Ten of 4 MiB, then some of 5: 13 are .3 more in number and .63 in bytes, 14 are .4 and .75."""
    stack = "bytes.growSlice < bytes.(*Buffer).grow < bytes.(*Buffer).Write < main.render"
    small = Row(stack, 4 << 20, [10] * 6 + [0] * 6, freed=[0] * 6 + [10] * 6)
    seen = evidence(small, Row(stack, 5 << 20, [0] * 6 + [last] * 6))
    site = next(i for i, each in enumerate(seen.series.sites) if each.leaf.function == "main.render")
    vars(seen)["groups"] = (Group((site,), Basis.SITE, seen.trends.of(site)),)
    found = list(buffer_growth.examine(seen))
    assert [finding.facts["objects_ratio"] for finding in found] == ([pytest.approx(last / 10, rel=0.01)] if told else [])


def test_a_buffer_far_up_the_stack_is_another_functions_affair() -> None:
    sizes = tuple((2 << 20) + (k << 20) for k in range(12))
    for above, told in ((DOCUMENT_FRAMES - 1, True), (DOCUMENT_FRAMES, False)):
        stack = " < ".join([*(f"main.f{i}" for i in range(above)), "bytes.(*Buffer).Write", "main.render"])
        assert (verdicts(buffer_growth.examine, evidence(*outgrown(stack, sizes))) != []) == told


def test_whole_documents_are_suspected_of_being_pinned() -> None:
    stack = "io.ReadAll < main.fetch < main.index"
    assert [f for f, _ in verdicts(subslice_retention.examine, evidence(Row(stack, 16384, ramp(12, 5))))] == ["main.fetch"]
    assert verdicts(subslice_retention.examine, evidence(Row(stack, 512, ramp(12, 5)))) == []
    others = Row("main.put < main.serve", 640, ramp(12, 40)), Row("io.ReadAll < main.ask < main.loop", 512, ramp(12, 20))
    both = evidence(*others, Row(stack, 16384, ramp(12, 5)))
    assert [f for f, _ in verdicts(subslice_retention.examine, both)] == ["main.fetch"]
    assert verdicts(subslice_retention.examine, evidence(Row("main.page < main.index", 16384, ramp(12, 5)))) == []
