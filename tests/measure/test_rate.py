"""Growth rates against a plain twin, and their error by hand."""

import itertools
import math
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.measure.rate import MAX_POINTS, rate_error, theil_sen
from leakhunt.measure.turnover import Drift


def twin(values: list[float], hours: list[float]) -> float:
    """The median over all pairs that lie a hundredth of the mean step apart."""
    least = 0.01 * (hours[-1] - hours[0]) / (len(hours) - 1)
    pairs = [(i, j) for i in range(len(hours)) for j in range(i + 1, len(hours)) if hours[j] - hours[i] > least]
    return median((values[j] - values[i]) / (hours[j] - hours[i]) for i, j in pairs)


@given(st.lists(st.tuples(st.integers(0, 100), st.floats(0.1, 5)), min_size=2, max_size=12))
def test_the_rate_is_the_median_of_all_slopes(points: list[tuple[int, float]]) -> None:
    values, hours = [float(v) for v, _ in points], np.cumsum([gap for _, gap in points])
    rows = np.array([values, [3.0] * len(values), values[::-1]])
    found = theil_sen(rows, hours)
    assert found[0] == pytest.approx(twin(values, hours.tolist()))
    assert found[1] == 0
    assert found[2] == pytest.approx(twin(values[::-1], hours.tolist()))


def test_pairs_that_are_too_close_say_nothing() -> None:
    hours = np.array([0.0, 1, 2, 2.001, 3])  # a mean step is .75 h: .001 is below a hundredth of it
    values = np.array([[0.0, 1, 2, 90, 3]])
    assert theil_sen(values, hours)[0] == pytest.approx(twin(values[0].tolist(), hours.tolist()))
    assert theil_sen(values, hours)[0] < 50


def test_fewer_than_two_points_have_no_rate() -> None:
    assert theil_sen(np.array([[5.0], [6.0]]), np.array([0.0])).tolist() == [0, 0]
    assert theil_sen(np.empty((0, 3)), np.arange(3.0)).shape == (0,)


@pytest.mark.parametrize("snapshots", [MAX_POINTS, MAX_POINTS + 1, 200])
def test_a_long_series_is_averaged_in_groups_first(snapshots: int) -> None:
    hours = np.arange(snapshots, dtype=float)
    line = 7.0 * hours + 3
    assert theil_sen(line[None, :], hours)[0] == pytest.approx(7)
    noisy = line + np.random.default_rng(1).normal(0, 20, snapshots)
    edges = [i * snapshots // MAX_POINTS for i in range(MAX_POINTS + 1)]
    groups = [slice(a, b) for a, b in itertools.pairwise(edges)]
    averaged = twin([float(noisy[g].mean()) for g in groups], [float(hours[g].mean()) for g in groups])
    assert theil_sen(noisy[None, :], hours)[0] == pytest.approx(averaged)


def test_many_rows_are_handled_in_parts() -> None:
    hours = np.arange(4.0)
    rows = np.arange(1, 2101)[:, None] * hours
    assert theil_sen(rows, hours) == pytest.approx(np.arange(1, 2101))


def _drift(dispersion: float, information: float) -> Drift:
    return Drift(np.zeros(1), np.array([dispersion]), np.zeros(1), np.array([information]))


def test_the_error_of_a_leak_is_that_of_its_births() -> None:
    """Twenty born over four hours and none freed: sqrt(20 + 1) / 4, times the square root of the dispersion."""
    counts, born, died = np.array([[0.0, 5, 10, 15, 20]]), np.full((1, 4), 5.0), np.zeros((1, 4))
    hours = np.arange(5.0)
    assert rate_error(counts, born, died, hours, _drift(1, 1e9))[0] == pytest.approx(math.sqrt(21) / 4)
    assert rate_error(counts, born, died, hours, _drift(4, 1e9))[0] == pytest.approx(2 * math.sqrt(21) / 4)
    assert rate_error(counts, born, died, hours + 3, _drift(1, 1e9))[0] == pytest.approx(math.sqrt(21) / 4)


def test_turnover_adds_what_it_may() -> None:
    """Ten in use that are replaced: 2 * 10 * (1 - e^(-deaths / 10)) more variance, by the smaller of births and deaths."""
    counts, hours = np.array([[10.0, 12, 14]]), np.array([0.0, 1, 2])
    born, died = np.array([[7.0, 7]]), np.array([[5.0, 5]])
    variance = 4 + 1 + 2 * 10 * (1 - math.exp(-10 / 10))
    assert rate_error(counts, born, died, hours, _drift(1, 1e9))[0] == pytest.approx(math.sqrt(variance) / 2)
    assert rate_error(counts, died, born, hours, _drift(1, 1e9))[0] == pytest.approx(math.sqrt(variance) / 2)


def test_the_error_is_at_least_that_of_a_stationary_slope() -> None:
    counts, hours = np.array([[10.0, 10, 10]]), np.array([0.0, 1, 2])
    events, none = np.full((1, 2), 3.0), np.zeros((1, 2))
    assert rate_error(counts, events, events, hours, _drift(1, 0.1))[0] == pytest.approx(math.sqrt(10 / 0.1))
    assert rate_error(counts, none, none, hours, _drift(1, 0.1))[0] == pytest.approx(math.sqrt(1) / 2), "nothing moved"
    assert rate_error(counts / 100, events, events, hours, _drift(1, 0.1))[0] == pytest.approx(math.sqrt(1 / 0.1))
    assert rate_error(counts[:, :1], none[:, :0], none[:, :0], hours[:1], _drift(1, 1))[0] == math.inf


def test_the_bar_of_closeness_is_a_hundredth_of_the_mean_step() -> None:
    """Two steps over 1.00501 h: the mean is .5025, and two points .00501 apart are just below a hundredth of it."""
    hours, values = np.array([0.0, 1, 1.00501]), np.array([[0.0, 1, 100]])
    for later in (0, 100):
        assert theil_sen(values, hours + later)[0] == pytest.approx((1 + 100 / 1.00501) / 2)


def test_the_errors_of_several_sites_are_each_its_own() -> None:
    """One of them changes once in all, one has a single object at times."""
    counts = np.array([[30.0, 34, 38], [4, 4, 5], [1, 3, 1], [50, 50, 50]])
    died = np.array([[9.0, 9], [0, 0], [2, 4], [30, 30]])
    born, hours = died + np.diff(counts, axis=1), np.array([0.0, 1, 3])
    several = Drift(np.zeros(4), np.array([1.0, 2, 3, 1]), np.zeros(4), np.array([1e9, 0.01, 1e9, 1.0]))
    found = rate_error(counts, born, died, hours, several)
    each = [
        rate_error(counts[i : i + 1], born[i : i + 1], died[i : i + 1], hours, Drift(*(v[i : i + 1] for v in several)))[0]
        for i in range(4)
    ]
    assert found.tolist() == each
    assert found[1] == pytest.approx(math.sqrt(2 * (13 / 3) / 0.01)), "that of a stationary slope, of one birth"
    assert found[2] == pytest.approx(math.sqrt(3 * (0 + 1 + 2 * (1 - math.exp(-6)))) / 3)
    two = rate_error(counts[:1, :2], born[:1, :1], died[:1, :1], hours[:2], _drift(1, 1e9))
    assert two[0] == pytest.approx(math.sqrt(4 + 1 + 2 * 30 * (1 - math.exp(-9 / 30))))
