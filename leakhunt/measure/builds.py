"""Did the fix help? Growth rates of two builds of one program, compared site by site.

Sites are matched by function, since lines move between builds. Each build's rate and interval are those of
`leakhunt.measure.trend`; their difference is tested by its standard error (both intervals in quadrature) and corrected over the
sites compared. A fix is called fixed only when the new build's interval leaves less than BUILD_FIXED_SHARE of the old growth.
"""

import math

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.significance import benjamini_hochberg
from leakhunt.measure.trend import Trends, allocation_bytes_per_hour, analyse
from leakhunt.model.builds import BuildChange, BuildComparison, Rate, SiteChange
from leakhunt.model.series import Series
from leakhunt.thresholds import ALPHA, BUILD_FIXED_SHARE, BUILD_OTHER_LOAD, BUILD_UNSEEN_SAMPLES, INTERVAL_SIGMAS, MIN_SNAPSHOTS
from leakhunt.units import NS_PER_HOUR, format_rate

Floats = NDArray[np.float64]


MOST_SNAPSHOTS_NEEDED = 10_000
_ORDER = {change: rank for rank, change in enumerate(BuildChange)}


def compare_builds(before: Series, after: Series) -> BuildComparison:
    """Every site that grows as a leak does in either series, matched by function. O(sites) beside the trends of both."""
    trends = analyse(before), analyse(after)
    where = [{site.fingerprint: i for i, site in enumerate(series.sites)} for series in (before, after)]
    chosen: dict[str, None] = {}
    for series, trend in zip((before, after), trends, strict=True):
        chosen |= {series.sites[i].fingerprint: None for i in np.flatnonzero(trend.growing)}
    pairs = [
        tuple(
            _rate(series, trend, index.get(fingerprint))
            for series, trend, index in zip((before, after), trends, where, strict=True)
        )
        for fingerprint in chosen
    ]
    p = np.array([_difference(*pair)[3] for pair in pairs])
    q = benjamini_hochberg(p, np.ones(len(p), dtype=np.bool_))
    found = []
    for fingerprint, (old, new), corrected in zip(chosen, pairs, q.tolist(), strict=True):
        series, index = (after, where[1]) if fingerprint in where[1] else (before, where[0])
        difference, low, high, own_p = _difference(old, new)
        change = _change(old, new, difference, corrected)
        needed = _snapshots_needed(old, new, trends[1].snapshots) if old.grows and not new.grows else None
        found.append(
            SiteChange(series.sites[index[fingerprint]], old, new, difference, low, high, own_p, corrected, change, needed)
        )
    found.sort(key=lambda site: (_ORDER[site.change], -abs(site.difference), site.site.fingerprint))
    builds = [next((build for build in reversed(series.build_ids) if build), "") for series in (before, after)]
    return BuildComparison(
        trends[0].snapshots,
        trends[1].snapshots,
        builds[0],
        builds[1],
        tuple(found),
        tuple(_notes(before, after, trends, builds)),
    )


def _rate(series: Series, trends: Trends, site: int | None) -> Rate:
    if site is None:
        hours = _hours(series)
        unseen = BUILD_UNSEEN_SAMPLES * series.period_bytes / hours if hours > 0 else math.inf
        return Rate(0.0, 0.0, unseen, False, False)
    trend = trends.of(site)
    return Rate(trend.bytes_per_hour, trend.low, trend.high, bool(trends.growing[site]), True)


def _difference(old: Rate, new: Rate) -> tuple[float, float, float, float]:
    """(difference, low, high, two-sided p) of two rates with independent errors."""
    difference = new.bytes_per_hour - old.bytes_per_hour
    half = math.hypot(_half(old), _half(new))
    if not math.isfinite(half):
        return difference, -math.inf, math.inf, 1.0
    if half == 0:
        return difference, difference, difference, 0.0 if difference else 1.0
    p = math.erfc(abs(difference) / (half / INTERVAL_SIGMAS) / math.sqrt(2))
    return difference, difference - half, difference + half, p


def _half(rate: Rate) -> float:
    return (rate.high - rate.low) / 2 if rate.seen else rate.high


def _change(old: Rate, new: Rate, difference: float, q: float) -> BuildChange:
    differs = q <= ALPHA
    if not old.grows:
        return BuildChange.NEW if differs and difference > 0 else BuildChange.UNSURE
    if not new.grows:
        if differs and difference < 0:
            return BuildChange.FIXED if new.high <= BUILD_FIXED_SHARE * old.bytes_per_hour else BuildChange.BETTER
        return BuildChange.UNSURE
    if not differs:
        return BuildChange.SAME
    return BuildChange.BETTER if difference < 0 else BuildChange.WORSE


def _snapshots_needed(old: Rate, new: Rate, snapshots: int) -> int | None:
    """More snapshots until the new interval, around a rate of zero, leaves less than BUILD_FIXED_SHARE of the old growth.

    The interval's half shrinks at least with the square root of the time observed (faster where objects live short)."""
    target = BUILD_FIXED_SHARE * old.bytes_per_hour
    if target <= 0 or snapshots < 2 or not math.isfinite(_half(new)):
        return None
    if new.high <= target:
        return 0
    shrink = _half(new) / target
    intervals = (snapshots - 1) * (shrink if not new.seen else max(shrink, 1.0) ** 2)
    needed = math.ceil(max(intervals - (snapshots - 1), 1.0))
    return needed if needed <= MOST_SNAPSHOTS_NEEDED else None


def _hours(series: Series) -> float:
    times = series.times_ns[series.longest_segment]
    return float(times[-1] - times[0]) / NS_PER_HOUR if len(times) else 0.0


def _notes(before: Series, after: Series, trends: tuple[Trends, Trends], builds: list[str]) -> list[str]:
    notes = []
    for name, trend in zip(("before", "after"), trends, strict=True):
        if trend.snapshots < MIN_SNAPSHOTS:
            notes.append(f"{trend.snapshots} snapshots {name}: at least {MIN_SNAPSHOTS} are needed to tell growth from chance")
    if builds[0] and builds[0] == builds[1]:
        notes.append("both series are of the same build")
    if before.period_bytes != after.period_bytes:
        notes.append(f"sampled differently: one per {before.period_bytes} bytes before, one per {after.period_bytes} after")
    loads = [float(np.median(rates)) if len(rates := allocation_bytes_per_hour(series)) else 0.0 for series in (before, after)]
    if min(loads) > 0 and max(loads) / min(loads) >= BUILD_OTHER_LOAD:
        notes.append(
            f"the load differed: the process allocated {format_rate(loads[0])} before and {format_rate(loads[1])} after; "
            "growth that follows load differs by that alone"
        )
    return notes
