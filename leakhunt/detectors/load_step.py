"""Load: it rose in one step that is level on both sides, or in step with how fast it is allocated.

Looks for: growth that a single step explains (a deploy of configuration, a table that was loaded), or more traffic.
Why it matters: one step between first and last is growth to every rule that compares two snapshots, and so is a busy noon.
How it decides: one step, with level stretches of at least three snapshots on both sides, explains the curve better than a
    straight line and most of its variance; high confidence from a height of four standard errors on. Or: more is allocated
    an hour than before, more is in use, and objects live no longer, where a leak of this size would have made them by two
    standard deviations at least; or where growth beyond chance is of objects that live no longer, and allocation became
    faster beyond chance.
When it is wrong: a leak that began late and rests; a step that is the first of many.
What to do: nothing; look again when another step comes.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.evidence import Evidence
from leakhunt.measure.course import Course
from leakhunt.measure.groups import Basis, Group
from leakhunt.measure.shape import LoadStep, load_bound, load_step
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import (
    LOAD_LIFETIME_SHARE,
    LOAD_RATIO,
    LOAD_SURE_Z,
    LOAD_TELLING_Z,
    STEP_FASTER,
    STEP_HIGH_EXPLAINED,
    STEP_HIGH_SIGMAS,
    STEP_MEDIUM_SIGMAS,
)
from leakhunt.units import format_bytes

PATTERN = "load-step"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Clears groups that rose in one step, or with load."""
    for group in evidence.groups:
        course = evidence.course(group)
        found = load_step(course)
        if found is not None and _refuted(evidence, group, found):
            continue
        finding = _with_load(group, course) if found is None else _in_one_step(group, course, found)
        if finding is not None:
            yield finding


def _refuted(evidence: Evidence, group: Group, found: LoadStep) -> bool:
    """Whether dumps, which count every object, show growth that is not this step: after it, or in all much less than it."""
    stay = evidence.stay(group)
    if stay is None or not stay.has_grown:
        return False
    ratio = stay.last_objects / stay.first_objects
    return evidence.grew_after(group, found.at) or ratio * ratio < found.after_bytes / max(1.0, found.before_bytes)


def _in_one_step(group: Group, course: Course, found: LoadStep) -> Finding:
    load = (
        f", and it allocates {found.allocation_ratio:.1f} times as fast since" if found.allocation_ratio > STEP_FASTER else ""
    )
    return Finding(
        detector="load-step",
        pattern=PATTERN,
        stance=Stance.EXONERATES,
        confidence=_how_sure(found),
        sites=group.sites,
        text=(
            f"one step, from {format_bytes(found.before_bytes)} to {format_bytes(found.after_bytes)} before snapshot "
            f"{found.at + 1} of {course.snapshots}: level on both sides{load}"
        ),
        facts={
            "at": found.at,
            "before_bytes": found.before_bytes,
            "after_bytes": found.after_bytes,
            "allocation_ratio": found.allocation_ratio,
            "explained": found.explained,
        },
    )


def _how_sure(found: LoadStep) -> Confidence:
    if found.sigmas < STEP_MEDIUM_SIGMAS:
        return Confidence.LOW
    sure = found.explained >= STEP_HIGH_EXPLAINED and found.sigmas >= STEP_HIGH_SIGMAS
    return Confidence.HIGH if sure else Confidence.MEDIUM


def _with_load(group: Group, course: Course) -> Finding | None:
    found = load_bound(course)
    rose = found.allocation_ratio >= LOAD_RATIO and found.inuse_ratio >= LOAD_RATIO
    as_ever = group.basis is Basis.AS_EVER and found.allocates_faster
    telling = found.expected_lifetime_z >= LOAD_TELLING_Z and found.lifetime_z < LOAD_LIFETIME_SHARE * found.expected_lifetime_z
    if not rose or not (telling or as_ever):
        return None
    return Finding(
        detector="load-step",
        pattern=PATTERN,
        stance=Stance.EXONERATES,
        confidence=Confidence.HIGH if as_ever or found.expected_lifetime_z >= LOAD_SURE_Z else Confidence.MEDIUM,
        sites=group.sites,
        text=(
            f"rises with load: allocated {found.allocation_ratio:.1f} times as fast in the last third of the window as in the "
            f"first, {found.inuse_ratio:.1f} times as much in use, and objects live no longer "
            f"(z={found.lifetime_z:.1f} where a leak of this size would show {found.expected_lifetime_z:.1f})"
        ),
        facts={
            "allocation_ratio": found.allocation_ratio,
            "inuse_ratio": found.inuse_ratio,
            "lifetime_z": found.lifetime_z,
            "expected_lifetime_z": found.expected_lifetime_z,
        },
    )
