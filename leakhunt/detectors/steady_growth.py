"""Steady growth: memory in use rises all through the window, and none of the named patterns explains it.

Looks for: sites whose count of live sampled objects (or, where few large objects carry the site, whose bytes) drifts upward.
Why it matters: it is what every leak has in common; the named patterns are special cases of it.
How it decides: the turnover-calibrated trend test (docs/how-it-decides.md) asks whether births and deaths of the site's own
    turnover could have drifted that far by chance; q is its p value corrected for all sites tested. The same test must hold
    on the last half of the window, which a plateau fails. Where no single stack grows that surely, the sum of the stacks
    under one function is tested. It convicts at q <= 0.01 where 3 sampled objects or more are in use on average, and at
    q <= 0.001 in any case (with high confidence from 8 snapshots on); between that and 0.05 it only supports what other
    detectors say. If no part grows that surely and the heap as a whole does, its largest parts are tested among themselves,
    and the surest of them is charged at 0.05.
When it is wrong: a cache or pool that fills during the whole window grows just so until it is full; so does a process whose
    load rises all the time. More snapshots, or a longer window, tell them apart.
What to do: look at who keeps these objects: a heap dump shows the path from a GC root (`leakhunt dump path`).
Options: `--warmup N` drops the first snapshots, `--focus` and `--ignore` choose stacks.
"""

from collections.abc import Iterator

from leakhunt.evidence import Evidence
from leakhunt.measure.groups import Basis, Group
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import ALPHA, CONVICTING_Q, CONVICTING_SAMPLES, CONVICTING_SNAPSHOTS, MIN_SNAPSHOTS, SURE_Q
from leakhunt.units import format_bytes, format_rate

PATTERN = "steady-growth"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses every group that grows; with too few snapshots, every group that grew."""
    for group in evidence.growing_groups:
        grown = evidence.grown_bytes(group)
        yield _candidate(group, grown) if group.basis is Basis.ROSE else _growth(group, grown)


def _growth(group: Group, grown: float) -> Finding:
    trend = group.trend
    if group.basis in (Basis.HEAP, Basis.AS_EVER):
        confidence = Confidence.MEDIUM
    elif trend.q <= SURE_Q:
        confidence = Confidence.HIGH if trend.snapshots >= CONVICTING_SNAPSHOTS else Confidence.MEDIUM
    elif trend.q <= CONVICTING_Q and trend.samples >= CONVICTING_SAMPLES and not group.is_doubtful:
        confidence = Confidence.MEDIUM
    else:
        confidence = Confidence.LOW
    if group.basis is Basis.HEAP:
        under = f"under {group.function} " if group.function else ""
        how = (
            f"the heap as a whole grows surely, and this {under}is the largest part of it, q={trend.q:.2g} of the few that are"
        )
    elif group.basis is Basis.PROVED:
        how = f"likely and no more (p={trend.p:.2g}) by profiles; heap dumps prove that it grew, or is past its time"
    elif group.basis is Basis.GOROUTINES:
        how = f"likely and no more (p={trend.p:.2g}) by heap profiles; the goroutines that it is allocated for pile up"
    elif group.basis is Basis.AS_EVER:
        how = f"beyond chance (q={trend.q:.2g})"
    elif group.basis is Basis.OUTGROWN:
        how = "the block in use was outgrown again and again"
    else:
        where = f"the stacks under {group.function} together, " if group.basis is Basis.FUNCTION else ""
        how = f"{where}q={trend.q:.2g} where {CONVICTING_Q} convicts and {ALPHA} is the bar, and it still rose in the last half"
    return Finding(
        detector="steady-growth",
        pattern=PATTERN,
        stance=Stance.IMPLICATES,
        confidence=confidence,
        sites=group.sites,
        text=(
            f"steady growth over {trend.snapshots} snapshots: in use rose by {format_bytes(grown)} "
            f"({format_rate(trend.bytes_per_hour)}), {how}"
        ),
        facts={"z": trend.z, "p": trend.p, "q": trend.q, "last_half_p": trend.last_half_p, "grown_bytes": grown},
        remedy="Find out who keeps these objects: take a heap dump (runtime/debug.WriteHeapDump) and run `leakhunt dump path`.",
    )


def _candidate(group: Group, grown: float) -> Finding:
    snapshots = group.trend.snapshots
    return Finding(
        detector="steady-growth",
        pattern=PATTERN,
        stance=Stance.IMPLICATES,
        confidence=Confidence.LOW,
        sites=group.sites,
        text=(
            f"in use rose by {format_bytes(grown)} between {snapshots} snapshots: growth cannot be told from chance with fewer "
            f"than {MIN_SNAPSHOTS}"
        ),
        facts={"grown_bytes": grown},
        remedy=f"Take more snapshots of the same process, at least {MIN_SNAPSHOTS} and better 12, evenly apart.",
    )
