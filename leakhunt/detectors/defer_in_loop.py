"""Deferred calls that pile up: a defer in a loop that does not end, or not soon.

Looks for: growing sites whose objects a heap dump finds behind the deferred calls of a function that has not returned.
Why it matters: a deferred call runs when the function returns, not at the end of a turn of the loop. Until then its record
    and all that its closure holds stay: each file, lock, connection or buffer of every turn.
How it decides: the retention path of the growing site, in a heap dump, starts at the defer records of a stack frame, and many
    objects hang on it. Heap profiles alone cannot tell: the records are the runtime's, whose frames they hide.
When it is wrong: a bounded loop over many items that is under way; then the memory goes when the function returns.
What to do: put the body of the loop into a function of its own, and defer there.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.detectors.held import held_in, shows
from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance

PATTERN = "defer-in-loop"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups that deferred calls hold."""
    for group in evidence.growing_groups:
        held = shows(held_in(evidence, group), PATTERN)
        if held is None:
            continue
        calls = max((step.objects for step in held.retention.path), default=0)
        function = held.retention.root.name.removesuffix(" defer")
        yield Finding(
            detector="defer-in-loop",
            pattern=PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.HIGH,
            sites=group.sites,
            text=f"deferred calls pile up: {function} has not returned, and some {calls:,} of its deferred calls wait for that",
            facts={"function": function, "deferred_calls": calls},
            remedy="""Give each turn of the loop a function of its own:
    for letter := range inbox {
        func() {
            defer letter.Close()
            read(letter)
        }()
    }""",
        )
