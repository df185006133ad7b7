"""Error bars: the 95 % interval of what sampling makes uncertain, in closed form.

A heap profile holds n of the N objects of a stack and size; each was sampled with probability p = 1 - exp(-S / R), so n is
close to Poisson, and the estimate B = n S / p has the variance n (S / p)^2 (1 - p) = B d with the dispersion
d = S (1 - p) / p = S / (exp(S / R) - 1): about R for small objects, nothing for those far larger than R. A sum over stacks
and sizes has the variance V = sum(B d) and the third central moment T = sum(B d^2). It is read as a Poisson count k with
weight D that has both: D = T / V, k = V / D^2. The bounds of k are Byar's (Breslow and Day, Statistical Methods in Cancer
Research II, 1987, p. 69; as good as exact from k = 3 on, and a little wide below), and what is known exactly stays so:

    low = B - D (k - k_low)        high = B + D (k_high - k)

A difference joins the bounds of what came and of what went (Zou and Donner, Statistics in Medicine 27, 2008: MOVER).
The same for objects, with d divided by S. Pure functions of numbers.
"""

from __future__ import annotations

Moments = tuple[int, float, float]  # an estimate, its V and its T

_Z = 1.959964  # two-sided 95 %
# Bounds of an expected count when none was seen: Poisson, two-sided 95 %.
_HIGH_OF_ZERO = 3.688879


def poisson_bounds(count: float) -> tuple[float, float]:
    """95 % bounds of a Poisson mean of which `count` were seen (any number from 0 on)."""
    if count <= 0:
        return 0.0, _HIGH_OF_ZERO
    low = count * max(1 - 1 / (9 * count) - _Z / (3 * count**0.5), 0.0) ** 3
    above = count + 1
    return low, above * (1 - 1 / (9 * above) + _Z / (3 * above**0.5)) ** 3


def interval(estimate: int, first: float, second: float) -> tuple[int, int]:
    """95 % interval of `estimate`, of which `first` and `second` are V and T; the estimate itself where V is 0.
    A negative estimate (of a profile that is a difference) has the interval mirrored."""
    below, above = _errors(first, second)
    if estimate < 0:
        below, above = above, below
    return round(estimate - below), round(estimate + above)


def difference_interval(estimate: int, gained: Moments, lost: Moments | None) -> tuple[int, int]:
    """95 % interval of `estimate` = gained - lost. A part of which nothing was sampled is uncertain too, by the weight of
    the other; `lost` is None where nothing can be lost."""
    scale = max(_weight(*part[1:]) for part in (gained, lost or gained))
    gained_below, gained_above = _errors(*gained[1:]) if gained[0] else (0.0, _HIGH_OF_ZERO * scale)
    lost_below, lost_above = (0.0, 0.0) if lost is None else _errors(*lost[1:]) if lost[0] else (0.0, _HIGH_OF_ZERO * scale)
    low = estimate - (gained_below**2 + lost_above**2) ** 0.5
    return round(low), round(estimate + (gained_above**2 + lost_below**2) ** 0.5)


def _weight(first: float, second: float) -> float:
    return second / first if first > 0 else 0.0


def _errors(first: float, second: float) -> tuple[float, float]:
    """How far the bounds lie below and above."""
    weight = _weight(first, second)
    if weight**2 <= 0:  # what is left of a difference may be so small that its square is nothing
        return 0.0, 0.0
    count = first / weight**2
    low, high = poisson_bounds(count)
    return weight * (count - low), weight * (high - count)
