"""What more snapshots would show: the promise of 80 % power is kept on simulated leaks, and the plan is the shortest."""

import math

import numpy as np
import pytest

from leakhunt import thresholds
from leakhunt.measure.power import (
    MOST_MORE_SNAPSHOTS,
    NextSnapshots,
    _mean_for,
    detectable_bytes_per_hour,
    samples_needed,
    snapshots_to_show,
)
from leakhunt.measure.significance import normal_tail
from leakhunt.measure.trend import analyse
from leakhunt.measure.turnover import drift
from tests import simulate

PERIOD = simulate.PERIOD_BYTES
HOURS_PER_INTERVAL = simulate.INTERVAL_NS / 3.6e12


def hours(snapshots: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.arange(snapshots) * HOURS_PER_INTERVAL


@pytest.mark.parametrize("rate_mib_per_hour", [1, 10, 100, 1000])
@pytest.mark.parametrize("taken", [1, 2, 3, 8])
def test_the_plan_shows_the_leak_and_no_shorter_one_at_its_distance_does(taken: int, rate_mib_per_hour: int) -> None:
    rate = rate_mib_per_hour * 2.0**20
    plan = snapshots_to_show(hours(taken), 300, PERIOD, rate)
    assert plan is not None
    assert plan.detectable_bytes_per_hour <= rate
    assert taken + plan.more >= thresholds.MIN_SNAPSHOTS
    assert 1 <= plan.more <= MOST_MORE_SNAPSHOTS

    def detectable_after(more: int) -> float | None:
        added = hours(taken)[-1] + plan.distance_hours * np.arange(1, more + 1)
        return detectable_bytes_per_hour(np.concatenate([hours(taken), added]), 300, PERIOD)

    assert detectable_after(plan.more) == plan.detectable_bytes_per_hour
    if plan.more > 1:
        fewer = detectable_after(plan.more - 1)
        assert fewer is None or fewer > rate


@pytest.mark.parametrize("rate_mib_per_hour", [0.01, 0.1, 1, 10])
def test_snapshots_are_no_farther_apart_than_the_leak_needs(rate_mib_per_hour: float) -> None:
    """The series' own distance, doubled only as long as the most snapshots that are advised would not show the leak."""
    rate = rate_mib_per_hour * 2.0**20
    two, plan = (snapshots_to_show(hours(taken), 300, PERIOD, rate) for taken in (2, 3))
    assert plan is not None
    assert two is not None
    assert two.distance_hours / HOURS_PER_INTERVAL in (2**k for k in range(16))
    times_own = plan.distance_hours / HOURS_PER_INTERVAL
    doublings = round(math.log2(times_own))
    assert times_own == pytest.approx(2**doublings)
    for fewer in range(doublings):
        added = hours(3)[-1] + 2**fewer * HOURS_PER_INTERVAL * np.arange(1, MOST_MORE_SNAPSHOTS + 1)
        detected = detectable_bytes_per_hour(np.concatenate([hours(3), added]), 300, PERIOD)
        assert detected is None or detected > rate


def test_a_slower_leak_takes_longer() -> None:
    waits = [plan.wait_hours for rate in (1e9, 1e8, 1e7, 1e6) if (plan := snapshots_to_show(hours(2), 300, PERIOD, rate))]
    assert waits == sorted(waits)
    assert len(waits) == 4


def test_what_so_many_snapshots_just_show_needs_them_all_and_no_more() -> None:
    for more in (*range(1, MOST_MORE_SNAPSHOTS, 3), MOST_MORE_SNAPSHOTS):
        just = detectable_bytes_per_hour(hours(3 + more), 300, PERIOD)
        assert just is not None
        plan = snapshots_to_show(hours(3), 300, PERIOD, just * (1 + 1e-9))
        assert plan == NextSnapshots(more, pytest.approx(HOURS_PER_INTERVAL), pytest.approx(just))
        assert plan == snapshots_to_show(hours(3), 300, PERIOD, plan.detectable_bytes_per_hour), "exactly so much is enough"


def test_after_one_snapshot_the_next_ones_are_seconds_apart_if_that_will_do() -> None:
    plan = snapshots_to_show(hours(1), 300, PERIOD, 2.0**40)
    assert plan is not None
    assert plan.distance_hours == 5 / 3600


def test_what_cannot_be_planned() -> None:
    assert snapshots_to_show(hours(2), 300, PERIOD, 0.0) is None
    assert snapshots_to_show(hours(2), 300, PERIOD, -5.0) is None
    assert snapshots_to_show(np.empty(0), 300, PERIOD, 1e6) is None
    assert snapshots_to_show(hours(2), 300, PERIOD, 1e-9) is None, "longer than anybody waits"


@pytest.mark.parametrize(("taken", "per_interval_mib"), [(2, 1.0), (2, 4.0), (6, 0.5)])
def test_the_promise_of_power_is_kept(taken: int, per_interval_mib: float) -> None:
    """Of simulated leaks of exactly the planned rate, followed for exactly the plan, at least 60 of 100 are found: 80 % is
    promised for ideal evenness, the simulation gives 67 to 80 % (60 runs each of 4 to 24 snapshots, 20 and 300 sites)."""
    sites, runs = 100, 60
    rate = per_interval_mib * 2**20 / HOURS_PER_INTERVAL
    plan = snapshots_to_show(hours(taken), sites, PERIOD, rate)
    assert plan is not None
    added = taken - 1 + plan.distance_hours / HOURS_PER_INTERVAL * np.arange(1, plan.more + 1)
    times = np.concatenate([np.arange(taken, dtype=np.float64), added])
    window = float(times[-1])
    found = 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        drawn = [simulate.draw(simulate.stationary(rng, window, 12, window / 2), times) for _ in range(sites - 1)]
        per_interval = per_interval_mib * 2**20 / PERIOD
        drawn.append(simulate.draw(simulate.leak(rng, window, per_interval, 0, 1.0), times))
        series = simulate.Process(
            times=times,
            inuse=np.array([inuse for inuse, _ in drawn]),
            allocated=np.array([allocated for _, allocated in drawn]),
            kinds=("stationary",) * (sites - 1) + ("leak",),
            rates=np.array([0.0] * (sites - 1) + [per_interval]),
        ).series()
        found += bool(analyse(series).growing[-1])
    assert found >= 0.6 * runs, f"{found} of {runs}"
    assert math.isfinite(plan.wait_hours)


def test_the_mean_that_shows_is_found_four_times_in_five() -> None:
    """The Poisson tail summed term by term; the normal approximation errs by less than two points."""
    for samples in (6, 10, 25, 100):
        mean = _mean_for(samples)
        below = sum(math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(samples))
        assert 1 - below == pytest.approx(thresholds.POWER, abs=0.02)
        assert (mean - (samples - 0.5)) / math.sqrt(mean) == pytest.approx(thresholds.POWER_Z), "the approximation itself"


@pytest.mark.parametrize("snapshots", [4, 12])
@pytest.mark.parametrize("tests", [1, 40, *(10**k for k in range(3, 12))])
def test_the_fewest_samples_that_are_significant(tests: int, snapshots: int) -> None:
    at = np.arange(snapshots) / 12 + 7
    needed = samples_needed(at, tests)
    assert isinstance(needed, int)
    assert needed >= thresholds.MIN_EVENTS
    for samples in {needed, max(needed - 1, thresholds.MIN_EVENTS)}:
        counts = (samples * (at - 7) / (at[-1] - 7))[None, :]
        z = drift(counts, np.diff(counts), np.zeros((1, snapshots - 1)), at).z
        assert (float(normal_tail(z)[0]) <= thresholds.ALPHA / tests) == (samples == needed)


def test_the_detectable_rate_is_samples_times_period_over_time() -> None:
    at = np.arange(12) / 12 + 7
    mean = _mean_for(samples_needed(at, 40))
    assert detectable_bytes_per_hour(at, 40, 1 << 20) == pytest.approx(mean * (1 << 20) / (11 / 12))
    assert detectable_bytes_per_hour(at, 40, 1) == pytest.approx(thresholds.MIN_GROWTH_BYTES / (11 / 12))


def test_the_smallest_leak_of_no_site_is_that_of_one() -> None:
    assert detectable_bytes_per_hour(hours(12), 0, PERIOD) == detectable_bytes_per_hour(hours(12), 1, PERIOD)


def test_times_that_are_partly_the_same() -> None:
    assert detectable_bytes_per_hour(np.full(6, 3.0), 40, PERIOD) is None
    for at in ([0.0, 0, 1, 2], [0.0, 1, 1, 1], [0.0, 0, 0, 1]):
        assert detectable_bytes_per_hour(np.array(at), 1, PERIOD) is not None
