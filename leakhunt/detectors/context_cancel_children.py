"""Contexts that are never cancelled: children stay registered with a long-lived parent.

Looks for: growing sites under context.WithCancel, WithTimeout, WithDeadline and AfterFunc.
Why it matters: a cancellable child stands in its parent's map until it is cancelled or the parent is. With a parent that
    lives as long as the process, every forgotten cancel() is a leak of the context, its timer and all its closure holds.
How it decides: one of these functions is on the stack of a site of a group that grows significantly, or a heap dump finds
    its objects among the children of a context. The context that a server makes for each connection is part of that.
When it is wrong: many long requests that are really under way.
What to do: call cancel (usually `defer cancel()`), or stop() of context.AfterFunc. `go vet -lostcancel` finds many.
Options: none.
"""

from collections.abc import Iterator
from dataclasses import replace

from leakhunt.detectors.frames import function_on
from leakhunt.detectors.held import held_in, shows
from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance

PATTERN = "context-cancel-children"
MAKERS = (
    "context.withCancel",
    "context.WithCancel",
    "context.WithTimeout",
    "context.WithDeadline",
    "context.(*cancelCtx).propagateCancel",
    "context.AfterFunc",
)


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups that make cancellable contexts."""
    for group in evidence.growing_groups:
        own = any(evidence.series.sites[site].own_functions for site in group.sites)
        # Of what a server allocates for each connection a context is one part.
        function = function_on(evidence, group if own else replace(group, sites=group.sites[:1]), MAKERS)
        if function is None and shows(held_in(evidence, group), PATTERN):
            function = "something below this parent"
        if function is not None:
            yield Finding(
                detector="context-cancel-children",
                pattern=PATTERN,
                stance=Stance.IMPLICATES,
                confidence=Confidence.MEDIUM,
                sites=group.sites,
                text=f"cancellable contexts pile up: {function} registers each with its parent until cancel is called",
                facts={"function": function},
                remedy="""Call cancel on every path:
    ctx, cancel := context.WithTimeout(parent, time.Second)
    defer cancel()""",
            )
