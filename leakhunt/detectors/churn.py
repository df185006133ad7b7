"""Churn: what is allocated is freed again, however much of it there is.

Looks for: sites with a high turnover and a level that stays within what that turnover moves by chance.
Why it matters: the busiest sites are the largest in alloc_space and the noisiest in inuse_space; both get accused.
How it decides: over the window at least four fifths of the sampled objects allocated at the site were freed, and the site
    does not grow significantly. High confidence from 30 sampled frees.
When it is wrong: a small leak under heavy churn; the trend test sees it first, and then this detector is silent.
What to do: nothing about leaks. Fewer allocations would save processor time.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.evidence import Evidence
from leakhunt.measure.shape import freed_share
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import CHURN_FREED_SHARE, CHURN_HIGH_FREED

PATTERN = "churn"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Clears groups that free what they allocate."""
    for group in evidence.groups:
        course = evidence.course(group)
        share, freed = freed_share(course), float(course.died.sum())
        if group.grows or not share >= CHURN_FREED_SHARE:
            continue
        yield Finding(
            detector="churn",
            pattern=PATTERN,
            stance=Stance.EXONERATES,
            confidence=Confidence.HIGH if freed >= CHURN_HIGH_FREED else Confidence.MEDIUM,
            sites=group.sites,
            text=f"what is allocated here is freed: {freed:,.0f} sampled objects went while {course.born.sum():,.0f} came",
            facts={"freed_share": share, "freed_samples": freed},
        )
