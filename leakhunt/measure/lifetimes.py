"""Do objects live ever longer? What tells a leak from load, a warm-up and a cache that has filled.

A count N, an allocation rate and a mean lifetime hang together as in any queue (Little 1961): more in use means more
allocated, or living longer. Load, a load step, a warm-up: objects die as they always did, in proportion to how many there are.
A bounded or swept cache: they start to die as it fills. A leak: part of them never dies, so deaths stay behind. Heap profiles
count deaths, so the hypotheses predict different things:

    lifetimes as ever   E_i = N_(i-1) (1 - e^(-h d_i)) + A_i (1 - (1 - e^(-h d_i)) / (h d_i))    h from sum E = sum F
    a leak              deaths spread evenly over time, as those of a population that stays, F_i = sum F d_i / (t_n - t_1)

(d_i length, A_i births, F_i deaths of interval i; births even within an interval.) The statistic is the time-weighted surplus
of early deaths, in standard deviations of the first hypothesis; the second says how large it should be. All sites at once,
O(n) a site.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leakhunt.thresholds import FILLED_LENIENCY, LATE_SURE, LIFETIME_CERTAIN_Z, LIFETIME_LENIENCY, LIFETIME_TELLING_Z

Floats = NDArray[np.float64]

_STEPS = 24  # of the search for the hazard: Newton's, which need 5 or so, bisections where those leave the bracket
_LOG_HAZARD_RANGE = (-14.0, 10.0)  # of the hazard per mean interval: lifetimes from 1/20000 to a million intervals


class Lifetimes(NamedTuple):
    """float64[K] each.

    z                 how much deaths stay behind the population; standard normal when lifetimes are as ever
    expected_z        its mean if all net growth were a leak; 0 where nothing died, and nothing can be said
    hazard_per_hour   deaths an hour of each object in use, the reciprocal of the mean lifetime
    """

    z: Floats
    expected_z: Floats
    hazard_per_hour: Floats

    @property
    def leak_ratio(self) -> Floats:
        """float64[K]: log likelihood of a leak over that of lifetimes as ever."""
        return self.expected_z * self.z - self.expected_z**2 / 2


def lifetimes(counts: Floats, born: Floats, died: Floats, hours: Floats) -> Lifetimes:
    """Compares deaths [K, n-1] with the population [K, n] they come from. n at least 2."""
    mean_step = (hours[-1] - hours[0]) / (len(hours) - 1)
    steps = (np.diff(hours) / mean_step)[None, :]
    before = counts[:, :-1]
    deaths = died.sum(axis=1)
    hazard = _hazard(before, born, deaths, steps)
    load = hazard[:, None] * steps
    dies_old = -np.expm1(-load)
    dies_new = 1 - dies_old / load
    expected = before * dies_old + born * dies_new
    variance = before * dies_old * (1 - dies_old) + born * dies_new * (1 - dies_new)
    by_hazard = before * np.exp(-load) * steps + born * (dies_old / load - np.exp(-load)) / hazard[:, None]
    middle = ((hours[1:] + hours[:-1]) / 2)[None, :]
    weight = np.maximum(by_hazard.sum(axis=1, keepdims=True), 1e-300)  # of a site where nothing ever was it is 0
    centre = (middle * by_hazard).sum(axis=1, keepdims=True) / weight
    lever = middle - centre  # centred so that the estimate of the hazard does not move the statistic
    even = deaths[:, None] * steps / steps.sum()
    spread = (lever**2 * variance).sum(axis=1)
    known = (deaths > 0) & (spread > 0)
    scale = np.sqrt(np.where(known, spread, 1.0))
    z = np.where(known, -(lever * (died - expected)).sum(axis=1) / scale, 0.0)
    expected_z = np.where(known, -(lever * (even - expected)).sum(axis=1) / scale, 0.0)
    if len(hours) > 4:
        residual = ((died - expected) ** 2 / np.where(variance > 1e-9, variance, np.inf)).sum(axis=1)
        dispersion = np.sqrt(np.maximum(1.0, (residual - z**2) / (len(hours) - 3)))
        z, expected_z = z / dispersion, expected_z / dispersion
    return Lifetimes(z, expected_z, np.where(deaths > 0, hazard / mean_step, 0.0))


def lengthening(result: Lifetimes) -> NDArray[np.bool_]:
    """bool[K]: False where lifetimes as ever, or a cache that has just filled, explain the growth better than a leak does.

    With m = expected_z the log likelihood ratio of a leak to lifetimes as ever is m z - m^2 / 2: a leak is let through while
    it is above -LIFETIME_LENIENCY, or when z itself is LIFETIME_CERTAIN_Z. Where m is below LIFETIME_TELLING_Z (few died), the
    two can hardly be told apart, and what can is a cache that has filled: its deaths come later than either says. The leak is
    compared with the likeliest mean of at most 0, which takes min(z, 0)^2 / 2 off the ratio, and is let through while that is
    above -FILLED_LENIENCY. Where nothing died it always is."""
    m, z, ratio = result.expected_z, result.z, result.leak_ratio
    kept = np.where(
        m < LIFETIME_TELLING_Z, ratio - np.minimum(z, 0.0) ** 2 / 2 >= -FILLED_LENIENCY, ratio >= -LIFETIME_LENIENCY
    )
    return np.asarray((m <= 0) | kept | (z >= LIFETIME_CERTAIN_Z), dtype=np.bool_)


def surely_lengthening(result: Lifetimes) -> NDArray[np.bool_]:
    """bool[K]: True where a leak explains the deaths better than lifetimes as ever by LATE_SURE (log likelihood ratio)."""
    return np.asarray((result.expected_z > 0) & (result.leak_ratio >= LATE_SURE), dtype=np.bool_)


def _hazard(before: Floats, born: Floats, deaths: Floats, steps: Floats) -> Floats:
    """float64[K]: the hazard per mean interval at which expected deaths equal those seen.

    Newton's method on its logarithm, kept within a bracket by bisection: expected deaths rise with the hazard."""
    low, high = (np.full(len(before), bound) for bound in _LOG_HAZARD_RANGE)
    exposure = np.maximum((before * steps + born * steps / 2).sum(axis=1), 1e-9)
    log_hazard = np.clip(np.log(np.maximum(deaths, 1e-9) / exposure), low, high)
    open_sites = np.flatnonzero(deaths > 0)
    for _ in range(_STEPS):
        if not len(open_sites):
            break
        n_before, n_born, at = before[open_sites], born[open_sites], log_hazard[open_sites]
        load = np.exp(at)[:, None] * steps
        lives = np.exp(-load)
        dies_new = 1 - (1 - lives) / load
        surplus = (n_before * (1 - lives) + n_born * dies_new).sum(axis=1) - deaths[open_sites]
        slope = (n_before * load * lives + n_born * (1 - dies_new - lives)).sum(axis=1)
        low[open_sites] = np.where(surplus < 0, at, low[open_sites])
        high[open_sites] = np.where(surplus < 0, high[open_sites], at)
        newton = at - surplus / np.maximum(slope, 1e-12)
        inside = (newton >= low[open_sites]) & (newton <= high[open_sites])
        log_hazard[open_sites] = np.where(inside, newton, (low[open_sites] + high[open_sites]) / 2)
        open_sites = open_sites[np.abs(surplus) > 1e-9 * deaths[open_sites]]
    return np.asarray(np.exp(log_hazard), dtype=np.float64)
