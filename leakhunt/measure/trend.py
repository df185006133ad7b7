"""What a series says about each site: how fast it grows, how surely, and what could not be told.

Two questions make a leak: does the site grow more than its turnover allows (leakhunt.measure.turnover), and do its objects
live ever longer, so that neither load nor a cache filling up explains it (leakhunt.measure.lifetimes)? Both are asked of raw
sample counts, of all sites of the longest segment, and corrected for how many were asked. Sites whose few large objects grow
while their number does not are leakhunt.measure.resized's. What kind of growth it is (plateau, load step, sawtooth) is
leakhunt.measure.shape's; whether it is a leak, the detectors'.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.lifetimes import lengthening, lifetimes, surely_lengthening
from leakhunt.measure.power import detectable_bytes_per_hour
from leakhunt.measure.rate import rate_error, theil_sen
from leakhunt.measure.replacement import p_with_siblings
from leakhunt.measure.resized import few_and_large, resized_p
from leakhunt.measure.significance import benjamini_hochberg, normal_tail
from leakhunt.measure.turnover import births_and_deaths, drift, normal_deviate, seen_events, with_dispersion
from leakhunt.model.series import Series, Trend
from leakhunt.model.site import AllocationSite
from leakhunt.thresholds import (
    ALPHA,
    ESTIMATE_DISPERSION,
    INTERVAL_SIGMAS,
    LAST_HALF_ALPHA,
    LATE_SNAPSHOTS,
    MIN_EVENTS,
    MIN_GROWTH_BYTES,
    MIN_SNAPSHOTS,
)
from leakhunt.units import NS_PER_HOUR

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_SITES_AT_ONCE = 128  # bounds the memory of a long series: some 15 arrays of sites x snapshots stand at a time


@dataclass(frozen=True, slots=True)
class SiteTrends:
    """What is known of each site by itself. Arrays are float64[K] in the Series' order, named and meant as in
    `model.series.Trend`; in addition

    grown_bytes    in-use bytes gained over the segment
    events         sampled births and deaths over it
    lengthening    bool[K]: lifetimes as ever do not explain the growth better than a leak does
    resized        bool[K]: judged by the size of its few large objects, not by their number
    """

    bytes_per_hour: Floats
    low: Floats
    high: Floats
    objects_per_hour: Floats
    z: Floats
    p: Floats
    last_half_p: Floats
    lifetime_z: Floats
    expected_lifetime_z: Floats
    retention_ratio: Floats
    freed_samples: Floats
    samples: Floats
    grown_bytes: Floats
    events: Floats
    lengthening: Flags
    resized: Flags


@dataclass(frozen=True, slots=True)
class Trends(SiteTrends):
    """Trends of all sites over the longest segment.

    q                           float64[K], Benjamini-Hochberg over the tested sites, weighted by what they hold, of p, taken
                                as 1 where lifetimes explain the growth
    rise_q                      float64[K], the same of p as it is
    tested                      bool[K]: took part in the correction
    replaced                    bool[K]: gains what others of its kind lose, and is not significant with them; p is of their sum
    segment                     the snapshots that were tested
    detectable_bytes_per_hour   the smallest steady leak of small objects, at a site of its own, that would have been seen with
                                80 % power; None when none would
    untestable, reason          bool[K]: holds memory, changes, and could not be tested by itself; and why
    """

    q: Floats
    rise_q: Floats
    tested: Flags
    replaced: Flags
    segment: slice
    detectable_bytes_per_hour: float | None
    untestable: Flags
    reason: str

    @property
    def snapshots(self) -> int:
        """Snapshots in the segment."""
        return int(self.segment.stop - self.segment.start)

    @property
    def growing(self) -> Flags:
        """bool[K]: grows as a leak does: beyond its turnover, to the end, not as load or a filling cache would, and by enough
        to report."""
        return self._growing & (self.q <= ALPHA)

    @property
    def growing_as_ever(self) -> Flags:
        """bool[K]: grows just so, but its objects live no longer than before, as under rising load or in a cache that fills."""
        return self._growing & (self.rise_q <= ALPHA) & ~self.lengthening

    @property
    def _growing(self) -> Flags:
        """bool[K]: was tested, rose in the last half too, and by enough to report."""
        return np.asarray(
            self.tested & (self.last_half_p <= LAST_HALF_ALPHA) & (self.grown_bytes >= MIN_GROWTH_BYTES), dtype=np.bool_
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
            notes=self._notes(site),
            lifetime_z=float(self.lifetime_z[site]),
            expected_lifetime_z=float(self.expected_lifetime_z[site]),
        )

    def _notes(self, site: int) -> tuple[str, ...]:
        if not self.tested[site]:
            return (_too_few(self.snapshots, float(self.events[site])),)
        if self.replaced[site]:
            return ("gains what other callers of the same function lose: its objects replace theirs",)
        return ("judged by the size of its few large objects: their number does not grow",) if self.resized[site] else ()


def analyse(series: Series) -> Trends:
    """The trend of every site over the longest segment of `series`. O(sites * snapshots), memory beside the result bounded."""
    segment = series.longest_segment
    n, k = segment.stop - segment.start, len(series.sites)
    hours = _hours(series, segment)
    columns = _columns(series, segment)
    if len(series.segment_starts) > 1:
        columns |= _with_other_processes(series, segment, columns)
    enough = columns["events"] >= MIN_EVENTS
    tested = enough & (n >= MIN_SNAPSHOTS)
    p, joined = columns["p"], np.zeros(k, dtype=bool)
    suspects = np.flatnonzero(tested & (p <= ALPHA) & ~columns["resized"])
    for site, together in p_with_siblings(series, hours, columns["z"], suspects).items():
        joined[site] = True
        p[site] = max(p[site], together)
    held = series.inuse_bytes[:, segment.stop - 1] if n else np.zeros(k, dtype=np.int64)
    prior = _prior(series.inuse_bytes[:, segment], tested)
    untestable = ~tested & (columns["events"] > 0) & (held > 0)
    rise_q = benjamini_hochberg(p, tested, prior)
    return Trends(
        **columns,
        q=benjamini_hochberg(np.where(columns["lengthening"], p, 1.0), tested, prior),
        rise_q=rise_q,
        tested=tested,
        replaced=joined & (rise_q > ALPHA),
        segment=segment,
        detectable_bytes_per_hour=detectable_bytes_per_hour(hours, int(tested.sum()), series.period_bytes),
        untestable=untestable,
        reason=_too_few(n, 0.0) if n < MIN_SNAPSHOTS or untestable.any() else "",
    )


def _columns(series: Series, segment: slice) -> dict[str, Any]:
    """The columns of SiteTrends by name, over one segment."""
    hours, rows = _hours(series, segment), range(0, max(len(series.sites), 1), _SITES_AT_ONCE)
    chunks = [_site_trends(series, slice(i, i + _SITES_AT_ONCE), segment, hours) for i in rows]
    return {f.name: np.concatenate([getattr(chunk, f.name) for chunk in chunks]) for f in fields(SiteTrends)}


def _hours(series: Series, segment: slice) -> Floats:
    times_ns = series.times_ns[segment]
    return np.asarray((times_ns - times_ns[:1].sum()) / NS_PER_HOUR, dtype=np.float64)


def _with_other_processes(series: Series, segment: slice, columns: Mapping[str, Any]) -> dict[str, Any]:
    """z, p and events of `columns` with what the series says of the same sites before and after a restart: Stouffer's sum,
    each process weighted by the square root of its events. Growth that every process shows counts more than one's; what the
    longest alone does not show (p above ALPHA), like a start that each repeats, the others do not make."""
    weighted, squares, events = np.zeros(len(series.sites)), np.zeros(len(series.sites)), columns["events"].copy()
    for start, stop in zip(series.segment_starts, (*series.segment_starts[1:], series.snapshots), strict=True):
        if stop - start < MIN_SNAPSHOTS:
            continue
        if start == segment.start:
            z, seen = columns["z"], columns["events"]
        else:
            other = _columns(series, slice(start, stop))
            z, seen = other["z"], other["events"]
            events += seen
        weighted, squares = weighted + np.sqrt(seen) * z, squares + seen
    z = weighted / np.sqrt(np.maximum(squares, 1.0))  # 0 without events
    z = np.where(columns["p"] > ALPHA, np.minimum(z, columns["z"]), z)
    return {"z": z, "p": np.where(columns["resized"], columns["p"], normal_tail(z)), "events": events}


def _prior(inuse_bytes: NDArray[np.int64], tested: Flags) -> Floats:
    """float64[K]: how likely a leak is at each site tested, before its course is looked at: half of the belief is spread
    evenly, half as the memory in use is, on average over the window. A leak is mostly among the largest sites; and the mean
    of a stationary count says nothing about its drift (turn time round: the same mean, the opposite drift)."""
    held = np.where(tested, inuse_bytes.mean(axis=1) if inuse_bytes.shape[1] else 0.0, 0.0)
    mean = held.sum() / max(int(tested.sum()), 1)
    return np.asarray(1.0 + held / mean if mean > 0 else np.ones(len(held)), dtype=np.float64)


def analyse_sum(series: Series, sites: Sequence[int] | None = None) -> Trend:
    """The trend of several sites taken as one (a group that grows together), or of the whole heap."""
    totals: dict[str, Any] = {
        name: _sum_of(getattr(series, name), sites)[None, :]
        for name in ("inuse_bytes", "inuse_objects", "alloc_bytes", "alloc_objects", "inuse_samples", "alloc_samples")
    }
    samples = float(totals["inuse_samples"].sum())
    scale = float(totals["inuse_bytes"].sum()) / samples if samples > 0 else float(max(series.period_bytes, 1))
    one = replace(series, sites=(AllocationSite(()),), sample_bytes=np.array([scale]), **totals)
    return analyse(one).of(0)


def _sum_of(values: NDArray[Any], rows: Sequence[int] | None) -> NDArray[Any]:
    """The sum of some rows, all of them for None, a few at a time: of a long series a copy of all is a tenth of the memory."""
    if rows is None:
        return np.asarray(values.sum(axis=0))
    parts = [values[list(rows[i : i + _SITES_AT_ONCE])].sum(axis=0) for i in range(0, len(rows), _SITES_AT_ONCE)]
    return np.sum(parts, axis=0, dtype=values.dtype) if parts else np.zeros(values.shape[1], dtype=values.dtype)


def allocation_bytes_per_hour(series: Series) -> Floats:
    """float64[n-1]: how fast the whole process allocated in each interval of the longest segment: a proxy for its load."""
    segment = series.longest_segment
    total = series.alloc_bytes[:, segment].sum(axis=0, dtype=np.float64)
    return np.asarray(np.diff(total) / (np.diff(series.times_ns[segment]) / NS_PER_HOUR), dtype=np.float64)


def _too_few(snapshots: int, events: float) -> str:
    if snapshots < MIN_SNAPSHOTS:
        noun = "snapshot" if snapshots == 1 else "snapshots"
        return f"{snapshots} {noun} of one process: at least {MIN_SNAPSHOTS} are needed to tell growth from chance"
    seen = f"{events:.0f} sampled objects" if events else "too few sampled objects"
    return f"{seen} allocated or freed there between the snapshots, at least {MIN_EVENTS} are needed"


def _site_trends(series: Series, rows: slice, segment: slice, hours: Floats) -> SiteTrends:
    """Of the sites in `rows`."""
    counts, cumulative, inuse, objects, allocated = (
        np.ascontiguousarray(values[rows, segment], dtype=np.float64)
        for values in (
            series.inuse_samples,
            series.alloc_samples,
            series.inuse_bytes,
            series.inuse_objects,
            series.alloc_bytes,
        )
    )
    k, n = counts.shape
    if n < 2:
        return _nothing(k, counts)
    scale = series.sample_bytes[rows]
    all_born, all_died = births_and_deaths(counts, cumulative)
    born, died = seen_events(counts, all_born, all_died, hours)
    whole = drift(counts, born, died, hours)
    if not series.exact_counts:
        whole = with_dispersion(whole, ESTIMATE_DISPERSION)
    z = normal_deviate(whole, n)
    half = min(n // 2, n - 3)
    last_half_p = np.ones(k)
    if half > 0:
        last = drift(counts[:, half:], born[:, half:], died[:, half:], hours[half:])
        last_half_p = normal_tail(normal_deviate(last, n - half))
    lives = lifetimes(counts, all_born, all_died, hours)
    p, keeps = normal_tail(z), lengthening(lives)
    third = n // 3
    if n - third >= LATE_SNAPSHOTS:
        keeps |= surely_lengthening(lifetimes(counts[:, third:], all_born[:, third:], all_died[:, third:], hours[third:]))
    grown = inuse[:, -1] - inuse[:, 0]
    resized = np.zeros(k, dtype=bool)
    for site in np.flatnonzero(few_and_large(counts, scale, series.period_bytes) & (grown >= MIN_GROWTH_BYTES)):
        by_size, by_size_late = resized_p(inuse[site], counts[site], all_born[site], all_died[site])
        if by_size < p[site]:
            resized[site], keeps[site], last_half_p[site] = True, True, by_size_late
        p[site] = min(1.0, 2 * min(by_size, p[site]))
    rate = theil_sen(inuse, hours)
    spread = INTERVAL_SIGMAS * scale * rate_error(counts, born, died, hours, whole)
    gained = allocated[:, -1] - allocated[:, 0]
    return SiteTrends(
        bytes_per_hour=rate,
        low=rate - spread,
        high=rate + spread,
        objects_per_hour=theil_sen(objects, hours),
        z=z,
        p=p,
        last_half_p=last_half_p,
        lifetime_z=lives.z,
        expected_lifetime_z=lives.expected_z,
        retention_ratio=np.where(gained > 0, grown / np.where(gained > 0, gained, 1.0), np.nan),
        freed_samples=all_died.sum(axis=1),
        samples=counts.mean(axis=1),
        grown_bytes=grown,
        events=(all_born + all_died).sum(axis=1),
        lengthening=keeps,
        resized=resized,
    )


def _nothing(k: int, counts: Floats) -> SiteTrends:
    """Of one snapshot or none."""
    zeros, ones, no = np.zeros(k), np.ones(k), np.zeros(k, dtype=bool)
    samples = counts.sum(axis=1)
    columns: dict[str, Any] = dict.fromkeys((f.name for f in fields(SiteTrends)), zeros)
    limits = {"low": np.full(k, -np.inf), "high": np.full(k, np.inf), "retention_ratio": np.full(k, np.nan)}
    return SiteTrends(
        **columns | limits | {"p": ones, "last_half_p": ones, "samples": samples, "lengthening": no, "resized": no}
    )
