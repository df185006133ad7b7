"""Lazy TTL cache: entries expire, but leave only when somebody reads them again.

Looks for: growing sites of a cache library that removes an expired entry only on a read of that very key (gcache in all its
    four kinds, ccache, freecache): the entry, its key, its value and its expiry time grow as one.
Why it matters: keys that are unique (sessions, request ids, tokens) are never read again after they expire, so every entry
    stays. A time to live looks as if it bounded the cache, and does not.
How it decides: an insertion of the library is on the stack of a site of the group, the group grows significantly, and the
    library is known to sweep nothing (leakhunt's list of caches). High confidence where no sampled entry was freed.
When it is wrong: a cache that is still filling up to a cap looks the same until it is full: compare its size setting with
    the entries in it. A heap dump settles it: `leakhunt dump expiry` counts the entries that are past their time.
What to do: sweep it, cap it near what is really live, or use a cache with a janitor; the finding shows code.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.detectors.caches import Expiry, cache_of
from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance

PATTERN = "lazy-ttl-cache"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups that insert into a cache which nothing sweeps."""
    for group in evidence.growing_groups:
        found = cache_of(evidence, group)
        if found is None or found[0].expiry is not Expiry.ON_READ:
            continue
        cache, type_name = found
        freed = evidence.freed_share(group)
        yield Finding(
            detector="lazy-ttl-cache",
            pattern=PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.HIGH if freed == 0 else Confidence.MEDIUM,
            sites=group.sites,
            text=f"entries of {type_name} pile up: {cache.only_grows}",
            facts={"cache": type_name, "freed_share": freed},
            remedy=cache.remedy,
        )
