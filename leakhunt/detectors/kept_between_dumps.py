"""Kept between dumps: what a path held in the first heap dump is still there in the last, and more came.

Looks for: growing sites whose objects hang on one retention path in two heap dumps or more of the process.
Why it matters: two dumps see every object, not a sample; that nothing left a container in between is counted, not estimated.
How it decides: objects are the same when path, address and size agree (Go's collector does not move them). At least 95 % of
    what the path had in the first dump must be in the last, and it must have gained a tenth, by more than chance.
When it is wrong: a cache that still fills; dumps that are too close together for anything to have been let go. A slot that
    was freed and taken by a new object of the same path counts as kept.
What to do: look at what takes things out of the container at the end of the path.
Options: `--binary EXE` gives the path its names.
"""

from collections.abc import Iterator

from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance

PATTERN = "steady-growth"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups whose objects stay on their path while more come."""
    for group in evidence.growing_groups:
        stay = evidence.stay(group)
        if stay is None or not stay.kept_all or not stay.has_grown:
            continue
        yield Finding(
            detector="kept-between-dumps",
            pattern=PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.MEDIUM,
            sites=group.sites,
            text=(
                f"of {stay.first_objects:,} objects at {stay.path} in the first heap dump {stay.stayed:,} are still there in "
                f"the last, and {stay.last_objects - stay.stayed:,} have come"
            ),
            facts={
                "path": stay.path,
                "first_objects": stay.first_objects,
                "stayed": stay.stayed,
                "last_objects": stay.last_objects,
            },
            remedy="Look at what should take things out of the container at the end of this path.",
        )
