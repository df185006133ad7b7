"""Objects that nothing in a dump leads to and that outlive collections all the same: held by what dumps do not show.

"Not reached" alone is garbage or not: a dump shows no arguments of runtime.AddCleanup, no variables of plugins. But what two
dumps both find unreached, at one address, lived through the collections between them. Cost: a search for each such object.
"""

from collections import Counter

import numpy as np

from leakhunt.graph.paths import PathTrie
from leakhunt.model.finding import GcRoot, Retention, RetentionStep
from leakhunt.model.heap import HeapGraph, Int64, Naming
from leakhunt.thresholds import HIDDEN_SAMPLES, KEPT_OBJECTS, KEPT_SHARE

HIDDEN = "finalizer or cleanup that the dumps do not show"

Dump = tuple[HeapGraph, PathTrie, Naming]


def hidden_holder(first: Dump, last: Dump, objects: Int64) -> Retention | None:
    """Who holds some (sampled) objects of the last dump, where most of them are unreached and those of their type were in the
    first dump already; None where that is not so."""
    graph, paths, naming = last
    lost = objects[paths.node_of[objects] < 0]
    if len(lost) < HIDDEN_SAMPLES or 2 * len(lost) <= len(objects) or first[0].process.last_gc_ns >= graph.process.last_gc_ns:
        return None
    name = Counter(naming.type_names[number] for number in naming.type_ids[lost].tolist()).most_common(1)[0][0]
    before, after = _unreached(first, name), _unreached(last, name)
    place = np.searchsorted(graph.addresses, first[0].addresses[before])
    place[place == graph.objects] = 0
    same = (graph.addresses[place] == first[0].addresses[before]) & (graph.sizes[place] == first[0].sizes[before])
    survived = int(np.isin(place[same], after).sum())
    if len(before) < KEPT_OBJECTS or survived < KEPT_SHARE * len(before):
        return None
    sizes = [int(dump[0].sizes[found].sum()) for dump, found in ((first, before), (last, after))]
    step = RetentionStep("", name, len(after), sizes[1], len(before), sizes[0])
    return Retention(GcRoot("finalizer", HIDDEN), (step,), int(graph.sizes[paths.node_of < 0].sum()))


def _unreached(dump: Dump, name: str) -> Int64:
    """The unreached objects of the types of a name."""
    _, paths, naming = dump
    wanted = np.array([each == name for each in naming.type_names], bool)
    return np.flatnonzero(wanted[naming.type_ids] & (paths.node_of < 0)).astype(np.int64)
