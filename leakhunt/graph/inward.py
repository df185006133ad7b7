"""Types of objects that only pointers to their inside lead to: the runtime's timers.

A pointer to the inside of an object tells nothing by itself (`leakhunt.kernels.propagate`). Here it does: the heap of timers
points to the runtime.timer that lies in a time.Timer, so what is around it is known. Sources: $GOROOT/src/runtime/time.go,
time/sleep.go (Go 1.21 to 1.27).
"""

import numpy as np

from leakhunt.graph.layout import Layouts
from leakhunt.graph.variables import words_at
from leakhunt.model.heap import WORD_BYTES, HeapGraph, Int32

_TIMER_HEAPS = frozenset({"[]runtime.timerWhen", "[]*runtime.timer"})  # since Go 1.23, and before
_TIMERS = frozenset({"runtime.timer", "time.runtimeTimer"})
_WHOLES = ("runtime.timeTimer", "time.Timer")  # what they lie in: since Go 1.23, and before


def timers(graph: HeapGraph, contents: memoryview, layouts: Layouts, layout_of: Int32) -> tuple[Int32, Int32]:
    """Objects without a layout that hold a timer of a processor's heap, and the layout of the time.Timer that they are."""
    whole, offset = _timer(layouts)
    is_heap = np.array([layout.name in _TIMER_HEAPS for layout in layouts.layouts] + [False], bool)
    holders = np.flatnonzero(is_heap[layout_of])
    if whole < 0 or not len(holders):
        return np.empty(0, np.int32), np.empty(0, np.int32)
    edges = np.concatenate([np.arange(graph.edge_starts[holder], graph.edge_starts[holder + 1]) for holder in holders.tolist()])
    targets = graph.edge_targets[edges]
    owners = np.repeat(holders, graph.edge_starts[holders + 1] - graph.edge_starts[holders])
    words = words_at(contents, graph.content_offsets[owners] + graph.edge_words[edges].astype(np.int64) * WORD_BYTES)
    is_inside = (layout_of[targets] < 0) & (words - graph.addresses[targets] == offset)
    found = np.unique(targets[is_inside])
    return found.astype(np.int32), np.full(len(found), whole, np.int32)


def _timer(layouts: Layouts) -> tuple[int, int]:
    """(layout, byte of the runtime's timer in it) of a time.Timer; (-1, 0) where the program has none."""
    program = layouts.program
    for name in _WHOLES:
        whole = program.type(program.type_named(name))
        for field in whole.fields if whole is not None else ():
            inner = program.type(field.type_id)
            if whole is not None and inner is not None and inner.name in _TIMERS:
                return layouts.value(whole.id), field.offset
    return -1, 0
