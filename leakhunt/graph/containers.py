"""Which step of a retention path is the container: the map, slice, list or channel in which few become many."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from leakhunt.graph.dominators import Dominators
from leakhunt.graph.paths import PathTrie
from leakhunt.model.heap import Int64
from leakhunt.thresholds import CONTAINER_FANOUT, SHARDS_MOST

_PLUMBING = ("maps.", "[]*maps.", "map.bucket", "[]map.bucket", "list.Element")
MOST_CLIMBED, MOST_LOOKED_AT = 64, 32  # dominators above an object, and objects, that are looked at

Key = tuple[tuple[str, str], ...]


def container_place(steps: Sequence[tuple[str, int]], least: float = CONTAINER_FANOUT) -> int | None:
    """The place of the container among the (type, objects) of a path's steps, -1 for the root; None on a path where few never
    become many, `least` times as many.

    It is what stands before the greatest step up in objects. A map's own table and a list's element stand for the map or list
    before them; a slice of maps is their shards."""
    counts = [1, *(objects for _, objects in steps)]
    ratios = [inside / max(1, holder) for holder, inside in pairwise(counts)]
    if not ratios or max(ratios) < least:
        return None
    at = ratios.index(max(ratios)) - 1
    if at >= 0 and steps[at][0].startswith("[]") and steps[at + 1][1] <= SHARDS_MOST:
        below = range(at + 1, len(steps) - 1)
        at = next((i for i in below if steps[i][0].startswith("map[") and ratios[i + 1] >= CONTAINER_FANOUT), at)
    while at > 0 and steps[at][0].startswith(_PLUMBING):
        at -= 1
    return at


def sole_container(paths: PathTrie, dominators: Dominators, objects: Int64) -> Key | None:
    """The path to the container that alone holds most of some objects, so that they would go with it; None where that is the
    root itself, or where they are held from elsewhere too (a cache's map and its list)."""
    nodes = paths.node_of[objects]
    nodes = nodes[nodes >= 0]
    if not len(nodes):
        return None
    node = int(np.bincount(nodes).argmax())
    path = paths.path(node)
    place = container_place([(paths.step(step)[1], int(paths.objects[step])) for step in path[1:]])
    if place is None or place < 0:
        return None
    container = path[place + 1]
    inside = objects[paths.node_of[objects] == node][:MOST_LOOKED_AT].tolist()
    held = sum(_is_below(paths, dominators, int(each), container) for each in inside)
    return tuple(paths.step(step) for step in path[: place + 2]) if 2 * held > len(inside) else None


def _is_below(paths: PathTrie, dominators: Dominators, block: int, container: int) -> bool:
    """Whether an object of the container's node dominates a block."""
    for _ in range(MOST_CLIMBED):
        block = int(dominators.idoms[block])
        if not 0 <= block < dominators.objects:
            return False
        if paths.node_of[block] == container:
            return True
    return False
