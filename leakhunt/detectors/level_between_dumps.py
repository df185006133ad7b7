"""Level between dumps: the path that holds a site's objects held as many in the last heap dump as in the first.

Looks for: sites whose objects hang on one retention path in two heap dumps or more of the process.
Why it matters: a profile knows the objects of a site by a few samples; two dumps count every one of them. What fluctuates
    within a full ring, pool or cache is told from growth at once.
How it decides: the path gained less than a twentieth of the objects it had, and less than a twentieth of their bytes, between
    the first and the last dump. High confidence where it had twenty objects or more.
When it is wrong: dumps that are close together beside profiles over a long time; a slow leak on a path that holds much else.
    What a site's objects are held by elsewhere is not looked at.
What to do: nothing; take the dumps further apart to be surer.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import KEPT_OBJECTS, LEVEL_SHARE

PATTERN = "churn"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Speaks for groups whose path is level."""
    for group in evidence.groups:
        retention, stay = evidence.retention(group), evidence.stay(group)
        if retention is None or stay is None or not retention.path or stay.first_objects < KEPT_OBJECTS:
            continue
        step = retention.path[-1]
        objects, size = step.objects_before, step.bytes_before
        if not objects or not size or step.objects > (1 + LEVEL_SHARE) * objects or step.bytes > (1 + LEVEL_SHARE) * size:
            continue
        yield Finding(
            detector="level-between-dumps",
            pattern="plateau" if stay.kept_all else PATTERN,
            stance=Stance.EXONERATES,
            confidence=Confidence.HIGH,
            sites=group.sites,
            text=f"level between dumps: {objects:,} objects at {stay.path} in the first heap dump and {step.objects:,} now",
            facts={"path": stay.path, "first_objects": objects, "last_objects": step.objects},
        )
