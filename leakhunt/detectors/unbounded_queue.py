"""Unbounded queue: what is produced faster than it is consumed waits in memory.

Looks for: growing sites that put into a linked list or a heap of the standard library, outside known caches; with heap dumps
    also a channel, a chain of nodes, or a slice whose elements come and go.
Why it matters: with nothing to hold the producer back the queue takes all memory there is, and the consumer falls behind
    for ever.
How it decides: container/list or container/heap insertion is on the stack of a site of a group that grows significantly,
    and no map's tables are allocated beside it: a list with a map is an index or an LRU made by hand (unbounded-map).
    A heap dump shows the container itself; a slice is a queue where a tenth or more of its elements in a first dump had been
    taken out of it before the last.
When it is wrong: such an index whose map was sampled too rarely to be seen.
What to do: bound it, and let the producer wait, drop or fail when it is full.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.detectors.caches import cache_of
from leakhunt.detectors.frames import function_near
from leakhunt.detectors.held import held_in, shows, speaks_against
from leakhunt.detectors.unbounded_map import LIST_INSERTS, map_near
from leakhunt.evidence import Evidence
from leakhunt.measure.containers import map_tables
from leakhunt.model.finding import Confidence, Finding, Stance

PATTERN = "unbounded-queue"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups that insert into a list or a heap."""
    for group in evidence.growing_groups:
        held = held_in(evidence, group)
        if speaks_against(held, PATTERN) or cache_of(evidence, group):
            continue
        function = function_near(evidence, group, LIST_INSERTS)
        has_map = map_near(evidence, group) or any(map_tables(evidence.series, site) for site in group.sites)
        if shown := shows(held, PATTERN):
            how = f"a heap dump finds them in a {shown.container}"
        elif function is not None and not has_map:
            how = f"{function} puts them in"
        else:
            continue
        yield Finding(
            detector="unbounded-queue",
            pattern=PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.LOW if group.is_doubtful else Confidence.MEDIUM,
            sites=group.sites,
            text=f"elements of a queue pile up: {how}, faster than they are taken out",
            facts={"function": function or "", "freed_share": evidence.freed_share(group)},
            remedy="""Bound it, and decide what happens when it is full:
    select {
    case queue <- job: // a channel with a capacity
    default:
        return errBusy
    }""",
        )
