"""Where values are held, as a person says it: the root, the type that owns the container, the folded path.

The owner of an entry is what holds the map, slice or list in which the entry lies: `gcache.LRUCache` for the items of
`main.sessions -> gcache.LRUCache -> .items map[...] -> [x] gcache.lruItem`. Entries that one owner holds by several ways (a
map and a list) are one container's.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from leakhunt.graph.paths import PathTrie
from leakhunt.graph.types import Typing
from leakhunt.graph.variables import words_at
from leakhunt.model.census import Place
from leakhunt.model.gotype import Kind, Program
from leakhunt.model.heap import WORD_BYTES, HeapGraph, Int32, Int64

# `size` is gcache's cap; a field of this name that counts entries equals their number and so never speaks against it.
CAP_FIELDS = "size cap capacity max maxsize maxentries maxlen maxitems maxcount maxkeys limit".split()
MAX_OWNERS = 1 << 16  # owners at one path whose caps are added up
MAX_CAP = 1 << 40  # a larger number limits bytes or nothing


def owner_nodes(paths: PathTrie, objects: Int64, inline: bool) -> Int64:
    """The node of the owner of each object's entries; -1 for unreached objects. `inline` says that the entries lie in the
    objects themselves (a map's groups, an array), not that they are the objects."""
    nodes = paths.node_of[objects]
    distinct = np.unique(nodes[nodes >= 0])
    owner = np.full(len(paths) + 1, -1, np.int64)
    for node in distinct.tolist():
        owner[node] = _owner(paths, node, inline)
    return owner[nodes]


def _owner(paths: PathTrie, node: int, inline: bool) -> int:
    """The nearest node above a `[x]` that is no root; the outermost object where there is no `[x]`."""
    at, collection = node, node if inline else -1
    while collection < 0 and paths.parents[at] >= 0:
        if "[x]" in paths.step(at)[0] or "[key]" in paths.step(at)[0]:
            collection = int(paths.parents[at])
        at = int(paths.parents[at])
    if collection < 0:
        line = paths.path(node)
        return line[min(1, len(line) - 1)]
    above = int(paths.parents[collection])
    return collection if above < 0 or paths.parents[above] < 0 else above


def outermost_nodes(paths: PathTrie, objects: Int64) -> Int64:
    """The node of the first object on the way to each object; -1 for unreached objects."""
    nodes = paths.node_of[objects]
    first = np.full(len(paths) + 1, -1, np.int64)
    for node in np.unique(nodes[nodes >= 0]).tolist():
        line = paths.path(node)
        first[node] = line[min(1, len(line) - 1)]
    return first[nodes]


def place_of(paths: PathTrie, owner: int, node: int) -> Place:
    """The place of entries at `node`, held by `owner`."""
    line = paths.path(node)
    kind, name = paths.step(line[0])
    steps = [f"{label} {type_}".strip() for label, type_ in map(paths.step, line[1:])]
    return Place(kind, name, paths.step(owner)[1], path_text([name, *steps]))


def path_text(steps: Sequence[str]) -> str:
    """A folded path as one text, root first: `main.sessions -> gcache.LRUCache -> .items map[...]`."""
    return " -> ".join(steps)


def heaviest_node(paths: PathTrie, objects: Int64) -> int:
    """The node at which most of the objects lie."""
    nodes: Int32 = paths.node_of[objects]
    nodes = nodes[nodes >= 0]
    return int(np.bincount(nodes).argmax()) if len(nodes) else -1


def cap_of(graph: HeapGraph, paths: PathTrie, typing: Typing | None, owner: int) -> tuple[str, int]:
    """(field, value) of what limits an owner's entries: summed over the owners that share the path (shards)."""
    if typing is None:
        return "", 0
    objects = np.flatnonzero(paths.node_of == owner)
    objects = objects[typing.layout_of[objects] >= 0]
    name = paths.step(owner)[1]
    named = [typing.layouts.layouts[number].name == name for number in typing.layout_of[objects].tolist()]
    objects = objects[np.array(named, bool)] if named else objects
    if not 0 < len(objects) <= MAX_OWNERS:
        return "", 0
    layout = typing.layouts.layouts[typing.layout_of[objects[0]]]
    for path, offset in _integers(typing.layouts.program, layout.type_id):
        if path.rpartition(".")[2].lower().replace("_", "") in CAP_FIELDS:
            at = graph.content_offsets[objects] + typing.data_words[objects].astype(np.int64) * WORD_BYTES + offset
            caps = words_at(graph.contents or memoryview(b""), at)
            if (caps > 0).all() and caps.max() < MAX_CAP:
                return path, int(caps.sum())
    return "", 0


def _integers(program: Program, type_id: int, name: str = "", offset: int = 0, depth: int = 0) -> Iterator[tuple[str, int]]:
    """(dotted path, byte) of the integers of a struct, those of embedded structs included."""
    found = program.type(type_id)
    if found is None or depth > 3:
        return
    if found.kind in (Kind.INT, Kind.INT64, Kind.UINT, Kind.UINT64) and name:
        yield name, offset
    elif found.kind == Kind.STRUCT:
        for f in found.fields:
            yield from _integers(program, f.type_id, f"{name}.{f.name}" if name else f.name, offset + f.offset, depth + 1)
