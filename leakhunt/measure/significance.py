"""From statistics to probabilities: tails, and the correction for testing many sites."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def normal_tail(z: Floats) -> Floats:
    """Upper tail of the standard normal."""
    return np.array([0.5 * math.erfc(value / math.sqrt(2)) for value in z], dtype=np.float64)


def t_as_z(t: Floats, freedom: float) -> Floats:
    """The normal deviate with the same tail as Student's t at `freedom` degrees (Wallace 1959; error below .02 from 4 on)."""
    size = (8 * freedom + 1) / (8 * freedom + 3) * np.sqrt(freedom * np.log1p(t**2 / freedom))
    return np.asarray(np.copysign(size, t), dtype=np.float64)


def benjamini_hochberg(p: Floats, tested: NDArray[np.bool_], prior: Floats | None = None) -> Floats:
    """q values (Benjamini and Hochberg 1995) over the tested; 1 elsewhere.

    With `prior`, nonnegative and of any scale, how likely each test is to find something: p is divided by the prior over its
    mean (Genovese, Roeder and Wasserman 2006). The rate of false discoveries holds as before where the prior says nothing
    about a p value under its null hypothesis."""
    q = np.ones(len(p))
    index = np.flatnonzero(tested)
    if len(index):
        if prior is not None and prior[index].sum() > 0:
            p = p / np.maximum(prior / prior[index].mean(), 1e-300)
        order = index[np.argsort(p[index])]
        scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
        q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def kendall_tail(values: Floats) -> float:
    """Probability that exchangeable values stand in at least as rising an order as these (Kendall's S, ties count half).

    Exact from the numbers of inversions up to 40 values, O(n^3); normal beyond."""
    n = len(values)
    if n < 2:
        return 1.0
    signs = np.sign(values[None, :] - values[:, None])
    falls = (n * (n - 1) / 2 - signs[np.triu_indices(n, 1)].sum()) / 2
    if n > 40:
        mean, variance = n * (n - 1) / 4, n * (n - 1) * (2 * n + 5) / 72
        return 0.5 * math.erfc((mean - falls) / math.sqrt(2 * variance))
    share = np.ones(1)
    for k in range(2, n + 1):
        share = np.convolve(share, np.full(k, 1.0 / k))
    return min(float(share[: math.ceil(falls) + 1].sum()), 1.0)
