"""Growth that is a replacement: one caller's objects take the place of another's.

A ring or a cache that was filled when the process started is refilled by the requests that follow: the same function allocates,
from another stack, and one site grows by what the other loses. Sites are stacks, so each alone has a trend; together they have
none. For each site that grows, the sites that decline and make the same objects are added, and the drift test asked again of
the sum: those whose objects the same function (the leaf outside the standard library) allocates, and those of the same block
sizes that allocate no more, as what main loaded at the start.
"""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.containers import blocks_of
from leakhunt.measure.sampling import sampling_probability
from leakhunt.measure.significance import normal_tail
from leakhunt.measure.turnover import births_and_deaths, drift, normal_deviate
from leakhunt.model.series import Series
from leakhunt.thresholds import DECLINE_Z, SAME_SIZES_SHARE

Floats = NDArray[np.float64]


def p_with_siblings(series: Series, hours: Floats, z: Floats, candidates: NDArray[np.int64]) -> dict[int, float]:
    """p of the drift test for each of `candidates` that has declining siblings, taken together with them. z is float64[K]."""
    segment = series.longest_segment
    declining: dict[str, list[int]] = defaultdict(list)
    preloaded: dict[int, dict[int, float]] = {}
    for site in np.flatnonzero(z <= DECLINE_Z).tolist():
        declining[series.sites[site].leaf.function].append(site)
        allocated = series.alloc_samples[site, segment]
        if allocated[-1] == allocated[0]:
            preloaded[site] = _shares(series, site)
    result: dict[int, float] = {}
    for site in candidates.tolist():
        siblings = set(declining.get(series.sites[site].leaf.function, ()))
        if preloaded:
            sizes = _shares(series, site)
            siblings |= {other for other, loaded in preloaded.items() if _same_sizes(sizes, loaded)}
        if not siblings:
            continue
        rows = [site, *sorted(siblings)]
        counts = series.inuse_samples[rows, segment].sum(axis=0, keepdims=True)
        born, died = births_and_deaths(counts, series.alloc_samples[rows, segment].sum(axis=0, keepdims=True))
        together = drift(counts, born, died, hours)
        result[site] = float(normal_tail(normal_deviate(together, len(hours)))[0])
    return result


def _same_sizes(a: Mapping[int, float], b: Mapping[int, float]) -> bool:
    """Whether two sites allocated blocks of the same sizes: their shares of each meet in half of all."""
    return sum(min(share, b.get(size, 0.0)) for size, share in a.items()) >= SAME_SIZES_SHARE


def _shares(series: Series, site: int) -> dict[int, float]:
    """What part of a site's allocated samples each block size is."""
    blocks = blocks_of(series, site)
    sampled = blocks[:, 2] * sampling_probability(blocks[:, 0].astype(np.float64), series.period_bytes)
    total = float(sampled.sum())
    return {int(size): float(count) / total for size, count in zip(blocks[:, 0], sampled, strict=True)} if total else {}
