"""Growth between dumps: which path, how much of it, and what became of the objects of the first dump."""

import json
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from leakhunt.errors import MismatchError
from leakhunt.graph.growth import compare, count_paths, topmost_growing
from leakhunt.heaps import series
from leakhunt.heaps.series import diff
from leakhunt.reports.answers import render_json, render_text
from tests.heaps import story
from tests.reports.golden_files import check

GOLDEN = Path(__file__).parent / "golden"
FIRST, LAST = story.view(story.FIRST, "first.dump"), story.view(story.LAST, "last.dump")


def test_text(request: pytest.FixtureRequest) -> None:
    check(request, "diff.txt", render_text(diff([FIRST, LAST]), 100), GOLDEN)


def test_growth_begins_at_the_entries_not_at_what_hangs_on_them() -> None:
    row = json.loads(render_json(diff([FIRST, LAST])))["growth"][0]
    assert row["steps"][-1]["type"] == "48 B, pointers at 0"
    assert (row["first_objects"], row["last_objects"], row["grown_objects"]) == (4, 8, 4)
    assert row["grown_bytes"] == 4 * (48 + 1024)
    assert row["share_ppm"] == 1_000_000
    assert row["survivors"] == 2  # sessions 0 and 1; 2 and 3 are gone although there are more than before
    assert row["kept_ppm"] == 500_000


def test_new_entries_are_told_with_the_site_that_allocated_them() -> None:
    sites = json.loads(render_json(diff([FIRST, LAST])))["sites"]
    assert [(row["function"], row["samples"]) for row in sites] == [("main.put", 6)]


def test_a_container_with_plumbing_is_passed_over_for_its_entries() -> None:
    """A table that doubles while its entries do: the entries are where growth begins, however much the table gained."""
    w = story.w

    def view(entries: int, gc: int) -> story.HeapView:
        table = b"".join(w.words(story.ENTRIES + i * 48) for i in range(entries)) + bytes(8 * (5120 * gc - entries))
        return story.view(
            w.dump(
                w.object_(story.TABLE, table, range(0, len(table), 8)),
                *(w.object_(story.ENTRIES + i * 48, bytes(48), [0]) for i in range(entries)),
                w.segment(12, story.DATA, w.words(story.TABLE), [0]),
                w.memstats(1, 1, gc),
            ),
            str(gc),
        )

    rows = json.loads(render_json(diff([view(1000, 1), view(2000, 2)])))["growth"]
    assert rows[0]["steps"][-1]["type"] == "48 B, pointers at 0"


def test_dumps_are_put_in_order_of_time() -> None:
    assert render_json(diff([LAST, FIRST])) == render_json(diff([FIRST, LAST]))


def test_no_view_is_alive_when_the_next_one_is_asked_for() -> None:
    """A series of any length takes the memory of one graph."""

    def views() -> Iterator[story.HeapView]:
        before: list[weakref.ref[story.HeapView]] = []
        for contents in (story.FIRST, story.LAST, story.FIRST):
            assert all(view() is None for view in before)
            made = [story.view(contents)]
            before.append(weakref.ref(made[0]))
            yield made.pop()

    assert json.loads(render_json(diff(views())))["dumps"] == 3


def test_dumps_between_the_first_and_the_last_keep_no_objects() -> None:
    views = [story.view(story.dump([1, 2], gc), str(gc)) for gc in (4, 1, 3, 2)]
    kept: list[series._Dump] = []
    for view in views:
        kept = series._inserted(kept, series._dump_of(view))
    assert [(dump.origin.source, dump.paths.members is not None) for dump in kept] == [
        ("1", True), ("2", False), ("3", False), ("4", True),
    ]  # fmt: skip


def test_growth_and_shrinkage_mirror_each_other() -> None:
    first, last = (count_paths(view.graph, view.paths, view.naming) for view in (FIRST, LAST))
    forth, back = compare([first, last]), compare([last, first])
    assert forth.grown_bytes.tolist() == (-back.grown_bytes).tolist()
    assert forth.survivors.tolist() == back.survivors.tolist()
    assert topmost_growing(back) == []


def test_the_same_dump_twice_shows_no_growth() -> None:
    answer = json.loads(render_json(diff([FIRST, FIRST])))
    assert answer["growth"] == []
    assert answer["grown_bytes"] == 0


def test_a_buffer_that_only_gets_bigger_is_named_itself() -> None:
    w = story.w
    views = [
        story.view(
            w.dump(
                w.object_(story.HEAP, bytes(size)),
                w.segment(12, story.DATA, w.words(story.HEAP), [0]),
                w.memstats(1, size, gc),
            ),
            str(gc),
        )
        for gc, size in ((1, 40960), (2, 81920))
    ]
    row = json.loads(render_json(diff(views)))["growth"][0]
    assert (row["grown_objects"], row["grown_bytes"]) == (0, 40960)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (story.dump([1], 5, version="go1.26.8"), "different builds"),
        (story.dump([1], 5, data=0x650000), "not dumps of one process"),
    ],
)
def test_dumps_of_other_processes_are_refused(other: bytes, reason: str) -> None:
    with pytest.raises(MismatchError, match=reason):
        diff([FIRST, story.view(other)])
