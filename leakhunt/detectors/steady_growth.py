"""Steady growth: memory in use rises all through the window, and none of the named patterns explains it.

Looks for: sites whose count of live sampled objects (or, where few large objects carry the site, whose bytes) drifts upward.
Why it matters: it is what every leak has in common; the named patterns are special cases of it.
How it decides: the turnover-calibrated trend test (docs/how-it-decides.md) asks whether births and deaths of the site's own
    turnover could have drifted that far by chance; q is its p value corrected for all sites tested. The same test must hold
    on the last half of the window, which a plateau fails. High confidence at q <= 0.001 and at least 8 snapshots.
When it is wrong: a cache or pool that fills during the whole window grows just so until it is full; so does a process whose
    load rises all the time. More snapshots, or a longer window, tell them apart.
What to do: look at who keeps these objects: a heap dump shows the path from a GC root (`leakhunt dump path`).
Options: `--warmup N` drops the first snapshots, `--focus` and `--ignore` choose stacks.
"""

from collections.abc import Iterator

from leakhunt.evidence import Evidence
from leakhunt.measure.thresholds import ALPHA, MIN_GROWTH_BYTES, MIN_SNAPSHOTS
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.units import format_bytes, format_rate

PATTERN = "steady-growth"
HIGH_Q = 0.001  # with 2 000 sites tested, q = .001 leaves one false alarm in some 500 series (measured in tests/simulate.py)
HIGH_SNAPSHOTS = 8  # from 8 on the last half alone has four points


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses every group whose first site grows significantly; with too few snapshots, every group that grew."""
    trends = evidence.trends
    for group in evidence.groups:
        trend = evidence.trend(group.seed)
        grown = sum(float(trends.grown_bytes[site]) for site in group.sites)
        if evidence.snapshots < MIN_SNAPSHOTS:
            if grown >= MIN_GROWTH_BYTES:
                yield _candidate(group.sites, grown, evidence.snapshots)
            continue
        if not trends.growing[group.seed]:
            continue
        high = trend.q <= HIGH_Q and trend.snapshots >= HIGH_SNAPSHOTS
        yield Finding(
            detector="steady-growth",
            pattern=PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.HIGH if high else Confidence.MEDIUM,
            sites=group.sites,
            text=(
                f"steady growth over {trend.snapshots} snapshots: in use rose by {format_bytes(grown)} "
                f"({format_rate(trend.bytes_per_hour)}"
                f" at this site), q={trend.q:.2g} where {ALPHA} is the bar, and it still rose in the last half"
            ),
            facts={"z": trend.z, "p": trend.p, "q": trend.q, "last_half_p": trend.last_half_p, "grown_bytes": grown},
            remedy=(
                "Find out who keeps these objects: take a heap dump (runtime/debug.WriteHeapDump) and run `leakhunt dump path`."
            ),
        )


def _candidate(sites: tuple[int, ...], grown: float, snapshots: int) -> Finding:
    return Finding(
        detector="steady-growth",
        pattern=PATTERN,
        stance=Stance.IMPLICATES,
        confidence=Confidence.LOW,
        sites=sites,
        text=(
            f"in use rose by {format_bytes(grown)} between {snapshots} snapshots: growth cannot be told from chance with fewer "
            f"than {MIN_SNAPSHOTS}"
        ),
        facts={"grown_bytes": grown},
        remedy=f"Take more snapshots of the same process, at least {MIN_SNAPSHOTS} and better 12, evenly apart.",
    )
