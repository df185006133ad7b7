"""Pool: objects are made by a sync.Pool or a free list, and reused.

Looks for: sites under sync.(*Pool).Get or a function named like a pool's constructor, that do not grow at the end.
Why it matters: a pool rises to its high-water mark under load and keeps it between two collections.
How it decides: sync.(*Pool) is on the stack and the site does not grow significantly.
When it is wrong: a pool whose buffers get larger and larger: then buffer-growth speaks.
What to do: nothing.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.detectors.frames import function_on
from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance

PATTERN = "pool"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Clears groups of pooled objects that do not grow."""
    for group in evidence.groups:
        function = function_on(evidence, group, ("sync.(*Pool).",))
        if function is None or group.grows:
            continue
        yield Finding(
            detector="pool",
            pattern=PATTERN,
            stance=Stance.EXONERATES,
            confidence=Confidence.MEDIUM,
            sites=group.sites,
            text=f"pooled: {function} makes these, and their number does not grow",
            facts={"function": function},
        )
