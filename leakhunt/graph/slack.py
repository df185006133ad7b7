"""Memory that is held and not used: room in maps, and large arrays of which short slices show a part.

A map never gives its table back; a slice keeps its whole array. Both are facts of a dump, neither is a leak by itself: a map
may fill again, a buffer may be reused. So a slice counts as pinning only where all slices of an array together show less
than a quarter of it, nothing else points to the array, and the rest of it is not merely room. Cost: one pass over the
pointers to large arrays.
"""

import numpy as np
from numpy.typing import NDArray

from leakhunt.graph.paths import PathTrie
from leakhunt.graph.places import cap_of, owner_nodes, place_of
from leakhunt.graph.slots import Action
from leakhunt.graph.types import Typing
from leakhunt.graph.variables import words_at
from leakhunt.model.census import MapUse, PinnedSlack
from leakhunt.model.heap import WORD_BYTES, HeapGraph, Int64, written_bytes
from leakhunt.thresholds import SLACK_ARRAY_BYTES, SLACK_VISIBLE_SHARE

PROBES = 8  # words behind what a slice shows that are looked at, evenly spread
SLOTS = 8  # of a group or bucket


def map_use(graph: HeapGraph, paths: PathTrie, typing: Typing) -> tuple[MapUse, ...]:
    """Entries and room of all reached maps by place, the largest first. Empty for a dump without contents."""
    layouts = typing.layouts.layouts
    if graph.contents is None:
        return ()
    is_header = np.array([layout.is_map for layout in layouts] + [False])
    is_group = np.array([bool(layout.group_type) for layout in layouts] + [False])
    headers = np.flatnonzero(is_header[typing.layout_of] & (paths.node_of >= 0))
    groups = np.flatnonzero(is_group[typing.layout_of] & (paths.node_of >= 0))
    sizes = np.array([max(layout.size_bytes, 1) for layout in layouts] + [1], np.int64)
    room = (graph.sizes[groups] - typing.data_words[groups].astype(np.int64) * WORD_BYTES) // sizes[typing.layout_of[groups]]
    slots, weights = np.zeros(len(paths), np.int64), np.zeros(len(paths), np.int64)
    np.add.at(slots, paths.node_of[groups], room * SLOTS)
    np.add.at(weights, paths.node_of[groups], graph.sizes[groups])
    counts = np.bincount(paths.node_of[headers], minlength=len(paths))
    entries = np.zeros(len(paths), np.int64)
    # The first word of a map is the number of its entries: internal/runtime/maps.Map.used, runtime.hmap.count.
    np.add.at(entries, paths.node_of[headers], words_at(graph.contents, graph.content_offsets[headers]))
    example = np.zeros(len(paths), np.int64)
    example[paths.node_of[headers]] = headers
    found = []
    for node in np.flatnonzero(counts).tolist():
        owner = int(owner_nodes(paths, np.array([example[node]]), True)[0])
        cap_field, cap = cap_of(graph, paths, typing, owner)
        found.append(
            MapUse(
                place=place_of(paths, owner, node),
                map_type=layouts[typing.layout_of[example[node]]].name,
                maps=int(counts[node]),
                entries=int(entries[node]),
                slots=int(slots[node]),
                bytes=int(weights[node]),
                cap_field=cap_field,
                cap=cap,
            )
        )
    return tuple(sorted(found, key=lambda use: (-use.bytes, use.place.path)))


def pinned_slack(graph: HeapGraph, paths: PathTrie, typing: Typing) -> tuple[PinnedSlack, ...]:
    """Arrays that only short slices keep alive, by place, the heaviest first. Empty for a dump without contents."""
    if graph.contents is None or not graph.edges:
        return ()
    layouts, tables = typing.layouts.layouts, typing.tables
    repeats = np.array([layout.repeats and not layout.rank for layout in layouts] + [False])
    is_array = repeats[typing.layout_of] & (graph.sizes >= SLACK_ARRAY_BYTES) & (paths.node_of >= 0)
    is_array[graph.roots.targets] = False  # what a variable shows of it is not looked at
    edges = np.flatnonzero(is_array[graph.edge_targets])
    holders = np.searchsorted(graph.edge_starts, edges.astype(np.int32), "right") - 1
    targets = graph.edge_targets[edges].astype(np.int64)
    numbers = typing.layout_of[holders]
    words = np.diff(tables.starts)
    period = np.where(numbers >= 0, words[numbers], 0)
    word = graph.edge_words[edges].astype(np.int64) - typing.data_words[holders]
    known = (period > 0) & (word >= 0)
    at = np.where(known, tables.starts[numbers] + word % np.maximum(period, 1), 0)
    is_slice = known & (tables.actions[at] == Action.INSIDE) if len(tables.actions) else known & False
    is_array[targets[~is_slice]] = False  # something else than a slice points to it: what that shows is unknown
    kept = is_slice & is_array[targets]
    edges, holders, targets = edges[kept], holders[kept], targets[kept]
    first, last = _shown(graph, typing, edges, holders, targets)
    arrays, which = np.unique(targets, return_inverse=True)
    low, high = np.full(len(arrays), np.iinfo(np.int64).max), np.zeros(len(arrays), np.int64)
    np.minimum.at(low, which.reshape(-1), first)
    np.maximum.at(high, which.reshape(-1), last)
    shown = np.clip(high - low, 0, graph.sizes[arrays])
    short = (shown < SLACK_VISIBLE_SHARE * graph.sizes[arrays]) & ~_is_room(graph, typing, arrays, low, high)
    arrays, shown = arrays[short], shown[short]
    nodes = paths.node_of[arrays]
    found = []
    for node in np.unique(nodes).tolist():
        mine = nodes == node
        owner = int(owner_nodes(paths, arrays[mine][:1], False)[0])
        found.append(
            PinnedSlack(
                place=place_of(paths, owner, node),
                slice_type=layouts[typing.layout_of[arrays[mine][0]]].name,
                arrays=int(mine.sum()),
                bytes=int(graph.sizes[arrays[mine]].sum()),
                visible_bytes=int(shown[mine].sum()),
            )
        )
    return tuple(sorted(found, key=lambda slack: (slack.visible_bytes - slack.bytes, slack.place.path)))


def _is_room(graph: HeapGraph, typing: Typing, arrays: Int64, low: Int64, high: Int64) -> NDArray[np.bool_]:
    """bool[...]: arrays shown from their start of which the rest is room to grow into, not something that was there: nothing is
    shown (a buffer that was reset), or what is looked at behind it is all zero (made with a capacity)."""
    rest = graph.sizes[arrays] - high
    is_zero = np.ones(len(arrays), bool)
    for probe in range(PROBES):
        inside = (high + rest * (2 * probe + 1) // (2 * PROBES)) // WORD_BYTES * WORD_BYTES
        inside = np.minimum(np.maximum(inside, high), written_bytes(graph.sizes[arrays]) - WORD_BYTES)
        is_zero &= words_at(graph.contents or memoryview(b""), graph.content_offsets[arrays] + inside) == 0
    start = typing.data_words[arrays].astype(np.int64) * WORD_BYTES
    return np.asarray((low == start) & (is_zero | (high <= low)), bool)


def _shown(graph: HeapGraph, typing: Typing, edges: Int64, holders: Int64, targets: Int64) -> tuple[Int64, Int64]:
    """The bytes of each target that the slice or string behind each edge shows: first, and last + 1."""
    contents = graph.contents or memoryview(b"")
    at = graph.content_offsets[holders] + graph.edge_words[edges].astype(np.int64) * WORD_BYTES
    inside = at + 2 * WORD_BYTES <= graph.content_offsets[holders] + graph.sizes[holders]
    sizes = np.array([layout.size_bytes for layout in typing.layouts.layouts] + [1], np.int64)
    first = np.where(inside, words_at(contents, at) - graph.addresses[targets], 0)
    length = np.where(inside, words_at(contents, np.where(inside, at + WORD_BYTES, at)), 0)
    is_sane = (first >= 0) & (length >= 0) & (length <= graph.sizes[targets])
    last = first + np.where(is_sane, length * sizes[typing.layout_of[targets]], 0)
    return np.where(is_sane, first, 0), np.where(is_sane, last, graph.sizes[targets])
