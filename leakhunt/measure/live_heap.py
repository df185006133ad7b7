"""Does the live heap of a gctrace log grow? A timeline of exact totals, judged without any profile.

The live heap swings with load and collection timing, and swings are correlated in time, so an ordinary trend test calls them
growth. Here the log is cut into windows of equal length and the lowest live heap of each is taken: what nothing freed. The
slope of these lows is tested by generalised least squares under first-order autocorrelation, estimated from the residuals
with its small-sample bias taken out (Kendall 1954; Cochrane and Orcutt 1949 for the model), with Student's t at the effective
number of windows; the last half must confirm, so that a warm-up is no growth. Rates are Theil-Sen (Sen 1968). O(N).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.rate import theil_sen
from leakhunt.measure.significance import normal_tail, t_as_z
from leakhunt.model.gctrace import GcHeapTrend, GcTrace
from leakhunt.thresholds import (
    GCTRACE_ALPHA,
    GCTRACE_LAST_HALF_ALPHA,
    GCTRACE_MIN_RISE_MIB,
    GCTRACE_MIN_WINDOWS,
    GCTRACE_MOST_CORRELATION,
    GCTRACE_WINDOWS,
)
from leakhunt.units import format_bytes, format_duration

Floats = NDArray[np.float64]


class GrowthTest(NamedTuple):
    """p: one-sided, of a rising slope; error: half of the slope's 95 % interval, an hour."""

    p: float
    half_interval: float


def heap_trend(trace: GcTrace) -> GcHeapTrend:
    """Judges the live heap of a log."""
    notes = _notes(trace)
    windows = min(GCTRACE_WINDOWS, trace.collections // 2)
    if windows < GCTRACE_MIN_WINDOWS:
        more = 2 * GCTRACE_MIN_WINDOWS - trace.collections
        notes.append(f"{trace.collections} collections are too few to tell growth from a swing: {more} more are needed")
        return GcHeapTrend("inconclusive", math.nan, math.nan, math.nan, 1.0, 1.0, (), (), tuple(notes))
    lows, seconds = window_lows(trace.live_mib.astype(np.float64), trace.seconds, windows)
    hours = seconds / 3600
    p, half_interval = growth_test(lows, hours)
    half = len(lows) // 2
    last_half_p = growth_test(lows[half:], hours[half:]).p
    rate = float(theil_sen(lows[None, :], hours)[0])
    low, high = rate - half_interval, rate + half_interval
    rise = lows[-1] - lows[0]
    grows = p <= GCTRACE_ALPHA and last_half_p <= GCTRACE_LAST_HALF_ALPHA and rise >= GCTRACE_MIN_RISE_MIB
    if not grows and p <= GCTRACE_ALPHA and rise >= GCTRACE_MIN_RISE_MIB:
        notes.append("the live heap rose and is level in the last half of the log: it was filling, or warming up")
    elif not grows and p <= GCTRACE_ALPHA:
        notes.append(f"the live heap rose by less than {GCTRACE_MIN_RISE_MIB} MiB, which is the log's own rounding")
    return GcHeapTrend(
        "grows" if grows else "level",
        rate,
        low,
        high,
        p,
        last_half_p,
        tuple(lows.tolist()),
        tuple(seconds.tolist()),
        tuple(notes),
    )


def window_lows(values: Floats, seconds: Floats, windows: int) -> tuple[Floats, Floats]:
    """Lowest value in each of `windows` windows of equal length, and the middles of the windows; empty windows left out."""
    edges = np.linspace(seconds[0], seconds[-1], windows + 1)
    of = np.clip(np.searchsorted(edges, seconds, side="right") - 1, 0, windows - 1)
    lows = np.full(windows, np.inf)
    np.minimum.at(lows, of, values)
    kept = np.isfinite(lows)
    return lows[kept], ((edges[:-1] + edges[1:]) / 2)[kept]


def growth_test(values: Floats, hours: Floats) -> GrowthTest:
    """The test of a rising slope under autocorrelated errors. O(n^3), n at most GCTRACE_WINDOWS."""
    n = len(values)
    span = hours[-1] - hours[0] if n else 0.0
    if n < 4 or span <= 0:
        return GrowthTest(1.0, math.inf)
    design = np.column_stack([np.ones(n), (hours - hours[0]) / span])
    residuals = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    square = float(residuals @ residuals)
    if square < 1e-9 * max(1.0, float(values @ values)):  # a straight line, as rounded values make them
        return GrowthTest(0.0 if values[-1] > values[0] else 1.0, 0.0)
    observed = float(residuals[1:] @ residuals[:-1]) / square
    correlation = min(max((n * observed + 2) / (n - 4) if n > 4 else observed, 0.0), GCTRACE_MOST_CORRELATION)
    structure = correlation ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    outside = np.eye(n) - design @ np.linalg.solve(design.T @ design, design.T)  # what a fitted line leaves of the errors
    variance = square / max(float(np.trace(outside @ structure)), 1e-6)
    inverse = np.linalg.inv(structure + 1e-9 * np.eye(n))
    covariance = np.linalg.inv(design.T @ inverse @ design)
    slope = float((covariance @ design.T @ inverse @ values)[1])
    error = math.sqrt(variance * float(covariance[1, 1]))
    freedom = max(n * (1 - correlation) / (1 + correlation) - 2, 1.5)
    p = float(normal_tail(t_as_z(np.array([slope / error]), freedom))[0])
    return GrowthTest(p, _t_quantile(freedom) * error / span)


def _t_quantile(freedom: float) -> float:
    """The .975 quantile of Student's t (Fisher and Cornish 1960, four terms; within 3 % from 2 degrees up)."""
    return 1.96 + 2.3723 / freedom + 2.8225 / freedom**2 + 2.5559 / freedom**3 + 1.5896 / freedom**4


def _notes(trace: GcTrace) -> list[str]:
    """What else a log tells: its extent, pauses, share of CPU, stacks, restarts."""
    span = format_duration(float(trace.seconds[-1] - trace.seconds[0]))
    forced = int(trace.forced.sum())
    notes = [
        f"{trace.collections} collections over {span}{f', {forced} of them forced' if forced else ''}; live heap "
        f"{_mib(trace.live_mib[0])} → {_mib(trace.live_mib[-1])}, goal {_mib(trace.goal_mib[0])} → {_mib(trace.goal_mib[-1])}",
        f"stop-the-world pauses: median {np.median(trace.pause_ms):.3g} ms, longest {trace.pause_ms.max():.3g} ms; "
        f"{trace.cpu_percent[-1]} % of CPU time in GC",
    ]
    if trace.processes > 1:
        notes.append(f"the log holds {trace.processes} processes; this is the one with the most collections")
    stacks = trace.stacks_mib
    if stacks[-1] - stacks[0] >= GCTRACE_MIN_RISE_MIB and stacks[-1] >= 2 * max(1, stacks[0]):
        notes.append(f"goroutine stacks rose from {_mib(stacks[0])} to {_mib(stacks[-1])}: take a goroutine profile")
    return notes


def _mib(value: float) -> str:
    return format_bytes(float(value) * (1 << 20))
