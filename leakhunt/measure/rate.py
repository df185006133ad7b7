"""Growth rates: the Theil-Sen slope of every site at once, and its error."""

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.turnover import Drift

Floats = NDArray[np.float64]

# Snapshots up to which all pairs are taken; a longer series is averaged in groups down to this many points first.
MAX_POINTS = 48
# Rows handled at once, so that the pairs of a large series never stand in memory together.
_ROWS = 1024


def theil_sen(values: Floats, hours: Floats) -> Floats:
    """float64[K]: median slope over all pairs of points (Sen 1968) of `values` [K, n], per hour. O(K * n^2), n at most 48.

    Pairs closer in time than a hundredth of the mean step say nothing about a rate and are left out."""
    if len(hours) < 2 or not len(values):
        return np.zeros(len(values))
    if len(hours) > MAX_POINTS:
        edges = np.linspace(0, len(hours), MAX_POINTS + 1).astype(int)[:-1]
        sizes = np.diff(np.append(edges, len(hours)))
        values = np.add.reduceat(values, edges, axis=1) / sizes
        hours = np.add.reduceat(hours, edges) / sizes
    first, second = np.triu_indices(len(hours), 1)
    apart = hours[second] - hours[first]
    usable = apart > 0.01 * (hours[-1] - hours[0]) / (len(hours) - 1)
    first, second, apart = first[usable], second[usable], apart[usable]
    result = np.zeros(len(values))
    changing = np.flatnonzero((values != values[:, :1]).any(axis=1))
    for start in range(0, len(changing), _ROWS):
        rows = values[changing[start : start + _ROWS]]
        result[changing[start : start + _ROWS]] = np.median((rows[:, second] - rows[:, first]) / apart, axis=1)
    return result


def rate_error(counts: Floats, born: Floats, died: Floats, hours: Floats, drift: Drift) -> Floats:
    """float64[K]: standard error of the growth of `counts` [K, n] an hour.

    The larger of two: that of the end-to-end difference, whose variance is the net births (a leak is a random walk of
    independent events) plus what the turnover of the rest can add, 2 mu (1 - e^(-deaths / mu)); and that of the slope of a
    stationary process of this turnover. Both times the dispersion."""
    if len(hours) < 2:
        return np.full(len(counts), np.inf)
    births, deaths = born.sum(axis=1), died.sum(axis=1)
    stay = np.maximum(counts.min(axis=1), 1.0)
    turnover = 2 * stay * -np.expm1(-np.minimum(births, deaths) / stay)
    walk = (np.abs(births - deaths) + 1 + turnover) / (hours[-1] - hours[0]) ** 2
    wander = np.maximum(counts.mean(axis=1), 1.0) / drift.information
    return np.asarray(np.sqrt(drift.dispersion * np.maximum(walk, np.where(births + deaths > 0, wander, 0))), dtype=np.float64)
