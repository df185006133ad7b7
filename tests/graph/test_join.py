"""The join of allocation sites and retention paths."""

import dataclasses

import numpy as np
import pytest

from leakhunt.graph.join import join_sites, retention_of, sites_at, with_counts_before
from leakhunt.model.finding import GcRoot
from leakhunt.model.site import AllocationSite, Frame
from tests.heaps import story

VIEW = story.view(story.FIRST)
JOIN = join_sites(VIEW.graph)


def site(*frames: tuple[str, str, int]) -> AllocationSite:
    return AllocationSite(tuple(Frame(*frame) for frame in frames))


PUT = site(("main.put", "/app/main.go", 0), ("main.main", "/app/main.go", 0))


def test_a_growing_site_gets_its_root_and_path() -> None:
    retention = retention_of(JOIN, VIEW.paths, [PUT])
    assert retention is not None
    assert retention.root == GcRoot("data", "data+0x0")
    assert [(step.edge, step.type, step.objects) for step in retention.path] == [
        ("", "16 B, pointers at 0", 1),
        ("+0", "512 B of pointers", 1),
        ("[x]", "48 B, pointers at 0", 4),
    ]
    assert retention.retained_bytes == 512 + 4 * (48 + 1024)


@pytest.mark.parametrize(
    ("frames", "found"),
    [
        ([("main.put", "/app/main.go", 7), ("main.main", "/app/main.go", 3)], True),
        ([("main.put", "/app/main.go", 6), ("main.main", "/app/main.go", 3)], True),  # the leaf may be a line off
        ([("main.put", "/app/main.go", 9), ("main.main", "/app/main.go", 3)], False),
        ([("main.put", "/app/main.go", 7), ("main.main", "/app/main.go", 4)], False),
        ([("main.put", "/app/main.go", 7), ("main.main", "/app/main.go", 3), ("runtime.goexit", "asm.s", 1)], True),
        ([("main.put", "app/main.go", 7), ("main.main", "app/main.go", 3)], True),  # built with -trimpath
        ([("main.other", "/app/main.go", 7), ("main.main", "/app/main.go", 3)], False),
        ([("main.put", "/app/main.go", 7)], False),
        ([], False),
    ],
)
def test_stacks_are_matched_as_closely_as_a_dump_allows(frames: list[tuple[str, str, int]], found: bool) -> None:
    assert (len(JOIN.buckets_of(site(*frames), by_line=True)) == 1) == found


def test_lines_count_only_where_sites_are_told_apart_by_line() -> None:
    moved = site(("main.put", "/app/main.go", 90), ("main.main", "/app/main.go", 30))
    assert (JOIN.buckets_of(moved), JOIN.buckets_of(moved, by_line=True)) == ([0], [])


def test_an_inlined_call_bears_its_callers_name() -> None:
    w = story.w
    stack = [("main.outer", "/lib/list.go", 4), ("main.outer", "/app/main.go", 9), ("main.main", "/app/main.go", 3)]
    join = join_sites(story.view(w.dump(w.bucket(1, 48, stack))).graph)
    inlined = site(("list.push", "/lib/list.go", 4), ("main.outer", "/app/main.go", 9), ("main.main", "/app/main.go", 3))
    assert join.buckets_of(inlined) == [0]
    assert (
        join.buckets_of(site(("list.push", "/lib/list.go", 4), ("main.x", "/app/main.go", 9), ("main.main", "/app/main.go", 3)))
        == []
    )


def test_a_site_without_live_samples_has_no_retention() -> None:
    assert retention_of(JOIN, VIEW.paths, [site(("main.gone", "/app/main.go", 0))]) is None
    assert retention_of(JOIN, VIEW.paths, []) is None


def test_of_several_sites_the_path_that_holds_most_is_named() -> None:
    work = site(("main.work", "/app/work.go", 0), ("main.main.func1", "/app/main.go", 0))
    alone, together = (retention_of(JOIN, VIEW.paths, sites) for sites in ([work], [work, PUT]))
    assert alone is not None
    assert (alone.root, together) == (GcRoot("stack frame", "main.work"), retention_of(JOIN, VIEW.paths, [PUT]))


def test_the_sites_that_feed_a_path() -> None:
    fed = sites_at(JOIN, VIEW.paths, set(range(len(VIEW.paths))))
    assert [(found.leaf.function, count) for found, count in fed] == [("main.put", 4), ("main.work", 1)]


def test_a_sample_of_an_unknown_bucket_has_no_site() -> None:
    w = story.w
    view = story.view(
        w.dump(
            w.object_(story.HEAP, bytes(16)),
            w.segment(12, story.DATA, w.words(story.HEAP), [0]),
            w.bucket(1, 16, story.PUT),
            w.sample(story.HEAP, 77),
        )
    )
    assert view.graph.sample_buckets.tolist() == [-1]
    assert sites_at(view.sites, view.paths, set(range(len(view.paths)))) == []


def test_a_path_knows_what_it_held_before() -> None:
    grown = retention_of(JOIN, VIEW.paths, [PUT])
    assert grown is not None
    earlier = story.view(story.dump(range(2), 500))
    counts = [step.objects_before for step in with_counts_before(grown, earlier.paths).path]
    assert counts == [1, 1, 2]
    assert with_counts_before(grown, earlier.paths).grows_at == 2
    other = dataclasses.replace(grown, root=GcRoot("bss", "main.later"))
    assert with_counts_before(other, earlier.paths) == other
    assert other.grows_at is None


def test_of_paths_that_hold_a_fair_part_the_one_that_grew_is_named() -> None:
    work = site(("main.work", "/app/work.go", 0), ("main.main.func1", "/app/main.go", 0))
    gained = np.zeros(VIEW.graph.objects, np.int64)
    level = retention_of(JOIN, VIEW.paths, [work, PUT], gained=gained)
    gained[JOIN.objects_of(work)] = 5
    grown = retention_of(JOIN, VIEW.paths, [work, PUT], gained=gained)
    assert level == retention_of(JOIN, VIEW.paths, [PUT])
    assert grown == retention_of(JOIN, VIEW.paths, [work])
    gained[JOIN.objects_of(PUT)] = 2  # of four: not level
    assert retention_of(JOIN, VIEW.paths, [work, PUT], gained=gained) == level
