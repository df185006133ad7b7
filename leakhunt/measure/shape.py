"""The shape of growth: plateau, load step, sawtooth, filling, load-bound. What a person sees in the curve, as numbers.

Pure functions on a Course, the history of one site or of sites that grow as one. They describe; whether a shape clears a site
is the detectors' affair, and whether it grows at all is `leakhunt.measure.trend`'s. All work on raw sample counts, whose noise
is known: the difference of two counts has the variance of the births and deaths between them. Each costs O(n)
times the places tried for a change, at most 64 of them or so.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.course import Course
from leakhunt.measure.lifetimes import Lifetimes, lifetimes
from leakhunt.measure.significance import kendall_tail
from leakhunt.measure.turnover import dispersion, drift
from leakhunt.thresholds import (
    FILLING_SHARE,
    LEVEL_Z,
    LOAD_RATIO,
    MIN_CYCLES,
    PLATEAU_SNAPSHOTS,
    REVERSAL_SHARE,
    REVERSAL_SIGMAS,
    SURPRISE_SIGMAS,
)

Floats = NDArray[np.float64]


def drift_z(course: Course) -> float:
    """Drift in standard deviations of a stationary process of this turnover; 0 for fewer than two snapshots."""
    if course.snapshots < 2:
        return 0.0
    return float(drift(course.counts[None, :], course.born[None, :], course.died[None, :], course.hours).z[0])


def lifetimes_of(course: Course) -> Lifetimes:
    """The lifetime test of one course; arrays of one element."""
    return lifetimes(course.counts[None, :], course.born[None, :], course.died[None, :], course.hours)


@dataclass(frozen=True, slots=True)
class Plateau:
    """since: the first snapshot of the level stretch; level_bytes: its mean; missing_sigmas: how many standard errors of growth
    are missing since then, had it gone on as before."""

    since: int
    level_bytes: float
    missing_sigmas: float


def plateau(course: Course) -> Plateau | None:
    """The earliest snapshot from which on the course is level, although growth as before it would have shown; else None."""
    n = course.snapshots
    for since in range(1, n - PLATEAU_SNAPSHOTS + 1, _stride(n)):
        before, after = course.part(0, since + 1), course.part(since, n)
        grown = before.counts[-1] - before.counts[0]
        due = grown / (before.hours[-1] - before.hours[0]) * (after.hours[-1] - after.hours[0])
        error = _error(after, due)
        missing = (due - (after.counts[-1] - after.counts[0])) / error
        if grown > _error(before, 0.0) and missing >= SURPRISE_SIGMAS and abs(drift_z(after)) < LEVEL_Z:
            return Plateau(since, float(after.inuse_bytes.mean()), float(missing))
    return None


@dataclass(frozen=True, slots=True)
class LoadStep:
    """at: the first snapshot after the step; before_bytes, after_bytes: the two levels; allocation_ratio: how much faster the
    site allocates after it (nan when nothing was allocated before); explained: share of the variance that the step explains;
    sigmas: its height in standard errors."""

    at: int
    before_bytes: float
    after_bytes: float
    allocation_ratio: float
    explained: float
    sigmas: float


def load_step(course: Course) -> LoadStep | None:
    """The single upward step that explains the course better than a straight line, level on both sides; else None.

    One snapshot may lie between the levels, taken while the count was still moving."""
    n, counts = course.snapshots, course.counts
    best: tuple[float, int, int] | None = None
    for at in range(PLATEAU_SNAPSHOTS, n - PLATEAU_SNAPSHOTS + 1, _stride(n)):
        for gap in (0, 1):
            low, high = counts[: at - gap], counts[at:]
            if len(low) < PLATEAU_SNAPSHOTS or high.mean() <= low.mean():
                continue
            rest = float(((low - low.mean()) ** 2).sum() + ((high - high.mean()) ** 2).sum())
            if best is None or rest < best[0]:
                best = (rest, at, gap)
    if best is None:
        return None
    rest, at, gap = best
    spread = float(((counts - counts.mean()) ** 2).sum())
    off_line = float((_without_line(course) ** 2).sum())
    before, after = course.part(0, at - gap), course.part(at, n)
    step = after.counts.mean() - before.counts.mean()
    noise = np.sqrt(before.counts.mean() / len(before.counts) + after.counts.mean() / len(after.counts))
    drifts = (drift_z(before), drift_z(after))
    level = max(*drifts, sum(drifts) / math.sqrt(2)) < LEVEL_Z  # a leak of few samples drifts too little in either half
    if not level or rest >= off_line or step < SURPRISE_SIGMAS * noise:
        return None
    rates = [float(part.born.sum()) / float(part.hours[-1] - part.hours[0]) for part in (before, after)]
    ratio = rates[1] / rates[0] if rates[0] > 0 else float("nan")
    return LoadStep(
        at, float(before.inuse_bytes.mean()), float(after.inuse_bytes.mean()), ratio, 1 - rest / spread, float(step / noise)
    )


@dataclass(frozen=True, slots=True)
class Sawtooth:
    """cycles: complete ones, from low to low; lows, highs: snapshots of the turns; low_bytes: in use at the lows;
    rising_p: probability that level lows stand in as rising an order (1 for fewer than three cycles: inconclusive)."""

    cycles: int
    lows: tuple[int, ...]
    highs: tuple[int, ...]
    low_bytes: tuple[float, ...]
    rising_p: float

    @property
    def conclusive(self) -> bool:
        """Whether there are cycles enough to say whether the lows rise."""
        return self.cycles >= MIN_CYCLES


def sawtooth(course: Course) -> Sawtooth | None:
    """The turns of a course that rises and falls at least once by much more than noise; None where it does not."""
    counts = course.counts
    if course.snapshots < 3:
        return None
    lows, highs = _turns(counts, _leg(course))
    if len(lows) + len(highs) < 3:  # they alternate
        return None
    low_bytes = tuple(float(course.inuse_bytes[i]) for i in lows)
    cycles = len(lows) - 1
    rising = kendall_tail(np.array(low_bytes)) if cycles >= MIN_CYCLES else 1.0
    return Sawtooth(cycles, tuple(lows), tuple(highs), low_bytes, rising)


@dataclass(frozen=True, slots=True)
class Filling:
    """Growth that slows down. early, late: bytes an hour in the first and last third; full_bytes: where it would come to rest,
    None when that cannot be told; reached: in use at the end as a share of that."""

    early_bytes_per_hour: float
    late_bytes_per_hour: float
    full_bytes: float | None
    reached: float | None


def filling(course: Course) -> Filling | None:
    """Growth whose deltas shrink: the last third gains at most half of what the first third gained an hour; else None.

    It comes to rest where births equal deaths: their difference an hour falls in a straight line as the count rises (exactly
    so for lifetimes that do not change), and the line is followed to zero."""
    third = course.snapshots // 3
    if third < 2:
        return None
    first, last = course.part(0, third + 1), course.part(course.snapshots - third - 1, course.snapshots)
    early, late = (float(part.inuse_bytes[-1] - part.inuse_bytes[0]) / float(np.ptp(part.hours)) for part in (first, last))
    gained = first.counts[-1] - first.counts[0]
    if early <= 0 or late > FILLING_SHARE * early or gained < SURPRISE_SIGMAS * _error(first, 0.0):
        return None
    net = (course.born - course.died) / np.diff(course.hours)
    offset, slope = np.polynomial.polynomial.polyfit(course.counts[:-1], net, 1)
    if slope >= 0:
        return Filling(early, late, None, None)
    per_count = course.inuse_bytes.sum() / max(course.counts.sum(), 1.0)
    full = max(float(-offset / slope * per_count), float(course.inuse_bytes[-1]))
    return Filling(early, late, full, float(course.inuse_bytes[-1]) / full if full > 0 else None)


@dataclass(frozen=True, slots=True)
class LoadBound:
    """How the course follows the allocation rate. allocation_ratio: births an hour in the last third over the first, and
    allocation_sigmas: how many standard errors that is more; inuse_ratio: the ratio of what is in use; load_correlation: of in
    use with the load of the whole process; lifetime_z: how much longer objects live (see leakhunt.measure.lifetimes),
    expected_lifetime_z: were it all a leak."""

    allocation_ratio: float
    allocation_sigmas: float
    inuse_ratio: float
    load_correlation: float
    lifetime_z: float
    expected_lifetime_z: float

    @property
    def allocates_faster(self) -> bool:
        """Whether births became more frequent, by enough to matter and beyond chance."""
        return self.allocation_ratio >= LOAD_RATIO and self.allocation_sigmas >= SURPRISE_SIGMAS


def load_bound(course: Course) -> LoadBound:
    """The numbers by which growth is told to follow load: nan where a part had none. The load proxy is the process's own
    allocation rate unless the caller gives another in the course."""
    n = course.snapshots
    if n < 2:
        return LoadBound(math.nan, 0.0, math.nan, math.nan, 0.0, 0.0)
    third = max(n // 3, 1)
    steps, lives = np.diff(course.hours), lifetimes_of(course)
    early, late = ((float(course.born[part].sum()), float(steps[part].sum())) for part in (slice(third), slice(-third, None)))
    rates, error = (
        (early[0] / early[1], late[0] / late[1]),
        math.hypot(*(math.sqrt(born) / hours for born, hours in (early, late))),
    )
    return LoadBound(
        allocation_ratio=_ratio(rates[1], rates[0]),
        allocation_sigmas=(rates[1] - rates[0]) / error if error > 0 else 0.0,
        inuse_ratio=_ratio(course.counts[-third:].mean(), course.counts[:third].mean()),
        load_correlation=_correlation(course.load, course.counts[1:]),
        lifetime_z=float(lives.z[0]),
        expected_lifetime_z=float(lives.expected_z[0]),
    )


def freed_share(course: Course) -> float:
    """Freed over allocated sampled objects in the window: 0 is "nothing allocated here has been freed", 1 is balance (or more:
    older objects went too); nan when nothing was allocated."""
    return _ratio(course.died.sum(), course.born.sum())


def _stride(snapshots: int) -> int:
    """Places tried for a change: all of them in a short series, about 64 in a long one."""
    return max(snapshots // 64, 1)


def _error(course: Course, due: float) -> float:
    """Standard error of the change of counts over a course in which `due` more births were to be expected; at least 1."""
    events = max(float(course.born.sum() + course.died.sum()), due, 1.0)
    phi = float(dispersion(course.born[None, :], course.died[None, :], course.hours)[0]) if course.snapshots > 3 else 1.0
    return float(np.sqrt(phi * events))


def _leg(course: Course) -> float:
    """How far a course must move for a turn to count."""
    noise = float(np.sqrt(max(course.counts.mean(), 1.0)))
    return max(REVERSAL_SHARE * float(np.ptp(_without_line(course))), REVERSAL_SIGMAS * noise)


def _without_line(course: Course) -> Floats:
    """The counts less their least-squares line, of three snapshots and more."""
    line = np.polynomial.polynomial.polyfit(course.hours, course.counts, 1)
    return np.asarray(course.counts - np.polynomial.polynomial.polyval(course.hours, line), dtype=np.float64)


def _turns(counts: Floats, threshold: float) -> tuple[list[int], list[int]]:
    """Indices of the lows and highs of a zigzag whose legs are at least `threshold` long; its ends are among them."""
    lows: list[int] = []
    highs: list[int] = []
    low = high = direction = 0
    for i, value in enumerate(counts):
        if value < counts[low]:
            low = i
        if value >= counts[high]:
            high = i
        if direction <= 0 and value - counts[low] >= threshold:
            lows.append(low)
            direction, high = 1, i
        elif direction >= 0 and counts[high] - value >= threshold:
            highs.append(high)
            direction, low = -1, i
    if direction > 0:
        highs.append(high)
    elif direction < 0:
        lows.append(low)
    return lows, highs


def _ratio(a: float, b: float) -> float:
    return float(a) / float(b) if b else float("nan")


def _correlation(a: Floats, b: Floats) -> float:
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])
