"""Context chain: each context is derived from the one before, so the chain grows without end.

Looks for: growing sites under context.WithValue.
Why it matters: a context keeps its parent. `ctx = context.WithValue(ctx, ...)` in a loop makes a list as long as the loop
    has run, none of which can be collected, and every Value look-up walks it.
How it decides: context.WithValue is on the stack of a site of a group that grows significantly, or a heap dump finds its
    objects in a chain of contexts.
When it is wrong: contexts that are kept one by one (in a registry of requests); then the registry is the leak.
What to do: derive from the base context in every turn, not from the last turn's.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.detectors.frames import function_on
from leakhunt.detectors.held import held_in, shows
from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance

PATTERN = "context-chain"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups under context.WithValue."""
    for group in evidence.growing_groups:
        if function_on(evidence, group, ("context.WithValue",)) or shows(held_in(evidence, group), PATTERN):
            yield Finding(
                detector="context-chain",
                pattern=PATTERN,
                stance=Stance.IMPLICATES,
                confidence=Confidence.MEDIUM,
                sites=group.sites,
                text="contexts made by context.WithValue pile up: each keeps the one it was derived from",
                facts={"function": "context.WithValue"},
                remedy="""Derive from the base context in every turn:
    for job := range jobs {
        ctx := context.WithValue(base, key, job.ID) // not ctx = context.WithValue(ctx, ...)
        run(ctx, job)
    }""",
            )
