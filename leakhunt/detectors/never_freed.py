"""Never freed: not one sampled object that was allocated at the site in the window has been freed since.

Looks for: growing sites whose objects all stay. The cumulative counters of a heap profile (alloc_*) tell allocations and,
    with what is in use, frees; no trend is needed for that.
Why it matters: churn, however fast it grows, frees. A site that frees nothing over many allocations has a holder that
    never lets go.
How it decides: counts sampled allocations and frees between the first and the last snapshot. With no free among n
    allocations, the share that is freed is below 1 - 0.05^(1/n) at 95 % confidence; at n = 59 that is 5 %.
When it is wrong: objects that are meant to live longer than the window (a cache that still fills, connections, a warm-up);
    then the site stops growing when it is full.
What to do: look for the container that these objects go into and for the code that should take them out.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import MIN_SNAPSHOTS, NEVER_FREED_ALLOCATIONS, NEVER_FREED_ALPHA, NEVER_FREED_HIGH_ALLOCATIONS

PATTERN = "steady-growth"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups in which no sampled object was freed."""
    if evidence.snapshots < MIN_SNAPSHOTS:
        return
    trends, segment = evidence.trends, evidence.trends.segment
    allocations = evidence.series.alloc_samples[:, segment]
    for group in evidence.groups:
        sites = list(group.sites)
        if not group.grows:
            continue
        allocated = float((allocations[sites, -1] - allocations[sites, 0]).sum())
        freed = float(trends.freed_samples[sites].sum())
        if freed > 0 or allocated < NEVER_FREED_ALLOCATIONS:
            continue
        bound = 1 - NEVER_FREED_ALPHA ** (1 / allocated)
        yield Finding(
            detector="never-freed",
            pattern=PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.HIGH if allocated >= NEVER_FREED_HIGH_ALLOCATIONS else Confidence.MEDIUM,
            sites=group.sites,
            text=(
                f"not one of {allocated:,.0f} sampled objects allocated here in the window has been freed; at most "
                f"{100 * bound:.1f} % can be (95 % confidence)"
            ),
            facts={"allocated_samples": allocated, "freed_samples": freed, "freed_share_at_most": bound},
            remedy="Look for the container that these objects go into, and for the code that should take them out again.",
        )
