"""Map that is never deleted from: a registry, an index or a cache made by hand.

Looks for: growing groups one of whose sites allocates map tables.
Why it matters: a map keeps what is put into it until somebody deletes it; entries per request, user or device only grow.
How it decides: the blocks allocated at the site have the sizes of Go's map tables: from Go 1.24 on full tables of 128
    groups, many of them in use (27 264 B for a slot of 24 B; above 32 KiB only beside the freed tables that these were made
    of); before, a bucket array that doubles. The group grows significantly. Frames cannot tell, because profiles hide the
    runtime's own. Tables that are allocated near the group, on behalf of the same function, or a single block of such a
    size, name the pattern and no more (low confidence), unless a list beside them keeps the order of the entries: an index
    or an LRU made by hand.
When it is wrong: a map that still fills up to a fixed number of keys; objects of just such a size.
What to do: delete entries when what they stand for ends, or bound the map by age or number.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.detectors.caches import HARD_CAPS, Expiry, cache_of, cache_on, is_added_by, is_swept
from leakhunt.detectors.frames import free_near, function_near
from leakhunt.detectors.held import Held, held_in, shows, speaks_against
from leakhunt.evidence import Evidence
from leakhunt.measure.containers import FULL_TABLE_BYTES, doubles, ladder, lone_block, made_map_tables, map_tables
from leakhunt.measure.groups import Group
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.model.site import is_standard
from leakhunt.thresholds import LONE_TABLE_BYTES, SWISS_MAPS_SINCE
from leakhunt.units import format_bytes

PATTERN = "unbounded-map"
LIST_INSERTS = ("container/list.(*List).", "container/heap.Push")


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups with a map among their sites."""
    for group in evidence.growing_groups:
        held = held_in(evidence, group)
        if speaks_against(held, PATTERN):
            continue
        near = map_near(evidence, group) or _kept_in_cache(evidence, group) or _lone_table(evidence, group)
        what = _map_in(evidence, group, shows(held, PATTERN), near)
        if not what and not near:
            continue
        freed = f", and {100 * evidence.freed_share(group):.0f} % of what came has been freed"
        if shows(held, PATTERN):
            freed = ""  # a dump's own count of what stayed says it better than samples of the map's tables
        yield Finding(
            detector="unbounded-map",
            pattern=PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.MEDIUM if what and not group.is_doubtful else Confidence.LOW,
            sites=group.sites,
            text=f"entries of a map pile up: {what or near}{freed}",
            facts={"map_tables": sum(map_tables(evidence.series, site) for site in group.sites)},
            remedy="""Delete what has ended, under the same lock:
    delete(registry.byID, id)
A map gives its tables back only when it is dropped; after a burst, rebuild it.""",
        )


def _map_in(evidence: Evidence, group: Group, shown: Held | None, near: str) -> str:
    """What says that there is a map: a cache that is one, tables in use, a bucket array that doubles, tables that the same
    function made for other callers, or tables nearby with a list."""
    cache = cache_of(evidence, group)
    if cache and cache[0].expiry is Expiry.NEVER and is_added_by(evidence, group, cache[0]):
        return cache[0].only_grows
    series = evidence.series
    if shown is not None:
        return f"a heap dump finds them in a {shown.container}"
    tables = sum(map_tables(series, site) for site in group.sites)
    if tables:
        return f"{tables:,} full map tables are in use"
    rungs = next((found for site in group.sites if (found := ladder(series, site))), ())
    if rungs and doubles(rungs) and evidence.go_at_least < SWISS_MAPS_SINCE:
        return f"a bucket array doubled {len(rungs) - 1} times"
    function = series.sites[group.seed].leaf.function
    if any(made_map_tables(series, site) for site in evidence.by_leaf[function]):
        return "the same function allocates map tables"
    listed = function_near(evidence, group, LIST_INSERTS)
    return f"{near}, and {listed} keeps their order" if near and listed else ""


def _kept_in_cache(evidence: Evidence, group: Group) -> str:
    """A known cache that is swept, and of which nothing went in the window."""
    found = cache_of(evidence, group)
    if found is None or found[0].name in HARD_CAPS or not is_swept(evidence, found[0]) or evidence.freed_share(group) > 0:
        return ""
    return f"{found[1]} is swept, but its entries have no time to live, or one longer than the window"


def _lone_table(evidence: Evidence, group: Group) -> str:
    """One block of the size of a map table at the group's sites or near them, or tables that are in use no more: a map whose
    tables are sampled too rarely to be sure of."""
    series = evidence.series
    for site in (*group.sites, *_free_tables(evidence, group)):
        function = series.sites[site].frames[0].function
        if made_map_tables(series, site):
            return f"{function} made full map tables"
        size = lone_block(series, site)
        if size in FULL_TABLE_BYTES and size <= LONE_TABLE_BYTES and not is_standard(function) and not ladder(series, site):
            return f"a block of {format_bytes(size)} at {function} has the size of a full map table"
    return ""


def _free_tables(evidence: Evidence, group: Group) -> Iterator[int]:
    """The sites near the group's, but for those of a cache that keeps a cap and to which another function adds."""
    for site in free_near(evidence, group):
        cache = cache_on([evidence.series.sites[site]])
        if cache is None or cache[0].name not in HARD_CAPS or is_added_by(evidence, group, cache[0]):
            yield site


def map_near(evidence: Evidence, group: Group) -> str:
    """Map tables in use among the sites near the group's: the entries grow, their map is sampled too rarely to."""
    site = next((site for site in _free_tables(evidence, group) if map_tables(evidence.series, site)), None)
    return f"{evidence.series.sites[site].leaf.function} nearby holds full map tables" if site is not None else ""
