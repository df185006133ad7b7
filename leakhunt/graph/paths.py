"""Who holds what: which roots reach each object, by which shortest path, and paths folded until they read alike.

Roots are followed in phases, each exhausted before the next, so that what a global variable holds is explained by it even
where a stack or the runtime holds it too: globals, stacks, the runtime's own globals and descriptors, then conservative
stack words, then finalizers. An object that none of them reaches is `unreached`: garbage that the collector has yet to
find, or something held in a way the dump does not show (runtime.AddCleanup, other modules). It is never called garbage.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from leakhunt.kernels import graph as kernel
from leakhunt.kernels.trie import trie
from leakhunt.model.heap import HeapGraph, Int32, Int64, Naming, RootKind
from leakhunt.model.site import is_runtime

UNREACHED = 255
_DESCRIPTORS = frozenset({"runtime.g", "runtime.m", "runtime.mPadded", "runtime.sudog"})
_PROCESSOR = "runtime.p"


class Rank(IntEnum):
    """How an object is reached; the lowest that applies."""

    GLOBAL = 0
    STACK = 1
    RUNTIME = 2
    CONSERVATIVE = 3
    FINALIZER = 4

    @property
    def label(self) -> str:
        """As a table names it."""
        return ("global variables", "goroutine stacks", "the runtime", "stack words, conservatively", "finalizers")[self]


@dataclass(frozen=True, slots=True)
class RootGroup:
    """Roots that a person takes for one: the words of one variable, or one function's frames on all stacks. `kind` is None for
    what no one kind of root holds."""

    kind: RootKind | None
    name: str
    rank: Rank

    @property
    def label(self) -> str:
        """The kind as the report names it."""
        return "" if self.kind is None else self.kind.label


@dataclass(frozen=True, slots=True)
class Reach:
    """Which kind of root reaches each object.

    ranks           uint8[N], Rank, UNREACHED for unreached objects
    groups          root groups, in order of rank
    group_of_root   int32[R], group of each root of the graph
    """

    ranks: NDArray[np.uint8]
    groups: tuple[RootGroup, ...]
    group_of_root: Int32


@dataclass(frozen=True, slots=True)
class Forest:
    """Shortest paths to the M objects that roots reach: 12 bytes an object, so keep what follows from it, not the forest.

    order           int32[M], objects as they were reached: by rank, and within a rank by distance
    parents         int32[N], the object before it on its path; -1 where that is a root, -2 for unreached objects
    vias            int32[N], word of the parent that holds the pointer, or number of the root
    """

    order: Int32
    parents: Int32
    vias: Int32
    reach: Reach


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path to one object: the pointer's label in what holds it, its byte offset there, what it leads to."""

    label: str
    offset_bytes: int
    object: int
    type_name: str


@dataclass(frozen=True, slots=True)
class PathTrie:
    """The paths of all reached objects, folded: objects whose paths read alike (root, then labels and types) share a node.

    A node's parent comes before it. Nodes without a parent are root groups.

    node_of         int32[N], node of each object, -1 for unreached ones
    parents         int32[P], -1 for root groups
    labels, types   int32[P], index into the naming's label_names and type_names (-1 for none); for a root group, `labels` is
                    its number
    objects, bytes  int64[P], shallow, of the node itself; what hidden plumbing weighs is counted with what holds it
    total_objects, total_bytes   int64[P], with everything below
    """

    groups: tuple[RootGroup, ...]
    node_of: Int32
    parents: Int32
    labels: Int32
    types: Int32
    objects: Int64
    bytes: Int64
    total_objects: Int64
    total_bytes: Int64
    label_names: tuple[str, ...]
    type_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.parents)

    def step(self, node: int) -> tuple[str, str]:
        """(label, type name) of a node; for a root group (kind label, name)."""
        if self.parents[node] < 0:
            group = self.groups[self.labels[node]]
            return group.label, group.name
        label = self.label_names[self.labels[node]] if self.labels[node] >= 0 else ""
        return label, self.type_names[self.types[node]]

    def path(self, node: int) -> tuple[int, ...]:
        """The nodes from the root group to `node`."""
        nodes = [node]
        while self.parents[nodes[-1]] >= 0:
            nodes.append(int(self.parents[nodes[-1]]))
        return tuple(reversed(nodes))

    def keyed_steps(self) -> Iterator[tuple[int, tuple[str, str]]]:
        """(parent, step) of each node: what is the same in every dump of a series."""
        for node in range(len(self)):
            yield int(self.parents[node]), self.step(node)


def shortest_paths(graph: HeapGraph, naming: Naming) -> Forest:
    """Shortest paths from roots to every object, in phases by Rank. O(objects + edges), 13 bytes an object."""
    groups, group_of_root = group_roots(graph, naming)
    root_ranks = np.array([group.rank for group in groups], np.int8)[group_of_root]
    # Of the frames of one stack that hold an object the outermost comes first: those within were handed it for a while.
    frames, sources = len(graph.process.frames.sizes), graph.roots.sources.astype(np.int64)
    stacks = np.searchsorted(graph.process.goroutines.frame_starts, sources, "right")
    inward = np.where(graph.roots.kinds == RootKind.STACK, (stacks + 1) * (frames + 1) - sources, 0)
    by_rank = np.lexsort((inward, root_ranks)).astype(np.int32)
    phase_starts = np.searchsorted(root_ranks[by_rank], np.arange(len(Rank) + 1)).astype(np.int64)
    count = graph.objects
    order, parents, vias = np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count, np.int32)
    phase_ends = np.zeros(len(Rank), np.int64)
    reached = kernel.breadth_first(
        graph.edge_starts,
        graph.edge_targets,
        graph.edge_words,
        graph.roots.targets[by_rank],
        phase_starts,
        _runtime_descriptors(graph, naming),
        Rank.RUNTIME,
        order,
        parents,
        vias,
        phase_ends,
    )
    order = order[:reached]
    at_root = parents == -1
    vias[at_root] = by_rank[vias[at_root]]
    ranks = np.full(count, UNREACHED, np.uint8)
    for rank, (start, end) in enumerate(zip((0, *phase_ends[:-1]), phase_ends, strict=True)):
        ranks[order[start:end]] = rank
    return Forest(order, parents, vias, Reach(ranks, groups, group_of_root))


def group_roots(graph: HeapGraph, naming: Naming) -> tuple[tuple[RootGroup, ...], Int32]:
    """Roots of one kind and name as one group, groups in order of rank, kind and name; the group of each root."""
    names = len(naming.root_names)
    pairs = graph.roots.kinds * np.int64(names) + naming.root_name_ids
    is_there = np.zeros(len(RootKind) * names, bool)
    is_there[pairs] = True
    groups = []
    for pair in np.flatnonzero(is_there).tolist():
        kind, name = divmod(pair, names)
        groups.append(RootGroup(RootKind(kind), naming.root_names[name], _rank(RootKind(kind), naming.root_names[name])))
    order = sorted(range(len(groups)), key=lambda i: (groups[i].rank, groups[i].label, groups[i].name))
    place = np.empty(len(groups), np.int32)
    place[order] = np.arange(len(groups), dtype=np.int32)
    group_of_pair = np.zeros(len(is_there), np.int32)
    group_of_pair[is_there] = place
    return tuple(groups[i] for i in order), group_of_pair[pairs]


def fold_paths(graph: HeapGraph, forest: Forest, naming: Naming) -> PathTrie:
    """The trie of all paths. O(objects + nodes x depth)."""
    nodes = np.empty(graph.objects, np.int32)
    parents, labels, types, objects, weights = (
        np.asarray(column)
        for column in trie(
            forest.order,
            forest.parents,
            forest.vias,
            graph.sizes,
            naming.type_ids,
            naming.type_is_internal.view(np.uint8),
            naming.data_words,
            naming.label_starts,
            naming.label_ids,
            forest.reach.group_of_root,
            naming.root_label_ids,
            nodes,
        )
    )
    total_objects, total_bytes = objects.copy(), weights.copy()
    order = np.arange(len(parents), dtype=np.int32)
    kernel.sum_up(order, parents, total_objects)
    kernel.sum_up(order, parents, total_bytes)
    return PathTrie(
        forest.reach.groups,
        nodes,
        parents,
        labels,
        types,
        objects,
        weights,
        total_objects,
        total_bytes,
        tuple(naming.label_names),
        tuple(naming.type_names),
    )


def path_to(forest: Forest, naming: Naming, target: int) -> tuple[RootGroup, tuple[Step, ...]] | None:
    """The shortest path to one object, root first; None where it is unreached."""
    if forest.parents[target] == -2:
        return None
    steps, at = [], target
    while forest.parents[at] >= 0:
        holder = int(forest.parents[at])
        word = int(forest.vias[at])
        steps.append(Step(label_of(naming, holder, word), word * 8, at, naming.type_names[naming.type_ids[at]]))
        at = holder
    root_label = int(naming.root_label_ids[forest.vias[at]])
    first = naming.label_names[root_label] if root_label >= 0 else ""
    steps.append(Step(first, 0, at, naming.type_names[naming.type_ids[at]]))
    return forest.reach.groups[forest.reach.group_of_root[forest.vias[at]]], tuple(reversed(steps))


def label_of(naming: Naming, holder: int, word: int) -> str:
    """What the pointer in `word` of an object is called; "" where its type has no names for it."""
    type_id = naming.type_ids[holder]
    start, end = int(naming.label_starts[type_id]), int(naming.label_starts[type_id + 1])
    place = word - int(naming.data_words[holder])
    if start == end or place < 0:
        return ""
    label = int(naming.label_ids[start + place % (end - start)])
    return naming.label_names[label] if label >= 0 else ""


def _rank(kind: RootKind, name: str) -> Rank:
    if kind in (RootKind.DATA, RootKind.BSS):
        return Rank.RUNTIME if is_runtime(name) else Rank.GLOBAL
    return {RootKind.STACK: Rank.STACK, RootKind.CONSERVATIVE: Rank.CONSERVATIVE, RootKind.FINALIZER: Rank.FINALIZER}[kind]


def _runtime_descriptors(graph: HeapGraph, naming: Naming) -> NDArray[np.uint8]:
    """uint8[N]: 1 for the runtime's descriptors, through which runtime.allgs would explain what a stack explains better; 2 for
    a p: any one timer leads to it, and through its heap to all timers of the process, which are the runtime's."""
    marks = [2 if name == _PROCESSOR else int(name in _DESCRIPTORS) for name in naming.type_names]
    late = np.array(marks or [0], np.uint8)[naming.type_ids]
    wanted = np.concatenate([graph.process.goroutines.addresses, graph.process.threads])
    places = np.searchsorted(graph.addresses, wanted)
    inside = places < graph.objects
    late[places[inside][graph.addresses[places[inside]] == wanted[inside]]] = 1
    return late
