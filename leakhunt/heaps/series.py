"""What `leakhunt dump diff` says about successive dumps of one process: which retention path grows, and from where on."""

import itertools
from collections.abc import Sequence

from leakhunt.errors import MismatchError
from leakhunt.graph.growth import PathGrowth, below_node, compare, spelled, topmost_growing
from leakhunt.graph.join import sites_of
from leakhunt.heaps.answers import site_table
from leakhunt.heaps.view import HeapView
from leakhunt.model.answer import Answer, Column, Fact, Row, Table, Unit

PPM = 1_000_000
_SITES_SHOWN = 5


def diff(views: Sequence[HeapView], most: int = 10) -> Answer:
    """Growth by retention path from the first dump to the last, dumps in the order of their last collection.

    Raises MismatchError where two dumps cannot be of one process: other toolchains, or segments at other places.
    """
    ordered = sorted(views, key=lambda view: view.graph.process.last_gc_ns)
    for earlier, later in itertools.pairwise(ordered):
        _check_same_process(earlier, later)
    growth = compare([view.graph for view in ordered], [view.paths for view in ordered], [view.naming for view in ordered])
    first, last = ordered[0].graph, ordered[-1].graph
    grown = last.heap_bytes - first.heap_bytes
    nodes = topmost_growing(growth, len(growth.parents))
    facts = [
        Fact("dumps", "dumps", len(ordered), Unit.COUNT),
        Fact("first", "first", ordered[0].source),
        Fact("last", "last", ordered[-1].source),
        Fact("first_bytes", "bytes in the first", first.heap_bytes, Unit.BYTES),
        Fact("last_bytes", "bytes in the last", last.heap_bytes, Unit.BYTES),
        Fact("grown_bytes", "grown", grown, Unit.SIGNED_BYTES),
    ]
    rows = [_row(growth, node) for node in nodes[:most]]
    columns = [
        Column("grown_bytes", "grown", Unit.SIGNED_BYTES),
        Column("share_ppm", "of growth", Unit.SHARE),
        Column("grown_objects", "objects", Unit.SIGNED_COUNT),
        Column("kept_ppm", "kept", Unit.SHARE),
        Column("monotonic", "steady"),
        Column("path", "where growth begins"),
    ]
    table = Table(
        "growth", "Growth by retention path", columns, rows, "no path gained objects or bytes", max(0, len(nodes) - most)
    )
    tables = [table]
    if nodes:
        tables.append(_path_table(growth, nodes[0]))
        fresh = below_node(growth, nodes[0]) & growth.newcomers
        title = "New objects on it allocated by (sampled)"
        tables.append(site_table(title, sites_of(ordered[-1].sites, fresh)[:_SITES_SHOWN]))
    notes = [f"{view.source}: {note}" for view in ordered for note in view.notes]
    return Answer("leakhunt.dump.diff/1", facts, tables, notes)


def in_order(views: Sequence[HeapView]) -> list[HeapView]:
    """Dumps by the time of their last collection."""
    return sorted(views, key=lambda view: view.graph.process.last_gc_ns)


def growth_between(ordered: Sequence[HeapView]) -> PathGrowth:
    """Growth by path over dumps in order of time. Raises MismatchError where two cannot be of one process."""
    for earlier, later in itertools.pairwise(ordered):
        _check_same_process(earlier, later)
    return compare([view.graph for view in ordered], [view.paths for view in ordered], [view.naming for view in ordered])


def _check_same_process(a: HeapView, b: HeapView) -> None:
    one, other = a.graph.process, b.graph.process
    if one.go_version != other.go_version:
        raise MismatchError(a.source, b.source, f"are of different builds: {one.go_version} and {other.go_version}")
    if one.segments and other.segments:
        places = [[(segment.address, segment.size_bytes) for segment in process.segments] for process in (one, other)]
        if places[0] != places[1]:
            raise MismatchError(a.source, b.source, "are not dumps of one process: their globals lie at different addresses")


def _row(growth: PathGrowth, node: int) -> Row:
    """One growing node: what it gained, what became of the objects it had, and how it reads."""
    path = growth.path(node)
    objects, totals = growth.objects[node], growth.total_bytes[node]
    gains = int(sum(max(0, int(growth.grown_bytes[root])) for root in range(len(growth.parents)) if growth.parents[root] < 0))
    kind, name = growth.steps[path[0]]
    return {
        "grown_bytes": int(growth.grown_bytes[node]),
        "grown_objects": int(objects[-1] - objects[0]),
        "first_objects": int(objects[0]),
        "last_objects": int(objects[-1]),
        "share_ppm": int(growth.grown_bytes[node]) * PPM // max(1, gains),
        "survivors": int(growth.survivors[node]),
        "kept_ppm": int(growth.survivors[node]) * PPM // int(objects[0]) if objects[0] else None,
        "monotonic": bool((totals[1:] > totals[:-1]).all()),
        "history_objects": [int(count) for count in objects],
        "history_total_bytes": [int(size) for size in totals],
        "root": {"kind": kind, "name": name},
        "steps": [{"edge": growth.steps[step][0], "type": growth.steps[step][1]} for step in path[1:]],
        "path": spelled(growth, path),
    }


def _path_table(growth: PathGrowth, node: int) -> Table:
    rows: list[Row] = []
    for depth, step in enumerate(growth.path(node)):
        label, name = growth.steps[step]
        text = f"{name} ({label})" if depth == 0 else f"{label} {name}".strip()
        rows.append(
            {
                "first_objects": int(growth.objects[step, 0]),
                "last_objects": int(growth.objects[step, -1]),
                "first_total_bytes": int(growth.total_bytes[step, 0]),
                "last_total_bytes": int(growth.total_bytes[step, -1]),
                "step": "  " * depth + text,
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
