"""Go types laid over memory: which words of an object hold pointers, what each leads to, and what a person calls it.

A *layout* is what an object can be: a value of a Go type, the array behind a slice, or one of the runtime's own things (a
map's header, its table of groups, a channel, a closure). `Layouts` makes them on demand from a `Program` and numbers them. The
propagation of layouts from object to object is `leakhunt.graph.types`; it reads the columns that `tables` returns.

Sources: $GOROOT/src/internal/runtime/maps/{map,table,group}.go (Go 1.24 to 1.27), runtime/map.go (1.21 to 1.23),
runtime/chan.go, internal/sync/hashtriemap.go, sync/map.go, container/list/list.go.
"""

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from leakhunt.graph.slots import MAX_WORDS, Action, Layout, Slot, Tables, columns_of
from leakhunt.model.gotype import GoType, Kind, Program
from leakhunt.model.heap import WORD_BYTES

STRING = "string"
_SHAPE = "go.shape."  # how code that several instantiations share calls its types; data has the type of one of them
SHAPE_PENALTY = 8  # in rank: whatever else fits is the real type


Key = tuple[str, int]


@dataclass
class Layouts:
    """The layouts of one program, by number. `raw` keeps containers' plumbing visible and labels as the fields are called."""

    program: Program
    raw: bool = False
    layouts: list[Layout] = field(default_factory=list)
    _numbers: dict[Key, int] = field(default_factory=dict)
    _waiting: deque[Key] = field(default_factory=deque)
    _flat: dict[int, tuple[Slot, ...]] = field(default_factory=dict)
    _keys: dict[int, Key] = field(default_factory=dict)
    _columns: list[NDArray[np.int32]] = field(default_factory=list)

    # Numbers. Asking for one promises the layout; `settle` makes what was promised, so that types may refer to themselves.

    def value(self, type_id: int) -> int:
        """Number of the layout of a value of this type; -1 where the type is unknown."""
        return self._number("value", type_id)

    def inline(self, type_id: int) -> int:
        """Number of the layout of a value that is a variable itself, no object: what it is must show in what it leads to."""
        found = self.program.type(type_id)
        is_list = found is not None and (found.package_path, found.name) == ("container/list", "list.List") and not self.raw
        return self._number("inline list" if is_list else "value", type_id)

    def array(self, type_id: int) -> int:
        """Number of the layout of an array of such values, as slices have it."""
        return self._number("array", type_id)

    def closure(self, entry: int) -> int:
        """Number of the layout of a closure over the code at `entry`."""
        return self._number("closure", entry)

    def string(self) -> int:
        """Number of the layout of a string's bytes."""
        return self._number(STRING, 0)

    def map_part(self, what: str, map_type: int) -> int:
        """Number of the layout of a part of a map: `map` (its header), `tables`, `table`, `groups`."""
        return self._number(what, map_type)

    def map_of(self, number: int) -> tuple[str, int]:
        """(part, map type) of the layout of a part of a map; ("", 0) for other layouts. A malloc header names the type of a
        group, from whose name that of its map follows."""
        if len(self._keys) < len(self._numbers):
            self._keys = {place: key for key, place in self._numbers.items()}
        what, which = self._keys[number]
        layout = self.layouts[number]
        if what in ("value", "array") and layout.group_type:
            return "groups", self.program.type_named(layout.name.removesuffix(" groups"))
        return (what, which) if what in ("map", "tables", "table", "groups") else ("", 0)

    def pointed(self, type_id: int) -> tuple[Action, int, int]:
        """What the data word of an interface leads to, when its type word says `type_id`."""
        found = self.program.type(type_id)
        if found is None:
            return Action.POINTER, -1, -1
        if not found.is_direct:
            return Action.BASE, self.value(type_id), -1
        slot = next(iter(self._flatten(found, 0, "")), None)  # pointer-shaped: the word is the value
        return (slot.action, slot.argument, slot.other) if slot is not None else (Action.POINTER, -1, -1)

    def _number(self, what: str, which: int) -> int:
        if what in ("value", "array", "inline list") and self.program.type(which) is None:
            return -1
        key = (what, which)
        if key not in self._numbers:
            self._numbers[key] = len(self.layouts)
            self.layouts.append(Layout("", 0))
            self._waiting.append(key)
        return self._numbers[key]

    def settle(self) -> None:
        """Make every layout that was promised, and those they promise."""
        while self._waiting:
            what, which = key = self._waiting.popleft()
            layout = self.layouts[self._numbers[key]] = self._make(what, which)
            if _SHAPE in layout.name:
                layout.rank -= SHAPE_PENALTY

    def tables(self) -> Tables:
        """The columns for the kernel."""
        self.settle()
        for layout in self.layouts[len(self._columns) :]:
            self._columns.append(columns_of(layout))
        starts = np.concatenate([[0], np.cumsum([len(columns) for columns in self._columns])]).astype(np.int64)
        joined = np.concatenate([np.empty((0, 3), np.int32), *self._columns])
        actions, arguments, others = joined[:, 0].astype(np.int8), joined[:, 1].copy(), joined[:, 2].copy()
        sizes = np.array([layout.size_bytes for layout in self.layouts], np.int64)
        bases = np.array([layout.base for layout in self.layouts], np.int64)
        flags = np.array([(layout.repeats, layout.is_open, layout.rank) for layout in self.layouts], np.int8).reshape(-1, 3)
        return Tables(starts, actions, arguments, others, sizes, bases, flags)

    # Making.

    def _make(self, what: str, which: int) -> Layout:
        if what == STRING:
            return Layout(STRING, 1, repeats=True)
        if what == "closure":
            return self._closure(which)
        found = self.program.type(which)
        assert found is not None  # numbers are given only to what exists
        if what in ("value", "array") and _GROUP.match(found.name):  # met by its malloc header before its map was
            return self._groups(found, _GROUP.sub("map[", found.name), self._number(what, which))
        if what == "value":
            return self._value(found)
        if what == "syncmap":
            level = self._value(found)
            level.name, level.is_internal, level.rank = _SYNC_MAP_LEVEL.sub("sync.Map", found.name), False, 1
            return level
        if what == "inline list":
            return Layout(found.name, found.size_bytes, self._unique(self._flatten(found, 0, "")), type_id=found.id)
        if what == "end of list":
            end = self._value(found)
            end.name, end.is_internal, end.rank = "list.List", False, 1
            return end
        if what == "array":
            slots = self._unique(self._flatten(found, 0, "[x]"))
            return Layout(f"[]{found.name}", found.size_bytes, slots, repeats=True, type_id=found.id, base=found.id)
        if what == "chan":
            known = self.program.type(found.element) is not None
            buffer = Slot(
                2, Action.INSIDE, self._number("buffer", found.element) if known else -1, label=".buf" if self.raw else ""
            )
            return Layout(found.name, 32, (buffer,), is_open=True, type_id=which)
        if what == "buffer":
            slots = self._unique(self._flatten(found, 0, "[x]"))
            return Layout(f"chan {found.name} buffer", found.size_bytes, slots, repeats=True, is_internal=not self.raw,
                          type_id=found.id, base=found.id, rank=1)  # fmt: skip
        return self._map_part(what, found)

    def _value(self, found: GoType) -> Layout:
        layout = Layout(
            found.name, found.size_bytes, self._unique(self._flatten(found, 0, "")), type_id=found.id, base=found.id
        )
        package, name = found.package_path, found.name
        if self.raw:
            return layout
        if package == "container/list" and name == "list.List":
            element = self.value(self._list_element(found))
            layout.slots = [Slot(s.word, s.action, element if s.word < 2 else s.argument, s.other, "") for s in layout.slots]
        elif package == "container/list" and name == "list.Element":
            layout.is_internal = True
            layout.slots = [Slot(s.word, s.action, s.argument, s.other, "[x]" if s.word == 4 else "") for s in layout.slots]
        elif name == "runtime.timeTimer":
            layout.name = "time.Timer"  # what the runtime allocates for one, and for a time.Ticker
        elif package in ("internal/sync", "sync") and _SYNC_MAP.match(name):
            layout.is_internal = True
            layout.slots = [Slot(s.word, s.action, s.argument, s.other, _sync_map_label(s.label)) for s in layout.slots]
        return layout

    def _map_part(self, what: str, found: GoType) -> Layout:
        group = self.program.type(found.group)
        internal = not self.raw
        if what == "map":
            if self._is_old_map(group):
                buckets = self._number("groups", found.id)
                slots = [
                    Slot(2, Action.BASE, buckets, label=".buckets" if self.raw else ""),
                    Slot(3, Action.BASE, buckets, label=".oldbuckets" if self.raw else ""),
                    Slot(5, Action.BASE, self._number("extra", found.id), label=".extra" if self.raw else ""),
                ]
                return Layout(found.name, 48, slots, type_id=found.id, rank=1, is_map=True)
            directory = Slot(
                2,
                Action.DIRECTORY,
                self._number("groups", found.id),
                self._number("tables", found.id),
                ".dirPtr" if self.raw else "",
            )
            return Layout(found.name, 48, (directory,), type_id=found.id, rank=1, is_map=True)
        if what == "tables":
            slots = [Slot(0, Action.BASE, self._number("table", found.id), label="[x]" if self.raw else "")]
            base = self.program.type_named("*maps.table")
            return Layout(f"{found.name} directory", 8, slots, repeats=True, is_internal=internal, base=base, rank=1)
        if what == "table":
            slots = [Slot(2, Action.BASE, self._number("groups", found.id), label=".groups.data" if self.raw else "")]
            base = self.program.type_named("maps.table")
            return Layout(f"{found.name} table", 32, slots, is_internal=internal, base=base, rank=1)
        if what == "extra":  # runtime.mapextra, of maps without pointers: what keeps their overflow buckets
            lists = self._number("overflows", found.id)
            slots = [
                Slot(word, Action.BASE, lists, label=label if self.raw else "")
                for word, label in ((0, ".overflow"), (1, ".oldoverflow"))
            ]
            slots.append(Slot(2, Action.POINTER, label=".nextOverflow" if self.raw else ""))
            return Layout(f"{found.name} extra", 24, slots, is_internal=internal, rank=1)
        if what == "overflows":
            slots = [Slot(0, Action.INSIDE, self._number("overflow", found.id))]
            return Layout(f"{found.name} overflow list", 24, slots, is_internal=internal, rank=1)
        if what == "overflow":
            slots = [Slot(0, Action.BASE, self._number("groups", found.id), label="[x]" if self.raw else "")]
            base = self.program.type_named("*runtime.bmap")
            return Layout(f"{found.name} overflow", 8, slots, repeats=True, is_internal=internal, base=base, rank=1)
        if group is None:
            return Layout(f"{found.name} groups", 8, (), repeats=True, is_open=True, is_internal=internal, rank=2)
        return self._groups(group, found.name, self._number("groups", found.id))

    def _groups(self, group: GoType, map_name: str, own: int) -> Layout:
        """The groups of slots of a map: {ctrl; slots [8]{key; elem}}, or its buckets: {topbits; keys; elems; overflow}."""
        slots = self._unique(self._flatten(group, 0, ""))
        if self._is_old_map(group):
            last = group.size_bytes // WORD_BYTES - 1
            slots = [s for s in slots if s.word != last]
            if group.pointer_bytes:
                slots.append(Slot(last, Action.BASE, own, label=".overflow"))
        if not self.raw:
            slots = [Slot(s.word, s.action, s.argument, s.other, _map_label(s.label)) for s in slots]
        return Layout(
            f"{map_name} groups",
            group.size_bytes,
            slots,
            repeats=True,
            is_internal=not self.raw,
            type_id=group.id,
            base=group.id,
            rank=2,
            group_type=group.id,
        )

    @staticmethod
    def _is_old_map(group: GoType | None) -> bool:
        return group is not None and any(f.name == "topbits" for f in group.fields)

    def _closure(self, entry: int) -> Layout:
        found = self.program.function_at(entry)
        name = f"func {_SHORT.sub('', found[0])}" if found is not None else "func"
        slots: list[Slot] = []
        for capture in self.program.captures_of(entry):
            target = self.program.type(capture.type_id)
            if target is not None:
                slots += self._flatten(target, capture.offset, f".{capture.name}")
        if found is not None and not slots:
            slots = self._receiver(found[0])
        end = max((slot.word + 1 for slot in slots), default=1)
        return Layout(name, end * WORD_BYTES, self._unique(slots), is_open=True, rank=1)

    def _receiver(self, function: str) -> list[Slot]:
        """What a method value (`main.(*view).update-fm`) binds: its receiver, behind the code."""
        match = _METHOD_VALUE.match(function)
        if match is None:
            return []
        package = _SHORT.sub("", match["package"])
        type_id = self.program.type_named(f"{package}.{match['pointer'] or match['value']}")
        receiver = self.program.type(type_id)
        if receiver is None:
            return []
        if match["pointer"]:
            return [Slot(1, Action.BASE, self.value(type_id), label=".receiver")]
        return self._flatten(receiver, WORD_BYTES, ".receiver")

    # Flattening a Go type into its pointer words.

    def _flatten(self, found: GoType, offset: int, label: str) -> list[Slot]:
        """The pointer words of a value at byte `offset` of something; labels continue `label`."""
        if found.id not in self._flat:
            self._flat[found.id] = ()  # a type that holds itself by value does not exist; a damaged one ends here
            self._flat[found.id] = tuple(self._pointers_of(found)[:MAX_WORDS])
        flat = self._flat[found.id]
        if offset % WORD_BYTES:
            return []
        word = offset // WORD_BYTES
        return [Slot(s.word + word, s.action, s.argument, s.other, label + s.label) for s in flat]

    def _pointers_of(self, found: GoType) -> list[Slot]:
        kind, element = found.kind, found.element
        if found.pointer_bytes == 0:  # of pointers too: those to what does not lie in the heap
            return []
        if kind == Kind.POINTER:
            return [Slot(0, Action.BASE, self.value(self._allocated(element)))]
        if kind == Kind.UNSAFE_POINTER:
            return [Slot(0, Action.POINTER)]
        if kind == Kind.MAP:
            return [Slot(0, Action.BASE, self._number("map", found.id))]
        if kind == Kind.CHAN:
            return [Slot(0, Action.BASE, self._number("chan", found.id))]
        if kind == Kind.FUNC:
            return [Slot(0, Action.FUNCTION)]
        if kind == Kind.SLICE:
            return [Slot(0, Action.INSIDE, self.array(element))]
        if kind == Kind.STRING:
            return [Slot(0, Action.INSIDE, self.string())]
        if kind == Kind.INTERFACE:
            return [Slot(1, Action.INTERFACE)]
        if kind == Kind.STRUCT:
            return self._fields_of(found)
        inner = self.program.type(element) if kind == Kind.ARRAY else None
        if inner is None or inner.pointer_bytes == 0 or inner.size_bytes < WORD_BYTES:
            return []
        one = self._flatten(inner, 0, "[x]")
        stride = inner.size_bytes // WORD_BYTES
        copies = min(found.length, MAX_WORDS // stride + 1) if one else 0
        return [Slot(s.word + i * stride, s.action, s.argument, s.other, s.label) for i in range(copies) for s in one]

    def _allocated(self, type_id: int) -> int:
        """What a pointer to this type leads to: since Go 1.23 a *time.Timer is the head of a runtime.timeTimer."""
        found = self.program.type(type_id)
        if found is not None and found.package_path == "time" and found.name in ("time.Timer", "time.Ticker"):
            timer = self.program.type_named("runtime.timeTimer")
            whole = self.program.type(timer) if timer else None
            return timer if whole is not None and whole.size_bytes >= found.size_bytes else type_id
        return type_id

    def _fields_of(self, found: GoType) -> list[Slot]:
        if _is_atomic_pointer(found):
            return [self._atomic_slot(found.fields[-1].offset // WORD_BYTES, self._atomic_target(found))]
        pool = self.array(self.program.type_named("sync.poolLocal")) if (found.package_path, found.name) == _POOL else -1
        if found.package_path == "internal/sync" and found.name.startswith("sync.HashTrieMap[") and not self.raw:
            return self._sync_map(found)
        if (found.package_path, found.name) == ("container/list", "list.List") and not self.raw:
            return self._inline_list(found)
        slots: list[Slot] = []
        for f in found.fields:
            inner = self.program.type(f.type_id)
            if inner is None or inner.pointer_bytes == 0:
                continue
            if (found.package_path, found.name) == ("sync", "sync.Map") and f.name == "m" and not self.raw:
                slots += self._flatten(inner, f.offset, "")
                continue
            if pool >= 0 and f.name in ("local", "victim"):
                slots.append(Slot(f.offset // WORD_BYTES, Action.INSIDE, pool, label=f".{f.name}"))
            else:
                slots += self._flatten(inner, f.offset, f".{f.name}")
            if len(slots) > MAX_WORDS:
                break
        return slots

    def _inline_list(self, found: GoType) -> list[Slot]:
        """A list.List inside something else is no object: its first and last element stand for it. Its root is an element that
        points to the next and the previous one, and to the list."""
        element = self._list_element(found)
        if not element:
            return []
        ends = [Slot(word, Action.BASE, self._number("end of list", element)) for word in (0, 1)]
        inner = self.program.type(element)
        rest = self._flatten(inner, 0, "") if inner is not None else []
        return [*ends, *(Slot(slot.word, slot.action, slot.argument, slot.other) for slot in rest if slot.word >= len(ends))]

    def _list_element(self, found: GoType) -> int:
        root = next((f.type_id for f in found.fields if f.name == "root"), 0)
        return root if self.program.type(root) is not None else 0

    def _sync_map(self, found: GoType) -> list[Slot]:
        """The topmost level of a sync.Map's trie stands for the whole map; those below it are plumbing."""
        slots: list[Slot] = []
        for f in found.fields:
            inner = self.program.type(f.type_id)
            level = self._atomic_target(inner) if f.name == "root" and inner is not None else 0
            if level:
                slots.append(Slot(f.offset // WORD_BYTES, Action.BASE, self._number("syncmap", level)))
            elif inner is not None and inner.pointer_bytes:
                slots += self._flatten(inner, f.offset, f".{f.name}")
        return slots

    def _atomic_target(self, found: GoType) -> int:
        """What an atomic.Pointer leads to, 0 where unknown: struct { _ [0]*T; _ noCopy; v unsafe.Pointer } remembers it in its
        first field."""
        array = self.program.type(found.fields[0].type_id) if _is_atomic_pointer(found) else None
        pointer = self.program.type(array.element) if array is not None else None
        return pointer.element if pointer is not None and self.program.type(pointer.element) is not None else 0

    def _atomic_slot(self, word: int, target: int) -> Slot:
        """A typed atomic pointer; sync.Map's node is the head of either an entry or another level."""
        node = self.program.type(target)
        if node is not None and node.package_path == "internal/sync" and node.name.startswith("sync.node["):
            arguments = node.name.removeprefix("sync.node")
            entry = self.value(self.program.type_named(f"sync.entry{arguments}"))
            level = self.value(self.program.type_named(f"sync.indirect{arguments}"))
            if entry >= 0 and level >= 0:
                return Slot(word, Action.EITHER, entry, level)
        return Slot(word, Action.BASE, self.value(target))

    @staticmethod
    def _unique(slots: Sequence[Slot]) -> list[Slot]:
        """One slot a word: of two that claim it (a zero-sized array beside a field) the first."""
        seen: dict[int, Slot] = {}
        for slot in slots:
            seen.setdefault(slot.word, slot)
        return [seen[word] for word in sorted(seen)]


_POOL = ("sync", "sync.Pool")
_GROUP = re.compile(r"^(noalg\.)?map\.(group|bucket)\[")
_METHOD_VALUE = re.compile(r"(?P<package>.+)\.(?:\(\*(?P<pointer>[^()]+)\)|(?P<value>[^.()]+))\.[^.()]+-fm$")
_SHORT = re.compile(r"^.*/")
_SYNC_MAP = re.compile(r"sync\.(HashTrieMap|indirect|entry|node|readOnly)(\[|$)")
_SYNC_MAP_LEVEL = re.compile(r"^sync\.indirect(\[interface \{\},interface \{\}\])?")
_MAP_PARTS = (
    (re.compile(r"^(\.slots\[x\]\.key|\.keys\[x\])"), "[key]"),
    (re.compile(r"^(\.slots\[x\]\.elem|\.elems\[x\])"), "[x]"),
)


def _map_label(label: str) -> str:
    """`.slots[x].elem.value` as a person says it, `[x].value`; "" for what is neither key nor element."""
    for pattern, text in _MAP_PARTS:
        if pattern.match(label):
            return pattern.sub(text, label)
    return ""


def _sync_map_label(label: str) -> str:
    if label.startswith(".value") or label == ".p":
        return "[x]"
    return "[key]" if label.startswith(".key") else ""


def _is_atomic_pointer(found: GoType) -> bool:
    return found.package_path == "sync/atomic" and found.name.startswith("atomic.Pointer[") and len(found.fields) >= 2
