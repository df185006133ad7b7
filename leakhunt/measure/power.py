"""What a series could have shown: the smallest leak that the test would find, and what more snapshots would make of it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.significance import normal_tail
from leakhunt.measure.turnover import drift
from leakhunt.thresholds import ALPHA, MIN_EVENTS, MIN_GROWTH_BYTES, MIN_SNAPSHOTS, POWER_Z

Floats = NDArray[np.float64]

_MOST_SAMPLES = 1_000_000


def detectable_bytes_per_hour(hours: Floats, tests: int, period_bytes: int) -> float | None:
    """Growth of the smallest steady leak that snapshots at `hours` show with 80 % power when `tests` sites are tested.

    For small objects at a site of their own: there each sampled object stands for the period, and the number sampled is
    Poisson. None where no leak can be shown. A leak amid churn of the same site has to be larger."""
    if len(hours) < MIN_SNAPSHOTS or hours[-1] <= hours[0]:
        return None
    needed = samples_needed(hours, max(tests, 1))
    bytes_needed = max(_mean_for(needed) * max(period_bytes, 1), MIN_GROWTH_BYTES)
    return float(bytes_needed / (hours[-1] - hours[0]))


def samples_needed(hours: Floats, tests: int) -> int:
    """Sampled objects that a steady leak must gain over `hours` to be significant among `tests`: p <= alpha / tests.

    The drift test is applied to ideal counts, evenly growing from none."""
    low, high = MIN_EVENTS, _MOST_SAMPLES
    while low < high:
        middle = (low + high) // 2
        if _p_of_ideal(hours, middle) <= ALPHA / tests:
            high = middle
        else:
            low = middle + 1
    return low


def _p_of_ideal(hours: Floats, samples: int) -> float:
    counts = samples * (hours - hours[0]) / (hours[-1] - hours[0])
    born = np.diff(counts)[None, :]
    return float(normal_tail(drift(counts[None, :], born, np.zeros_like(born), hours).z)[0])


def _mean_for(samples: int) -> float:
    """Mean of a Poisson count that is at least `samples` with 80 % power (normal approximation with continuity correction)."""
    return float((POWER_Z / 2 + math.sqrt(POWER_Z**2 / 4 + samples - 0.5)) ** 2)


@dataclass(frozen=True, slots=True)
class NextSnapshots:
    """How many more snapshots at what distance, and the smallest steady leak that the series then shows with 80 % power."""

    more: int
    distance_hours: float
    detectable_bytes_per_hour: float

    @property
    def wait_hours(self) -> float:
        """Time until the last of them."""
        return self.more * self.distance_hours


MOST_MORE_SNAPSHOTS = 24  # of one recommendation: more of them are taken farther apart instead
_LEAST_DISTANCE_HOURS = 5 / 3600  # a collection or two lie between, of most services
_MOST_DOUBLINGS = 16  # of the distance: from half a minute to three weeks


def snapshots_to_show(hours: Floats, tests: int, period_bytes: int, bytes_per_hour: float) -> NextSnapshots | None:
    """The shortest continuation of snapshots at `hours` that would show a steady leak of `bytes_per_hour` with 80 % power, at
    the series' own distance or a multiple of it. None where `bytes_per_hour` is nothing. Some hundred tests on one row."""
    if bytes_per_hour <= 0 or len(hours) == 0:
        return None
    own = float(np.median(np.diff(hours))) if len(hours) > 1 else 0.0
    distance = max(own, _LEAST_DISTANCE_HOURS)
    for _ in range(_MOST_DOUBLINGS):
        least, most = max(1, MIN_SNAPSHOTS - len(hours)), MOST_MORE_SNAPSHOTS
        found = _after(hours, most, distance, tests, period_bytes)
        if found is not None and found <= bytes_per_hour:
            while least < most:
                middle = (least + most) // 2
                detected = _after(hours, middle, distance, tests, period_bytes)
                if detected is not None and detected <= bytes_per_hour:
                    most, found = middle, detected
                else:
                    least = middle + 1
            return NextSnapshots(most, distance, found)
        distance *= 2
    return None


def _after(hours: Floats, more: int, distance_hours: float, tests: int, period_bytes: int) -> float | None:
    """The smallest leak that shows after `more` snapshots, each `distance_hours` after the one before."""
    added = hours[-1] + distance_hours * np.arange(1, more + 1)
    return detectable_bytes_per_hour(np.concatenate([hours, added]), tests, period_bytes)
