"""Expired entries, counted in a heap dump: what is held is past its own time. Proof of a lazily expiring cache.

Looks for: a container in a heap dump whose entries carry an expiry (a time.Time, a pointer to one, unix seconds to
    nanoseconds), on the retention path of a growing site.
Why it matters: profiles show that a cache grows; only its entries can say that they should be gone.
How it decides: a third or more of the entries that have an expiry lie before the dump's last collection. That is a lower
    bound of the time of the dump, so none is counted too many. Times are told by the field's name, else by their values.
    High confidence where the oldest is overdue by twice the longest life that is left, for a sweep once in a time to live
    would have taken it; else medium. Libraries that sweep whatever the user does are left alone.
When it is wrong: a field that is not an expiry although it is named like one.
What to do: sweep, cap or replace the cache, as lazy-ttl-cache says.
Options: `--binary EXE` gives fields their names.
"""

from collections.abc import Iterator

from leakhunt.detectors.caches import Expiry, cache_of
from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import EXPIRED_ENTRIES, EXPIRED_LONG_OVERDUE, EXPIRED_SHARE
from leakhunt.units import format_bytes, format_duration

PATTERN = "lazy-ttl-cache"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups whose entries are past their time."""
    for group in evidence.growing_groups:
        census = evidence.census(group)
        if census is None or census.with_expiry < EXPIRED_ENTRIES or census.expired < EXPIRED_SHARE * census.with_expiry:
            continue
        known = cache_of(evidence, group)
        if known and known[0].expiry is Expiry.ALWAYS_SWEPT:
            continue  # what lies about waits for a sweep that is known to come
        why = f"; {known[0].only_grows}" if known else ""
        overdue = format_duration(census.oldest_overdue_ns / 1e9)
        yield Finding(
            detector="expired-entries",
            # A library that sweeps where it is told to was not told to.
            pattern="cache-no-janitor" if known and known[0].expiry is Expiry.BY_JANITOR else PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.HIGH
            if census.oldest_overdue_ns >= EXPIRED_LONG_OVERDUE * census.last_expiry_ns
            else Confidence.MEDIUM,
            sites=group.sites,
            text=(
                f"expired entries stay: {census.expired:,} of {census.entries:,} entries of {census.place.root_name} "
                f"({census.place.owner_type}) are past their {census.field}, oldest by {overdue}, and retain "
                f"{format_bytes(census.retained_bytes)}{why}"
            ),
            facts={
                "root": census.place.root_name,
                "entries": census.entries,
                "expired": census.expired,
                "oldest_overdue_ns": census.oldest_overdue_ns,
                "retained_bytes": census.retained_bytes,
                "basis": str(census.basis),
            },
            remedy=known[0].remedy
            if known
            else """Take expired entries out, at intervals:
    for range time.Tick(time.Minute) {
        sessions.deleteExpired(time.Now())
    }""",
        )
