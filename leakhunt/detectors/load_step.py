"""Load step: it rose once, and is level on both sides.

Looks for: growth that a single step explains: more traffic, a deploy of configuration, a table that was loaded.
Why it matters: one step between first and last is growth to every rule that compares two snapshots.
How it decides: one step, with level stretches of at least three snapshots on both sides, explains the curve better than a
    straight line and most of its variance. If the site also allocates faster after the step, load made it.
When it is wrong: a leak that began late and rests; a step that is the first of many.
What to do: nothing; look again when another step comes.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.evidence import Evidence
from leakhunt.measure.shape import load_step
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.units import format_bytes

PATTERN = "load-step"
HIGH_EXPLAINED = 0.8  # share of the variance; a straight line explains at most 3/4 of a step in the middle, and the reverse
FASTER = 1.5


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Clears groups that rose in one step."""
    for group in evidence.groups:
        course = evidence.course(group)
        found = load_step(course)
        if found is None:
            continue
        load = f", and it allocates {found.allocation_ratio:.1f} times as fast since" if found.allocation_ratio > FASTER else ""
        yield Finding(
            detector="load-step",
            pattern=PATTERN,
            stance=Stance.EXONERATES,
            confidence=Confidence.HIGH if found.explained >= HIGH_EXPLAINED else Confidence.MEDIUM,
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
