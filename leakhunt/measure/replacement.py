"""Growth that is a replacement: one caller's objects take the place of another's.

A ring or a cache that was filled when the process started is refilled by the requests that follow: the same function allocates,
from another stack, and one site grows by what the other loses. Sites are stacks, so each alone has a trend; together they have
none. For each site that grows, the sites whose objects the same function (the leaf outside the standard library) allocates and
that decline as surely are added, and the drift test asked again of the sum.
"""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.significance import normal_tail
from leakhunt.measure.turnover import births_and_deaths, drift, normal_deviate
from leakhunt.model.series import Series
from leakhunt.thresholds import DECLINE_Z

Floats = NDArray[np.float64]


def p_with_siblings(series: Series, hours: Floats, z: Floats, candidates: NDArray[np.int64]) -> dict[int, float]:
    """p of the drift test for each of `candidates` that has declining siblings, taken together with them. z is float64[K]."""
    segment = series.longest_segment
    declining: dict[str, list[int]] = defaultdict(list)
    for site in np.flatnonzero(z <= DECLINE_Z):
        declining[series.sites[site].leaf.function].append(int(site))
    result: dict[int, float] = {}
    for site in candidates:
        siblings = declining.get(series.sites[site].leaf.function)
        if not siblings:
            continue
        rows = [int(site), *siblings]
        counts = series.inuse_samples[rows, segment].sum(axis=0, keepdims=True)
        born, died = births_and_deaths(counts, series.alloc_samples[rows, segment].sum(axis=0, keepdims=True))
        together = drift(counts, born, died, hours)
        result[int(site)] = float(normal_tail(normal_deviate(together, len(hours)))[0])
    return result
