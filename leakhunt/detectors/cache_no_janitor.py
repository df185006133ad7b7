"""Cache without its janitor: a cache whose entries are removed by a goroutine, and the goroutine does not run.

Looks for: growing sites of a cache library that leaves expired entries to a sweeping goroutine (go-cache, ttlcache, bigcache).
Why it matters: without it nothing ever leaves, and the time to live that was set has no effect.
How it decides: an insertion of the library is on the stack of a site of the group, and the group grows significantly. With
    goroutine profiles, the janitor's absence from every one of them is proof and gives high confidence; its presence
    acquits (see janitor-cache). Without them the confidence is medium. So it is where the janitor is absent and the group
    rose with p <= 0.05 of its own, though not significantly among all sites tested, or not in its last half.
When it is wrong: without a goroutine profile, a cache with its janitor whose live entries still grow in number.
What to do: start the janitor; the finding shows code. Fetch /debug/pprof/goroutine beside the heap to be sure.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.detectors.caches import Expiry, cache_of, is_swept
from leakhunt.evidence import Evidence
from leakhunt.measure.groups import Group
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import ALPHA, MIN_GROWTH_BYTES, MIN_SNAPSHOTS

PATTERN = "cache-no-janitor"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses groups that grow, or rose, of a cache whose janitor is not seen."""
    for group in evidence.groups:
        if not group.grows and not _rose(evidence, group):
            continue
        found = cache_of(evidence, group)
        if found is None or found[0].expiry is not Expiry.BY_JANITOR or is_swept(evidence, found[0]):
            continue
        cache, type_name = found
        profiles = len(evidence.goroutines.times_ns)
        missing = bool(cache.janitor) and profiles > 0
        if not (missing or group.grows):
            continue
        proof = f"its janitor {cache.janitor} is in none of {profiles} {evidence.goroutines.source}; " if missing else ""
        yield Finding(
            detector="cache-no-janitor",
            pattern=PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.HIGH if missing and group.grows else Confidence.MEDIUM,
            sites=group.sites,
            text=f"entries of {type_name} pile up: {proof}{cache.only_grows}",
            facts={"cache": type_name, "janitor": cache.janitor, "goroutine_profiles": profiles},
            remedy=cache.remedy,
        )


def _rose(evidence: Evidence, group: Group) -> bool:
    """Whether the group rose beyond chance by itself, if not by as much as all sites tested ask for, or not to the end."""
    large = evidence.grown_bytes(group) >= MIN_GROWTH_BYTES
    return evidence.snapshots >= MIN_SNAPSHOTS and group.trend.p <= ALPHA and large
