"""Intern table: strings or values are kept once each, for ever.

Looks for: growing groups under the unique package, or in functions whose names say that they intern.
Why it matters: interning saves memory only where values repeat; a table of values that never repeat is a leak.
How it decides: unique.Make, or a function named intern, is near the leaf of a group that grows significantly.
When it is wrong: a finite vocabulary that is still being met for the first time. Handles of package unique are freed with
    their last reference, so what holds the handles is the leak.
What to do: intern only what repeats; bound the table, or use package unique.
Options: none.
"""

import re
from collections.abc import Iterator

from leakhunt.detectors.held import COLLECTIONS, held_in, speaks_against
from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import INTERN_FRAMES

PATTERN = "intern-table"
_NAMES = re.compile(r"^unique\.|(?i:[./)](?:\w+_)?intern(?:ed|er|String|Bytes|Symbol)?(?:\[|\.|$))|\)\.[Ii]ntern")


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups that intern."""
    for group in evidence.growing_groups:
        held = held_in(evidence, group)
        if speaks_against(held, PATTERN, *COLLECTIONS):
            continue
        frames = [frame for site in group.sites for frame in evidence.series.sites[site].frames[:INTERN_FRAMES]]
        function = next((f.function for f in frames if _NAMES.search(f.function)), None)
        if function is not None:
            yield Finding(
                detector="intern-table",
                pattern=PATTERN,
                stance=Stance.IMPLICATES,
                confidence=Confidence.LOW,
                sites=group.sites,
                text=f"interned values pile up: {function} keeps each once, and more and more are different",
                facts={"function": function},
                remedy="Intern only what repeats, or use package unique, whose values go with their last handle.",
            )
