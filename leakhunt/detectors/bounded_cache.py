"""Bounded cache: it still grows, more and more slowly, or its library keeps a hard cap.

Looks for: growth whose steps shrink, as a cache's do when more and more of what it is asked for is there already; and sites
    of libraries that evict at a cap by construction.
Why it matters: filling is not leaking, but it is not nothing: the cap decides where it ends.
How it decides: the last third of the window gains at most half of what the first third gained in the same time; births and
    deaths are followed to where they meet, which estimates the level it will come to rest at. How sure that is goes by the
    difference of the thirds, or of the halves, in standard errors. Growth beyond chance whose
    objects live no longer than before (docs/how-it-decides.md) is a cache's that fills, unless load explains it. A library
    that keeps a hard cap by construction (golang-lru, ristretto, theine) is enough by itself, where the function that adds
    to it is on the stack of what grows. So is a heap dump in which
    the container's owner has a field that limits entries (`size`, `capacity`) and half of them or more are there; that
    field must have the same value in two dumps, or it may be a counter. Two dumps also count growth: slower by more than
    half between them than before the first, with nothing taken out, gives medium confidence.
When it is wrong: a leak under load that fades; a cap so large that memory ends first.
What to do: compare the expected level with the memory there is; set the cap by what entries weigh.
Options: none.
"""

import math
from collections.abc import Iterator

import numpy as np

from leakhunt.detectors.caches import HARD_CAPS, Cache, cache_of, is_added_by
from leakhunt.evidence import Evidence
from leakhunt.measure.course import Course
from leakhunt.measure.groups import Basis, Group
from leakhunt.measure.shape import filling, load_bound
from leakhunt.model.census import MapUse
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import AS_EVER_SURE, CAP_NEAR_SHARE, EXPIRED_SHARE, FILLING_HIGH_SIGMAS, FILLING_MEDIUM_SIGMAS
from leakhunt.units import format_bytes, format_rate

PATTERN = "bounded-cache"
_CAPS_OF_COSTS = frozenset({"ristretto"})  # costs may be anything: where a dump shows what grows, such a cap excuses nothing
_SOFT_CAPS = frozenset({"gcache.SimpleCache"})  # kept only where something has expired


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Speaks for groups that fill up, and for those of a cache with a hard cap."""
    for group in evidence.groups:
        found = filling(evidence.course(group))
        known = cache_of(evidence, group)
        capped = known is not None and known[0].name in HARD_CAPS and _holds(evidence, group, known[0])
        if known is not None and known[0].name in _CAPS_OF_COSTS and evidence.held_types(group):
            capped = False
        room = None if known is not None and known[1] in _SOFT_CAPS else _room(evidence, group)
        slowed = evidence.slowed(group)
        as_ever = group.basis is Basis.AS_EVER and not load_bound(evidence.course(group)).allocates_faster
        if found is None and not capped and room is None and slowed is None and not as_ever:
            continue
        facts: dict[str, float | str] = {}
        said = []
        if found is not None:
            facts |= {"early_bytes_per_hour": found.early_bytes_per_hour, "late_bytes_per_hour": found.late_bytes_per_hour}
            early, late = format_rate(found.early_bytes_per_hour), format_rate(found.late_bytes_per_hour)
            said.append(f"growth slows down, from {early} in the first third of the window to {late} in the last")
            if found.full_bytes is not None and found.reached is not None:
                facts |= {"full_bytes": found.full_bytes, "reached": found.reached}
                said.append(f"it would come to rest near {format_bytes(found.full_bytes)}, {100 * found.reached:.0f} % reached")
        if known is not None and capped:
            facts["cache"] = known[1]
            said.append(f"{known[1]} evicts at its cap")
        confidence = _confidence(evidence.course(group))
        if as_ever:
            z, leak_z = group.trend.lifetime_z, group.trend.expected_lifetime_z
            facts |= {"lifetime_z": z, "expected_lifetime_z": leak_z}
            said.append(
                f"its objects go in step with how many there are, as from a cache that fills (z={z:.1f} where a leak of "
                f"this size would show {leak_z:.1f})"
            )
            if leak_z * z - leak_z**2 / 2 <= -AS_EVER_SURE:
                confidence = Confidence.HIGH
            confidence = Confidence.MEDIUM if confidence is Confidence.LOW else confidence
        if slowed is not None:
            facts["slowed_to"] = slowed
            said.append(f"between the heap dumps it grew at {100 * slowed:.0f} % of the rate before the first")
            confidence = Confidence.MEDIUM if confidence is Confidence.LOW else confidence
        if room is not None:
            facts |= {"entries": room.entries, "cap": room.cap}
            said.append(
                f"a heap dump finds {room.entries:,} entries in {room.place.root_name} ({room.place.owner_type}), whose "
                f"{room.cap_field} is {room.cap:,}"
            )
            capped |= room.entries >= CAP_NEAR_SHARE * room.cap
            confidence = Confidence.MEDIUM if confidence is Confidence.LOW else confidence
        yield Finding(
            detector="bounded-cache",
            pattern=PATTERN,
            stance=Stance.EXONERATES,
            confidence=Confidence.HIGH if capped else confidence,
            sites=group.sites,
            text="; ".join(said),
            facts=facts,
        )


def _holds(evidence: Evidence, group: Group, cache: Cache) -> bool:
    """Whether the group is of the cache, by its retention path or its stacks."""
    return bool(evidence.held_types(group)) or is_added_by(evidence, group, cache)


def _room(evidence: Evidence, group: Group) -> MapUse | None:
    """The container of the group's objects, where it is below a cap that two dumps show alike, and not full of what has
    expired: that will not make room for itself."""
    use, census = evidence.capped(group), evidence.census(group)
    if use is None or len(evidence.dumps) < 2 or use.entries > use.cap:
        return None
    return use if census is None or census.expired < EXPIRED_SHARE * max(census.with_expiry, 1) else None


def _confidence(course: Course) -> Confidence:
    """How surely growth slows down: the gains of the first and the last third, or of both halves, against the events that made
    them."""
    sigmas = max(_slowing(course, course.snapshots // 3), _slowing(course, (course.snapshots - 1) // 2))
    if sigmas >= FILLING_HIGH_SIGMAS:
        return Confidence.HIGH
    return Confidence.MEDIUM if sigmas >= FILLING_MEDIUM_SIGMAS else Confidence.LOW


def _slowing(course: Course, intervals: int) -> float:
    """By how many standard errors the last so many intervals gain less in an hour than the first."""
    first, last = course.part(0, intervals + 1), course.part(course.snapshots - intervals - 1, course.snapshots)
    gains = [float(part.counts[-1] - part.counts[0]) / float(np.ptp(part.hours)) for part in (first, last)]
    variances = [float(part.born.sum() + part.died.sum()) / float(np.ptp(part.hours)) ** 2 for part in (first, last)]
    return (gains[0] - gains[1]) / max(math.sqrt(sum(variances)), 1e-9)
