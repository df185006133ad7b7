"""The lifetime test against a slow twin, and on histories whose answer is known by hand."""

import itertools
import math

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from leakhunt.measure.lifetimes import Lifetimes, _hazard, lengthening, lifetimes, surely_lengthening
from leakhunt.measure.turnover import births_and_deaths
from leakhunt.thresholds import FILLED_LENIENCY, LATE_SURE, LIFETIME_CERTAIN_Z, LIFETIME_TELLING_Z
from tests.measure.test_turnover import event_counts, history, steps


def twin(inuse: list[int], born: list[float], died: list[float], hours: list[float]) -> tuple[float, float] | None:
    """Loops and a plain bisection; None where all deaths that are not certain happen at one time, and nothing is to be told."""
    n = len(inuse)
    mean_step = (hours[-1] - hours[0]) / (n - 1)
    gaps = [(b - a) / mean_step for a, b in itertools.pairwise(hours)]

    def expected(hazard: float) -> list[float]:
        return [
            x * (1 - math.exp(-hazard * d)) + b * (1 - (1 - math.exp(-hazard * d)) / (hazard * d))
            for x, b, d in zip(inuse, born, gaps, strict=False)
        ]

    low, high = -14.0, 10.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if sum(expected(math.exp(middle))) > sum(died) else (middle, high)
    hazard = math.exp(low)
    due = expected(hazard)
    lever, lever_weight, variance = [], [], []
    for i, d in enumerate(gaps):
        old, new = 1 - math.exp(-hazard * d), 1 - (1 - math.exp(-hazard * d)) / (hazard * d)
        variance.append(inuse[i] * old * (1 - old) + born[i] * new * (1 - new))
        lever_weight.append(
            inuse[i] * math.exp(-hazard * d) * d + born[i] * ((old / (hazard * d)) - math.exp(-hazard * d)) / hazard
        )
        lever.append((hours[i] + hours[i + 1]) / 2)
    centre = sum(t * w for t, w in zip(lever, lever_weight, strict=True)) / sum(lever_weight)
    spread = math.sqrt(sum((t - centre) ** 2 * v for t, v in zip(lever, variance, strict=True)))
    if spread < 1e-4:
        return None
    z = -sum((t - centre) * (f - e) for t, f, e in zip(lever, died, due, strict=True)) / spread
    even = [sum(died) * d / sum(gaps) for d in gaps]
    ideal = -sum((t - centre) * (f - e) for t, f, e in zip(lever, even, due, strict=True)) / spread
    if n > 4:
        residual = sum((f - e) ** 2 / v for f, e, v in zip(died, due, variance, strict=True) if v > 1e-9)
        scale = math.sqrt(max(1.0, (residual - z**2) / (n - 3)))
        z, ideal = z / scale, ideal / scale
    return z, ideal


@given(st.integers(1, 30), event_counts, steps)
@example(9, [(2, 1), (3, 0), (2, 0), (1, 0)], [1.0] * 12)
@example(1, [(6, 6), (0, 0)], [0.125, *[2.0] * 11])
def test_the_vectorised_test_agrees_with_its_twin(start: int, events: list[tuple[int, int]], gaps: list[float]) -> None:
    inuse, allocated = history(start, events)
    hours = np.concatenate([[0.0], np.cumsum(gaps[: len(events)])])
    counts = np.array([inuse], dtype=float)
    born, died = births_and_deaths(counts, np.array([allocated], dtype=float))
    result = lifetimes(counts, born, died, hours)
    if died.sum() == 0 or died.sum() >= 0.98 * (counts[:, :-1].sum() + born.sum()):
        return  # no hazard, or one beyond the range searched
    by_hand = twin(inuse, born[0].tolist(), died[0].tolist(), hours.tolist())
    if by_hand is None:
        return
    z, expected_z = by_hand
    assert math.isclose(result.z[0], z, rel_tol=1e-4, abs_tol=1e-4)
    assert math.isclose(result.expected_z[0], expected_z, rel_tol=1e-4, abs_tol=1e-4)


def test_where_nothing_dies_nothing_is_said() -> None:
    counts = np.array([[0.0, 4, 8, 12]])
    born, died = births_and_deaths(counts, counts)
    result = lifetimes(counts, born, died, np.arange(4.0))
    assert (result.z[0], result.expected_z[0], result.hazard_per_hour[0]) == (0, 0, 0)
    assert lengthening(result).all()


def test_the_hazard_is_the_reciprocal_lifetime() -> None:
    """100 objects, a tenth replaced each hour: e^-h = .9 for the old, births die half as often."""
    counts = np.full((1, 6), 1000.0)
    born = died = np.full((1, 5), 100.0)
    hazard = lifetimes(counts, born, died, np.arange(6.0)).hazard_per_hour[0]
    assert math.isclose(1000 * (1 - math.exp(-hazard)) + 100 * (1 - (1 - math.exp(-hazard)) / hazard), 100, rel_tol=1e-9)


def test_deaths_in_step_with_the_population_explain_growth_and_flat_ones_do_not() -> None:
    counts = np.array([[100.0, 200, 300, 400, 500, 600, 700]])
    middles = (counts[:, 1:] + counts[:, :-1]) / 2
    hours = np.arange(7.0)
    in_step = lifetimes(counts, np.diff(counts) + middles * 0.2, middles * 0.2, hours)
    flat = lifetimes(counts, np.diff(counts) + 80.0, np.full((1, 6), 80.0), hours)
    assert not lengthening(in_step)[0]
    assert lengthening(flat)[0]
    assert flat.z[0] > 3


def test_a_certain_lengthening_passes_whatever_was_expected() -> None:
    result = Lifetimes(np.array([LIFETIME_CERTAIN_Z, 2.99]), np.array([40.0, 40.0]), np.zeros(2))
    assert lengthening(result).tolist() == [True, False]


def test_few_deaths_must_come_late_to_speak_for_a_cache_that_has_filled() -> None:
    """A leak would show .6: by ratios of normal densities, with the mean of a cache at what is seen where that is below 0."""

    def density(z: float, mean: float) -> float:
        return math.exp(-((z - mean) ** 2) / 2)

    seen = np.array([-2.0, -1.2, -1.0, 0.0, 1.0])
    result = Lifetimes(seen, np.full(5, 0.6), np.zeros(5))
    by_hand = [density(z, 0.6) / density(z, min(z, 0.0)) >= math.exp(-FILLED_LENIENCY) for z in seen]
    assert lengthening(result).tolist() == by_hand == [False, False, True, True, True]
    far = Lifetimes(np.array([0.75, 0.74]), np.full(2, 2.0), np.zeros(2))
    assert lengthening(far).tolist() == [True, False], "2 z - 2 is -.5 at .75"
    telling = Lifetimes(np.array([0.0, -0.01]), np.full(2, LIFETIME_TELLING_Z), np.zeros(2))
    assert lengthening(telling).tolist() == [True, False]


def test_sites_do_not_touch_each_other_and_hours_have_any_length() -> None:
    """Three sites at once, one that nothing happens at: as each alone; twice the time, half the hazard, the same z."""
    rng = np.random.default_rng(5)
    counts = np.array([[100.0, 120, 150, 150, 190, 200], [7, 7, 7, 7, 7, 7], [30, 20, 40, 10, 60, 30]])
    died = rng.integers(1, 40, (3, 5)).astype(float)
    died[1] = 0
    born = died + np.diff(counts, axis=1)
    hours = np.array([0.0, 1, 1.5, 3, 4, 6])
    together, later = lifetimes(counts, born, died, hours), lifetimes(counts, born, died, 2 * hours + 5)
    for i in range(3):
        alone = lifetimes(counts[i : i + 1], born[i : i + 1], died[i : i + 1], hours)
        for name in ("z", "expected_z", "hazard_per_hour"):
            assert math.isclose(getattr(together, name)[i], getattr(alone, name)[0], abs_tol=1e-12)
        assert math.isclose(later.hazard_per_hour[i], together.hazard_per_hour[i] / 2, rel_tol=1e-7)
        assert math.isclose(later.z[i], together.z[i], rel_tol=1e-6, abs_tol=1e-12)


def test_two_snapshots_tell_how_many_die_and_not_whether_more_do_later() -> None:
    """Half of 100 objects die within two hours, e^-2h = .5, and none is born."""
    result = lifetimes(np.array([[100.0, 50]]), np.zeros((1, 1)), np.array([[50.0]]), np.array([3.0, 5]))
    assert (result.z[0], result.expected_z[0]) == (0, 0)
    assert math.isclose(result.hazard_per_hour[0], math.log(2) / 2, rel_tol=1e-9)


def test_the_hazard_is_found_whatever_it_is() -> None:
    """Many sites at once, from one death among a hundred thousand objects to all but a hundredth of them."""
    rng = np.random.default_rng(8)
    steps = rng.uniform(0.2, 2, (1, 7))
    before = 10 ** rng.uniform(0, 5, (300, 7)) * rng.integers(0, 2, (300, 7)) + rng.integers(1, 3, (300, 7))
    born = 10 ** rng.uniform(0, 5, (300, 7)) * rng.integers(0, 2, (300, 7))
    deaths = (before + born).sum(axis=1) * np.concatenate([10 ** rng.uniform(-5, 0, 150), 1 - 10 ** rng.uniform(-2, 0, 150)])
    hazard = _hazard(before, born, deaths, steps)
    load = hazard[:, None] * steps
    lives = -np.expm1(-load)
    expected = (before * lives + born * (1 - lives / load)).sum(axis=1)
    assert np.allclose(expected, deaths, rtol=1e-7, atol=0)


def test_one_death_has_a_hazard() -> None:
    """Of ten objects one dies within the hour: e^-h = .9."""
    result = lifetimes(np.array([[10.0, 9]]), np.zeros((1, 1)), np.ones((1, 1)), np.arange(2.0))
    assert math.isclose(result.hazard_per_hour[0], -math.log(0.9), rel_tol=1e-9)


def test_a_leak_is_sure_where_it_is_seven_times_as_likely() -> None:
    """At z of m / 2 both are as likely; by hand, the ratio of two normal densities."""
    m = 3.0
    least = m / 2 + LATE_SURE / m
    result = Lifetimes(np.array([m / 2, least - 0.01, least + 0.01, 9.0]), np.array([m, m, m, 0.0]), np.zeros(4))
    assert surely_lengthening(result).tolist() == [False, False, True, False]
    assert math.isclose(math.exp(-((least - m) ** 2) / 2 + least**2 / 2), math.exp(LATE_SURE))
