"""What a series says about each site: how fast it grows, how surely, and what could not be told.

The turnover-calibrated test asks whether a site's raw counts drift more than stationary births and deaths of its own turnover
would let them. All sites of the longest segment at once: O(sites * snapshots). What kind of growth it is (plateau, load step,
sawtooth) is `leakhunt.measure.shape`; whether it is a leak, the detectors'.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure import thresholds
from leakhunt.measure.rate import theil_sen
from leakhunt.model.series import Series, Trend
from leakhunt.units import NS_PER_HOUR

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trends:
    """Trends of all sites. Arrays are float64[K] in the Series' order, named and meant as in `model.series.Trend`.

    tested                      bool[K]: took part in the correction for many tests
    grown_bytes                 float64[K], in-use bytes gained over the segment
    segment                     the snapshots that were tested
    detectable_bytes_per_hour   the smallest steady leak that would have been seen with 80 % power, None when none would
    not_testable_sites, not_testable_bytes, reason   sites that hold memory and could not be tested, what they hold at the
                                end, and why
    """

    bytes_per_hour: Floats
    low: Floats
    high: Floats
    objects_per_hour: Floats
    z: Floats
    p: Floats
    q: Floats
    last_half_p: Floats
    retention_ratio: Floats
    freed_samples: Floats
    samples: Floats
    tested: NDArray[np.bool_]
    grown_bytes: Floats
    segment: slice
    detectable_bytes_per_hour: float | None
    not_testable_sites: int
    not_testable_bytes: int
    reason: str
    site_notes: dict[int, tuple[str, ...]]

    @property
    def snapshots(self) -> int:
        """Snapshots in the segment."""
        return int(self.segment.stop - self.segment.start)

    @property
    def growing(self) -> NDArray[np.bool_]:
        """bool[K]: significant over the whole segment and in its last half, and large enough to report."""
        return (
            self.tested
            & (self.q <= thresholds.ALPHA)
            & (self.last_half_p <= thresholds.LAST_HALF_ALPHA)
            & (self.grown_bytes >= thresholds.MIN_GROWTH_BYTES)
        )

    def of(self, site: int) -> Trend:
        """The trend of one site."""
        return Trend(
            bytes_per_hour=float(self.bytes_per_hour[site]),
            low=float(self.low[site]),
            high=float(self.high[site]),
            objects_per_hour=float(self.objects_per_hour[site]),
            z=float(self.z[site]),
            p=float(self.p[site]),
            q=float(self.q[site]),
            last_half_p=float(self.last_half_p[site]),
            retention_ratio=float(self.retention_ratio[site]),
            freed_samples=float(self.freed_samples[site]),
            samples=float(self.samples[site]),
            snapshots=self.snapshots,
            tested=bool(self.tested[site]),
            notes=self.site_notes.get(site, ()),
        )


def analyse(series: Series) -> Trends:
    """The trend of every site over the longest segment of `series`."""
    segment = series.longest_segment
    hours = (series.times_ns[segment] - series.times_ns[segment.start : segment.start + 1].sum()) / NS_PER_HOUR
    n = len(hours)
    k = len(series.sites)
    counts = np.ascontiguousarray(series.inuse_samples[:, segment], dtype=np.float64)
    born, died = births_and_deaths(counts, np.ascontiguousarray(series.alloc_samples[:, segment], dtype=np.float64))
    inuse = np.ascontiguousarray(series.inuse_bytes[:, segment], dtype=np.float64)
    objects = np.ascontiguousarray(series.inuse_objects[:, segment], dtype=np.float64)
    grown = inuse[:, -1] - inuse[:, 0] if n else np.zeros(k)
    allocated = series.alloc_bytes[:, segment]
    allocated_bytes = (allocated[:, -1] - allocated[:, 0]).astype(np.float64) if n else np.zeros(k)
    active = (born.sum(axis=1) + died.sum(axis=1)) > 0
    tested = active & (n >= thresholds.MIN_SNAPSHOTS)
    z = np.zeros(k)
    last_half_p = np.ones(k)
    if tested.any():
        z[tested] = calibrated_z(counts[tested], born[tested], died[tested], hours)
        half = n // 2
        if n - half >= 3:
            last = calibrated_z(counts[tested][:, half:], born[tested][:, half:], died[tested][:, half:], hours[half:])
            last_half_p[tested] = normal_tail(last)
    p = np.where(tested, normal_tail(z), 1.0)
    rate, objects_rate = theil_sen(inuse, hours), theil_sen(objects, hours)
    spread = rate_error(series, born, died, hours)
    with np.errstate(divide="ignore", invalid="ignore"):
        retention = np.where(allocated_bytes > 0, grown / allocated_bytes, np.nan)
    untestable = ~tested & ((inuse[:, -1] > 0) if n else np.zeros(k, dtype=bool)) & (active | (n < thresholds.MIN_SNAPSHOTS))
    return Trends(
        bytes_per_hour=rate,
        low=rate - 1.96 * spread,
        high=rate + 1.96 * spread,
        objects_per_hour=objects_rate,
        z=z,
        p=p,
        q=benjamini_hochberg(p, tested),
        last_half_p=last_half_p,
        retention_ratio=retention,
        freed_samples=died.sum(axis=1),
        samples=counts.mean(axis=1) if n else np.zeros(k),
        tested=tested,
        grown_bytes=grown,
        segment=segment,
        detectable_bytes_per_hour=None,
        not_testable_sites=int(untestable.sum()),
        not_testable_bytes=int(inuse[untestable, -1].sum()) if n else 0,
        reason=_reason(n) if untestable.any() or n < thresholds.MIN_SNAPSHOTS else "",
        site_notes={},
    )


def _reason(snapshots: int) -> str:
    return f"{snapshots} snapshots of one process: at least {thresholds.MIN_SNAPSHOTS} are needed to tell growth from chance"


def births_and_deaths(counts: Floats, cumulative: Floats) -> tuple[Floats, Floats]:
    """float64[K, N-1] each: sampled objects allocated and freed between snapshots.

    Without cumulative counts (all zero) the smallest births and deaths that explain the counts."""
    if counts.shape[1] < 2:
        return np.zeros((len(counts), 0)), np.zeros((len(counts), 0))
    change = np.diff(counts, axis=1)
    born = np.diff(cumulative, axis=1)
    unknown = ~cumulative.any(axis=1)
    born[unknown] = np.maximum(change[unknown], 0)
    born = np.maximum(born, np.maximum(change, 0.0))
    return born, born - change


def calibrated_z(counts: Floats, born: Floats, died: Floats, hours: Floats) -> Floats:
    """float64[K]: drift of `counts` [K, n] in standard deviations of a stationary process with this turnover, one-sided."""
    n = len(hours)
    span = hours[-1] - hours[0]
    mean = np.maximum(counts.mean(axis=1), 1e-9)
    events_per_hour = (born.sum(axis=1) + died.sum(axis=1)) / (2 * span)
    weights = hours - hours.mean()
    steps = np.diff(hours)
    correlation = np.exp(-np.outer(events_per_hour / mean, steps))
    variance = mean * _quadratic_form(weights, correlation)
    if n >= 5:
        expected = 2 * mean[:, None] * (1 - correlation)
        change = np.diff(counts, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            dispersion = np.where(expected > 0, (change - change.mean(axis=1, keepdims=True)) ** 2 / expected, 0).mean(axis=1)
        variance = variance * np.maximum(1.0, dispersion * (n - 1) / (n - 2))
    drift = np.asarray(counts @ weights, dtype=np.float64)
    return np.divide(drift, np.sqrt(variance), out=np.zeros(len(counts)), where=variance > 0)


def _quadratic_form(weights: Floats, correlation: Floats) -> Floats:
    """w' C w per site, C_ij the product of the correlations of the steps between i and j; O(n) a site, not n^2."""
    carried = np.zeros(len(correlation))
    total = np.full(len(correlation), weights[0] ** 2)
    for i in range(1, len(weights)):
        carried = correlation[:, i - 1] * (carried + weights[i - 1])
        total += weights[i] ** 2 + 2 * weights[i] * carried
    return total


def rate_error(series: Series, born: Floats, died: Floats, hours: Floats) -> Floats:
    """Standard error of the growth rate in bytes per hour, from the events that made it."""
    if len(hours) < 2:
        return np.full(len(series.sites), np.inf)
    events = born.sum(axis=1) + died.sum(axis=1)
    return series.sample_bytes * np.sqrt(events) / (hours[-1] - hours[0])


def normal_tail(z: Floats) -> Floats:
    """Upper tail of the standard normal."""
    return np.array([0.5 * math.erfc(value / math.sqrt(2)) for value in z], dtype=np.float64)


def benjamini_hochberg(p: Floats, tested: NDArray[np.bool_]) -> Floats:
    """q values (Benjamini and Hochberg 1995) over the tested; 1 elsewhere."""
    q = np.ones(len(p))
    index = np.flatnonzero(tested)
    if len(index):
        order = index[np.argsort(p[index], kind="stable")]
        scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
        q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q
