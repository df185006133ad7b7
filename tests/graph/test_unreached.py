"""Objects that nothing leads to in two dumps, built record by record; the real ones are fixtures/go/leases."""

import numpy as np
import pytest

from leakhunt.decode.heapdump import read_dump
from leakhunt.graph.build import build_graph
from leakhunt.graph.unreached import HIDDEN, Dump, hidden_holder
from leakhunt.heaps.view import HeapView
from leakhunt.model.finding import RetentionStep
from tests.decode import dump_writer as w

HEAP, OTHER, DATA = 0xC000010000, 0xC000080000, 0x600000


def dumped(lost: range, last_gc_ns: int, held: int = 2) -> Dump:
    """Objects of 64 B in the slots `lost` that nothing leads to, and `held` others that a variable holds."""
    records = [w.object_(HEAP + 64 * i, bytes(64)) for i in lost]
    records += [w.object_(OTHER + 64 * i, bytes(64)) for i in range(held)]
    records.append(w.segment(12, DATA, w.words(*(OTHER + 64 * i for i in range(held))), range(0, 8 * held, 8)))
    records.append(w.memstats(len(lost) + held, 64 * (len(lost) + held), last_gc_ns))
    view = HeapView("test.dump", build_graph(read_dump(memoryview(w.dump(*records)), "test.dump")))
    return view.graph, view.paths, view.naming


def sampled(*objects: int) -> np.ndarray:
    return np.array(objects, np.int64)


def test_what_outlives_collections_is_held_by_something() -> None:
    found = hidden_holder(dumped(range(30), 1), dumped(range(60), 2), sampled(1, 7, 20, 40, 59, 61))
    assert found is not None
    assert found.root.name == HIDDEN
    assert found.path == (RetentionStep("", "64 B, no pointers", 60, 3840, 30, 1920),)


@pytest.mark.parametrize(
    ("first", "last", "objects"),
    [
        (dumped(range(30), 1), dumped(range(30, 90), 2), (1, 7, 20, 40, 59)),  # garbage: others lie there now
        (dumped(range(30), 2), dumped(range(60), 2), (1, 7, 20, 40, 59)),  # no collection in between
        (dumped(range(30), 1), dumped(range(60), 2), (1, 7, 20, 40)),  # too few samples
        (dumped(range(30), 1), dumped(range(60), 2, held=9), (1, 2, 3, 4, 5, *range(60, 69))),  # most are reached
        (dumped(range(10), 1), dumped(range(60), 2), (1, 7, 20, 40, 59)),  # too few in the first dump
    ],
)
def test_nothing_is_said_where_that_is_not_shown(first: Dump, last: Dump, objects: tuple[int, ...]) -> None:
    assert hidden_holder(first, last, sampled(*objects)) is None
