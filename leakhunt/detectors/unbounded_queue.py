"""Unbounded queue: what is produced faster than it is consumed waits in memory.

Looks for: growing sites that put into a linked list or a heap of the standard library, outside known caches.
Why it matters: with nothing to hold the producer back the queue takes all memory there is, and the consumer falls behind
    for ever.
How it decides: container/list or container/heap insertion is on the stack of a site of a group that grows significantly,
    and no map's tables are allocated beside it: a list with a map is an index or an LRU made by hand (unbounded-map).
When it is wrong: such an index whose map was sampled too rarely to be seen.
What to do: bound it, and let the producer wait, drop or fail when it is full.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.detectors.caches import cache_on
from leakhunt.detectors.frames import function_near
from leakhunt.detectors.held import held_in
from leakhunt.detectors.unbounded_map import LIST_INSERTS, map_near
from leakhunt.evidence import Evidence
from leakhunt.measure.containers import map_tables
from leakhunt.model.finding import Confidence, Finding, Stance

PATTERN = "unbounded-queue"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups that insert into a list or a heap."""
    for group in evidence.growing_groups:
        held = held_in(evidence, group)
        function = function_near(evidence, group, LIST_INSERTS) or (held if held.startswith("list.") else None)
        has_map = map_near(evidence, group) or any(map_tables(evidence.series, site) for site in group.sites)
        if function is None or has_map or cache_on(evidence.company(group)):
            continue
        yield Finding(
            detector="unbounded-queue",
            pattern=PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.MEDIUM,
            sites=group.sites,
            text=f"elements of a list pile up: {function} puts them in faster than they are taken out",
            facts={"function": function, "freed_share": evidence.freed_share(group)},
            remedy="""Bound it, and decide what happens when it is full:
    select {
    case queue <- job: // a channel with a capacity
    default:
        return errBusy
    }""",
        )
