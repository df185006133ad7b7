"""Dominators and retained sizes: what would be freed if one object, or one root, were gone.

The immediate dominator of an object is the last object (or root) that every path from the roots to it passes. The retained
size of an object is its own size and that of all it dominates.

What a retained size does not promise: that freeing the object frees that much (the collector decides, and a conservative
stack word may hold a part); that two retained sizes can be added (one may lie in the other, and what both hold together is
in neither); that an object held from two sides (a map and a list) shows in either. Paths that only a
conservative word or a finalizer offers do not count against an object that is reached without them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leakhunt.graph.paths import UNREACHED, Reach, RootGroup
from leakhunt.kernels import graph as kernel
from leakhunt.model.heap import HeapGraph, Int32, Int64


@dataclass(frozen=True, slots=True)
class Dominators:
    """Immediate dominators over N objects, then G root groups, then one entry above all groups.

    idoms           int32[N + G + 1], vertex; -1 for unreached objects and the entry
    retained_bytes  int64[N + G + 1]; 0 for unreached objects; the entry's are those of all reached objects
    groups          G root groups
    order           int32[M], the vertices reached, each behind its dominator
    """

    idoms: Int32
    retained_bytes: Int64
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
    """Dominators of everything that roots reach (semi-NCA; nearly linear). 20 bytes an object while it runs, and 4 for
    each pointer more than the one that it was reached by; 16 bytes an object stay."""
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
    np.copyto(retained_bytes[:count], graph.sizes, where=reached.ranks != UNREACHED)
    kernel.sum_up(order, idoms, retained_bytes)
    return Dominators(idoms, retained_bytes, reached.groups, order)


def retained_objects(dominators: Dominators) -> Int64:
    """int64[N + G + 1]: how many objects each vertex retains, itself included; 0 for unreached ones. O(vertices)."""
    counts = np.zeros(len(dominators.idoms), np.int64)
    counts[dominators.order] = dominators.order < dominators.objects
    kernel.sum_up(dominators.order, dominators.idoms, counts)
    return counts


def retained_by_class(dominators: Dominators, classes: Int32, names: Sequence[str]) -> Int64:
    """Bytes retained by each of len(names) classes of objects: the sum over those of its objects that no object of the same
    class dominates, so that nothing is counted twice. `classes` is int32[N]. O(vertices), 8 bytes an object."""
    sums = np.zeros(len(names), np.int64)
    kernel.sum_outermost(dominators.order, dominators.idoms, classes, dominators.retained_bytes, sums)
    return sums


def count_by(keys: Int32, sizes: Int64, kinds: int) -> tuple[Int64, Int64]:
    """(objects, bytes) by key, int64[kinds] each; without the copies that numpy.bincount makes."""
    sums = np.zeros((kinds, 2), np.int64)
    kernel.add_by(keys, sizes, sums)
    return sums[:, 0].copy(), sums[:, 1].copy()
