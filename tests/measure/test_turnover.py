"""The drift test against a slow twin: the covariance written out and inverted, one site at a time."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.measure.significance import t_as_z
from leakhunt.measure.turnover import (
    Drift,
    _rate_of_changes,
    births_and_deaths,
    dispersion,
    drift,
    normal_deviate,
    seen_events,
    with_dispersion,
)

event_counts = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=12)
steps = st.lists(st.floats(0.1, 5), min_size=12, max_size=12)


def history(start: int, events: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Counts in use and allocated so far; nothing dies that is not there."""
    inuse, allocated = [start], [start]
    for born, died in events:
        inuse.append(inuse[-1] + born - min(died, inuse[-1] + born))
        allocated.append(allocated[-1] + born)
    return inuse, allocated


def twin(inuse: list[int], allocated: list[int], hours: list[float]) -> float:
    """Generalised least squares as in a textbook (Aitken 1936) at each of the three rates, the least of the three."""
    n, span = len(inuse), hours[-1] - hours[0]
    born = [b - a for a, b in itertools.pairwise(allocated)]
    died = [b - (y - x) for b, (x, y) in zip(born, itertools.pairwise(inuse), strict=True)]
    mean = sum(inuse) / n
    turnover = (sum(born) + sum(died)) / (2 * span)
    if turnover == 0:
        return 0.0
    chi = 0.0
    for events in (born, died):
        for count, (start, end) in zip(events, itertools.pairwise(hours), strict=True):
            due = sum(events) * (end - start) / span
            chi += (count - due) ** 2 / due if due > 0 else 0.0
    phi = max(1.0, chi / (2 * (n - 2))) if n > 2 else 1.0
    seen = min(rate_of_changes(inuse, hours, mean, turnover), turnover)
    return min((at_rate(inuse, hours, mean, rate, phi) for rate in (turnover, math.sqrt(turnover * seen), seen)), key=abs)


def rate_of_changes(inuse: list[int], hours: list[float], mean: float, most: float) -> float:
    slope = (inuse[-1] - inuse[0]) / (hours[-1] - hours[0])
    gaps = [b - a for a, b in itertools.pairwise(hours)]
    squares = sum((b - a - slope * d) ** 2 for (a, b), d in zip(itertools.pairwise(inuse), gaps, strict=True))
    squares *= len(gaps) / max(len(gaps) - 1, 1)
    low, high = math.log(most) - 12, math.log(most)
    for _ in range(14):
        middle = (low + high) / 2
        expected = sum(2 * mean * (1 - math.exp(-math.exp(middle) / mean * d)) for d in gaps)
        low, high = (low, middle) if expected > squares else (middle, high)
    return math.exp((low + high) / 2)


def at_rate(inuse: list[int], hours: list[float], mean: float, rate: float, phi: float) -> float:
    correlation = [[min(math.exp(-rate / mean * abs(s - t)), 1 - 1e-9) if s != t else 1.0 for t in hours] for s in hours]
    inverse = np.linalg.inv(np.array(correlation))
    one, time = np.ones(len(inuse)), np.array(hours)
    centre = (one @ inverse @ time) / (one @ inverse @ one)
    information = (time - centre) @ inverse @ (time - centre)
    slope = (time - centre) @ inverse @ np.array(inuse) / information
    return float(slope * math.sqrt(information / (phi * mean)))


@given(st.integers(1, 30), event_counts, steps)
def test_the_vectorised_test_agrees_with_its_twin(start: int, events: list[tuple[int, int]], gaps: list[float]) -> None:
    inuse, allocated = history(start, events)
    hours = np.concatenate([[0.0], np.cumsum(gaps[: len(events)])])
    busy = [20 + 4 * (i * i % 3) for i in range(len(inuse))]
    counts = np.array([inuse, [5] * len(inuse), busy], dtype=float)
    born, died = births_and_deaths(counts, np.array([allocated, [5] * len(inuse), 9 * np.arange(len(inuse))], dtype=float))
    z = drift(counts, born, died, hours).z
    assert math.isclose(z[2], drift(counts[2:], born[2:], died[2:], hours).z[0], rel_tol=1e-12)
    assert math.isclose(z[0], twin(inuse, allocated, hours.tolist()), rel_tol=1e-4, abs_tol=1e-4)
    assert z[1] == 0  # the constant neighbour has no drift and changes nothing


def test_unknown_births_are_the_fewest_that_explain_the_counts() -> None:
    born, died = births_and_deaths(np.array([[3.0, 5, 4]]), np.zeros((1, 3)))
    assert born.tolist() == [[2, 0]]
    assert died.tolist() == [[0, 1]]
    assert [each.tolist() for each in births_and_deaths(np.array([[3.0, 5]]), np.array([[3.0, 6]]))] == [[[3]], [[1]]]
    assert [each.shape for each in births_and_deaths(np.array([[3.0]]), np.array([[3.0]]))] == [(1, 0), (1, 0)]


def test_dispersion_only_widens() -> None:
    counts = np.array([[4.0, 6, 9, 10, 14]])
    born, died = births_and_deaths(counts, counts + np.arange(5))
    result = drift(counts, born, died, np.arange(5.0))
    wider = with_dispersion(result, 4.0)
    assert math.isclose(wider.z[0], result.z[0] / math.sqrt(4 / result.dispersion[0]))
    assert with_dispersion(result, 0.5).z[0] == result.z[0]
    assert normal_deviate(wider, 5)[0] < wider.z[0]  # an estimated dispersion makes it Student's t


def test_one_interval_shows_no_dispersion() -> None:
    assert dispersion(np.full((3, 1), 9.0), np.ones((3, 1)), np.arange(2.0)).tolist() == [1, 1, 1]


def test_time_may_have_any_unit() -> None:
    counts = np.array([[4.0, 6, 9, 10, 14]])
    born, died = births_and_deaths(counts, counts + np.arange(5))
    hours = np.array([0, 1, 2.5, 3, 7])
    assert math.isclose(drift(counts, born, died, hours).z[0], drift(counts, born, died, hours * 3600).z[0], rel_tol=1e-9)


def test_only_a_dispersion_beyond_chance_makes_it_students() -> None:
    """Twenty snapshots leave 36 degrees of freedom: the 95th percentile of the dispersion is 1 + 1.645 sqrt(2 / 36) = 1.39."""
    for phi, students in ((1.0, False), (1.38, False), (1.40, True), (3.0, True)):
        found = normal_deviate(Drift(np.array([3.0]), np.array([phi]), np.zeros(1), np.ones(1)), 20)[0]
        assert (found < 3.0) == students
        assert found == (t_as_z(np.array([3.0]), 36)[0] if students else 3.0)


def test_when_the_first_snapshot_was_does_not_matter() -> None:
    rng = np.random.default_rng(6)
    counts = 10.0 + rng.integers(0, 3, (1, 12))
    born = rng.integers(20, 40, (1, 11)).astype(float)
    died = born - np.diff(counts, axis=1)
    hours = np.cumsum(rng.uniform(0.5, 2, 12))
    for before, after in zip(
        (*seen_events(counts, born, died, hours), *drift(counts, born, died, hours)),
        (*seen_events(counts, born, died, hours + 100), *drift(counts, born, died, hours + 100)),
        strict=True,
    ):
        assert np.allclose(before, after)


@pytest.mark.parametrize("counts", [[10.0, 12, 10, 12, 11, 10, 12, 10], [1.0, 1, 1, 1, 0, 1, 1, 1]])
def test_births_and_deaths_bear_on_the_counts_up_to_a_fifth_of_what_they_would_move(counts: list[float]) -> None:
    """Loops over ever more births and deaths between the same counts, at uneven times."""
    hours = [2.0, 3, 4.5, 5, 6, 6.5, 8, 9]
    gaps, changes = ([b - a for a, b in itertools.pairwise(values)] for values in (hours, counts))
    mean, squares = sum(counts) / 8, sum(change**2 for change in changes)
    taken = []
    for died in [each / 8 for each in range(16 if mean > 1 else 1, 480)]:
        turnover = sum(2 * died + change for change in changes) / (2 * 7)
        brief = squares < 0.2 * sum(2 * mean * (1 - math.exp(-turnover / mean * d)) for d in gaps)
        events = np.array([[died + change for change in changes]]), np.full((1, 7), died)
        seen = seen_events(np.array([counts, counts]), *(np.repeat(each, 2, axis=0) for each in events), np.array(hours))
        least = [max(change, 0) for change in changes], [max(-change, 0) for change in changes]
        for found, given_, fewest in zip(seen, events, least, strict=True):
            assert found.tolist() == ([fewest] * 2 if brief else [given_[0].tolist()] * 2)
        taken.append(brief)
    assert sorted(taken) == taken
    assert 0 < sum(taken) < len(taken)
    short = np.array([counts[:7]])
    assert seen_events(short, short[:, 1:] + 99, short[:, 1:] + 99, np.array(hours[:7]))[0].min() >= 99, "seven are too few"


@pytest.mark.parametrize("n", [3, 9])
def test_the_changes_of_counts_tell_their_rate(n: int) -> None:
    """Against the twin's bisection, for rates of less than one object an hour to many."""
    rng = np.random.default_rng(11)
    hours = np.cumsum(rng.uniform(0.5, 2, n))
    counts = 10 ** rng.uniform(0, 2, (40, 1)) + rng.integers(0, 3, (40, n)) * 10 ** rng.uniform(-2, 1, (40, 1))
    mean, most = counts.mean(axis=1), 10 ** rng.uniform(-2, 3, 40)
    found = _rate_of_changes(counts, hours, mean, most)
    each = [rate_of_changes(row.tolist(), hours.tolist(), m, limit) for row, m, limit in zip(counts, mean, most, strict=True)]
    assert np.allclose(found, each, rtol=1e-9)
    assert 5 < (found < 0.5 * most).sum() < 35
