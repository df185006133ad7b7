"""Every value of a kind in a typed heap, wherever it lies: an object of its own, an element of an array, a slot of a map.

Reads words and times out of the contents in bulk. What the values mean is for `leakhunt.graph.expiry` and
`leakhunt.graph.slack`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leakhunt.graph.slots import Layout
from leakhunt.graph.types import Typing
from leakhunt.graph.variables import words_at
from leakhunt.model.gotype import GoType, Kind, Program
from leakhunt.model.heap import WORD_BYTES, HeapGraph, Int64, written_bytes

MIN_TOP_HASH = 5  # runtime/map.go: smaller marks in an old map's bucket are states of empty slots
MAX_FIELDS = 512  # of one value that are looked at
UNIX_TO_INTERNAL = 62_135_596_800  # seconds from year 1 to 1970, time.unixToInternal
WALL_TO_UNIX = 2_682_288_000  # seconds from 1885 to 1970: time.wallToInternal less the above
NO_TIME = np.iinfo(np.int64).min
_INTEGERS = (Kind.INT, Kind.INT64, Kind.UINT64, Kind.UINT)


@dataclass(frozen=True, slots=True)
class Values:
    """V values of one type.

    objects     int64[V], the object each lies in
    offsets     int64[V], byte of the value in `contents`
    places      int64[V], byte of the value in its object
    """

    type_id: int
    objects: Int64
    offsets: Int64
    places: Int64

    def __len__(self) -> int:
        return len(self.objects)


@dataclass(frozen=True, slots=True)
class TimeField:
    """A field that may hold a time: its dotted path in the value, its byte there, `time.Time`, `*time.Time` or `int`."""

    name: str
    offset: int
    form: str


def values_in(graph: HeapGraph, typing: Typing, number: int) -> Values | None:
    """The values in all objects of one layout: elements of arrays, live elements of maps, else the objects themselves."""
    layout = typing.layouts.layouts[number]
    objects = np.flatnonzero(typing.layout_of == number)
    if not len(objects) or layout.size_bytes <= 0 or not layout.type_id:
        return None
    first = typing.data_words[objects].astype(np.int64) * WORD_BYTES
    if layout.group_type:
        return _map_values(graph, typing, layout, objects, first)
    if not layout.repeats:
        return Values(layout.type_id, objects, graph.content_offsets[objects] + first, first)
    owners, places = spread(graph, objects, first, layout.size_bytes)
    return Values(layout.type_id, owners, graph.content_offsets[owners] + places, places)


def element_type(program: Program, layout: Layout) -> int:
    """The type of the values of a layout, 0 where it has none that could be read."""
    if not layout.group_type:
        return layout.type_id
    found = slots_of(program, layout.group_type)
    return found[2] if found is not None else 0


def slots_of(program: Program, group_type: int, part: str = "elem") -> tuple[int, int, int, bool] | None:
    """(byte of the first element, bytes between elements, their type, old map) of a group of slots, or a bucket. `part` is
    "elem" or "key"."""
    group = program.type(group_type)
    fields = {f.name: f for f in group.fields} if group is not None else {}
    if f"{part}s" in fields:  # old buckets, and groups since Go 1.27
        array = program.type(fields[f"{part}s"].type_id)
        element = program.type(array.element) if array is not None else None
        return None if element is None else (fields[f"{part}s"].offset, element.size_bytes, element.id, "topbits" in fields)
    if "slots" in fields:
        array = program.type(fields["slots"].type_id)
        slot = program.type(array.element) if array is not None else None
        element_field = next((f for f in slot.fields if f.name == part), None) if slot is not None else None
        if slot is not None and element_field is not None:
            return fields["slots"].offset + element_field.offset, slot.size_bytes, element_field.type_id, False
    return None


def live_slots(graph: HeapGraph, groups: Int64, places: Int64, is_old: bool) -> NDArray[np.bool_]:
    """bool[G, 8]: which slots of the groups at byte `places` of objects `groups` hold an entry."""
    marks = words_at(graph.contents or memoryview(b""), graph.content_offsets[groups] + places).view(np.uint8).reshape(-1, 8)
    if is_old:
        return np.asarray(marks >= MIN_TOP_HASH, bool)
    # Behind the last group there may be room that was never used, all zero: eight full slots that all have hash 0 are not met.
    return np.asarray((marks < 0x80) & np.asarray(marks.any(axis=1))[:, None], bool)


def _map_values(graph: HeapGraph, typing: Typing, layout: Layout, objects: Int64, first: Int64) -> Values | None:
    found = slots_of(typing.layouts.program, layout.group_type)
    if found is None:
        return None
    start, stride, type_id, is_old = found
    groups, places = spread(graph, objects, first, layout.size_bytes)
    live = live_slots(graph, groups, places, is_old)
    group, slot = np.nonzero(live)
    at = places[group] + start + slot * stride
    owners = groups[group]
    return Values(type_id, owners, graph.content_offsets[owners] + at, at)


def spread(graph: HeapGraph, objects: Int64, first: Int64, stride: int) -> tuple[Int64, Int64]:
    """(object, byte in it) of each element of `stride` bytes that the dump has of `objects`, from byte `first` of each on."""
    counts = (written_bytes(graph.sizes[objects]) - first) // stride
    owners = np.repeat(objects, counts)
    index = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    return owners, np.repeat(first, counts) + index * stride


def time_fields(program: Program, type_id: int, name: str = "", offset: int = 0, depth: int = 0) -> Iterator[TimeField]:
    """Fields of a value that may hold a time, those of structs inside it included."""
    found = program.type(type_id)
    if found is None or depth > 8:
        return
    if _is_time(found):
        yield TimeField(name, offset, "time.Time")
    elif found.kind == Kind.POINTER:
        target = program.type(found.element)
        if target is not None and _is_time(target):
            yield TimeField(name, offset, "*time.Time")
    elif _is_number(found):
        yield TimeField(name, offset, "int")
    elif found.kind == Kind.STRUCT:
        for f in found.fields[:MAX_FIELDS]:
            yield from time_fields(program, f.type_id, f"{name}.{f.name}" if name else f.name, offset + f.offset, depth + 1)


def _is_number(found: GoType) -> bool:
    if found.package_path == "sync/atomic":
        return found.name in ("atomic.Int64", "atomic.Uint64")
    return found.kind in _INTEGERS and found.name != "time.Duration"


def _is_time(found: GoType) -> bool:
    return found.name == "time.Time" and found.package_path == "time"


def read_times(graph: HeapGraph, offsets: Int64) -> Int64:
    """Nanoseconds since 1970 of the time.Time values at byte `offsets` of the contents; NO_TIME for the zero time."""
    contents = graph.contents or memoryview(b"")
    wall = words_at(contents, offsets).view(np.uint64)
    ext = words_at(contents, offsets + WORD_BYTES)
    monotonic = wall >> np.uint64(63) == 1
    since_1885 = ((wall << np.uint64(1)) >> np.uint64(31)).astype(np.int64)
    seconds = np.where(monotonic, since_1885 - WALL_TO_UNIX, ext - UNIX_TO_INTERNAL)
    nanoseconds = (wall & np.uint64((1 << 30) - 1)).astype(np.int64)
    inside = np.abs(seconds) < 9_000_000_000
    times = np.where(inside, seconds, 0) * 1_000_000_000 + nanoseconds
    return np.where(inside & ((wall != 0) | (ext != 0)), times, NO_TIME)


def read_pointed_times(graph: HeapGraph, offsets: Int64) -> Int64:
    """The same behind pointers; NO_TIME for nil and for what does not lie in the heap."""
    pointers = words_at(graph.contents or memoryview(b""), offsets)
    times = np.full(len(pointers), NO_TIME, np.int64)
    if not graph.objects:
        return times
    targets = np.clip(np.searchsorted(graph.addresses, pointers, "right") - 1, 0, None)
    inside = pointers - graph.addresses[targets]
    held = (pointers != 0) & (inside >= 0) & (inside + 24 <= written_bytes(graph.sizes[targets]))
    times[held] = read_times(graph, graph.content_offsets[targets[held]] + inside[held])
    return times
