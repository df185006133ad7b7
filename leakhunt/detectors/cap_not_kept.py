"""A cap that is not kept: a container holds more entries than its own field allows.

Looks for: a map in a heap dump whose owner has a field that limits entries (size, capacity, maxEntries), on the retention path
    of a growing site, with more entries than that.
Why it matters: a cap that is set reads as a bound. gcache's Simple evicts only what has expired when it is full, so while
    entries are fresh it grows past its size; caps that are checked in one place and not in another do the same.
How it decides: entries and the field's value are read from the dumps; the value must be the same in all of them, or it is a
    counter, and larger than 0. High confidence from twice the cap on, medium from a tenth above it; below that a cap may be
    soft on purpose.
When it is wrong: a field of such a name that limits something else (a batch, a page).
What to do: use a kind of cache that evicts at its cap; check the cap where entries are added.
Options: `--binary EXE` is needed, for fields have no names without it.
"""

from collections.abc import Iterator

from leakhunt.detectors.caches import Expiry, cache_of
from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import CAP_EXCEEDED, CAP_FAR_EXCEEDED

PATTERN = "unbounded-map"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups in a container that is fuller than full."""
    for group in evidence.growing_groups:
        use = evidence.capped(group)
        if use is None or use.entries < CAP_EXCEEDED * use.cap:
            continue
        known = cache_of(evidence, group)
        name = known[1] if known else use.place.owner_type
        why = f"; {known[0].only_grows}" if known else ""
        yield Finding(
            detector="cap-not-kept",
            # Of a cache whose entries expire, the cap was the last hope.
            pattern="lazy-ttl-cache" if known and known[0].expiry is Expiry.ON_READ else PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.HIGH if use.entries >= CAP_FAR_EXCEEDED * use.cap else Confidence.MEDIUM,
            sites=group.sites,
            text=f"a cap is not kept: {use.place.root_name} ({name}) holds {use.entries:,} entries, its {use.cap_field} is "
            f"{use.cap:,}{why}",
            facts={"root": use.place.root_name, "entries": use.entries, "cap": use.cap, "cap_field": use.cap_field},
            remedy=known[0].remedy
            if known
            else """Evict where entries are added:
    for len(c.items) >= c.size {
        c.removeOldest()
    }""",
        )
