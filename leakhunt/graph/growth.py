"""A series of dumps of one process: which retention path grows, from where on, and what became of the first dump's objects.

Dumps are matched by path (root, then labels and types, indices folded), never by position. Within a path they are matched
by address too: Go's collector does not move objects, so the same address, size and path in two dumps is the same object or
one that took its slot in between; that makes the survivors an upper bound, and the newcomers a lower one. Of a dump between
the first and the last only its paths are needed, and of none its graph: a series of any length takes the memory of one dump.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leakhunt.graph.paths import PathTrie
from leakhunt.model.finding import Retention
from leakhunt.model.heap import HeapGraph, Int32, Int64, Naming
from leakhunt.thresholds import GAINED_OVER_GONE, GAINED_SHARE, GAINED_SIGMAS, KEPT_OBJECTS, KEPT_SHARE

Key = tuple[int, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Members:
    """The N objects of a dump by path: what it takes to recognise them in another, 21 bytes an object.

    addresses, sizes int64[N]
    nodes            int32[N], node of each object in the dump's own trie, -1 for unreached ones
    is_shown         bool[N], not the plumbing of a container
    """

    addresses: Int64
    sizes: Int64
    nodes: Int32
    is_shown: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CountedPaths:
    """The folded paths of one dump with what they hold: all that a series needs of it, once its graph is gone.

    parents, steps   as in PathGrowth, by node of the dump's own trie
    objects, bytes, total_bytes   int64[P], as in PathTrie
    members          None where the dump is neither the first nor the last
    """

    parents: Int32
    steps: Sequence[tuple[str, str]]
    objects: Int64
    bytes: Int64
    total_bytes: Int64
    members: Members | None


def count_paths(graph: HeapGraph, trie: PathTrie, naming: Naming) -> CountedPaths:
    """What a series needs of a dump."""
    members = Members(graph.addresses, graph.sizes, trie.node_of, ~naming.type_is_internal[naming.type_ids])
    steps = [step for _, step in trie.keyed_steps()]
    return CountedPaths(trie.parents, steps, trie.objects, trie.bytes, trie.total_bytes, members)


@dataclass(frozen=True, slots=True)
class PathGrowth:
    """The nodes of several tries as one, P nodes by D dumps.

    parents          int32[P], -1 for root groups; a parent comes before its children
    steps            (label, type) of each node; for a root group (kind, name)
    objects, bytes   int64[P, D], shallow, of the node itself; 0 where a dump has no such path
    total_bytes      int64[P, D], with everything below
    survivors        int64[P], objects of the first dump that are in the last one too, at the same path, address and size
    newcomers        bool[objects of the last dump], those that are not
    node_of_last     int32[objects of the last dump], common node of each, -1 for unreached ones
    """

    parents: Int32
    steps: Sequence[tuple[str, str]]
    objects: Int64
    bytes: Int64
    total_bytes: Int64
    survivors: Int64
    newcomers: NDArray[np.bool_]
    node_of_last: Int32

    @property
    def grown_bytes(self) -> Int64:
        """int64[P]: total bytes in the last dump less those in the first."""
        return np.asarray(self.total_bytes[:, -1] - self.total_bytes[:, 0])

    def path(self, node: int) -> tuple[int, ...]:
        """The nodes from the root group to `node`."""
        nodes = [node]
        while self.parents[nodes[-1]] >= 0:
            nodes.append(int(self.parents[nodes[-1]]))
        return tuple(reversed(nodes))


@dataclass(frozen=True, slots=True)
class Stay:
    """What became of the objects on one path: how many the first and the last dump have, how many of the first stayed."""

    path: str
    first_objects: int
    last_objects: int
    stayed: int

    @property
    def has_grown(self) -> bool:
        """It gained a tenth, and more than chance gives: two counts of a level population differ by about the square root of
        their sum. A path that the first dump does not have says nothing: its root may be a variable that was not live then."""
        gained = self.last_objects - self.first_objects
        if gained < GAINED_OVER_GONE * (self.first_objects - self.stayed):
            return False  # most of it turned over: a level that swings, by the phase of a sweep
        beyond_chance = gained >= GAINED_SIGMAS * math.sqrt(self.first_objects + self.last_objects)
        return self.first_objects >= KEPT_OBJECTS and beyond_chance and gained >= GAINED_SHARE * self.first_objects

    @property
    def kept_all(self) -> bool:
        """Nearly all that the first dump had is in the last one, of enough to say so."""
        return self.first_objects >= KEPT_OBJECTS and self.stayed >= KEPT_SHARE * self.first_objects


def stay_of(growth: PathGrowth, retention: Retention) -> Stay | None:
    """For the end of a retention path in the last dump; None where no dump has such a path. O(nodes x steps)."""
    path: list[int] = []
    for step in [(retention.root.kind, retention.root.name), *((step.edge, step.type) for step in retention.path)]:
        below = np.flatnonzero(growth.parents == (path[-1] if path else -1)).tolist()
        node = next((node for node in below if growth.steps[node] == step), None)
        if node is None:
            return None
        path.append(node)
    node = path[-1]
    first, last = int(growth.objects[node, 0]), int(growth.objects[node, -1])
    return Stay(spelled(growth, path), first, last, int(growth.survivors[node]))


def spelled(growth: PathGrowth, path: Sequence[int]) -> str:
    """A path on one line: `main.sessions .items [x] .value -> main.Session`."""
    name = growth.steps[path[0]][1]
    labels = [growth.steps[node][0] for node in path[1:]]
    end = f" -> {growth.steps[path[-1]][1]}" if len(path) > 1 else ""
    return " ".join([name, *(label for label in labels if label)]) + end


def compare(dumps: Sequence[CountedPaths]) -> PathGrowth:
    """Aligns the paths of two dumps or more, oldest first. O(nodes + objects of the first and last dump). Raises ValueError
    where the first or the last has no members."""
    first, last = dumps[0].members, dumps[-1].members
    if first is None or last is None:
        raise ValueError("objects of the first and the last dump are needed")
    index: dict[Key, int] = {}
    ids = [_aligned(dump, index) for dump in dumps]
    shape = (len(index), len(dumps))
    objects, sizes, totals = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for column, (dump, mine) in enumerate(zip(dumps, ids, strict=True)):
        objects[mine, column], sizes[mine, column], totals[mine, column] = dump.objects, dump.bytes, dump.total_bytes
    before, after = _common_nodes(first, ids[0]), _common_nodes(last, ids[-1])
    stayed, place = _same_objects(first, last, before, after)
    newcomers = np.ones(len(last.addresses), bool)
    newcomers[place[stayed]] = False
    return PathGrowth(
        parents=np.array([parent for parent, _ in index], np.int32),
        steps=[step for _, step in index],
        objects=objects,
        bytes=sizes,
        total_bytes=totals,
        survivors=np.bincount(before[stayed & first.is_shown], minlength=len(index)),
        newcomers=newcomers,
        node_of_last=after,
    )


def topmost_growing(growth: PathGrowth, most: int = 20) -> list[int]:
    """Nodes at which growth begins: they gained objects, or bytes with no fewer objects, and nothing above them did. The one
    that holds most new bytes first. What such a node's parent is, is the container that is filled.

    A container that gained bytes of its own and more of them in new entries (a map and its tables) is passed over for those.
    """
    more_objects = growth.objects[:, -1] > growth.objects[:, 0]
    own = growth.bytes[:, -1] - growth.bytes[:, 0]
    entries = np.zeros(len(own), np.int64)
    is_entry = more_objects & (growth.parents >= 0)
    np.add.at(entries, growth.parents[is_entry], growth.grown_bytes[is_entry])
    only_bytes = (own > 0) & (growth.objects[:, -1] == growth.objects[:, 0]) & (entries < own)
    grows = more_objects | only_bytes
    below = np.zeros(len(growth.parents), bool)
    for node, parent in enumerate(growth.parents.tolist()):
        below[node] = parent >= 0 and (below[parent] or grows[parent])
    candidates = np.flatnonzero(grows & ~below & (growth.grown_bytes > 0))
    return sorted(candidates.tolist(), key=lambda node: (-int(growth.grown_bytes[node]), node))[:most]


def below_node(growth: PathGrowth, node: int) -> NDArray[np.bool_]:
    """bool[objects of the last dump]: those at a node or below it."""
    inside = np.zeros(len(growth.parents) + 1, bool)  # the last is for unreached objects
    inside[node] = True
    for child in range(node + 1, len(growth.parents)):
        inside[child] = growth.parents[child] >= 0 and inside[growth.parents[child]]
    return np.asarray(inside[growth.node_of_last])


def _aligned(dump: CountedPaths, index: dict[Key, int]) -> Int32:
    """The common number of each node of a dump, entered into `index` where it is new."""
    mine: list[int] = []
    for parent, step in zip(dump.parents.tolist(), dump.steps, strict=True):
        key = (mine[parent] if parent >= 0 else -1, step)
        mine.append(index.setdefault(key, len(index)))
    return np.array(mine, np.int32)


def _common_nodes(members: Members, ids: Int32) -> Int32:
    """The common node of each object of a dump, -1 for unreached ones."""
    return np.append(ids, np.int32(-1))[members.nodes]


def _same_objects(first: Members, last: Members, before: Int32, after: Int32) -> tuple[NDArray[np.bool_], Int64]:
    """Which objects of the first dump are in the last one at the same address, size and path; where each would be there."""
    place = np.searchsorted(last.addresses, first.addresses)
    place[place == len(last.addresses)] = 0
    if not len(last.addresses):
        return np.zeros(len(first.addresses), bool), place
    same = (last.addresses[place] == first.addresses) & (last.sizes[place] == first.sizes)
    return same & (before >= 0) & (before == after[place]), place
