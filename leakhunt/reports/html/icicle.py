"""The series as the differential icicle draws it: a tree of calls with in-use bytes and objects at several snapshots.

Bounded: at most MOST_SNAPSHOTS snapshots and about MOST_CHARACTERS of JSON. The sites that hold least are summed into one
node that says how many they are, so that every total stays true.
"""

import json
from typing import Any

import numpy as np

from leakhunt.model.series import Series
from leakhunt.printable import printable
from leakhunt.reports.wording import location

MOST_SNAPSHOTS = 40
MOST_CHARACTERS = 750_000  # of about 1 MB for the page; a public profile of 2 138 sites takes 300 000 and some 6 000 a snapshot
MOST_FRAMES = 100  # nearest the leaf; the outer ones become one frame that says so
NAME_CHARACTERS = 240

Json = dict[str, Any]


def icicle_data(series: Series, trim_path: tuple[str, ...]) -> Json:
    """What page.js reads.

    functions   names, places  files with line, both indexed by nodes
    parents, names   of each node, root (index 0) first and every parent before its children
    sites       [node, bytes at the first snapshot, then differences to the one before; the same for objects]
    snapshots   indices into the series, times_ns, sources and omitted: how many sites or snapshots are not in full
    """
    chosen = _chosen(series)
    held_bytes = np.maximum(series.inuse_bytes[:, chosen], 0)
    objects = np.maximum(series.inuse_objects[:, chosen], 0)
    order = np.lexsort((np.arange(len(series.sites)), -held_bytes.max(axis=1, initial=0)))
    tree = _Tree()
    sites: list[Json | list[Any]] = []
    left, kept = MOST_CHARACTERS, 0
    for site in order.tolist():
        before = tree.characters
        frames = series.sites[site].frames
        node = 0
        if len(frames) > MOST_FRAMES:
            node = tree.child(0, f"[{len(frames) - MOST_FRAMES} outer frames]", "")
            frames = frames[:MOST_FRAMES]
        for frame in reversed(frames):
            node = tree.child(
                node, printable(frame.function, NAME_CHARACTERS), printable(location(frame, trim_path), NAME_CHARACTERS)
            )
        entry = [node, _differences(held_bytes[site]), _differences(objects[site])]
        left -= len(json.dumps(entry, separators=(",", ":"))) + 1 + tree.characters - before
        if left < 0:
            break
        sites.append(entry)
        kept += 1
    rest = order[kept:]
    if len(rest):
        node = tree.child(0, f"[{len(rest)} sites with less, not shown one by one]", "")
        sites.append([node, _differences(held_bytes[rest].sum(axis=0)), _differences(objects[rest].sum(axis=0))])
    return {
        "functions": tree.functions,
        "places": tree.places,
        "parents": tree.parents,
        "names": tree.names,
        "node_places": tree.node_places,
        "sites": sites,
        "times_ms": [time_ns // 1_000_000 for time_ns in series.times_ns[chosen].tolist()],
        "sources": [printable(series.sources[i], NAME_CHARACTERS) for i in chosen],
        "snapshots": chosen,
        "omitted": {"sites": len(rest), "snapshots": series.snapshots - len(chosen)},
    }


def _chosen(series: Series) -> list[int]:
    """Snapshot indices: all, or evenly apart with the first and last of each segment as far as there is room."""
    count = series.snapshots
    if count <= MOST_SNAPSHOTS:
        return list(range(count))
    edges = {0, count - 1, *(edge for start in series.segment_starts[:10] for edge in (max(0, start - 1), start))}
    room = MOST_SNAPSHOTS - len(edges)
    return sorted(edges | {round(i * (count - 1) / (room + 1)) for i in range(1, room + 1)})


def _differences(values: "np.ndarray[Any, np.dtype[np.int64]]") -> list[int]:
    """First value, then steps: most sites do not change, and a 0 is short."""
    return np.diff(values, prepend=0).tolist()  # type: ignore[no-any-return]


class _Tree:
    """Nodes as columns, with the names that they share."""

    def __init__(self) -> None:
        self.functions: list[str] = ["all"]
        self.places: list[str] = [""]
        self.parents: list[int] = [-1]
        self.names: list[int] = [0]
        self.node_places: list[int] = [0]
        self.characters = 0
        self._children: dict[tuple[int, str], int] = {}
        self._functions = {"all": 0}
        self._places = {"": 0}

    def child(self, parent: int, function: str, place: str) -> int:
        """The child of `parent` called `function`, made if need be; it keeps the place that it was first seen at."""
        key = (parent, function)
        if key not in self._children:
            self._children[key] = len(self.parents)
            self.parents.append(parent)
            self.names.append(self._index(self._functions, self.functions, function))
            self.node_places.append(self._index(self._places, self.places, place))
            self.characters += 18  # three numbers with their commas
        return self._children[key]

    def _index(self, known: dict[str, int], column: list[str], text: str) -> int:
        if text not in known:
            known[text] = len(column)
            column.append(text)
            self.characters += len(json.dumps(text)) + 1
        return known[text]
