"""Tails and corrections against sums that a person can follow."""

import itertools
import math

import numpy as np
import pytest

from leakhunt.measure.significance import benjamini_hochberg, kendall_tail, normal_tail, t_as_z


def test_the_normal_tail_is_the_upper_one() -> None:
    assert normal_tail(np.array([0.0, 1.959964, -1.644854, 4.0])) == pytest.approx([0.5, 0.025, 0.95, 3.167e-5], rel=1e-4)


# t_{.975} of tables, from the fewest degrees of freedom that a test here has.
@pytest.mark.parametrize(("freedom", "t"), [(4, 2.7764), (8, 2.3060), (20, 2.0860), (100, 1.9840)])
def test_students_quantiles_become_normal_ones(freedom: float, t: float) -> None:
    assert t_as_z(np.array([t, -t]), freedom) == pytest.approx([1.96, -1.96], abs=0.02)


def test_benjamini_hochberg_by_hand() -> None:
    """Of four tested: .01 * 4 / 1, .02 * 4 / 2, .03 * 4 / 3, .9 * 4 / 4; the least from the right on."""
    p = np.array([0.02, 0.9, 0.0001, 0.01, 0.03])
    tested = np.array([True, True, False, True, True])
    assert benjamini_hochberg(p, tested) == pytest.approx([0.04, 0.9, 1, 0.04, 0.04])
    assert benjamini_hochberg(np.array([0.6, 0.7]), np.array([True, True])) == pytest.approx([0.7, 0.7])
    assert benjamini_hochberg(np.array([0.01, 1.0]), np.array([False, False])).tolist() == [1, 1]
    assert benjamini_hochberg(np.array([1.0, 1.0, 0.4]), np.ones(3, dtype=bool)).max() == 1


def test_benjamini_hochberg_with_a_prior_by_hand() -> None:
    """Priors of 3, 1, 1, 3 with a mean of 2 make .03, .01, .4, .9 to .02, .02, .8, .6: times 4 / 2, 4 / 2, 4 / 4, 4 / 3."""
    p, prior = np.array([0.03, 0.01, 0.4, 0.9, 1e-9]), np.array([3.0, 1.0, 1.0, 3.0, 99.0])
    tested = np.array([True, True, True, True, False])
    assert benjamini_hochberg(p, tested, prior) == pytest.approx([0.04, 0.04, 0.8, 0.8, 1])
    above_one = benjamini_hochberg(np.array([0.03, 0.9]), np.ones(2, dtype=bool), np.array([3.0, 1.0]))
    assert above_one == pytest.approx([0.04, 1]), ".9 / .5 is 1.8"
    assert benjamini_hochberg(p, tested, prior / 1000) == pytest.approx(benjamini_hochberg(p, tested, prior))
    for even in (np.full(5, 7.0), np.zeros(5)):
        assert benjamini_hochberg(p, tested, even) == pytest.approx(benjamini_hochberg(p, tested))


def test_a_prior_keeps_the_rate_of_false_discoveries() -> None:
    """Of 20 true null hypotheses, priors drawn without regard to p: something is found in 5 % of 4 000 families at most, as
    without a prior. Three standard errors more are chance."""
    rng = np.random.default_rng(7)
    found = [
        benjamini_hochberg(rng.uniform(size=20), np.ones(20, dtype=bool), rng.lognormal(0, 2, 20)).min() <= 0.05
        for _ in range(4000)
    ]
    assert np.mean(found) <= 0.05 + 3 * (0.05 * 0.95 / 4000) ** 0.5


@pytest.mark.parametrize("values", [(2.0, 1.0, 3.0), (1.0, 1.0, 2.0), (3.0, 1.0, 2.0, 4.0), (2.0, 1.0, 1.0, 4.0, 3.0)])
def test_the_tail_of_kendall_counts_orders(values: tuple[float, ...]) -> None:
    """Every order of as many distinct values, those with at most as many falls; a tie is half a fall, rounded up."""
    falls = sum(0.5 * (b == a) + (b < a) for a, b in itertools.combinations(values, 2))
    orders = list(itertools.permutations(range(len(values))))
    fewer = sum(sum(b < a for a, b in itertools.combinations(order, 2)) <= math.ceil(falls) for order in orders)
    assert kendall_tail(np.array(values)) == pytest.approx(fewer / len(orders))


def test_fewer_than_two_values_have_no_order() -> None:
    assert kendall_tail(np.empty(0)) == kendall_tail(np.array([7.0])) == 1
    assert kendall_tail(np.array([1.0, 2.0])) == 0.5


def test_no_tail_is_more_than_one() -> None:
    assert all(kendall_tail(-np.arange(float(n))) <= 1 for n in range(2, 41))


@pytest.mark.parametrize("n", [40, 41, 60])
def test_the_normal_tail_of_many_values_is_that_of_the_orders(n: int) -> None:
    """The distribution of inversions, by adding one value after another, against what is used for more than 40."""
    rng = np.random.default_rng(n)
    share = [1.0]
    for k in range(2, n + 1):
        share = [sum(share[max(0, i - k + 1) : i + 1]) / k for i in range(len(share) + k - 1)]
    for trend in (0.0, 0.01, -0.01):
        values = rng.normal(size=n) + trend * np.arange(n)
        falls = sum(b < a for a, b in itertools.combinations(values, 2))
        assert kendall_tail(values) == pytest.approx(sum(share[: falls + 1]), rel=1e-9 if n <= 40 else 0.05)


def test_the_tail_is_exact_up_to_forty_values_and_normal_beyond() -> None:
    """Of values that only rise: one order of 40!; of 41, a mean of 410 falls with a variance of 41 * 40 * 87 / 72."""
    assert kendall_tail(np.arange(40.0)) == pytest.approx(1 / math.factorial(40), rel=1e-9, abs=0)
    z = np.array([410 / math.sqrt(41 * 40 * 87 / 72)])
    assert kendall_tail(np.arange(41.0)) == pytest.approx(float(normal_tail(z)[0]), rel=1e-9, abs=0)
