"""Gives the objects of a heap their Go types, with the binary that the process ran.

What is known to begin with: objects of 513 B to 32 KiB that hold pointers start with their abi.Type (a malloc header, Go 1.22
and later); an interface carries the type of what it leads to; debugging information has the types of globals and of the
variables in stack frames. From there types spread along pointers (`leakhunt.kernels.propagate`) until nothing is learnt. New
types met on the way (a type word, the code of a closure) are read from the binary between rounds.

What cannot be known: blocks of the tiny allocator, what only unsafe.Pointer or the runtime leads to, what only an
unreached object leads to. They keep their shape for a name. Cost: a few passes over the edges, 12 bytes an object.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakhunt.graph.inward import timers
from leakhunt.graph.layout import Layouts
from leakhunt.graph.roots import deferring_functions, name_without_place, telling_frames
from leakhunt.graph.shapes import name_by_shape
from leakhunt.graph.slots import Action, Tables
from leakhunt.graph.variables import Frames, Globals, words_at
from leakhunt.kernels import propagate
from leakhunt.model.gotype import Program
from leakhunt.model.heap import (
    MALLOC_HEADER_MAX_BYTES,
    MALLOC_HEADER_MIN_BYTES,
    WORD_BYTES,
    HeapGraph,
    Int32,
    Int64,
    Naming,
    RootKind,
)
from leakhunt.model.site import normalise

TABLE_WORD, TABLE_BYTES, MAP_BYTES = 2, 32, 48  # where a map's table and header point on, and their sizes (old header too)
MAX_ROUNDS = 64  # each reads at least one new type; real programs needed 3 to 8
# runtime/sizeclasses.go, the same from Go 1.15 to 1.27.
SIZE_CLASSES = np.array(
    "8 16 24 32 48 64 80 96 112 128 144 160 176 192 208 224 240 256 288 320 352 384 416 448 480 512 576 640 704 768 896 1024 "
    "1152 1280 1408 1536 1792 2048 2304 2688 3072 3200 3456 4096 4864 5120 5376 6144 6528 6784 6912 8192 9472 9728 10240 10880 "
    "12288 13568 14336 16384 18432 19072 20480 21760 24576 27264 28672 32768".split(),
    np.int64,
)
_SEED = np.dtype([("place", np.int64), ("target", np.int32), ("action", np.int8), ("argument", np.int32), ("other", np.int32)])


@dataclass(frozen=True, slots=True)
class Typing:
    """The layout of each of N objects.

    layouts         L layouts
    layout_of       int32[N], -1 where unknown
    data_words      int8[N], 1 where the object begins with a malloc header
    root_names      R strings and
    root_labels     R strings: what a root's variable is called, and which part of it the root's word is
    refusals        layouts that were offered to an object and contradicted it
    contradictions, checked_edges   edges on words that the assigned layout takes for no pointer, of how many: always 0
    typed_bytes     bytes of the objects with a layout
    """

    layouts: Layouts
    tables: Tables
    layout_of: Int32
    data_words: NDArray[np.int8]
    root_names: list[str]
    root_labels: list[str]
    refusals: int
    contradictions: int
    checked_edges: int
    typed_bytes: int


def type_heap(graph: HeapGraph, program: Program, raw: bool = False) -> Typing:
    """Types for as many objects of `graph` as can be had. `raw` names the plumbing of containers as the runtime does.

    Raises ValueError where the graph has no contents (a stripped dump): its naming came with it.
    """
    if graph.contents is None:
        raise ValueError("types are found by looking at the contents, which a stripped dump has not")
    return _Typer(graph, graph.contents, program, raw).run()


class _Typer:
    """One run; the public face is `type_heap`."""

    def __init__(self, graph: HeapGraph, contents: memoryview, program: Program, raw: bool) -> None:
        self.graph, self.contents, self.program = graph, contents, program
        self.layouts = Layouts(program, raw)
        self.keys: dict[int, tuple[int, int, int]] = {}
        count = graph.objects
        self.layout_of = np.full(count, -1, np.int32)
        self.data_words = np.zeros(count, np.int8)
        self.segments = [segment for segment in graph.process.segments if segment.content_offset >= 0]
        self._tables = self.layouts.tables()
        self._paired = False
        self.root_names = [""] * len(graph.roots)
        self.root_labels = [""] * len(graph.roots)

    def run(self) -> Typing:
        graph = self.graph
        for address, type_address in graph.process.itabs.tolist():
            self._learn_key(type_address)
            self.keys[address] = self.keys[type_address]
        headers, header_layouts = self._headers()
        seeds, finalized = self._seeds(), self._finalized()
        lengths = [len(words) for words in graph.shape_words]
        spread: Any = propagate.Spread(
            self.contents,
            graph.addresses,
            graph.sizes,
            graph.content_offsets,
            graph.edge_starts,
            graph.edge_targets,
            graph.edge_words,
            graph.shapes,
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            np.concatenate([np.empty(0, np.int32), *graph.shape_words]).astype(np.int32),
            MALLOC_HEADER_MAX_BYTES,
            self.layout_of,
            self.data_words,
            np.zeros(graph.objects, np.uint8),
            SIZE_CLASSES,
        )  # type: ignore[no-untyped-call]
        self._refresh(spread)
        spread.adopt(headers, header_layouts)
        for _ in range(MAX_ROUNDS):
            spread.seed(*seeds)  # again, for a root may have waited for a type that is known now
            spread.propose(*finalized)
            spread.run()
            unknown = spread.take_unknown()
            if not unknown:
                # What nothing leads to with a type is looked at from its own side: words that look like an interface, and
                # holders of what is known to be a part of a map.
                if not self._paired:
                    self._paired = True
                    spread.pairs()
                elif not self._climb(spread) and not self._look_inward(spread):
                    break
                continue
            for key in unknown:
                self._learn_key(key)
            self._refresh(spread)
        tables = self._tables
        wrong, checked = propagate.contradictions(
            graph.edge_starts, graph.edge_words, self.layout_of, self.data_words, tables.starts, tables.actions, tables.flags
        )
        typed = int(graph.sizes[self.layout_of >= 0].sum())
        return Typing(
            self.layouts, tables, self.layout_of, self.data_words, self.root_names, self.root_labels, spread.refusals, wrong,
            checked, typed,
        )  # fmt: skip

    def _climb(self, spread: Any) -> bool:
        """From the groups of a map, which have malloc headers, to the tables, the directory and the header that hold them."""
        graph, layouts = self.graph, self.layouts
        parts = {number: layouts.map_of(number) for number in np.unique(self.layout_of[self.layout_of >= 0]).tolist()}
        above = {number: (part, map_type) for number, (part, map_type) in parts.items() if map_type and part != "map"}
        is_part = np.zeros(len(layouts.layouts) + 1, bool)
        is_part[list(above)] = True
        edges = np.flatnonzero(is_part[self.layout_of[graph.edge_targets]])
        holders = np.searchsorted(graph.edge_starts, edges.astype(np.int32), "right") - 1
        edges, holders = edges[self.layout_of[holders] < 0], holders[self.layout_of[holders] < 0]
        proposed: dict[int, int] = {}
        columns = holders.tolist(), graph.edge_targets[edges].tolist(), graph.edge_words[edges].tolist()
        for holder, target, word in zip(*columns, strict=True):
            part, map_type = above[int(self.layout_of[target])]
            size, words = int(graph.sizes[holder]), len(graph.shape_words[graph.shapes[holder]])
            if word == TABLE_WORD and words == 1 and size == TABLE_BYTES and part == "groups":
                proposed[holder] = layouts.map_part("table", map_type)
            elif word == TABLE_WORD and size == MAP_BYTES and part in ("groups", "tables"):
                proposed[holder] = layouts.map_part("map", map_type)
            elif part == "table" and words * WORD_BYTES == size:
                proposed[holder] = layouts.map_part("tables", map_type)
        return self._propose(spread, np.array(list(proposed), np.int32), np.array(list(proposed.values()), np.int32))

    def _look_inward(self, spread: Any) -> bool:
        """To timers, to whose inside the runtime's heap of them points."""
        return self._propose(spread, *timers(self.graph, self.contents, self.layouts, self.layout_of))

    def _propose(self, spread: Any, objects: Int32, layouts: Int32) -> bool:
        """Offer layouts, which may be new; whether any was taken."""
        if not len(objects):
            return False
        self._refresh(spread)
        before = int((self.layout_of >= 0).sum())
        spread.propose(objects, layouts)
        return int((self.layout_of >= 0).sum()) > before

    def _refresh(self, spread: Any) -> None:
        """Hand the kernel all layouts and keys that are known by now."""
        tables = self._tables = self.layouts.tables()
        spread.set_tables(
            tables.starts, tables.actions, tables.arguments, tables.others, tables.sizes, tables.bases, tables.flags
        )
        keys = np.array(sorted(self.keys), np.int64)
        rows = np.array([self.keys[key] for key in keys.tolist()], np.int32).reshape(-1, 3)
        spread.set_keys(keys, rows[:, 0].astype(np.int8), np.ascontiguousarray(rows[:, 1]), np.ascontiguousarray(rows[:, 2]))

    def _learn_key(self, key: int) -> None:
        """What a word means that stands before an interface's data, or at the start of a closure."""
        if key in self.keys:
            return
        found: tuple[int, int, int] = (Action.POINTER, -1, -1)
        if self.program.type(key) is not None:
            found = self.layouts.pointed(key)
        elif (type_id := self.program.itab_type(key)) and self.program.type(type_id) is not None:
            found = self.layouts.pointed(type_id)
        elif (function := self.program.function_at(key)) is not None and function[1] == key:
            found = (Action.FUNCTION, self.layouts.closure(key), -1)
        self.keys[key] = found

    # Malloc headers.

    def _headers(self) -> tuple[Int32, Int32]:
        """Objects that seem to begin with their type, and the layout behind that word."""
        sizes = self.graph.sizes
        places = np.flatnonzero((sizes > MALLOC_HEADER_MIN_BYTES) & (sizes <= MALLOC_HEADER_MAX_BYTES))
        first = words_at(self.contents, self.graph.content_offsets[places])
        objects, layouts = [np.empty(0, np.int64)], [np.empty(0, np.int32)]
        match = re.match(r"go1\.(\d+)", self.graph.process.go_version)
        if match and int(match[1]) < 22:
            return np.empty(0, np.int32), np.empty(0, np.int32)
        distinct, inverse = np.unique(first, return_inverse=True)
        order = np.argsort(inverse.reshape(-1), kind="stable")
        starts = np.searchsorted(inverse.reshape(-1)[order], np.arange(len(distinct) + 1))
        for i, address in enumerate(distinct.tolist()):
            found = self.program.type(address) if address > 0 else None
            if found is None or found.pointer_bytes <= 0:
                continue
            block = places[order[starts[i] : starts[i + 1]]]
            room = sizes[block] - WORD_BYTES
            block, room = block[room >= found.size_bytes], room[room >= found.size_bytes]
            one, many = self.layouts.value(address), self.layouts.array(address)
            objects.append(block)
            layouts.append(np.where(room >= 2 * found.size_bytes, many, one).astype(np.int32))
        return np.concatenate(objects).astype(np.int32), np.concatenate(layouts)

    # Roots.

    def _seeds(self) -> tuple[Int64, Int32, NDArray[np.int8], Int32, Int32]:
        """What the words of roots say, in the columns of the kernel's `seed`; names the roots on the way."""
        kinds = self.graph.roots.kinds
        rows = itertools.chain(
            self._global_seeds(np.flatnonzero(kinds <= RootKind.BSS)),
            self._frame_seeds(np.flatnonzero((kinds == RootKind.STACK) | (kinds == RootKind.CONSERVATIVE))),
        )
        table = np.fromiter(rows, _SEED)  # one by one: there may be millions
        for i in np.flatnonzero(kinds == RootKind.FINALIZER).tolist():
            self.root_names[i] = self._finalizer_name(i)
        place, target, action, argument, other = (np.ascontiguousarray(table[column]) for column in _SEED.names or ())
        return place, target, action, argument, other

    def _global_seeds(self, picked: Int64) -> Iterator[tuple[int, int, int, int, int]]:
        """Words of the data and bss segments."""
        roots = self.graph.roots
        segments = {segment.kind: segment for segment in self.segments}
        variables = Globals(self.layouts, self.contents, self.segments)
        variables.follow(self.program)
        self.layouts.settle()
        for i in picked.tolist():
            address, target = int(roots.addresses[i]), int(roots.targets[i])
            segment = segments.get(RootKind(int(roots.kinds[i])).label)
            if segment is None:
                continue
            place = segment.content_offset + address - segment.address
            name, self.root_labels[i], slot = variables.at(address)
            self.root_names[i] = name or f"{segment.kind}+{address - segment.address:#x}"
            if slot is not None:
                yield place, target, slot.action, slot.argument, slot.other
            elif not name and address > segment.address:
                key = int.from_bytes(self.contents[place - WORD_BYTES : place], "little")
                if self.program.type(key) is not None or self.program.itab_type(key):
                    yield place, target, Action.INTERFACE, -1, -1

    def _frame_seeds(self, picked: Int64) -> Iterator[tuple[int, int, int, int, int]]:
        """Words of stack frames. Dead variables get a name and say nothing: what they hold may be stale."""
        roots, frames = self.graph.roots, self.graph.process.frames
        variables = Frames(self.graph, self.contents, self.layouts)
        telling = telling_frames(self.graph.process).data
        deferred = deferring_functions(self.graph.process)
        functions, names = frames.functions.data, frames.function_names
        called: dict[tuple[int, str], str] = {}  # one text for each name, however many roots bear it
        columns = tuple(column.data for column in (roots.sources, roots.addresses, roots.kinds, roots.targets))
        for i in picked.data:
            frame, address, kind, target = (column[i] for column in columns)
            if frame < 0:
                self.root_names[i] = name_without_place(self.graph, target, deferred)
                continue
            owner = variables.owner(frame, address)
            function = functions[telling[owner]]
            name, label, slot = variables.at(owner, address, kind == RootKind.STACK)
            if telling[owner] == owner:
                self.root_labels[i] = label
            else:
                name = ""
            text = called.get((function, name))
            if text is None:
                text = called[function, name] = f"{normalise(names[function])} {name}".rstrip()
            self.root_names[i] = text
            if slot is not None:
                place = variables.places[frame] + address - variables.lows[frame]
                yield place, target, slot.action, slot.argument, slot.other

    def _finalized(self) -> tuple[Int32, Int32]:
        """Objects with a finalizer, and the layout of what the finalizer's record says they are."""
        roots, finalizers = self.graph.roots, self.graph.process.finalizers
        blocks, layouts = [], []
        for i in np.flatnonzero(roots.kinds == RootKind.FINALIZER).tolist():
            source, block = int(roots.sources[i]), int(roots.targets[i])
            action, layout, _ = self.layouts.pointed(int(finalizers.object_types[source]))
            if finalizers.objects[source] == self.graph.addresses[block] and action == Action.BASE and layout >= 0:
                blocks.append(block)
                layouts.append(layout)
        return np.array(blocks, np.int32), np.array(layouts, np.int32)

    def _finalizer_name(self, root: int) -> str:
        """`finalizer of main.File`, by the type that the finalizer's record names."""
        finalizers, source = self.graph.process.finalizers, int(self.graph.roots.sources[root])
        found = self.program.type(int(finalizers.object_types[source])) if source >= 0 else None
        return f"finalizer of {found.name.removeprefix('*')}" if found is not None else "finalizer"


def name_types(graph: HeapGraph, typing: Typing) -> Naming:
    """The naming of a typed heap: Go's types and fields where they are known, shapes elsewhere."""
    shapes = name_by_shape(graph, with_roots=False)
    layouts = typing.layouts.layouts
    count = len(layouts)
    labels = {label: i for i, label in enumerate(shapes.label_names)}
    blank = labels.setdefault("", len(labels))
    rows = []
    for number, layout in enumerate(layouts):
        words = int(typing.tables.starts[number + 1] - typing.tables.starts[number])
        row = np.full(words, blank, np.int32)
        for slot in layout.slots:
            if slot.word < words:
                row[slot.word] = labels.setdefault(slot.label, len(labels))
        rows.append(row)
    lengths = np.array([len(row) for row in rows], np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths), lengths.sum() + shapes.label_starts[1:]]).astype(np.int64)
    known = np.array([True] * count + [False] * len(shapes.type_names))
    names: dict[str, int] = {}
    root_name_ids = np.array([names.setdefault(name, len(names)) for name in typing.root_names], np.int32)
    root_label_ids = np.array(
        [labels.setdefault(label, len(labels)) if label else -1 for label in typing.root_labels], np.int32
    )
    return Naming(
        type_ids=np.where(typing.layout_of >= 0, typing.layout_of, shapes.type_ids + count).astype(np.int32),
        type_names=[layout.name for layout in layouts] + list(shapes.type_names),
        type_is_known=known,
        type_is_internal=np.array([layout.is_internal for layout in layouts] + [False] * len(shapes.type_names)),
        label_starts=starts,
        label_ids=np.concatenate([*rows, shapes.label_ids]).astype(np.int32),
        data_words=typing.data_words,
        label_names=list(labels),
        root_names=list(names),
        root_name_ids=root_name_ids,
        root_label_ids=root_label_ids,
        typed_bytes=typing.typed_bytes,
        notes=tuple(typing.layouts.program.notes),
    )
