"""The container of a path, and whether it alone holds what hangs on it; on the dumps of tests/heaps/story.py."""

import numpy as np
import pytest

from leakhunt.graph.containers import container_place, sole_container
from tests.heaps import story


@pytest.mark.parametrize(
    ("steps", "place"),
    [
        ([("main.Store", 1), ("map[int]main.T", 1), ("main.T", 90)], 1),
        ([("main.T", 90), ("string", 90)], -1),
        ([("main.Store", 1), ("main.T", 7)], None),
        ([("[]*main.shard", 1), ("main.shard", 64), ("map[int]main.T", 64), ("main.T", 9000)], 2),
        ([("[]main.S", 1), ("main.S", 9000), ("map[string]string", 9000), ("string", 90000)], 0),
        ([("map[int]main.T", 1), ("list.Element", 1), ("main.T", 90)], 0),
        ([], None),
    ],
)
def test_the_container_is_where_few_become_many(steps: list[tuple[str, int]], place: int | None) -> None:
    assert container_place(steps) == place


def test_what_a_table_alone_holds_would_go_with_it() -> None:
    view = story.view(story.dump(range(30), 1_000))
    graph = view.graph
    entries = np.flatnonzero(graph.sizes == 48).astype(np.int64)
    key = sole_container(view.paths, view.dominators, entries)
    assert key == (("data", "data+0x0"), ("", "16 B, pointers at 0"), ("+0", "512 B of pointers"))
    loose = np.flatnonzero(view.paths.node_of < 0).astype(np.int64)
    assert sole_container(view.paths, view.dominators, loose) is None
    assert sole_container(view.paths, view.dominators, entries[:0]) is None
