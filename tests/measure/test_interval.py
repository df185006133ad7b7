"""The error bars hold what they promise, when the runtime's sampling is played back."""

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
