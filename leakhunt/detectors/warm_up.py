"""Warm-up: what was made at start is replaced by the same kind of thing made while serving.

Looks for: a growing site whose function allocates on behalf of other callers too, where those fall as the site rises: a
    ring of recent orders filled at start by main and renewed by requests.
Why it matters: by stack, one site only rises and another only falls; what the process holds is level.
How it decides: over the window, the sites that share the function nearest to the leaf (outside the standard library) lose
    together at least three quarters of what the group gains.
When it is wrong: a leak at one caller beside an unrelated fall of just that size at another caller of the same function.
What to do: nothing; `--warmup N` drops the snapshots in which it happens.
Options: `--warmup N`.
"""

from collections.abc import Iterator

import numpy as np

from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import REPLACED_SHARE
from leakhunt.units import format_bytes

PATTERN = "warm-up"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Clears groups whose growth is the fall of the same function under other callers."""
    functions = np.array([site.leaf.function for site in evidence.series.sites])
    grown = evidence.trends.grown_bytes
    for group in evidence.groups:
        gained = evidence.grown_bytes(group)
        if gained <= 0:
            continue
        function = evidence.series.sites[group.seed].leaf.function
        others = np.setdiff1d(np.flatnonzero(functions == function), group.sites)
        lost = -float(np.minimum(grown[others], 0).sum())
        if lost >= REPLACED_SHARE * gained:
            yield Finding(
                detector="warm-up",
                pattern=PATTERN,
                stance=Stance.EXONERATES,
                confidence=Confidence.HIGH,
                sites=group.sites,
                text=(
                    f"replaced, not added: what the same function made for other callers fell by {format_bytes(lost)} "
                    f"while this rose by {format_bytes(gained)}"
                ),
                facts={"lost_bytes": lost, "gained_bytes": gained},
            )
