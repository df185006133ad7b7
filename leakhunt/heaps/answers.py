"""What `leakhunt dump` says about one dump: summary, types, roots, paths, dominators. Pure: a view in, an Answer out."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from leakhunt.graph.dominators import count_by, retained_by_class, retained_objects
from leakhunt.graph.join import holding_nodes, retention_at, sites_at
from leakhunt.graph.paths import UNREACHED, Rank, path_to, shortest_paths
from leakhunt.heaps.goroutines import goroutines
from leakhunt.heaps.trees import dominator_tree, step_text, tree_table
from leakhunt.heaps.view import HeapView
from leakhunt.model.answer import Answer, Column, Fact, Row, Table, Unit, ppm
from leakhunt.model.heap import Int64
from leakhunt.model.site import AllocationSite, Frame

_SITES_SHOWN = 5
_FRAMES_SHOWN = 3
_TYPE_TITLES = {
    "bytes": "Types by their own bytes",
    "objects": "Types by number of objects",
    "retained": "Types by what they retain",
}


def summary(view: HeapView, most: int = 8) -> Answer:
    """What the dump is, how far it can be trusted, what it is made of and who holds it."""
    graph, process = view.graph, view.graph.process
    check, goroutines = graph.self_check, graph.process.goroutines
    facts = [
        Fact("source", "file", view.source),
        Fact("go_version", "Go version", f"{process.go_version} {process.architecture}"),
        Fact("complete", "complete", process.complete),
        Fact("self_check_exact", "objects equal MemStats", check.exact if process.memstats else None),
        Fact("objects", "objects", graph.objects, Unit.COUNT),
        Fact("heap_bytes", "in bytes", graph.heap_bytes, Unit.BYTES),
        Fact("pointers", "pointers between them", graph.edges, Unit.COUNT),
        Fact("types_known_ppm", "bytes of a known type", ppm(view.naming.typed_bytes, graph.heap_bytes), Unit.SHARE),
        Fact("goroutines", "goroutines", int((~goroutines.is_system).sum()), Unit.COUNT),
        Fact("sampled_objects", "objects with their site", len(graph.sample_objects), Unit.COUNT),
        Fact("last_gc_ns", "", process.last_gc_ns),
        Fact("modified_ns", "", process.modified_ns),
    ]
    return Answer(
        "leakhunt.dump.summary/1",
        [fact for fact in facts if fact.heading],
        [_reached(view), _types(view, most, "bytes"), _roots(view, most), _sites(view, most)],
        view.notes,
    )


def types(view: HeapView, most: int = 30, by: str = "bytes") -> Answer:
    """Objects by type: how many, their own bytes, and what they retain. `by` is what to sort by: bytes, objects, retained."""
    return Answer("leakhunt.dump.types/1", whole(view), [_types(view, most, by)], view.notes)


def _types(view: HeapView, most: int, by: str) -> Table:
    graph, naming = view.graph, view.naming
    count = len(naming.type_names)
    objects, sizes = count_by(naming.type_ids, graph.sizes, count)
    retained = retained_by_class(view.dominators, naming.type_ids, naming.type_names)
    weights = {"bytes": sizes, "objects": objects, "retained": retained}[by]
    order = sorted(range(count), key=lambda t: (-int(weights[t]), naming.type_names[t]))[:most]
    rows: list[Row] = [
        {
            "objects": int(objects[t]),
            "bytes": int(sizes[t]),
            "share_ppm": ppm(int(sizes[t]), graph.heap_bytes),
            "retained_bytes": int(retained[t]),
            "known": bool(naming.type_is_known[t]),
            "type": naming.type_names[t],
        }
        for t in order
        if objects[t]
    ]
    columns = [
        Column("bytes", "bytes", Unit.BYTES),
        Column("share_ppm", "of heap", Unit.SHARE),
        Column("objects", "objects", Unit.COUNT),
        Column("retained_bytes", "retained", Unit.BYTES),
        Column("type", "type"),
    ]
    return Table("types", _TYPE_TITLES[by], columns, rows, left_out=int((objects > 0).sum()) - len(rows))


def roots(view: HeapView, most: int = 30) -> Answer:
    """Root groups by what they reach first, and by what they alone retain; goroutines by where they wait."""
    tables = [_roots(view, most), goroutines(view, most), _reached(view)]
    return Answer("leakhunt.dump.roots/1", whole(view), tables, view.notes)


def _roots(view: HeapView, most: int) -> Table:
    trie, dominators = view.paths, view.dominators
    pointers = np.bincount(view.reached.group_of_root, minlength=len(view.reached.groups))
    rows: list[Row] = []
    for node in np.flatnonzero(trie.parents < 0).tolist():
        number = int(trie.labels[node])
        group, vertex = trie.groups[number], dominators.group_vertex(number)
        rows.append(
            {
                "kind": group.label,
                "root": group.name,
                "reached_bytes": int(trie.total_bytes[node]),
                "reached_objects": int(trie.total_objects[node]),
                "share_ppm": ppm(int(trie.total_bytes[node]), view.graph.heap_bytes),
                "retained_bytes": int(dominators.retained_bytes[vertex]),
                "pointers": int(pointers[number]),
            }
        )
    rows.sort(key=lambda row: (-row["reached_bytes"], row["root"]))
    columns = [
        Column("reached_bytes", "reached", Unit.BYTES),
        Column("share_ppm", "of heap", Unit.SHARE),
        Column("reached_objects", "objects", Unit.COUNT),
        Column("retained_bytes", "retained", Unit.BYTES),
        Column("kind", "kind"),
        Column("root", "root"),
    ]
    title = "Roots by what is reached from them first"
    return Table("roots", title, columns, rows[:most], left_out=max(0, len(rows) - most))


def tree(view: HeapView, most: int = 30) -> Answer:
    """The heaviest retention paths from the roots down, as a tree."""
    table = tree_table(view.paths, most, view.graph.heap_bytes, "Retention paths", "with all below", "path")
    return Answer("leakhunt.dump.path/1", whole(view), [table], view.notes)


def dominators(view: HeapView, most: int = 30) -> Answer:
    """The dominator tree, folded by type: what would go if a root, or all such objects under it, were gone."""
    trie = dominator_tree(view)
    table = tree_table(trie, most, view.graph.heap_bytes, "Dominators, folded by type", "retained", "dominator")
    return Answer("leakhunt.dump.dominators/1", whole(view), [table, _largest(view, min(most, 10))], view.notes)


def paths_of_objects(view: HeapView, objects: Int64, what: str, most: int = 5) -> Answer:
    """The retention paths that hold `objects`, with how many of them each holds and which sites feed it."""
    held = holding_nodes(view.paths, objects)
    unreached = int((view.paths.node_of[objects] < 0).sum())
    facts = [
        *whole(view),
        Fact("asked", "asked for", what),
        Fact("asked_objects", "objects found", len(objects), Unit.COUNT),
        Fact("unreached_objects", "unreached", unreached, Unit.COUNT),
        Fact("paths", "paths that hold them", len(held), Unit.COUNT),
    ]
    tables = [_path_table(view, i, node, count) for i, (node, count) in enumerate(held[:most])]
    if held:
        tables.append(_feeding(view, {node for node, _ in held[:most]}))
    return Answer("leakhunt.dump.path/1", facts, tables, view.notes)


def path_of_object(view: HeapView, address: int) -> Answer | None:
    """The shortest path to the object at (or around) an address; None where there is no object."""
    graph = view.graph
    place = int(np.searchsorted(graph.addresses, address, side="right")) - 1
    if place < 0 or address >= graph.addresses[place] + graph.sizes[place]:
        return None
    found = path_to(shortest_paths(graph, view.naming), view.naming, place)
    facts = [
        Fact("address", "object", f"{int(graph.addresses[place]):#x}"),
        Fact("type", "type", view.naming.type_names[view.naming.type_ids[place]]),
        Fact("bytes", "bytes", int(graph.sizes[place]), Unit.BYTES),
        Fact("retained_bytes", "retained", int(view.dominators.retained_bytes[place]), Unit.BYTES),
    ]
    rows: list[Row] = []
    if found is not None:
        group, steps = found
        facts.append(Fact("root", "root", f"{group.name} ({group.label})"))
        rows = [
            {
                "edge": step.label,
                "offset": step.offset_bytes,
                "address": f"{int(graph.addresses[step.object]):#x}",
                "bytes": int(graph.sizes[step.object]),
                "retained_bytes": int(view.dominators.retained_bytes[step.object]),
                "type": step.type_name,
            }
            for step in steps
        ]
    columns = [
        Column("address", "address"),
        Column("bytes", "bytes", Unit.BYTES),
        Column("retained_bytes", "retained", Unit.BYTES),
        Column("edge", "by"),
        Column("type", "type"),
    ]
    table = Table("path", "Shortest path", columns, rows, empty="no root that the dump shows reaches it")
    return Answer("leakhunt.dump.path/1", facts, [table], view.notes)


def objects_of_types(view: HeapView, matches: Callable[[str], object]) -> Int64:
    """int64[...]: objects whose type's name matches."""
    wanted = np.array([bool(matches(name)) for name in view.naming.type_names], bool)
    return np.flatnonzero(wanted[view.naming.type_ids]).astype(np.int64)


def objects_of_sites(view: HeapView, matches: Callable[[str], object]) -> Int64:
    """int64[...]: sampled objects with a function that matches in their allocation stack."""
    stacks = view.sites.stacks
    return view.sites.objects_of_buckets(
        bucket for bucket in range(len(stacks)) if any(matches(frame.function) for frame in stacks[bucket])
    )


def whole(view: HeapView) -> list[Fact]:
    """How many objects, and what they weigh."""
    return [
        Fact("objects", "objects", view.graph.objects, Unit.COUNT),
        Fact("heap_bytes", "in bytes", view.graph.heap_bytes, Unit.BYTES),
    ]


def _reached(view: HeapView) -> Table:
    """By which kind of root objects are reached; unreached is a class of its own."""
    ranks, sizes = view.reached.ranks, view.graph.sizes
    rows: list[Row] = []
    for rank, label in [(rank.value, rank.label) for rank in Rank] + [(UNREACHED, "not reached")]:
        here: NDArray[np.bool_] = ranks == rank
        if here.any():
            weight = int(sizes.sum(where=here))
            share = ppm(weight, view.graph.heap_bytes)
            rows.append({"reached_by": label, "objects": int(here.sum()), "bytes": weight, "share_ppm": share})
    columns = [
        Column("bytes", "bytes", Unit.BYTES),
        Column("share_ppm", "of heap", Unit.SHARE),
        Column("objects", "objects", Unit.COUNT),
        Column("reached_by", "reached by"),
    ]
    return Table("reached", "Reached by", columns, rows)


def _sites(view: HeapView, most: int) -> Table:
    """Allocation sites by live samples."""
    everywhere = set(range(len(view.paths)))
    return site_table("Allocation sites of sampled objects", sites_at(view.sites, view.paths, everywhere)[:most])


def _feeding(view: HeapView, nodes: set[int]) -> Table:
    found = sites_at(view.sites, view.paths, nodes)
    return site_table("Allocated by (sampled objects)", found[:_SITES_SHOWN])


def site_table(title: str, found: Iterable[tuple[AllocationSite, int]]) -> Table:
    rows: list[Row] = [
        {
            "samples": count,
            "function": site.leaf.function,
            "file": site.leaf.file,
            "line": site.leaf.line,
            "stack": [{"function": f.function, "file": f.file, "line": f.line} for f in site.user_stack],
            "site": " < ".join(map(_short, site.user_stack[:_FRAMES_SHOWN])),
        }
        for site, count in found
    ]
    columns = [Column("samples", "samples", Unit.COUNT), Column("site", "site")]
    return Table("sites", title, columns, rows, empty="no sampled object is among them")


def _short(frame: Frame) -> str:
    """`gcache.(*LRUCache).set:42` of `github.com/bluele/gcache.(*LRUCache).set` at line 42."""
    name = frame.function.rpartition("/")[2]
    return f"{name}:{frame.line}" if frame.line else name


def _path_table(view: HeapView, number: int, node: int, count: int) -> Table:
    retention = retention_at(view.paths, node)
    rows: list[Row] = [{"objects": None, "bytes": None, "step": step_text(0, retention.root.kind, retention.root.name)}]
    rows += [
        {"objects": step.objects, "bytes": step.bytes, "step": step_text(depth, step.edge, step.type)}
        for depth, step in enumerate(retention.path, 1)
    ]
    columns = [Column("objects", "objects", Unit.COUNT), Column("bytes", "bytes", Unit.BYTES), Column("step", "path")]
    return Table(f"path_{number + 1}", f"Path {number + 1}: holds {count:,} of them", columns, rows)


def _largest(view: HeapView, most: int) -> Table:
    """Single objects by retained size."""
    retained = view.dominators.retained_bytes[: view.graph.objects]
    counts = retained_objects(view.dominators)
    least = int(np.partition(retained, -most)[-most]) if len(retained) > most else 0
    heavy = np.flatnonzero(retained >= max(least, 1))
    order = heavy[np.argsort(-retained[heavy], kind="stable")][:most]
    rows: list[Row] = []
    for place in order.tolist():
        rows.append(
            {
                "address": f"{int(view.graph.addresses[place]):#x}",
                "bytes": int(view.graph.sizes[place]),
                "retained_bytes": int(retained[place]),
                "retained_objects": int(counts[place]),
                "type": view.naming.type_names[view.naming.type_ids[place]],
            }
        )
    columns = [
        Column("retained_bytes", "retained", Unit.BYTES),
        Column("retained_objects", "objects", Unit.COUNT),
        Column("bytes", "own bytes", Unit.BYTES),
        Column("address", "address"),
        Column("type", "type"),
    ]
    return Table("largest", "Objects by retained size", columns, rows)
