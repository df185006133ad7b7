"""The rules that leakhunt is measured against, on the raw counts of a simulated process. Each returns bool[K]: flagged.

All share the floor of 1 MiB; those with a p value share Benjamini-Hochberg at .05 over the sites that changed.
"""

import math

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.significance import benjamini_hochberg
from tests.simulate import SAMPLES_PER_MIB, Process

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def large_enough(process: Process) -> Flags:
    return np.asarray(process.inuse[:, -1] - process.inuse[:, 0] >= SAMPLES_PER_MIB)


def ten_percent(process: Process) -> Flags:
    """+10 % from the first to the last snapshot: `-diff_base` as it is read."""
    return np.asarray((process.inuse[:, -1] > 1.1 * process.inuse[:, 0]) & large_enough(process))


def strictly_rising(process: Process) -> Flags:
    """Grew at every step."""
    return np.asarray((np.diff(process.inuse, axis=1) > 0).all(axis=1) & large_enough(process))


def mann_kendall(process: Process) -> Flags:
    """Kendall's S, normal approximation with correction for ties."""
    counts = process.inuse
    n = counts.shape[1]
    s = sum(np.sign(counts[:, j] - counts[:, i]) for i in range(n) for j in range(i + 1, n))
    variance = np.array([n * (n - 1) * (2 * n + 5) - _ties(row) for row in counts]) / 18
    z = np.where(variance > 0, (s - np.sign(s)) / np.sqrt(np.maximum(variance, 1e-9)), 0)
    return _significant(process, z)


def thirty_lines(process: Process) -> Flags:
    """The turnover-calibrated slope test in its first form, as plainly as it is written down: covariance matrix and all,
    dispersion from the changes of the count, the same test on the last half at .05."""
    half = len(process.times) // 2
    whole = _calibrated(process, 0)
    last = _calibrated(process, half) if len(process.times) - half >= 3 else np.full(len(whole), np.inf)
    return np.asarray(_significant(process, whole) & (_tail(last) <= 0.05))


def _calibrated(process: Process, start: int) -> Floats:
    times = process.times[start:]
    n = len(times)
    result = np.zeros(len(process.inuse))
    for k, (counts, allocated) in enumerate(zip(process.inuse[:, start:], process.allocated[:, start:], strict=True)):
        births = np.diff(allocated)
        deaths = births - np.diff(counts)
        mean = counts.mean()
        if mean == 0 or births.sum() + deaths.sum() == 0:
            continue
        rate = (births.sum() + deaths.sum()) / (2 * (times[-1] - times[0]))
        covariance = mean * np.exp(-rate / mean * np.abs(times[:, None] - times[None, :]))
        phi = 1.0
        if n >= 5:
            expected = 2 * mean * (1 - np.exp(-rate / mean * np.diff(times)))
            change = np.diff(counts)
            phi = max(1.0, float(((change - change.mean()) ** 2 / expected).mean() * (n - 1) / (n - 2)))
        weights = times - times.mean()
        result[k] = weights @ counts / math.sqrt(phi * weights @ covariance @ weights)
    return result


def _significant(process: Process, z: Floats) -> Flags:
    changed = np.asarray(
        (np.diff(process.allocated, axis=1) > 0).any(axis=1) | (np.diff(process.inuse, axis=1) != 0).any(axis=1)
    )
    return np.asarray((benjamini_hochberg(_tail(z), changed) <= 0.05) & changed & large_enough(process))


def _tail(z: Floats) -> Floats:
    return np.array([0.5 * math.erfc(value / math.sqrt(2)) for value in z])


def _ties(row: Floats) -> int:
    sizes = np.unique(row, return_counts=True)[1]
    return int((sizes * (sizes - 1) * (2 * sizes + 5)).sum())
