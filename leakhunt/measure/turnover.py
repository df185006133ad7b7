"""Does a site grow more than its own turnover allows? The turnover-calibrated drift test.

Null hypothesis: objects come and go at constant rates, so the count of a site wanders around a mean mu and forgets where it
was at the rate at which its objects are replaced: an Ornstein-Uhlenbeck process with

    Cov(N_i, N_j) = phi mu exp(-r |t_i - t_j| / mu),    r = (births + deaths) / (2 (t_n - t_1)),

phi being the over-dispersion of births and deaths. Plain trend tests take the wandering for a trend; this one knows how far it
may go, because a heap profile counts births and deaths exactly. The slope is estimated by generalised least squares, which is
the end-to-end difference where turnover is slow and the ordinary slope where it is fast. The inverse of an Ornstein-Uhlenbeck
covariance has three diagonals, so everything is O(n) a site. All functions take all sites at once.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.significance import t_as_z
from leakhunt.thresholds import BRIEF_SHARE, BRIEF_SNAPSHOTS, OVERDISPERSION_Z, RATE_SHARES

Floats = NDArray[np.float64]


_SLOWER = 12.0  # e-foldings that the rate of the changes may lie below that of births and deaths
_BISECTIONS = 14  # to a thousandth
_LOSSLESS = 1 - 1e-9  # a correlation of exactly 1 would divide by zero: a site without turnover is not tested anyway


class Drift(NamedTuple):
    """float64[K] each. z: the statistic; dispersion: phi; slope: counts an hour; information: mean * phi / information is the
    variance of the slope under the null hypothesis."""

    z: Floats
    dispersion: Floats
    slope: Floats
    information: Floats


def births_and_deaths(counts: Floats, cumulative: Floats) -> tuple[Floats, Floats]:
    """float64[K, n-1] each: sampled objects allocated and freed between snapshots, from counts in use and allocated [K, n].

    Where nothing cumulative is known (all zero) the fewest births and deaths that explain the counts."""
    if counts.shape[1] < 2:
        return np.zeros((len(counts), 0)), np.zeros((len(counts), 0))
    change = np.diff(counts, axis=1)
    born = np.maximum(np.diff(cumulative, axis=1), np.maximum(change, 0.0))
    return born, born - change


def seen_events(counts: Floats, born: Floats, died: Floats, hours: Floats) -> tuple[Floats, Floats]:
    """`born` and `died` as they bear on the counts: where most objects live too short to be in any snapshot, their births and
    deaths say nothing about those that are, and only the net changes are left.

    Such a site moves far less from snapshot to snapshot than its turnover would make it: the variance of its changes is below
    BRIEF_SHARE of 2 mu (1 - rho). With fewer events the drift test is never less cautious about such a site than the order of
    its ups and downs allows: a stationary count goes up and down equally often."""
    if counts.shape[1] < BRIEF_SNAPSHOTS:
        return born, died
    change = np.diff(counts, axis=1)
    mean = np.maximum(counts.mean(axis=1), 1e-9)
    turnover = (born.sum(axis=1) + died.sum(axis=1)) / (2 * (hours[-1] - hours[0]))
    expected = (2 * mean[:, None] * (1 - np.exp(-np.outer(turnover / mean, np.diff(hours))))).sum(axis=1)
    brief = ((change**2).sum(axis=1) < BRIEF_SHARE * expected)[:, None]
    return np.where(brief, np.maximum(change, 0.0), born), np.where(brief, np.maximum(-change, 0.0), died)


def dispersion(born: Floats, died: Floats, hours: Floats) -> Floats:
    """float64[K]: variance of births and deaths by interval over what independent events would give, at least 1.

    Objects that come and go in batches, or a load that varies, make it larger; 2 (n - 2) degrees of freedom."""
    steps = np.diff(hours) / (hours[-1] - hours[0])
    if len(steps) < 2:
        return np.ones(len(born))
    total = np.zeros(len(born))
    for events in (born, died):
        expected = events.sum(axis=1, keepdims=True) * steps
        total += ((events - expected) ** 2 / np.where(expected > 0, expected, 1.0)).sum(axis=1)
    return np.maximum(1.0, total / (2 * (len(steps) - 1)))


def drift(counts: Floats, born: Floats, died: Floats, hours: Floats) -> Drift:
    """Drift of `counts` [K, n] in standard deviations of a stationary process of the same turnover. n at least 2.

    One site may hold objects of several lifetimes: of those that come and go between two snapshots many are born and few are
    seen. Then births and deaths overstate how fast the count forgets, and the changes of the count tell better (Sum of squares
    about the line = sum of 2 mu (1 - rho)). The test takes the rate between the two at which the drift is least surprising."""
    mean = np.maximum(counts.mean(axis=1), 1e-9)
    turnover = (born.sum(axis=1) + died.sum(axis=1)) / (2 * (hours[-1] - hours[0]))
    phi = dispersion(born, died, hours)
    seen = np.minimum(_rate_of_changes(counts, hours, mean, turnover), turnover)
    fits = [_least_squares(counts, hours, mean, turnover ** (1 - share) * seen**share) for share in RATE_SHARES]
    slope, information = (np.stack(column) for column in zip(*fits, strict=True))
    z = slope * np.sqrt(information / (phi * mean))
    least = np.abs(z).argmin(axis=0)[None, :]
    z, slope, information = (np.take_along_axis(column, least, axis=0)[0] for column in (z, slope, information))
    return Drift(np.where(turnover > 0, z, 0.0), phi, slope, information)


def _least_squares(counts: Floats, hours: Floats, mean: Floats, rate: Floats) -> tuple[Floats, Floats]:
    """Slope and its information by generalised least squares for a turnover of `rate` objects an hour."""
    correlation = np.minimum(np.exp(-np.outer(rate / mean, np.diff(hours))), _LOSSLESS)
    ones = _apply_inverse(np.ones_like(counts), correlation)
    line = _apply_inverse(np.broadcast_to(hours, counts.shape), correlation)
    centre = (ones * hours).sum(axis=1) / ones.sum(axis=1)  # not @: its rounding may depend on the other rows
    weights = line - centre[:, None] * ones
    information = np.maximum((weights * hours).sum(axis=1), 1e-300)
    return (weights * counts).sum(axis=1) / information, information


def _rate_of_changes(counts: Floats, hours: Floats, mean: Floats, most: Floats) -> Floats:
    """float64[K]: objects replaced an hour as the changes of the counts tell it, at most `most`; bisection of its logarithm."""
    steps = np.diff(hours)
    slope = (counts[:, -1] - counts[:, 0]) / (hours[-1] - hours[0])
    squares = ((np.diff(counts, axis=1) - slope[:, None] * steps) ** 2).sum(axis=1) * len(steps) / max(len(steps) - 1, 1)
    high = np.log(np.maximum(most, 1e-300))
    low = high - _SLOWER
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        expected = 2 * mean * -np.expm1(-np.outer(np.exp(middle) / mean, steps)).sum(axis=1)
        low, high = np.where(expected > squares, low, middle), np.where(expected > squares, middle, high)
    return np.asarray(np.exp((low + high) / 2), dtype=np.float64)


def with_dispersion(result: Drift, least: float) -> Drift:
    """The same with a dispersion of at least `least`."""
    phi = np.maximum(result.dispersion, least)
    return result._replace(z=result.z * np.sqrt(result.dispersion / phi), dispersion=phi)


def normal_deviate(result: Drift, snapshots: int) -> Floats:
    """z as a normal deviate. Where the dispersion is more than chance (beyond its 95th percentile for independent events) it is
    an estimate like any other, and z is Student's t with its degrees of freedom."""
    freedom = max(2 * (snapshots - 2), 1)
    estimated = result.dispersion > 1 + OVERDISPERSION_Z * np.sqrt(2 / freedom)
    return np.where(estimated, t_as_z(result.z, freedom), result.z)


def _apply_inverse(values: Floats, correlation: Floats) -> Floats:
    """C^-1 v for each site; C the correlation matrix whose entry (i, j) is the product of the steps' correlations [K, n-1]."""
    spread = 1.0 / (1.0 - correlation**2)
    result = np.empty_like(values)
    result[:, 0] = spread[:, 0] * values[:, 0]
    result[:, -1] = spread[:, -1] * values[:, -1]
    result[:, 1:-1] = (spread[:, :-1] + spread[:, 1:] - 1.0) * values[:, 1:-1]
    result[:, :-1] -= correlation * spread * values[:, 1:]
    result[:, 1:] -= correlation * spread * values[:, :-1]
    return result
