"""Shapes, each drawn from the simulator many times: seen where it is, rarely where it is not."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from leakhunt.measure import shape
from leakhunt.measure.course import Course, course_of
from leakhunt.measure.turnover import births_and_deaths
from leakhunt.thresholds import REVERSAL_SIGMAS, STEP_HIGH_SIGMAS
from tests import simulate
from tests.measure.test_series import build, profiles

RUNS = 60
SNAPSHOTS = 24
WINDOW = float(SNAPSHOTS - 1)


def courses(make: Callable[[np.random.Generator], simulate.Events], seed: int = 1) -> list[Course]:
    """Courses of RUNS sites drawn by `make`, at 24 even snapshots."""
    rng = np.random.default_rng(seed)
    return [course(*simulate.draw(make(rng), np.arange(SNAPSHOTS, dtype=float))) for _ in range(RUNS)]


def course(inuse: simulate.Floats, allocated: simulate.Floats) -> Course:
    born, died = births_and_deaths(inuse[None, :], allocated[None, :])
    hours = np.arange(len(inuse)) / 12
    return Course(hours, inuse * simulate.PERIOD_BYTES, inuse, born[0], died[0], born[0])


def leaks(rng: np.random.Generator) -> simulate.Events:
    return simulate.leak(rng, WINDOW, 4, 20, 3)


def seen(function: Callable[[Course], object | None], drawn: list[Course]) -> float:
    return float(np.mean([function(one) is not None for one in drawn]))


def test_plateau() -> None:
    full = courses(lambda rng: simulate.filling(rng, WINDOW, 0.4, 60))
    assert seen(shape.plateau, full) > 0.9
    assert seen(shape.plateau, courses(leaks)) < 0.1
    found = [one for one in map(shape.plateau, full) if one is not None]
    assert 6 <= np.median([one.since for one in found]) <= 12
    assert np.median([one.level_bytes for one in found]) == pytest.approx(60 * simulate.PERIOD_BYTES, rel=0.1)


def test_load_step() -> None:
    steps = courses(lambda rng: simulate.load_step(rng, WINDOW, 40, 0.7, 2.0, 0.5))
    assert seen(shape.load_step, steps) > 0.85
    assert seen(shape.load_step, courses(leaks)) < 0.05
    found = [one for one in map(shape.load_step, steps) if one is not None]
    assert 11 <= np.median([one.at for one in found]) <= 13
    assert np.median([one.allocation_ratio for one in found]) == pytest.approx(2, rel=0.1)
    assert np.median([one.after_bytes / one.before_bytes for one in found]) == pytest.approx(2, rel=0.1)


def test_sawtooth() -> None:
    teeth = courses(lambda rng: simulate.sawtooth(rng, WINDOW, 20, 5))
    found = [one for one in map(shape.sawtooth, teeth) if one is not None]
    assert len(found) > 0.9 * RUNS
    assert np.mean([one.conclusive for one in found]) > 0.9
    assert np.mean([one.rising_p < 0.05 for one in found]) < 0.1
    assert seen(shape.sawtooth, courses(lambda rng: simulate.stationary(rng, WINDOW, 40, 0.7))) < 0.25
    assert seen(shape.sawtooth, courses(leaks)) < 0.05


def test_a_sawtooth_on_a_leak_has_rising_lows() -> None:
    def rising(rng: np.random.Generator) -> simulate.Events:
        return simulate.joined(simulate.sawtooth(rng, WINDOW, 40, 4), simulate.leak(rng, WINDOW, 6, 0, 1))

    found = [one for one in map(shape.sawtooth, courses(rising)) if one is not None and one.conclusive]
    assert len(found) > 0.8 * RUNS
    assert np.mean([one.rising_p < 0.05 for one in found]) > 0.8


def test_two_cycles_are_inconclusive() -> None:
    inuse = np.array([0, 50, 100, 0, 50, 100, 0, 50.0])
    one = shape.sawtooth(course(inuse, np.cumsum(np.maximum(np.diff(inuse, prepend=0), 0))))
    assert one is not None
    assert one.cycles == 2
    assert not one.conclusive
    assert one.rising_p == 1


def test_filling_slows_and_says_where_it_rests() -> None:
    filling = courses(lambda rng: simulate.warm_up(rng, WINDOW, 200, WINDOW / 3))
    found = [one for one in map(shape.filling, filling) if one is not None]
    assert len(found) > 0.9 * RUNS
    estimates = [one.full_bytes for one in found if one.full_bytes is not None]
    assert len(estimates) > 0.9 * RUNS
    assert np.median(estimates) == pytest.approx(200 * simulate.PERIOD_BYTES, rel=0.1)
    assert seen(shape.filling, courses(leaks)) < 0.1


def test_load_bound_tells_ramps_from_leaks() -> None:
    ramps = [shape.load_bound(one) for one in courses(lambda rng: simulate.ramp(rng, WINDOW, 40, 0.7, 2.0))]
    growing = [shape.load_bound(one) for one in courses(leaks)]
    assert np.median([one.allocation_ratio for one in ramps]) == pytest.approx(
        np.median([one.inuse_ratio for one in ramps]), rel=0.1
    )
    assert abs(np.median([one.lifetime_z for one in ramps])) < 0.5
    assert np.median([one.lifetime_z for one in growing]) > 2
    assert np.median([one.allocation_ratio for one in growing]) == pytest.approx(1, rel=0.1)
    assert np.median([one.load_correlation for one in ramps]) > 0.3


def test_a_load_that_rises_by_chance_is_no_faster_allocation() -> None:
    """Three births in the first third and six in the last are twice as many, and one standard error more."""
    few = shape.load_bound(plain([0, 1, 2, 3, 4, 5, 6, 7, 9, 12], [1, 1, 1, 0, 0, 0, 1, 2, 3], list(range(10))))
    assert (few.allocation_ratio, few.allocation_sigmas) == (2.0, pytest.approx(1.0))
    assert not few.allocates_faster
    many = shape.load_bound(plain([0, 9, 18, 27, 27, 27, 27, 36, 54, 81], [9, 9, 9, 0, 0, 0, 9, 18, 27], list(range(10))))
    assert (many.allocation_ratio, many.allocation_sigmas) == (2.0, pytest.approx(3.0))
    assert many.allocates_faster


def test_a_leak_of_few_samples_is_no_step() -> None:
    """It drifts on both sides of any step, too little on either alone to be seen."""
    births = [1.0, 1, 4, 1, 1, 1, 0]
    assert shape.load_step(plain([5.0, 6, 7, 11, 12, 13, 14, 14], births, [float(i) for i in range(8)])) is None
    level = shape.load_step(plain([5.0, 5, 5, 11, 11, 11, 11, 11], [0.0, 0, 6, 0, 0, 0, 0], [float(i) for i in range(8)]))
    assert level is not None
    assert level.sigmas < STEP_HIGH_SIGMAS


def test_freed_share() -> None:
    assert shape.freed_share(courses(lambda rng: simulate.leak(rng, WINDOW, 4, 0, 1))[0]) == 0
    assert shape.freed_share(courses(lambda rng: simulate.stationary(rng, WINDOW, 40, 1))[0]) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("snapshots", range(5))
@pytest.mark.parametrize("function", [shape.plateau, shape.load_step, shape.sawtooth, shape.filling, shape.load_bound])
def test_short_and_constant_courses_have_no_shape(function: Callable[[Course], object], snapshots: int) -> None:
    for value in (0.0, 7.0):
        flat = course(np.full(snapshots, value), np.full(snapshots, value)) if snapshots else Course(*[np.empty(0)] * 6)
        assert function(flat) is None or isinstance(function(flat), shape.LoadBound)


def test_course_of_a_series_adds_its_sites() -> None:
    series = build(profiles(6))
    both = course_of(series, [0, 1])
    assert both.counts.tolist() == series.inuse_samples.sum(axis=0).tolist()
    assert (both.born - both.died).tolist() == np.diff(both.counts).tolist()
    assert both.hours.tolist() == [0, 1, 2, 3, 4, 5]
    assert math.isclose(both.load[0], float(np.diff(series.alloc_bytes.sum(axis=0))[0]))


def plain(counts: list[float], born: list[float], hours: list[float]) -> Course:
    """A course of objects of 100 B each, written down."""
    inuse, came = np.array(counts, dtype=float), np.array(born, dtype=float)
    return Course(np.array(hours), 100 * inuse, inuse, came, came - np.diff(inuse), came)


def test_a_step_by_hand() -> None:
    """Three snapshots at each level are enough; births of 20 and 50 in half an hour make 2.5 times the rate."""
    hours = [5 + i / 2 for i in range(6)]
    found = shape.load_step(plain([200, 200, 200, 600, 600, 600], [20, 20, 400, 50, 50], hours))
    assert found == shape.LoadStep(3, 20_000, 60_000, 2.5, 1.0, pytest.approx(400 / (200 / 3 + 600 / 3) ** 0.5))
    found = shape.load_step(plain([200, 200, 200, 600, 600, 600], [20, 20, 400, 50, 50], [100 * hour for hour in hours]))
    assert found is not None
    assert found.allocation_ratio == 2.5
    noisy = [198, 200, 202, 598, 600, 602]
    found = shape.load_step(plain(noisy, [20, 20, 400, 50, 50], hours))
    assert found is not None
    spread = sum((c - 400) ** 2 for c in noisy)
    assert found.explained == pytest.approx(1 - 16 / spread)
    late = shape.load_step(plain([200] * 9 + [600] * 3, [20.0] * 8 + [420, 50, 50], [i / 2 for i in range(12)]))
    assert late is not None
    assert (late.at, late.before_bytes, late.after_bytes, late.allocation_ratio) == (9, 20_000, 60_000, 2.5)


def test_three_values_may_go_together() -> None:
    up, down = np.array([1.0, 2.0, 3.0]), np.array([6.0, 4.0, 2.0])
    assert shape._correlation(up, down) == pytest.approx(-1)
    assert math.isnan(shape._correlation(up[:2], down[:2]))
    assert math.isnan(shape._correlation(up, np.ones(3)))
    assert math.isnan(shape._correlation(np.ones(3), up))


def test_what_is_level_from_the_second_snapshot_on_is_a_plateau_since_then() -> None:
    counts = np.array([0.0] + [100.0] * 11)
    found = shape.plateau(course(counts, counts + 50 * np.arange(12)))
    assert found is not None
    assert found.since == 1


def test_one_snapshot_may_lie_between_the_levels() -> None:
    found = shape.load_step(plain([200, 200, 200, 400, 600, 600, 600], [20, 20, 220, 220, 20, 20], [i / 2 for i in range(7)]))
    assert found == shape.LoadStep(4, 20_000, 60_000, 1.0, pytest.approx(1.0), pytest.approx(400 / (200 / 3 + 600 / 3) ** 0.5))


def test_filling_by_hand() -> None:
    """Births of 60 an hour, each object dies with .1 an hour: net growth falls in a line that meets nothing at 600 objects.
    Steps of one and of two hours."""
    hours, counts, born = [0.0], [0.0], []
    for i in range(11):
        step = 1 + i % 2
        hours.append(hours[-1] + step)
        born.append(60.0 * step)
        counts.append(counts[-1] + step * (60 - 0.1 * counts[-1]))
    found = shape.filling(plain(counts, born, hours))
    assert found is not None
    assert found.full_bytes == pytest.approx(60_000)
    assert found.reached == pytest.approx(counts[-1] / 600)
    assert found.early_bytes_per_hour == pytest.approx(100 * (counts[4] - counts[0]) / (hours[4] - hours[0]))
    assert found.late_bytes_per_hour == pytest.approx(100 * (counts[11] - counts[7]) / (hours[11] - hours[7]))
    assert shape.filling(plain(counts[:5], born[:4], hours[:5])) is None, "thirds of one step"
    quick = plain([0, 300, 450, 500, 500, 500], [300, 150, 50, 0, 0], [0, 1, 2, 3, 4, 5])
    assert shape.filling(quick) is not None, "thirds of two steps"


def test_growth_that_slows_to_no_line_has_no_rest() -> None:
    """Deaths fall as the count rises: no level can be told."""
    counts = [0, 100, 200, 300, 300, 300, 300, 310, 320, 350]
    found = shape.filling(plain(counts, [100, 100, 100, 0, 0, 0, 10, 10, 30], [float(i) for i in range(10)]))
    assert found is not None
    assert found.late_bytes_per_hour == pytest.approx(100 * 50 / 3)


def test_what_grows_fastest_where_it_is_high_has_no_rest_that_can_be_told() -> None:
    """50 an hour from 200 objects on; most of them go, slowly; then 10 an hour from none on."""
    counts, hours = [200, 250, 300, 350, 0, 10, 20, 30, 40], [0.0, 1, 2, 3, 353, 354, 355, 356, 357]
    found = shape.filling(plain(counts, [50, 50, 50, 0, 10, 10, 10, 10], hours))
    assert found == shape.Filling(5000, 1000, None, None)


def test_turns_by_hand() -> None:
    found = shape.sawtooth(plain([0, 50, 100, 0, 50, 100, 0, 50], [50, 50, 0, 50, 50, 0, 50], [float(i) for i in range(8)]))
    assert found is not None
    assert (found.lows, found.highs, found.low_bytes) == ((0, 3, 6), (2, 5, 7), (0, 0, 0))


@pytest.mark.parametrize(("snapshots", "stride"), [(2, 1), (64, 1), (127, 1), (128, 2), (640, 10)])
def test_about_64_places_are_tried(snapshots: int, stride: int) -> None:
    assert shape._stride(snapshots) == stride


@pytest.mark.parametrize("start", [0.0, 100.0])
def test_a_plateau_by_hand(start: float) -> None:
    """Thirty objects in the first three hours: forty are due in the four that follow; their error is sqrt 40."""
    counts = [0.0, 0, 0, 30, 30, 30, 30, 30]
    found = shape.plateau(plain(counts, [0.0, 0, 30, 0, 0, 0, 0], [start + i for i in range(8)]))
    assert found == shape.Plateau(3, 3000, pytest.approx(40**0.5))


def test_the_error_of_a_change_is_that_of_its_births_and_deaths() -> None:
    """Or of those that were due; times their dispersion where there are three intervals to tell it."""
    still = plain([5.0, 5, 5], [0.0, 0], [0, 1, 2])
    assert [shape._error(still, due) for due in (0.0, 1.0, 9.0)] == [1, 1, 3]
    moved = plain([5.0, 9, 5], [12.0, 4], [0, 1, 2])
    assert [shape._error(moved, due) for due in (0.0, 100.0)] == pytest.approx([32**0.5, 10]), "16 births and 16 deaths"
    uneven = plain([10.0, 40, 40, 40], [30.0, 0, 0], [0, 1, 2, 3])
    assert shape._error(uneven, 0.0) == pytest.approx((15 * 30) ** 0.5), "(20^2 + 10^2 + 10^2) / 10 over 2 (3 - 1)"


def test_load_in_a_short_course_is_that_of_its_first_and_last_interval() -> None:
    found = shape.load_bound(plain([10.0, 12, 14, 40], [6.0, 2, 54], [0, 2, 3, 6]))
    assert (found.allocation_ratio, found.inuse_ratio) == (pytest.approx((54 / 3) / (6 / 2)), 4)
    none = shape.load_bound(Course(*[np.empty(0)] * 6))
    assert (none.allocation_sigmas, none.lifetime_z, none.expected_lifetime_z) == (0, 0, 0)
    assert not none.allocates_faster


def test_what_only_falls_has_no_step() -> None:
    assert shape.load_step(plain([60.0, 60, 60, 20, 20, 20], [0.0] * 5, [float(i) for i in range(6)])) is None


def test_three_snapshots_may_be_a_tooth() -> None:
    found = shape.sawtooth(plain([0.0, 100, 0], [100.0, 0], [0, 1, 2]))
    assert found is not None
    assert (found.cycles, found.lows, found.highs, found.rising_p) == (1, (0, 2), (1,), 1)
    assert shape.sawtooth(plain([0.0, 100], [100.0], [0, 1])) is None


def test_in_a_long_course_every_second_place_is_tried() -> None:
    hours = [float(i) for i in range(130)]
    step = shape.load_step(plain([20.0] * 40 + [60.0] * 90, [0.0] * 39 + [40.0] + [0.0] * 89, hours))
    assert step is not None
    assert (step.at, step.before_bytes, step.after_bytes) == (41, 2000, 6000)


def test_a_plateau_that_still_rises_a_little_misses_less() -> None:
    counts = [0.0, 0, 0, 30, 31, 30, 31, 32]
    found = shape.plateau(plain(counts, [0.0, 0, 30, 1, 0, 1, 1], [float(i) for i in range(8)]))
    assert found == shape.Plateau(3, pytest.approx(3080), pytest.approx((40 - 2) / 40**0.5))


def test_two_snapshots_may_drift() -> None:
    one, two = plain([5.0], [], [0.0]), plain([5.0, 15], [10.0], [0.0, 1])
    assert shape.drift_z(one) == 0
    assert shape.drift_z(two) > 2


def test_a_site_that_first_allocates_after_its_step_has_no_ratio() -> None:
    found = shape.load_step(plain([20.0] * 4 + [60.0] * 4, [0.0, 0, 0, 40, 9, 9, 9], [float(i) for i in range(8)]))
    assert found is not None
    assert math.isnan(found.allocation_ratio)
    assert found.at == 4, "the first place of those that explain it as well"
    counts = [19.0, 21, 20, 22, 18, 61, 59, 60, 62]
    births = [max(b - a, 0) for a, b in itertools.pairwise(counts)]
    noisy = shape.load_step(plain(counts, births, [float(i) for i in range(9)]))
    assert noisy is not None
    assert noisy.at == 5


def test_three_cycles_tell_whether_the_lows_rise() -> None:
    counts = [float(each) for k in range(4) for each in (10 * k, 200 + 10 * k)]
    found = shape.sawtooth(plain(counts, [max(b - a, 0) for a, b in itertools.pairwise(counts)], [float(i) for i in range(8)]))
    assert found is not None
    assert (found.cycles, found.lows) == (3, (0, 2, 4, 6))
    assert found.rising_p == pytest.approx(1 / 24)


def test_growth_that_slows_down_must_first_be_growth() -> None:
    """By twice its error: six births are, three are not, however much is there."""
    hours = [float(i) for i in range(9)]
    assert shape.filling(plain([100.0, 102, 104] + [106.0] * 6, [2.0, 2, 2] + [0.0] * 5, hours)) is not None
    assert shape.filling(plain([100.0, 101, 102] + [103.0] * 6, [1.0] * 3 + [0.0] * 5, hours)) is None


def test_what_nothing_is_known_of_is_no_number() -> None:
    two = shape.load_bound(plain([5.0, 15], [10.0], [0.0, 1]))
    assert (two.inuse_ratio, two.allocation_ratio) == (3, 1)
    assert shape.load_bound(plain([5.0, 5, 5], [0.0, 0], [0.0, 1, 2])).allocation_sigmas == 0
    none = shape.load_bound(Course(*[np.empty(0)] * 6))
    assert all(math.isnan(each) for each in (none.allocation_ratio, none.inuse_ratio, none.load_correlation))
    line = np.array([0.0, 0.5, 1.0]), np.array([6.0, 4.0, 2.0])
    assert shape._correlation(*line) == shape._correlation(*line[::-1]) == pytest.approx(-1)


def test_a_zigzag_turns_at_the_first_low_and_the_last_high() -> None:
    assert shape._turns(np.array([0, 0, 100, 100, 0, 0, 100]), 50) == ([0, 4], [3, 6])
    assert shape._turns(np.array([100, 0, 100]), 50) == ([1], [0, 2])
    assert shape._turns(np.array([100, 140, 100, 140]), 50) == ([], []), "no leg of 50"


def test_a_leg_is_longer_than_noise() -> None:
    for count, noise in ((0.0, 1.0), (1.0, 1.0), (9.0, 3.0)):
        level = plain([count] * 3, [0.0, 0], [0.0, 1, 2])
        assert shape._leg(level) == pytest.approx(REVERSAL_SIGMAS * noise)


def test_two_snapshots_make_no_plateau() -> None:
    assert shape.plateau(plain([0.0, 100, 100], [100.0, 0], [0.0, 1, 2])) is None
    assert shape.plateau(plain([0.0, 100, 100, 100], [100.0, 0, 0], [0.0, 1, 2, 3])) is not None


@pytest.mark.parametrize(
    ("counts", "at"),
    [
        ([20, 20, 21, 21, 60, 60, 60, 63], None),  # z = 1.01 and 1.42 on its sides: 1.72 together
        ([20, 20, 20, 20, 60, 60, 62, 62], 5),  # 0 and 1.42: 1.00
        ([100, 100, 100, 100, 110, 110, 110, 110], None),  # ten are 1.4 standard errors
        ([100, 100, 100, 100, 115, 115, 115, 115], 4),  # and fifteen 2.05
    ],
)
def test_a_step_is_high_and_its_sides_are_level_together(counts: list[float], at: int | None) -> None:
    births = [max(b - a, 0) for a, b in itertools.pairwise(counts)]
    found = shape.load_step(plain(counts, births, [float(i) for i in range(8)]))
    assert (found and found.at) == at


def test_what_is_in_use_is_no_more_than_full() -> None:
    """It ends above the level that its births and deaths were to meet at."""
    counts = [0.0, 89, 147, 140, 143, 145, 145, 130, 158]
    births = [max(b - a, 0) + 5 for a, b in itertools.pairwise(counts)]
    found = shape.filling(plain(counts, births, [float(i) for i in range(9)]))
    assert found is not None
    assert (found.full_bytes, found.reached) == (15800, 1)


def test_a_line_takes_the_slope_and_no_more() -> None:
    """Of 0, 1, 4 the line is 2 x - 1 / 3."""
    left = shape._without_line(plain([0.0, 1, 4], [1.0, 3], [0.0, 1, 2]))
    assert left == pytest.approx([1 / 3, -2 / 3, 1 / 3])
