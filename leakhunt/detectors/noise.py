"""Noise: the change is within what sampling and turnover make by chance.

Looks for: sites that a comparison of two snapshots would point at, and whose trend is no more than chance.
Why it matters: a heap profile knows 1 MiB of small objects to 71 %, 10 MiB to 22 %. Differences below that mean nothing.
How it decides: the trend test was made and is not significant, or too few sampled objects came or went to make one. Where the
    whole window alone would be significant, the text says what speaks against it: its last half, or lifetimes as ever.
When it is wrong: a leak too small for the series; the report says how large one it could have seen.
What to do: nothing; for smaller leaks take more snapshots over a longer time, or a smaller runtime.MemProfileRate.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.model.series import Trend
from leakhunt.thresholds import ALPHA, CHANCE_Q, CHANCE_SAMPLES, LAST_HALF_ALPHA, MIN_SNAPSHOTS
from leakhunt.units import counted, format_bytes

PATTERN = "noise"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Clears groups whose change is within chance."""
    if evidence.snapshots < MIN_SNAPSHOTS:
        return
    trends = evidence.trends
    for group in evidence.groups:
        trend = group.trend
        if (group.grows and not group.is_doubtful) or not trend.tested:
            continue
        yield Finding(
            detector="noise",
            pattern=PATTERN,
            stance=Stance.EXONERATES,
            confidence=_confidence(trend.samples, group.grows),
            sites=group.sites,
            text=(
                f"{_why(trend, group.grows)}: {format_bytes(trends.grown_bytes[group.seed], signed=True)} on a mean of "
                f"{trend.samples:.0f} sampled objects, q={trend.q:.2g} over {counted(int(trends.tested.sum()), 'site')} tested"
            ),
            facts={"q": trend.q, "p": trend.p, "samples": trend.samples},
        )


def _why(trend: Trend, grows: bool) -> str:
    """What the test found wanting: of growth over the whole window that is beyond chance, its last half or its lifetimes."""
    if trend.q <= ALPHA and trend.last_half_p > LAST_HALF_ALPHA:
        return f"rose, and its last half alone does not show it (p={trend.last_half_p:.2g})"
    if not grows and trend.p <= CHANCE_Q and trend.q == 1:
        return f"rose (p={trend.p:.2g}), and no object lives longer than those before"
    return "within chance"


def _confidence(samples: float, grows: bool) -> Confidence:
    """Weak growth is let go unless something else speaks for it, which then convicts at medium confidence or more."""
    if grows:
        return Confidence.LOW
    return Confidence.HIGH if samples < CHANCE_SAMPLES else Confidence.LOW
