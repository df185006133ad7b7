"""What `leakhunt dump diff` says about successive dumps of one process: which retention path grows, and from where on."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from leakhunt.errors import MismatchError
from leakhunt.graph.growth import CountedPaths, PathGrowth, below_node, compare, count_paths, spelled, topmost_growing
from leakhunt.graph.join import SiteJoin, sites_of
from leakhunt.graph.places import path_text
from leakhunt.heaps.answers import site_table
from leakhunt.heaps.trees import step_text
from leakhunt.heaps.view import HeapView
from leakhunt.model.answer import Answer, Column, Fact, Row, Table, Unit, ppm
from leakhunt.model.census import MapUse
from leakhunt.model.heap import Segment

_SITES_SHOWN = 5


class _Origin(NamedTuple):
    """What tells a dump's process from another."""

    source: str
    go_version: str
    segments: Sequence[Segment]


@dataclass(frozen=True, slots=True)
class _Dump:
    """What a series keeps of one dump when its graph is gone. `maps` are its maps by the path to them, `sites` those of its
    samples."""

    origin: _Origin
    last_gc_ns: int
    heap_bytes: int
    notes: tuple[str, ...]
    paths: CountedPaths
    maps: dict[str, MapUse]
    sites: SiteJoin


def diff(views: Iterable[HeapView], most: int = 10) -> Answer:
    """Growth by retention path from the first dump to the last, dumps in the order of their last collection.

    Each view is done with before the next is asked for. Raises MismatchError where two dumps cannot be of one process: other
    toolchains, or segments at other places.
    """
    ordered: list[_Dump] = []
    for view in views:
        ordered = _inserted(ordered, _dump_of(view))
        del view  # the next one is made while this name would still hold it
    growth = compare([dump.paths for dump in ordered])
    first, last = ordered[0], ordered[-1]
    nodes = topmost_growing(growth, len(growth.parents))
    facts = [
        Fact("dumps", "dumps", len(ordered), Unit.COUNT),
        Fact("first", "first", first.origin.source),
        Fact("last", "last", last.origin.source),
        Fact("first_bytes", "bytes in the first", first.heap_bytes, Unit.BYTES),
        Fact("last_bytes", "bytes in the last", last.heap_bytes, Unit.BYTES),
        Fact("grown_bytes", "grown", last.heap_bytes - first.heap_bytes, Unit.SIGNED_BYTES),
    ]
    tables = [_growth_table(growth, nodes, most, last.maps)]
    if nodes:
        tables.append(_path_table(growth, nodes[0]))
        fresh = below_node(growth, nodes[0]) & growth.newcomers
        title = "New objects on it allocated by (sampled)"
        tables.append(site_table(title, sites_of(last.sites, fresh)[:_SITES_SHOWN]))
    notes = [f"{dump.origin.source}: {note}" for dump in ordered for note in dump.notes]
    return Answer("leakhunt.dump.diff/1", facts, tables, notes)


def _dump_of(view: HeapView) -> _Dump:
    return _Dump(
        _origin(view),
        view.graph.process.last_gc_ns,
        view.graph.heap_bytes,
        view.notes,
        count_paths(view.graph, view.paths, view.naming),
        {use.place.path: use for use in view.maps},
        view.sites,
    )


def _inserted(ordered: Sequence[_Dump], dump: _Dump) -> list[_Dump]:
    """Dumps in order of time, one more among them. Those between the first and the last lose their objects."""
    if ordered:
        _check_same_process(ordered[-1].origin, dump.origin)
    dumps = sorted([*ordered, dump], key=lambda dump: dump.last_gc_ns)
    between = [replace(dump, paths=replace(dump.paths, members=None)) for dump in dumps[1:-1]]
    return [dumps[0], *between, *dumps[1:][-1:]]


def growth_between(ordered: Sequence[HeapView]) -> PathGrowth:
    """Growth by path over dumps in order of time. Raises MismatchError where two cannot be of one process."""
    for earlier, later in itertools.pairwise(map(_origin, ordered)):
        _check_same_process(earlier, later)
    return compare([count_paths(view.graph, view.paths, view.naming) for view in ordered])


def _origin(view: HeapView) -> _Origin:
    return _Origin(view.source, view.graph.process.go_version, view.graph.process.segments)


def _check_same_process(one: _Origin, other: _Origin) -> None:
    if one.go_version != other.go_version:
        raise MismatchError(one.source, other.source, f"are of different builds: {one.go_version} and {other.go_version}")
    if one.segments and other.segments:
        places = [[(segment.address, segment.size_bytes) for segment in origin.segments] for origin in (one, other)]
        if places[0] != places[1]:
            reason = "are not dumps of one process: their globals lie at different addresses"
            raise MismatchError(one.source, other.source, reason)


def _growth_table(growth: PathGrowth, nodes: Sequence[int], most: int, maps: dict[str, MapUse]) -> Table:
    """Where growth begins; where that is in a map, how full the map is."""
    gains = int(np.maximum(growth.grown_bytes[growth.parents < 0], 0).sum())
    rows = [_row(growth, node, gains, maps) for node in nodes[:most]]
    columns = [
        Column("grown_bytes", "grown", Unit.SIGNED_BYTES),
        Column("share_ppm", "of growth", Unit.SHARE),
        Column("grown_objects", "objects", Unit.SIGNED_COUNT),
        Column("kept_ppm", "kept", Unit.SHARE),
        Column("monotonic", "steady"),
        Column("path", "where growth begins"),
    ]
    for key, heading in (("limit", "limit"), ("slots", "room for"), ("entries", "entries")):
        if any(row[key] is not None for row in rows):
            columns.insert(5, Column(key, heading, Unit.COUNT))
    empty = "no path gained objects or bytes"
    return Table("growth", "Growth by retention path", columns, rows, empty, max(0, len(nodes) - most))


def _row(growth: PathGrowth, node: int, gains: int, maps: dict[str, MapUse]) -> Row:
    """One growing node: what it gained, what became of the objects it had, how full its map is, and how it reads."""
    path = growth.path(node)
    objects, totals = growth.objects[node], growth.total_bytes[node]
    kind, name = growth.steps[path[0]]
    holder = _map_of(growth, path, maps)
    return {
        "grown_bytes": int(growth.grown_bytes[node]),
        "grown_objects": int(objects[-1] - objects[0]),
        "first_objects": int(objects[0]),
        "last_objects": int(objects[-1]),
        "share_ppm": ppm(int(growth.grown_bytes[node]), gains),
        "survivors": int(growth.survivors[node]),
        "kept_ppm": ppm(int(growth.survivors[node]), int(objects[0])) if objects[0] else None,
        "monotonic": bool((totals[1:] > totals[:-1]).all()),
        "entries": holder.entries if holder is not None else None,
        "slots": holder.slots if holder is not None else None,
        "limit": holder.cap if holder is not None and holder.cap else None,
        "history_objects": [int(count) for count in objects],
        "history_total_bytes": [int(size) for size in totals],
        "root": {"kind": kind, "name": name},
        "steps": [{"edge": growth.steps[step][0], "type": growth.steps[step][1]} for step in path[1:]],
        "path": spelled(growth, path),
    }


def _map_of(growth: PathGrowth, path: Sequence[int], maps: dict[str, MapUse]) -> MapUse | None:
    """The map that a growing node is, or is an entry of; None where it is neither, or there was no binary."""
    written = [growth.steps[path[0]][1], *(" ".join(growth.steps[step]).strip() for step in path[1:])]
    return maps.get(path_text(written)) or maps.get(path_text(written[:-1]))


def _path_table(growth: PathGrowth, node: int) -> Table:
    rows: list[Row] = []
    for depth, step in enumerate(growth.path(node)):
        rows.append(
            {
                "first_objects": int(growth.objects[step, 0]),
                "last_objects": int(growth.objects[step, -1]),
                "first_total_bytes": int(growth.total_bytes[step, 0]),
                "last_total_bytes": int(growth.total_bytes[step, -1]),
                "step": step_text(depth, *growth.steps[step]),
            }
        )
    columns = [
        Column("first_objects", "objects", Unit.COUNT),
        Column("last_objects", "then", Unit.COUNT),
        Column("first_total_bytes", "bytes", Unit.BYTES),
        Column("last_total_bytes", "then", Unit.BYTES),
        Column("step", "the path that grew most"),
    ]
    return Table("path", "", columns, rows)
