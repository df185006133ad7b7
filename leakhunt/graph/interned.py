"""Tables of interned strings: maps from string to string whose values are the very strings of their keys.

Interning keeps one copy of each string and hands it out: `table[s] = s`. Then key and value of an entry point to the same
bytes, which no other use of a map does. Cost: one pass over the groups of maps from string to string.
"""

import numpy as np

from leakhunt.graph.instances import live_slots, slots_of, spread
from leakhunt.graph.paths import PathTrie
from leakhunt.graph.places import owner_nodes, place_of
from leakhunt.graph.types import Typing
from leakhunt.graph.variables import words_at
from leakhunt.model.census import InternTable
from leakhunt.model.gotype import Kind
from leakhunt.model.heap import WORD_BYTES, HeapGraph, Int64


def intern_tables(graph: HeapGraph, paths: PathTrie, typing: Typing) -> tuple[InternTable, ...]:
    """Maps from string to string by place, with how many of their values are their keys; the largest first. Empty for a dump
    without contents."""
    found = []
    layouts = typing.layouts.layouts
    for number in np.unique(typing.layout_of[typing.layout_of >= 0]).tolist():
        if graph.contents is None or not layouts[number].group_type or not layouts[number].name.startswith("map[string]"):
            continue
        pairs = _pairs(graph, typing, number)
        if pairs is None:
            continue
        objects, keys, values = pairs
        nodes = paths.node_of[objects]
        for node in np.unique(nodes[nodes >= 0]).tolist():
            mine = nodes == node
            same = int((words_at(graph.contents, keys[mine]) == words_at(graph.contents, values[mine])).sum())
            owner = int(owner_nodes(paths, objects[mine][:1], True)[0])
            name = layouts[number].name.removesuffix(" groups")
            found.append(InternTable(place_of(paths, owner, node), name, int(mine.sum()), same))
    return tuple(sorted(found, key=lambda table: (-table.entries, table.place.path)))


def _pairs(graph: HeapGraph, typing: Typing, number: int) -> tuple[Int64, Int64, Int64] | None:
    """(object, byte of the key, byte of the value) of each entry in the groups of one layout; None unless both are strings."""
    layout, program = typing.layouts.layouts[number], typing.layouts.program
    values, keys = slots_of(program, layout.group_type), slots_of(program, layout.group_type, "key")
    if values is None or keys is None:
        return None
    types = [program.type(each[2]) for each in (values, keys)]
    if any(found is None or found.kind != Kind.STRING for found in types):
        return None
    objects = np.flatnonzero(typing.layout_of == number)
    first = typing.data_words[objects].astype(np.int64) * WORD_BYTES
    groups, places = spread(graph, objects, first, layout.size_bytes)
    group, slot = np.nonzero(live_slots(graph, groups, places, values[3]))
    at = graph.content_offsets[groups[group]] + places[group]
    return groups[group], at + keys[0] + slot * keys[1], at + values[0] + slot * values[1]
