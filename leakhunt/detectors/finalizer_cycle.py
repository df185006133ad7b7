"""Finalizer cycle: objects that refer to each other and have a finalizer are never collected.

Looks for: growing sites whose objects a heap dump reaches from finalizer records and from nothing else.
Why it matters: runtime.SetFinalizer keeps its object alive until the finalizer has run, and in a cycle that contains it the
    finalizer never runs. AddCleanup whose argument reaches the object does the same.
How it decides: the retention path of the growing site, in a heap dump, starts at a finalizer. Cleanups are in no dump: there
    two dumps must both find nothing that leads to the site's objects, at the same addresses.
When it is wrong: objects that were garbage and whose finalizers had not run yet when the dump was taken: take it after a
    collection.
What to do: break the cycle, close explicitly, or use runtime.AddCleanup with an argument that does not reach the object.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.evidence import Evidence
from leakhunt.graph.unreached import HIDDEN
from leakhunt.model.finding import Confidence, Finding, Stance

PATTERN = "finalizer-cycle"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups that only finalizers hold."""
    for group in evidence.growing_groups:
        retention = evidence.retention(group)
        if retention is None or not retention.root.kind.startswith("finalizer"):
            continue
        yield Finding(
            detector="finalizer-cycle",
            pattern=PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.HIGH,
            sites=group.sites,
            text="nothing that the dumps show holds these, and they outlive collections: what a cleanup was given reaches them"
            if retention.root.name == HIDDEN
            else "only finalizers hold these: no variable and no stack reaches them, a cycle that is never finalized",
            facts={"root": retention.root.name},
            remedy="""Close explicitly, or attach a cleanup whose argument does not reach the object:
    runtime.AddCleanup(surface, release, surface.handle)""",
        )
