"""Dominators and retained sizes: what would be freed if one object, or one root, were gone.

The immediate dominator of an object is the last object (or root) that every path from the roots to it passes. The retained
size of an object is its own size and that of all it dominates.

What a retained size does not promise: that freeing the object frees that much (the collector decides, and a conservative
stack word may hold a part); that two retained sizes can be added (one may lie in the other, and what both hold together is
in neither: see `retained_by`); that an object held from two sides (a map and a list) shows in either. Paths that only a
conservative word or a finalizer offers do not count against an object that is reached without them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leakhunt.graph.paths import UNREACHED, Reach, RootGroup, reach
from leakhunt.kernels import graph as kernel
from leakhunt.model.heap import HeapGraph, Int32, Int64, Naming


@dataclass(frozen=True, slots=True)
class Dominators:
    """Immediate dominators over N objects, then G root groups, then one entry above all groups.

    idoms           int32[N + G + 1], vertex; -1 for unreached objects and the entry
    retained_bytes, retained_objects   int64[N + G + 1]; 0 for unreached objects; the entry's are those of all reached objects
    groups          G root groups
    """

    idoms: Int32
    retained_bytes: Int64
    retained_objects: Int64
    groups: tuple[RootGroup, ...]
    order: Int32

    @property
    def objects(self) -> int:
        """N."""
        return len(self.idoms) - len(self.groups) - 1

    @property
    def entry(self) -> int:
        """The vertex above all root groups."""
        return len(self.idoms) - 1

    def group_vertex(self, group: int) -> int:
        """The vertex of a root group."""
        return self.objects + group


def dominate(graph: HeapGraph, reached: Reach) -> Dominators:
    """Dominators of everything that roots reach (semi-NCA; nearly linear). About 50 bytes an object while it runs,
    20 of which stay."""
    count, groups = graph.objects, len(reached.groups)
    targets = graph.roots.targets
    root_ranks = np.array([group.rank for group in reached.groups], np.uint8)[reached.group_of_root]
    counts = np.flatnonzero(root_ranks <= reached.ranks[targets])
    by_group = counts[np.argsort(reached.group_of_root[counts], kind="stable")]
    group_starts = np.searchsorted(reached.group_of_root[by_group], np.arange(groups + 1)).astype(np.int32)
    idoms = np.empty(count + groups + 1, np.int32)
    order = np.frombuffer(
        kernel.dominators(
            graph.edge_starts, graph.edge_targets, reached.ranks, group_starts, targets[by_group].astype(np.int32), idoms
        ),
        np.int32,
    )
    retained_bytes = np.zeros(len(idoms), np.int64)
    retained_objects = np.zeros(len(idoms), np.int64)
    retained_bytes[:count] = graph.sizes
    retained_objects[:count] = 1
    unreached = np.flatnonzero(reached.ranks == UNREACHED)
    retained_bytes[unreached] = retained_objects[unreached] = 0
    kernel.sum_up(order, idoms, retained_bytes)
    kernel.sum_up(order, idoms, retained_objects)
    return Dominators(idoms, retained_bytes, retained_objects, reached.groups, order)


def retained_by(graph: HeapGraph, naming: Naming, objects: NDArray[np.int64]) -> tuple[int, int]:
    """(bytes, objects) that `objects` retain together: reached only through one or another of them, themselves included.
    Exact, at the price of one more traversal. Unreached ones among them count for nothing."""
    blocked = np.zeros(graph.objects, bool)
    blocked[objects] = True
    before = reach(graph, naming).ranks != UNREACHED
    after = reach(graph, naming, blocked).ranks != UNREACHED
    gone = before & ~after
    return int(graph.sizes[gone].sum()), int(gone.sum())


def retained_by_class(dominators: Dominators, classes: Int32, names: Sequence[str]) -> tuple[Int64, Int64]:
    """(bytes, objects) retained by each of len(names) classes of objects: the sum over those of its objects that no object of
    the same class dominates, so that nothing is counted twice. `classes` is int32[N]. O(vertices)."""
    retained_bytes, retained_objects = np.zeros(len(names), np.int64), np.zeros(len(names), np.int64)
    kernel.sum_outermost(
        dominators.order, dominators.idoms, classes, dominators.retained_bytes, dominators.retained_objects,
        retained_bytes, retained_objects,
    )  # fmt: skip
    return retained_bytes, retained_objects


def count_by(keys: Int32, sizes: Int64, kinds: int) -> tuple[Int64, Int64]:
    """(objects, bytes) by key, int64[kinds] each; without the copies that numpy.bincount makes."""
    sums = np.zeros((kinds, 2), np.int64)
    kernel.add_by(keys, sizes, sums)
    return sums[:, 0].copy(), sums[:, 1].copy()
