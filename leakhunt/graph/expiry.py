"""Counts the entries of containers that are past their expiry: what turns the suspicion of a lazily expiring cache into proof.

First by name: a field called like an expiry (`expiration`, `ExpiresAt`, `deadline`), of type time.Time, *time.Time or an
integer of nanoseconds, microseconds, milliseconds or seconds since 1970, told by its values; or the sum of two fields, when a
value was made and how long it lives (`leakhunt.graph.ages`). Else by its values alone: a column of which at least 95 % lie
around the dump's time, and some in the future, or it may be a time of creation. Without a binary the columns are the words of
objects of one shape at one place.

The dump carries no time. Its last collection (MemStats.LastGC) was before it, its file's mtime after: `expired` counts against
the first, `expired_at_most` against the second. Times of the standard library's own types (contexts, connections) are left
out. Cost: one pass over the values of types that have such fields.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from leakhunt.graph.ages import born_of, ends, life_of
from leakhunt.graph.dominators import Dominators
from leakhunt.graph.instances import (
    NO_TIME,
    TimeField,
    Values,
    element_type,
    read_pointed_times,
    read_times,
    time_fields,
    values_in,
)
from leakhunt.graph.paths import PathTrie
from leakhunt.graph.places import cap_of, heaviest_node, outermost_nodes, owner_nodes, place_of
from leakhunt.graph.types import Typing
from leakhunt.graph.variables import words_at
from leakhunt.model.census import Basis, ExpiryCensus
from leakhunt.model.gotype import GoType, Program
from leakhunt.model.heap import MALLOC_HEADER_MAX_BYTES, WORD_BYTES, HeapGraph, Int64, Naming
from leakhunt.model.site import is_standard
from leakhunt.thresholds import (
    DUMP_CLOCK_SECONDS,
    EXPIRY_COLUMN_SHARE,
    EXPIRY_COLUMN_VALUES,
    EXPIRY_COLUMN_YEARS,
    EXPIRY_FUTURE_SHARE,
    EXPIRY_YEARS,
)

NAMED = re.compile(
    r"expir|deadline|valid_?(until|till|to$)|not_?after|stale_?(at|after)|(evict|die|drop|purge)_?(at|after)$|until$|ttl_?(at|end)",
    re.IGNORECASE,
)
YEAR_NS = 31_557_600 * 1_000_000_000
PLAUSIBLE_NS, COLUMN_NS = EXPIRY_YEARS * YEAR_NS, EXPIRY_COLUMN_YEARS * YEAR_NS
CLOCK_NS = DUMP_CLOCK_SECONDS * 1_000_000_000
STRAY_SHARE = 0.01  # of the entries of a container that its owner also reaches by a shorter way
UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class _Column:
    """One field of many values, its times in nanoseconds (NO_TIME where a value has none)."""

    item_type: str
    field: TimeField
    unit: str
    basis: Basis
    values: Values
    times: Int64
    inline: bool


def expiry_census(
    graph: HeapGraph, naming: Naming, paths: PathTrie, dominators: Dominators, typing: Typing | None
) -> tuple[ExpiryCensus, ...]:
    """The census of every container with expiring entries, most expired bytes first. Empty for a dump without contents or
    without MemStats, whose time is not known."""
    now_ns = graph.process.last_gc_ns
    if graph.contents is None or not now_ns:
        return ()
    columns = [*_typed_columns(graph, typing, now_ns)] if typing is not None else []
    columns += _shape_columns(graph, naming, typing, now_ns)
    found: list[ExpiryCensus] = []
    for column in columns:
        found += _by_container(graph, paths, dominators, typing, column, now_ns)
    found.sort(key=lambda census: (-census.retained_bytes, -census.entries, census.place.path, census.field))
    return tuple(_named_first(found))


def _named_first(found: list[ExpiryCensus]) -> Iterator[ExpiryCensus]:
    """Where a container has an expiry by name, its nameless columns say no more."""
    named = {(c.place.owner_type, c.place.root_name) for c in found if c.basis == Basis.NAMED_FIELD}
    for census in found:
        if census.basis == Basis.NAMED_FIELD or (census.place.owner_type, census.place.root_name) not in named:
            yield census


def _typed_columns(graph: HeapGraph, typing: Typing, now_ns: int) -> Iterator[_Column]:
    program = typing.layouts.program
    for number in np.unique(typing.layout_of[typing.layout_of >= 0]).tolist():
        layout = typing.layouts.layouts[number]
        item = program.type(layout.type_id) if layout.type_id else None
        if item is None or (item.package_path and is_standard(item.package_path)):
            continue
        element = program.type(element_type(program, layout))
        if element is None or (element.package_path and is_standard(element.package_path)):
            continue
        # A number by itself may be an expiry in a map; in an array it is one of many numbers.
        fields = [f for f in time_fields(program, element.id) if f.name or layout.group_type or f.form != "int"]
        values = values_in(graph, typing, number) if fields else None
        if values is None or not len(values):
            continue
        aged = _aged_column(graph, program, element, fields, values, now_ns, layout.repeats)
        if aged is not None:
            yield aged
            continue
        for field in fields:
            is_named = NAMED.search(field.name.rpartition(".")[2]) is not None
            unit, times = _read(graph, values, field, now_ns, PLAUSIBLE_NS if is_named else COLUMN_NS)
            basis = Basis.NAMED_FIELD if is_named else Basis.COLUMN
            if unit and (is_named or _looks_like_expiry(times, now_ns)):
                yield _Column(element.name, field, unit, basis, values, times, layout.repeats)


def _aged_column(
    graph: HeapGraph, program: Program, element: GoType, fields: list[TimeField], values: Values, now_ns: int, inline: bool
) -> _Column | None:
    """The sum of a birth and a life, where values have both and no field of their own for the end."""
    if any(NAMED.search(field.name.rpartition(".")[2]) for field in fields):
        return None
    born, life = born_of(fields), life_of(program, element.id)
    if born is None or life is None:
        return None
    unit, times = _read(graph, values, born, now_ns, PLAUSIBLE_NS)
    numbers = words_at(graph.contents or memoryview(b""), values.offsets + life.offset)
    ending = ends(times, unit, numbers, life)
    if not unit or not (ending != NO_TIME).any():
        return None
    field = TimeField(f"{born.name} + {life.name}", born.offset, born.form)
    return _Column(element.name, field, unit, Basis.NAMED_FIELD, values, ending, inline)


def _read(graph: HeapGraph, values: Values, field: TimeField, now_ns: int, within_ns: int) -> tuple[str, Int64]:
    """(unit, times) of a field; "" for the unit where its values are no times."""
    offsets = values.offsets + field.offset
    if field.form == "int":
        return _read_integers(words_at(graph.contents or memoryview(b""), offsets), now_ns, within_ns)
    times = read_times(graph, offsets) if field.form == "time.Time" else read_pointed_times(graph, offsets)
    is_near = (times != NO_TIME) & (np.abs(times - now_ns) <= within_ns)
    times[~is_near] = NO_TIME
    return field.form if is_near.any() else "", times


def _read_integers(numbers: Int64, now_ns: int, within_ns: int) -> tuple[str, Int64]:
    """Integers as times, in the unit in which nearly all that are not 0 lie around the dump's time."""
    is_set = numbers > 0
    for unit, scale in UNITS.items():
        near = is_set & (np.abs(numbers - now_ns // scale) <= within_ns // scale)
        if near.any() and near.sum() >= EXPIRY_COLUMN_SHARE * is_set.sum():
            return unit, np.where(near, numbers * np.where(near, scale, 0), NO_TIME)
    return "", np.full(len(numbers), NO_TIME, np.int64)


def _looks_like_expiry(times: Int64, now_ns: int) -> bool:
    """Enough values, nearly all of them times, and some in the future."""
    is_time = times != NO_TIME
    future = int((times > now_ns).sum())
    return (
        len(times) >= EXPIRY_COLUMN_VALUES
        and is_time.sum() >= EXPIRY_COLUMN_SHARE * len(times)
        and future >= max(1, EXPIRY_FUTURE_SHARE * len(times))
    )


def _shape_columns(graph: HeapGraph, naming: Naming, typing: Typing | None, now_ns: int) -> Iterator[_Column]:
    """Columns of objects whose type is unknown, by shape."""
    untyped = np.arange(graph.objects) if typing is None else np.flatnonzero(typing.layout_of < 0)
    by_shape = untyped[np.argsort(graph.shapes[untyped], kind="stable")]
    starts = np.searchsorted(graph.shapes[by_shape], np.arange(len(graph.shape_sizes) + 1))
    for shape in np.flatnonzero(np.diff(starts) >= EXPIRY_COLUMN_VALUES).tolist():
        size, pointers = int(graph.shape_sizes[shape]), set(graph.shape_words[shape].tolist())
        # Bytes without pointers are text or pictures, not entries; a time.Time of its own is what an entry points to.
        if size > MALLOC_HEADER_MAX_BYTES or not pointers or (size, pointers) == (24, {2}):
            continue
        objects = by_shape[starts[shape] : starts[shape + 1]]
        values = Values(0, objects, graph.content_offsets[objects], np.zeros(len(objects), np.int64))
        name = naming.type_names[naming.type_ids[objects[0]]]
        for word in range(size // WORD_BYTES):
            for form in ("time.Time", "int") if word not in pointers else ("*time.Time",):
                if form == "time.Time" and (word + 2) not in pointers:
                    continue  # a time.Time ends with a pointer to its location
                field = TimeField(f"+{word * WORD_BYTES}", word * WORD_BYTES, form)
                unit, times = _read(graph, values, field, now_ns, COLUMN_NS)
                if unit and _looks_like_expiry(times, now_ns):
                    yield _Column(name, field, unit, Basis.COLUMN, values, times, False)
                    break


def _by_container(
    graph: HeapGraph, paths: PathTrie, dominators: Dominators, typing: Typing | None, column: _Column, now_ns: int
) -> Iterator[ExpiryCensus]:
    if column.values.type_id:
        owners = _with_strays(paths, owner_nodes(paths, column.values.objects, column.inline))
    else:  # where nothing has a name, no container can be told from its plumbing: what one root holds is taken together
        owners = outermost_nodes(paths, column.values.objects)
    upper_ns = graph.process.modified_ns if 0 <= graph.process.modified_ns - now_ns <= CLOCK_NS else now_ns
    for owner in np.unique(owners[owners >= 0]).tolist():
        mine = owners == owner
        times, objects = column.times[mine], column.values.objects[mine]
        has_time = times != NO_TIME
        if column.inline and column.values.type_id and not _is_map(typing, objects):
            mine[np.flatnonzero(mine)[~has_time]] = False  # elements of an array beyond its length are all zero
            times, objects, has_time = times[has_time], objects[has_time], has_time[has_time]
        if not has_time.any() or (column.basis == Basis.COLUMN and not _looks_like_expiry(times, now_ns)):
            continue
        is_over = has_time & (times < now_ns)
        overdue, ahead = np.sort(now_ns - times[is_over]), np.sort(times[has_time & ~is_over] - now_ns)
        node = heaviest_node(paths, objects)
        cap_field, cap = cap_of(graph, paths, typing, owner)
        yield ExpiryCensus(
            place=place_of(paths, owner, node),
            item_type=column.item_type,
            field=column.field.name or "[x]",
            unit=column.unit,
            basis=column.basis,
            entries=len(times),
            with_expiry=int(has_time.sum()),
            expired=int(is_over.sum()),
            expired_at_most=int((has_time & (times < upper_ns)).sum()),
            oldest_overdue_ns=int(overdue[-1]) if len(overdue) else 0,
            median_overdue_ns=int(np.median(overdue)) if len(overdue) else 0,
            next_expiry_ns=int(ahead[0]) if len(ahead) else 0,
            last_expiry_ns=int(ahead[-1]) if len(ahead) else 0,
            retained_bytes=_retained(graph, dominators, typing, column, np.flatnonzero(mine)[is_over]),
            now_ns=now_ns,
            cap_field=cap_field,
            cap=cap,
        )


def _with_strays(paths: PathTrie, owners: Int64) -> Int64:
    """The owner of each entry, where the few that a shorter way reaches (the ends of a cache's list) are counted with the many
    below: an owner far poorer than one that it holds is that one's."""
    nodes, counts = np.unique(owners[owners >= 0], return_counts=True)
    by_node = dict(zip(nodes.tolist(), counts.tolist(), strict=True))
    owners = owners.copy()
    for node, count in by_node.items():
        below = [other for other in by_node if other != node and node in paths.path(other)]
        richest = max(below, key=by_node.__getitem__, default=node)
        if count <= STRAY_SHARE * by_node[richest] and richest != node:
            owners[owners == node] = richest
    return owners


def _is_map(typing: Typing | None, objects: Int64) -> bool:
    return typing is not None and bool(typing.layouts.layouts[typing.layout_of[objects[0]]].group_type)


def _retained(graph: HeapGraph, dominators: Dominators, typing: Typing | None, column: _Column, picked: Int64) -> int:
    """Bytes that the picked values alone keep alive: the objects, or for values inside one what only they point to."""
    objects = column.values.objects[picked]
    if not column.inline:
        return int(dominators.retained_bytes[np.unique(objects)].sum())
    element = typing.layouts.program.type(column.values.type_id) if typing is not None else None
    if element is None or not len(picked):
        return 0
    # Edges of each object are in order of their words, so those of a value are a run.
    edges = np.concatenate([np.arange(graph.edge_starts[i], graph.edge_starts[i + 1]) for i in np.unique(objects).tolist()])
    holders = np.repeat(np.unique(objects), np.diff(graph.edge_starts)[np.unique(objects)])
    key = holders * (1 << 32) + graph.edge_words[edges].astype(np.int64) * WORD_BYTES
    starts = objects * (1 << 32) + column.values.places[picked]
    order = np.argsort(starts)
    which = np.searchsorted(starts[order], key, "right") - 1
    inside = (which >= 0) & (key < starts[order][which] + element.size_bytes)
    targets = graph.edge_targets[edges[inside]]
    alone = dominators.idoms[targets] == holders[inside]
    slots = len(picked) * element.size_bytes
    return slots + int(dominators.retained_bytes[np.unique(targets[alone])].sum())
