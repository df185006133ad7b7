"""Intern table: strings or values are kept once each, for ever.

Looks for: growing groups under the unique package, or in functions whose names say that they intern.
Why it matters: interning saves memory only where values repeat; a table of values that never repeat is a leak.
How it decides: unique.Make, or a function named intern, is near the leaf of a group that grows significantly (low
    confidence); or, in a heap dump, nine in ten values of a map from string to string are the very strings of their keys.
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
from leakhunt.thresholds import INTERN_FRAMES, INTERNED_SHARE

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
        table = evidence.interned(group)
        is_shown = table is not None and table.same >= INTERNED_SHARE * table.entries
        if function is None and not is_shown:
            continue
        said = [f"{function} keeps each once"] if function else []
        if table is not None and is_shown:
            said.append(
                f"a heap dump finds {table.same:,} of {table.entries:,} values of {table.place.root_name} to be their keys"
            )
        yield Finding(
            detector="intern-table",
            pattern=PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.MEDIUM if is_shown else Confidence.LOW,
            sites=group.sites,
            text=f"interned values pile up: {'; '.join(said)}, and more and more are different",
            facts={"function": function or ""} | ({"same": table.same} if table is not None and is_shown else {}),
            remedy="Intern only what repeats, or use package unique, whose values go with their last handle.",
        )
