"""The error bars hold what they promise, when the runtime's sampling is played back."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.measure.interval import difference_interval, interval, poisson_bounds

PERIOD = 524288
TRIALS = 4000
# 95 % nominal; Poisson bounds hold at least that, on average more (Garwood's are conservative for few counts).
LOWEST, HIGHEST = 0.935, 0.995


def dispersion(size: float) -> float:
    return float(size / np.expm1(min(size / PERIOD, 700)))  # e^700 is near the end of float64


def estimates(objects: dict[int, int], trials: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Estimated bytes, V and T of `trials` profiles of a heap with these objects (size -> count)."""
    generator = np.random.default_rng(seed)
    bytes_, first, second = np.zeros(trials), np.zeros(trials), np.zeros(trials)
    for size, count in objects.items():
        p = -np.expm1(-size / PERIOD)
        estimate = generator.binomial(count, p, trials) * size / p
        bytes_ += estimate
        first += estimate * dispersion(size)
        second += estimate * dispersion(size) ** 2
    return bytes_, first, second


@pytest.mark.parametrize(
    "objects",
    [
        {64: 200_000},  # 12 MiB of small objects
        {64: 30_000},  # 2 MiB: four samples
        {48: 100_000, 4096: 3_000, 100_000: 60},
        {262_144: 40},
        {1 << 20: 20, 64: 100_000},
        {1 << 30: 3, 512: 20_000},  # three objects that are known exactly, beside ten samples
    ],
    ids=["small", "few", "mixed", "half-sampled", "large and small", "exact and small"],
)
def test_the_interval_covers_what_was_there(objects: dict[int, int]) -> None:
    truth = sum(size * count for size, count in objects.items())
    covered = 0
    for estimate, first, second in zip(*estimates(objects, TRIALS, 1), strict=True):
        low, high = interval(round(estimate), first, second)
        covered += low <= truth <= high or estimate == 0  # a heap of which nothing was sampled has no row
    assert LOWEST <= covered / TRIALS <= HIGHEST


def test_what_is_sampled_for_sure_is_exact() -> None:
    size = 1 << 30
    assert interval(5 * size, 5 * size * dispersion(size), 5 * size * dispersion(size) ** 2) == (5 * size, 5 * size)
    assert interval(77, 0.0, 0.0) == (77, 77)


@pytest.mark.parametrize(("kept", "gained", "lost"), [(100_000, 40_000, 20_000), (300_000, 0, 30_000), (0, 60_000, 0)])
def test_the_interval_of_a_difference_covers_it(kept: int, gained: int, lost: int) -> None:
    """Objects of 64 bytes, of which those kept are sampled once, and the same in both profiles."""
    truth, covered = 64 * (gained - lost), 0
    came, went = estimates({64: gained}, TRIALS, 2), estimates({64: lost}, TRIALS, 3)
    stayed = estimates({64: kept}, TRIALS, 4)[0]
    for i in range(TRIALS):
        base, new = stayed[i] + went[0][i], stayed[i] + came[0][i]
        parts = [(round(float(part[0][i])), float(part[1][i]), float(part[2][i])) for part in (came, went)]
        low, high = difference_interval(round(new - base), parts[0], parts[1])
        covered += low <= truth <= high or (gained + lost > 0 and parts[0][0] == parts[1][0] == 0)
    assert LOWEST <= covered / TRIALS <= 1


@given(st.integers(1, 10_000))
def test_the_bounds_of_a_count_are_close_to_the_exact_ones(count: int) -> None:
    """Exact: the tail beyond each bound has 2.5 %, summed here term by term. Byar's lower bound errs on the safe side for
    one and two counts."""
    low, high = poisson_bounds(count)
    assert low < count < high
    logs = np.cumsum(np.log(np.arange(1, count + 1)))

    def at_most(seen: int, mean: float) -> float:
        terms = np.concatenate([[0.0], np.arange(1, seen + 1) * np.log(mean) - logs[:seen]]) - mean
        return float(np.exp(terms).sum())

    assert at_most(count, high) == pytest.approx(0.025, abs=0.002)
    below = 1 - at_most(count - 1, low)
    assert 0.012 < below < 0.027
    assert count < 3 or below == pytest.approx(0.025, abs=0.002)


def test_the_bounds_are_byars() -> None:
    """By hand from Byar's formula (Breslow and Day 1987): of 10, 10 (1 - 1/90 - 1.96 / (3 sqrt 10))^3 = 4.787."""
    assert poisson_bounds(0) == (0.0, pytest.approx(3.688879))
    assert poisson_bounds(10) == pytest.approx((4.787, 18.391), abs=0.002)
    assert poisson_bounds(1) == pytest.approx((0.0131, 5.564), abs=0.002)
    assert poisson_bounds(0.5)[0] == 0.0


def test_the_interval_of_a_difference_by_hand() -> None:
    """Ten sampled objects that stand for 100 B each: V = 10 * 100^2 / ... so that the weight is 100 and the count 10."""
    ten = (1_000, 100_000.0, 10_000_000.0)  # T / V = 100 B an object, V / 100^2 = 10 objects
    low, high = (100 * (10 - 4.787), 100 * (18.391 - 10))
    zero = (0, 0.0, 0.0)
    assert interval(1_000, *ten[1:]) == pytest.approx((1_000 - low, 1_000 + high), abs=1)
    assert interval(-1_000, *ten[1:]) == pytest.approx((-1_000 - high, -1_000 + low), abs=1)
    assert difference_interval(1_000, ten, None) == pytest.approx((1_000 - low, 1_000 + high), abs=1)
    both = (math.hypot(low, high), math.hypot(high, low))
    assert difference_interval(0, ten, ten) == pytest.approx((-both[0], both[1]), abs=1)
    nothing_lost = 3.688879 * 100  # what may have been lost although nothing of it was sampled
    assert difference_interval(1_000, ten, zero) == pytest.approx((1_000 - math.hypot(low, nothing_lost), 1_000 + high), abs=1)
    assert difference_interval(-1_000, zero, ten) == pytest.approx(
        (-1_000 - high, -1_000 + math.hypot(nothing_lost, low)), abs=1
    )
    assert difference_interval(7, zero, zero) == (7, 7)
    assert difference_interval(7, (7, 0.0, 0.0), None) == (7, 7)


def test_weights_below_a_byte_count() -> None:
    assert interval(10, 5.0, 2.5) == pytest.approx((10 - 0.5 * (20 - 12.21), 10 + 0.5 * (30.89 - 20)), abs=1)


def test_one_object_that_was_likely_to_be_seen() -> None:
    """One of the period's size: (1 - p) / p = .582 is V and the weight, so the count is 1 / .582 = 1.718."""
    low, high = poisson_bounds(1 / 0.582)
    assert interval(1, 0.582, 0.582**2) == (round(0.582 * low), round(0.582 * high)) == (0, 4)


def test_a_weight_whose_square_is_nothing_has_no_error() -> None:
    assert interval(5, 1.0, 1e-200) == (5, 5)
