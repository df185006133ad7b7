"""Map that is never deleted from: a registry, an index or a cache made by hand.

Looks for: growing groups one of whose sites allocates map tables.
Why it matters: a map keeps what is put into it until somebody deletes it; entries per request, user or device only grow.
How it decides: the blocks allocated at the site have the sizes of Go's map tables: from Go 1.24 on full tables of 128 groups,
    many of them in use (27 264 B for a slot of 24 B); before, a bucket array that doubles. The group grows significantly.
    Frames cannot tell, because profiles hide the runtime's own.
When it is wrong: a map that still fills up to a fixed number of keys; objects of just such a size.
What to do: delete entries when what they stand for ends, or bound the map by age or number.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.evidence import Evidence
from leakhunt.measure.containers import doubles, ladder, map_tables
from leakhunt.model.finding import Confidence, Finding, Stance

PATTERN = "unbounded-map"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups with a map among their sites."""
    series = evidence.series
    for group in evidence.growing_groups:
        tables = 0
        rungs: tuple[int, ...] = ()
        for site in group.sites:
            tables += map_tables(series, site)
            rungs = rungs or ladder(series, site)
        old_map = bool(rungs) and doubles(rungs) and evidence.go_at_least < (1, 24)
        if not tables and not old_map:
            continue
        what = f"{tables:,} full map tables are in use" if tables else f"a bucket array doubled {len(rungs) - 1} times"
        yield Finding(
            detector="unbounded-map",
            pattern=PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.MEDIUM,
            sites=group.sites,
            text=f"entries of a map pile up: {what}, and freed is {100 * evidence.freed_share(group):.0f} % of what came",
            facts={"map_tables": tables, "doublings": max(0, len(rungs) - 1)},
            remedy="""Delete what has ended, under the same lock:
    delete(registry.byID, id)
A map gives its tables back only when it is dropped; after a burst, rebuild it.""",
        )
