"""The propagation of layouts against a twin that sweeps over all pointers until nothing changes; hostile columns."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakhunt.graph.layout import Layouts
from leakhunt.graph.slots import Action
from leakhunt.graph.types import SIZE_CLASSES, type_heap
from leakhunt.heaps.view import open_heap
from leakhunt.kernels import propagate
from leakhunt.model.heap import MALLOC_HEADER_MAX_BYTES, HeapGraph
from tests.heaps.test_census import SPECIMENS


class Twin:
    """Typing by sweeps: no queue, no caches, masks as sets. Knows from the start what the kernel had to ask for."""

    def __init__(self, graph: HeapGraph, layouts: Layouts, keys: dict[int, tuple[int, int, int]]) -> None:
        self.graph, self.layouts, self.keys = graph, layouts.layouts, keys
        self.contents = bytes(graph.contents or b"")
        self.found: dict[int, int] = {}
        self.header: dict[int, int] = {}
        self.slots = [{slot.word: slot for slot in layout.slots} for layout in self.layouts]

    def word(self, at: int) -> int:
        return int.from_bytes(self.contents[at : at + 8], "little")

    def room(self, block: int) -> int:
        return int(self.graph.sizes[block]) - 8 * self.header.get(block, 0)

    def is_snug(self, block: int, size: int) -> bool:
        need, slot = size + 8 * self.header.get(block, 0), int(self.graph.sizes[block])
        fitting = [each for each in SIZE_CLASSES.tolist() if each >= need]
        return fitting[0] == slot if fitting else slot - need < 8192

    def fits(self, block: int, number: int) -> bool:
        layout, slots = self.layouts[number], set(self.slots[number])
        if not 0 < layout.size_bytes <= self.room(block):
            return False
        if layout.is_open:
            return True
        start, end = self.graph.edge_starts[block : block + 2].tolist()
        if self.graph.sizes[block] > MALLOC_HEADER_MAX_BYTES:
            mask = set(self.graph.edge_words[start:end].tolist())
        else:
            mask = set(self.graph.shape_words[self.graph.shapes[block]].tolist())
        words = {word - self.header.get(block, 0) for word in mask}
        element = -(-layout.size_bytes // 8)
        if not slots:
            return not words and (layout.repeats or self.is_snug(block, layout.size_bytes))
        if layout.repeats or self.header.get(block, 0):
            words = {word % element for word in words}
        inside = min(words, default=0) >= 0 and words <= slots
        return inside and (self.graph.sizes[block] > MALLOC_HEADER_MAX_BYTES or words == slots)

    def extent(self, block: int, number: int) -> int:
        layout = self.layouts[number]
        snug = not layout.is_open and self.is_snug(block, layout.size_bytes)
        return self.room(block) if layout.repeats or snug else layout.size_bytes

    def offer(self, block: int, number: int) -> bool:
        if number < 0 or self.found.get(block) == number or not self.fits(block, number):
            return False
        layout = self.layouts[number]
        if self.graph.sizes[block] == 16 and layout.size_bytes < 16 and not layout.has_pointers and not layout.repeats:
            return False
        if block in self.found:
            old = self.layouts[self.found[block]]
            if self.header.get(block, 0) and (layout.base != old.base or layout.rank <= old.rank):
                return False
            better = (self.extent(block, number), layout.rank) > (self.extent(block, self.found[block]), old.rank)
            if not self.header.get(block, 0) and not better:
                return False
        self.found[block] = number
        return True

    def follow(self, action: int, argument: int, other: int, at: int, target: int) -> bool:
        delta = self.word(at) - int(self.graph.addresses[target]) - 8 * self.header.get(target, 0)
        if action == Action.INTERFACE:
            action, argument, other = self.keys.get(self.word(at - 8), (Action.POINTER, -1, -1))
        if action == Action.INSIDE:
            size = self.layouts[argument].size_bytes if argument >= 0 else 0
            is_element = size > 0 and delta >= 0 and delta % size == 0
            return is_element and (delta == 0 or target not in self.found) and self.offer(target, argument)
        if action in (Action.POINTER, Action.SCALAR) or delta:
            return False
        if action == Action.FUNCTION:
            argument = self.keys.get(self.word(int(self.graph.content_offsets[target])), (0, -1, -1))[1]
        elif action == Action.DIRECTORY:
            argument = argument if self.word(at + 8) == 0 else other
        elif action == Action.EITHER:
            first = int(self.graph.content_offsets[target]) + 8 * self.header.get(target, 0)
            argument = argument if self.contents[first] else other
        return self.offer(target, argument)

    def sweep(self) -> bool:
        changed = False
        for block, number in list(self.found.items()):
            element = -(-self.layouts[number].size_bytes // 8)
            for edge in range(*self.graph.edge_starts[block : block + 2].tolist()):
                word = int(self.graph.edge_words[edge]) - self.header.get(block, 0)
                slot = self.slots[number].get(word % element if self.layouts[number].repeats else word)
                if slot is not None:
                    at = int(self.graph.content_offsets[block]) + 8 * int(self.graph.edge_words[edge])
                    target = int(self.graph.edge_targets[edge])
                    changed |= self.follow(slot.action, slot.argument, slot.other, at, target)
        return changed


def test_sweeps_over_all_pointers_find_the_same_types() -> None:
    heap = open_heap(SPECIMENS / "go1.27.3.dump.zst", binary=str(SPECIMENS / "go1.27.3.binary.zst"))
    assert heap.program is not None
    captured: dict[str, Any] = {}

    class Watched(propagate.Spread):  # type: ignore[misc]
        def adopt(self, blocks: Any, layouts: Any) -> None:
            captured["headers"] = (blocks, layouts)
            super().adopt(blocks, layouts)

        def seed(self, *columns: Any) -> None:
            captured["seeds"] = columns
            super().seed(*columns)

        def set_keys(self, keys: Any, actions: Any, arguments: Any, others: Any) -> None:
            rows = zip(keys.tolist(), actions.tolist(), arguments.tolist(), others.tolist(), strict=True)
            captured["keys"] = {key: tuple(row) for key, *row in rows}
            super().set_keys(keys, actions, arguments, others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(propagate, "Spread", Watched)
        typing = type_heap(heap.graph, heap.program)
    twin = Twin(heap.graph, typing.layouts, captured["keys"])
    for block, number in zip(*(column.tolist() for column in captured["headers"]), strict=True):
        twin.header[block] = 1
        if twin.fits(block, number):
            twin.found[block] = number
        else:
            del twin.header[block]
    places, targets, actions, arguments, others = (column.tolist() for column in captured["seeds"])
    changed = True
    while changed:
        changed = False
        for row in zip(actions, arguments, others, places, targets, strict=True):
            changed |= twin.follow(*row)
        changed |= twin.sweep()
    names = [layout.name for layout in typing.layouts.layouts]
    differing = [
        i for i, number in twin.found.items() if names[typing.layout_of[i]] != names[number] or typing.layout_of[i] < 0
    ]
    assert len(twin.found) > 22_000
    assert len(differing) == 0, [(names[typing.layout_of[i]], names[twin.found[i]]) for i in differing]


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_hostile_columns_raise_and_read_nothing_outside(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 6))
    integers = st.integers(-3, 9)
    edges = data.draw(st.integers(0, 8))
    draw = lambda n, kind, values=integers: np.array(data.draw(st.lists(values, min_size=n, max_size=n)), kind)  # noqa: E731
    starts = np.sort(draw(count + 1, np.int32, st.integers(0, edges)))
    starts[0], starts[-1] = 0, edges
    layouts = data.draw(st.integers(1, 3))
    words = data.draw(st.integers(0, 6))
    layout_starts = np.sort(draw(layouts + 1, np.int64, st.integers(0, words)))
    contents = bytes(data.draw(st.binary(min_size=0, max_size=64)))
    try:
        spread: Any = propagate.Spread(
            contents, 0x1000 + 64 * np.arange(count), draw(count, np.int64, st.sampled_from([8, 16, 64])),
            draw(count, np.int64, st.integers(-8, 80)), starts, draw(edges, np.int32, st.integers(0, count - 1)),
            draw(edges, np.int32, st.integers(0, 9)), draw(count, np.int32, st.integers(0, 1)), np.array([0, 1, 2], np.int64),
            np.array([0, 1], np.int32), 32768, draw(count, np.int32, st.integers(-1, layouts - 1)), np.zeros(count, np.int8),
            np.zeros(count, np.uint8), SIZE_CLASSES,
        )  # fmt: skip
        spread.set_tables(
            layout_starts, draw(words, np.int8, st.integers(0, 7)), draw(words, np.int32), draw(words, np.int32),
            draw(layouts, np.int64, st.integers(-8, 64)), draw(layouts, np.int64),
            draw(3 * layouts, np.int8, st.integers(0, 1)).reshape(-1, 3),
        )  # fmt: skip
        keys = np.unique(draw(3, np.int64, st.integers(0, 3)))
        spread.set_keys(keys, draw(len(keys), np.int8, st.integers(0, 7)), draw(len(keys), np.int32), draw(len(keys), np.int32))
        spread.adopt(draw(2, np.int32, st.integers(0, count - 1)), draw(2, np.int32))
        spread.seed(
            draw(2, np.int64, st.integers(-8, 80)), draw(2, np.int32), draw(2, np.int8, st.integers(0, 7)), draw(2, np.int32),
            draw(2, np.int32),
        )  # fmt: skip
        spread.run()
        spread.pairs()
    except (ValueError, IndexError):
        pass
