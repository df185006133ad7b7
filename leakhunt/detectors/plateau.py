"""Plateau: it grew, and has stopped growing.

Looks for: sites that rose and are level since: caches that are full, pools at their high-water mark, data that was loaded once.
Why it matters: +50 % from first to last looks like a leak to every rule that compares two snapshots.
How it decides: from some snapshot on the site's drift is no more than chance, over at least three snapshots, although growth
    at the earlier rate would have shown by two standard errors or more. Medium confidence from three, high from four, and
    where goroutine profiles count none more of its goroutines in the last quarter.
When it is wrong: a leak that rests because load does (a night, a weekend).
What to do: nothing, if the level is affordable. Look again under load.
Options: `--warmup N` drops the rise.
"""

from collections.abc import Iterator

from leakhunt.evidence import Evidence
from leakhunt.measure.goroutines import standing
from leakhunt.measure.groups import Group
from leakhunt.measure.shape import plateau
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import PLATEAU_HIGH_SIGMAS, PLATEAU_MEDIUM_SIGMAS
from leakhunt.units import format_bytes

PATTERN = "plateau"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Clears groups that have stopped growing."""
    for group in evidence.groups:
        course = evidence.course(group)
        found = plateau(course)
        if found is None or evidence.grew_after(group, found.since):
            continue
        level = course.snapshots - found.since
        yield Finding(
            detector="plateau",
            pattern=PATTERN,
            stance=Stance.EXONERATES,
            confidence=Confidence.HIGH if _holders_stopped(evidence, group) else _confidence(found.missing_sigmas),
            sites=group.sites,
            text=(
                f"level at {format_bytes(found.level_bytes)} for the last {level} of {course.snapshots} snapshots: growth as "
                f"before would have shown by {found.missing_sigmas:.1f} standard errors"
            ),
            facts={"level_bytes": found.level_bytes, "level_snapshots": level, "missing_sigmas": found.missing_sigmas},
        )


def _holders_stopped(evidence: Evidence, group: Group) -> bool:
    """Whether the goroutines that the group's sites belong to came in number, and do no more."""
    sites, goroutines = [evidence.series.sites[site] for site in group.sites], evidence.goroutines
    return standing(goroutines.stopped, sites) is not None and standing(goroutines.rising, sites) is None


def _confidence(missing_sigmas: float) -> Confidence:
    if missing_sigmas >= PLATEAU_HIGH_SIGMAS:
        return Confidence.HIGH
    return Confidence.MEDIUM if missing_sigmas >= PLATEAU_MEDIUM_SIGMAS else Confidence.LOW
