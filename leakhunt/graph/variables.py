"""What GC roots are called and what they lead to: the words of global variables and of the variables in stack frames.

Globals are followed through the data segment (`var registry = &Registry{...}` is a pointer to a nameless value there), stack
variables through their own frame (the array behind a slice that does not escape), so that every word has the name of the
variable through which a person would reach it. Cost: the words of globals once; one look-up for each variable of a function at
a pc, however many goroutines stand there.
"""

import bisect
import re
from collections.abc import Iterator

import numpy as np

from leakhunt.graph.layout import Layouts
from leakhunt.graph.slots import Action, Layout, Slot
from leakhunt.graph.waiting import waiting_values
from leakhunt.kernels import blocks
from leakhunt.model.gotype import Kind, Program, Variable
from leakhunt.model.heap import WORD_BYTES, HeapGraph, Int64, Segment
from leakhunt.model.site import is_runtime

MAX_RUNTIME_BYTES = 1 << 12  # of a global of the runtime; runtime.mheap_ alone is 64 KiB of pointers, none to a user's object
MAX_STATICS = 1 << 18  # values in the data segment that are followed from global variables
MAX_FRAMES = 20_000  # frames whose stack-allocated values are looked into
_PART = re.compile(r"\.(data|ptr|itab|type)$")  # how the compiler calls the halves of an interface or slice it took apart

Named = tuple[str, str, Slot | None]


def words_at(contents: memoryview, offsets: Int64) -> Int64:
    """The 8-byte words of the contents at byte `offsets`. Raises ValueError for one that lies outside."""
    values = np.empty(len(offsets), np.int64)
    blocks.words_at(contents, np.ascontiguousarray(offsets), values)
    return values


class Globals:
    """Global variables and the values in the data segment that they lead to, with their names."""

    def __init__(self, layouts: Layouts, contents: memoryview, segments: list[Segment]) -> None:
        self.layouts, self.contents, self.segments = layouts, contents, segments
        self.known: dict[int, tuple[str, str, int, int]] = {}  # address: name, label, layout (-1 unknown), bytes
        self.starts: list[int] = []
        self.slots: dict[int, dict[int, Slot]] = {}

    def follow(self, program: Program) -> None:
        """Learn the variables, then what they point to inside the segments, as far as it goes."""
        waiting: list[int] = []
        for variable in program.variables():
            if self._segment_of(variable.address) is None:
                continue
            self.known[variable.address] = (variable.name, "", self._layout_of(program, variable), variable.size_bytes)
            waiting.append(variable.address)
        while waiting and len(self.known) < MAX_STATICS:
            address = waiting.pop()
            name, label, number, size = self.known[address]
            self.layouts.settle()
            if number < 0:
                continue
            layout = self.layouts.layouts[number]
            for to, to_layout, to_size, more in self._targets(address, size, layout):
                before = self.known.get(to)
                if before is None or (before[2] < 0 and "stmp_" in before[0]):
                    self.known[to] = (name, label + more, to_layout, to_size)
                    waiting.append(to)
        self.starts = sorted(self.known)

    def _targets(self, address: int, size: int, layout: Layout) -> Iterator[tuple[int, int, int, str]]:
        """What a value in a segment leads to in the segments: address, layout, bytes, label."""
        segment = self._segment_of(address)
        if segment is None or not layout.slots or layout.size_bytes < WORD_BYTES:
            return
        size = min(size if layout.repeats else layout.size_bytes, segment.address + segment.size_bytes - address)
        at = segment.content_offset + address - segment.address
        words = words_at(self.contents, at + np.arange(0, size - WORD_BYTES + 1, WORD_BYTES))
        inside = np.zeros(len(words), bool)
        for other in self.segments:
            inside |= (words >= other.address) & (words < other.address + other.size_bytes)
        slots = {slot.word: slot for slot in layout.slots} if inside.any() else {}
        for word in np.flatnonzero(inside).tolist():
            slot = slots.get(word % (layout.size_bytes // WORD_BYTES) if layout.repeats else word)
            found = self._target(address + word * WORD_BYTES, slot) if slot is not None else None
            if found is not None and slot is not None:
                yield *found, slot.label

    def _layout_of(self, program: Program, variable: Variable) -> int:
        found = program.type(variable.type_id) if variable.type_id else None
        if found is None or (is_runtime(variable.name) and variable.size_bytes > MAX_RUNTIME_BYTES):
            return -1
        return self.layouts.array(found.element) if found.kind == Kind.ARRAY else self.layouts.inline(found.id)

    def _target(self, address: int, slot: Slot) -> tuple[int, int, int] | None:
        """(address, layout, bytes) of the value in a segment that the pointer word at `address` leads to."""
        word = self._word(address)
        if word is None or self._segment_of(word) is None:
            return None
        action, number, count = slot.action, slot.argument, 1
        if action == Action.INTERFACE:
            key = self._word(address - WORD_BYTES) or 0
            program = self.layouts.program
            type_id = key if program.type(key) is not None else program.itab_type(key)
            action, number, _ = self.layouts.pointed(type_id) if type_id else (Action.POINTER, -1, -1)
        elif action == Action.INSIDE:
            count = max(self._word(address + 2 * WORD_BYTES) or 0, 0)
        if action not in (Action.BASE, Action.INSIDE) or number < 0:
            return None
        self.layouts.settle()
        size = self.layouts.layouts[number].size_bytes * min(count, 1 << 32)
        return word, number, size

    def at(self, address: int) -> tuple[str, str, Slot | None]:
        """Name of the variable that holds the word at `address`, label of its part, and what the word leads to."""
        i = bisect.bisect_right(self.starts, address) - 1
        if i < 0:
            return "", "", None
        start = self.starts[i]
        name, label, number, size = self.known[start]
        if address - start >= max(size, WORD_BYTES):
            return "", "", None
        if number < 0:
            return name, label, None
        layout = self.layouts.layouts[number]
        word = (address - start) // WORD_BYTES
        words = layout.size_bytes // WORD_BYTES
        if number not in self.slots:
            self.slots[number] = {slot.word: slot for slot in layout.slots}
        slot = self.slots[number].get(word % words if layout.repeats and words else word)
        return name, label + (slot.label if slot is not None else ""), slot

    def _segment_of(self, address: int) -> Segment | None:
        return next((s for s in self.segments if s.address <= address < s.address + s.size_bytes), None)

    def _word(self, address: int) -> int | None:
        segment = self._segment_of(address)
        if segment is None or address + WORD_BYTES > segment.address + segment.size_bytes:
            return None
        at = segment.content_offset + address - segment.address
        return int.from_bytes(self.contents[at : at + WORD_BYTES], "little")


class Frames:
    """The variables in the stack frames of a heap's goroutines."""

    def __init__(self, graph: HeapGraph, contents: memoryview, layouts: Layouts) -> None:
        self.graph, self.contents, self.layouts = graph, contents, layouts
        frames = graph.process.frames  # as memoryviews: they are read one by one, which numpy is slow at
        self.lows, self.sizes = frames.stack_pointers.data, frames.sizes.data
        self.pcs, self.places = frames.pcs.data, frames.content_offsets.data
        self._variables: dict[int, dict[int, tuple[str, Slot | None]]] = {}
        self._capacities: dict[int, dict[int, int]] = {}
        self._regions: dict[int, list[tuple[int, int, int, str, str]]] = {}
        self._waiting = waiting_values(graph.process, graph.addresses, graph.sizes, graph.content_offsets, contents)

    def at(self, frame: int, address: int, is_live: bool) -> Named:
        """(variable, part of it, what it leads to) of the word at `address` in a frame; "" for the variable where unknown.

        A variable's own word that the pointer map does not name (`is_live` is False) is dead: what it leads to says nothing.
        """
        found = self._own(frame, address)
        if found is not None:
            return found[0], found[1].label if found[1] is not None else "", found[1] if is_live else None
        for start, size, number, name, label in self._stack_values(frame):
            if start <= address < start + size:
                layout = self.layouts.layouts[number]
                word, words = (address - start) // WORD_BYTES, layout.size_bytes // WORD_BYTES
                word = word % words if layout.repeats and words else word
                slot = next((slot for slot in layout.slots if slot.word == word), None)
                return name, label + (slot.label if slot is not None else ""), slot
        return self._sent_or_received(address)

    def _sent_or_received(self, address: int) -> Named:
        """What the word at `address` leads to as part of a value that waits for a channel."""
        found = int(self._waiting.find(np.array([address], np.int64))[0])
        number = self.layouts.value(int(self._waiting.types[found])) if found >= 0 else -1
        if number < 0:
            return "", "", None
        self.layouts.settle()
        word = (address - int(self._waiting.addresses[found])) // WORD_BYTES
        slot = next((slot for slot in self.layouts.layouts[number].slots if slot.word == word), None)
        return "", slot.label if slot is not None else "", slot

    def owner(self, frame: int, address: int) -> int:
        """The frame whose variable the word is: the arguments of a call lie at the bottom of the caller's frame."""
        inner = frame - 1
        is_called = inner >= 0 and self.lows[inner] + self.sizes[inner] == self.lows[frame]
        return inner if is_called and address - self.lows[frame] in self.variables(self.pcs[inner]) else frame

    def _own(self, frame: int, address: int) -> tuple[str, Slot | None] | None:
        return self.variables(self.pcs[frame]).get(address - self.lows[frame] - self.sizes[frame])

    def variables(self, pc: int) -> dict[int, tuple[str, Slot | None]]:
        """(variable, slot) of the pointer words of a function's variables, by offset from the canonical frame address."""
        if pc in self._variables:
            return self._variables[pc]
        known: dict[int, tuple[str, Slot | None]] = {}
        # The compiler lists the parts of a slice that it took apart (`batch.ptr`) beside the slice, which says more.
        for piece in sorted(self.layouts.program.locals_at(pc), key=lambda piece: "." in piece.name):
            number = self.layouts.value(piece.type_id)
            self.layouts.settle()
            if number < 0:
                continue
            layout = self.layouts.layouts[number]
            end = piece.piece + piece.piece_bytes if piece.piece_bytes else layout.size_bytes
            name = _PART.sub("", piece.name.removeprefix("&"))
            for slot in layout.slots:
                at = slot.word * WORD_BYTES
                if not piece.piece <= at < end:
                    continue
                # The type word of an interface must lie in the same piece, or what stands before the data is another's.
                split = slot.action == Action.INTERFACE and at - WORD_BYTES < piece.piece
                offset = piece.offset + at - piece.piece
                if offset not in known or known[offset][1] is None:
                    known[offset] = (name, None if split else slot)
        self._variables[pc] = known
        self._capacities[pc] = self._capacity_places(pc)
        return known

    def _capacity_places(self, pc: int) -> dict[int, int]:
        """Where the capacity of each slice variable lies, by where its pointer lies; offsets as in `variables`."""
        pieces: dict[str, dict[int, int]] = {}
        for piece in self.layouts.program.locals_at(pc):
            found = self.layouts.program.type(piece.type_id)
            if found is not None and found.kind == Kind.SLICE:
                words = (0, 16) if not piece.piece_bytes else (piece.piece,)
                pieces.setdefault(piece.name, {}).update({word: piece.offset + word - piece.piece for word in words})
        return {parts[0]: parts[16] for parts in pieces.values() if 0 in parts and 16 in parts}

    def _stack_values(self, frame: int) -> list[tuple[int, int, int, str, str]]:
        """(address, bytes, layout, variable, label) of the values in a frame that its own variables point to."""
        if frame in self._regions or len(self._regions) >= MAX_FRAMES:
            return self._regions.get(frame, [])
        low, size, place = self.lows[frame], self.sizes[frame], self.places[frame]
        found: list[tuple[int, int, int, str, str]] = []
        for offset, (name, slot) in self.variables(self.pcs[frame]).items():
            if slot is None or slot.action not in (Action.BASE, Action.INSIDE) or slot.argument < 0:
                continue
            if not 0 <= size + offset <= size - WORD_BYTES:
                continue  # a parameter, which lies in the caller's frame
            word = self._word(place + size + offset)
            if not low <= word < low + size:
                continue
            self.layouts.settle()
            layout = self.layouts.layouts[slot.argument]
            capacity = self._capacities[self.pcs[frame]].get(offset)
            count = 1
            if layout.repeats:
                count = self._word(place + size + capacity) if capacity is not None and -size <= capacity <= -WORD_BYTES else 0
            span = min(layout.size_bytes * count, low + size - word)
            if span > 0:
                found.append((word, span, slot.argument, name, slot.label))
        found.sort(key=lambda region: region[1])
        self._regions[frame] = found
        return found

    def _word(self, place: int) -> int:
        return int.from_bytes(self.contents[place : place + WORD_BYTES], "little")
