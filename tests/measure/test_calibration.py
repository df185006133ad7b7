"""What the statistics promise, measured on simulated sites: false alarms at the nominal rate, power as stated, intervals that
cover. Bounds are binomial: a count may exceed its expectation by four standard deviations before a test fails.

Run longer with `python -m tests.simulate`, whose table is in docs/how-it-decides.md.
"""

import math
from collections.abc import Callable

import numpy as np
import pytest

from leakhunt import thresholds
from leakhunt.measure.lifetimes import lengthening, lifetimes
from leakhunt.measure.power import detectable_bytes_per_hour
from leakhunt.measure.significance import normal_tail
from leakhunt.measure.trend import analyse
from leakhunt.measure.turnover import births_and_deaths, drift, normal_deviate
from tests import rivals, simulate

Maker = Callable[[np.random.Generator, float], simulate.Events]
RUNS = 1500


def drawn(make: Maker, snapshots: int, runs: int = RUNS, seed: int = 7) -> simulate.Process:
    """`runs` sites of one kind at the same uneven snapshots."""
    rng = np.random.default_rng(seed)
    times = simulate.snapshot_times(rng, snapshots)
    counts = [simulate.draw(make(rng, float(times[-1])), times) for _ in range(runs)]
    inuse, allocated = (np.array(column) for column in zip(*counts, strict=True))
    return simulate.Process(times, inuse, allocated, ("site",) * runs, np.zeros(runs))


def most(expected_share: float, runs: int) -> float:
    """Largest share that is still explained by an expectation of `expected_share`: four standard deviations above."""
    return expected_share + 4 * math.sqrt(expected_share * (1 - expected_share) / runs)


def p_values(process: simulate.Process) -> np.ndarray:
    born, died = births_and_deaths(process.inuse, process.allocated)
    return normal_tail(normal_deviate(drift(process.inuse, born, died, process.times), len(process.times)))


@pytest.mark.parametrize("snapshots", [4, 5, 8, 24])
@pytest.mark.parametrize(("level", "lifetime"), [(1, 0.4), (3, 1.5), (10, 0.1), (10, 1.5), (40, 0.4), (40, 5)])
def test_false_alarms_of_the_drift_test_are_nominal(snapshots: int, level: float, lifetime: float) -> None:
    process = drawn(lambda rng, window: simulate.stationary(rng, window, level, lifetime * window), snapshots)
    p = p_values(process)
    for nominal in (0.05, 0.01, 0.001):
        assert (p <= nominal).mean() <= most(nominal, RUNS), nominal


@pytest.mark.parametrize(("lifetime", "factor"), [(0.1, 1.0), (0.3, 1.0), (0.6, 1.7), (1.0, 2.7), (1.6, 1.9)])
def test_fixed_lifetimes_cost_what_the_documentation_says(lifetime: float, factor: float) -> None:
    """A full first-in-first-out cache correlates along a straight line, not exponentially; worst where the line ends just at
    the window's end."""
    p = p_values(drawn(lambda rng, window: simulate.stationary(rng, window, 20, lifetime * window, spread=0), 12, 4000))
    for nominal in (0.05, 0.01):
        assert (p <= nominal).mean() <= most(factor * nominal, 4000), nominal


@pytest.mark.parametrize("snapshots", [8, 12, 24])
@pytest.mark.parametrize(("level", "lifetime", "rate"), [(12, 0.4, 40), (12, 1.5, 40), (30, 0.1, 200), (3, 1.0, 30)])
def test_objects_too_brief_to_be_seen_do_not_hide_how_slow_the_others_are(
    snapshots: int, level: float, lifetime: float, rate: float
) -> None:
    """One site of two lifetimes: births and deaths are nearly all of brief objects, the counts nearly all of lasting ones.
    Measured by the whole analysis; the test that believed births and deaths was 50 times over .001 here."""

    def make(rng: np.random.Generator, window: float) -> simulate.Events:
        lasting = simulate.stationary(rng, window, level, lifetime * window)
        return simulate.joined(lasting, simulate.stationary(rng, window, rate * 0.02, 0.02))

    p = analyse(drawn(make, snapshots, 3000).series()).p
    for nominal, factor in ((0.05, 1.1), (0.01, 1.3), (0.001, 2.0)):
        assert (p <= nominal).mean() <= most(factor * nominal, 3000), nominal


def test_batches_cost_at_most_three_times() -> None:
    p = p_values(drawn(lambda rng, window: simulate.bursty(rng, window, 30, 0.4 * window, 4), 12))
    assert (p <= 0.01).mean() <= most(0.03, RUNS)


@pytest.mark.parametrize(
    "make",
    [
        lambda rng, window: simulate.load_step(rng, window, 30, 0.8, 2.0, 0.5),
        lambda rng, window: simulate.ramp(rng, window, 30, 0.8, 2.0),
        lambda rng, window: simulate.warm_up(rng, window, 60, 0.3 * window),
        lambda rng, window: simulate.stationary(rng, window, 30, 0.3 * window),
    ],
    ids=["load step", "load ramp", "warm-up", "stationary"],
)
def test_lifetimes_as_ever_give_a_standard_normal_z(make: Maker) -> None:
    process = drawn(make, 24)
    born, died = births_and_deaths(process.inuse, process.allocated)
    z = lifetimes(process.inuse, born, died, process.times).z
    assert abs(z.mean()) < 0.25
    assert 0.8 < z.std() < 1.1
    assert (z > 1.645).mean() <= most(0.06, RUNS)


def test_load_is_explained_and_leaks_are_not() -> None:
    def share(make: Maker) -> float:
        process = drawn(make, 24, 400)
        born, died = births_and_deaths(process.inuse, process.allocated)
        result = lifetimes(process.inuse, born, died, process.times)
        return float(lengthening(result).mean())

    assert share(lambda rng, window: simulate.load_step(rng, window, 30, 0.8, 2.0, 0.5)) < 0.03
    assert share(lambda rng, window: simulate.ramp(rng, window, 30, 0.8, 2.0)) < 0.03
    assert share(lambda rng, window: simulate.filling(rng, window, 0.5, 40)) < 0.03
    assert share(lambda rng, window: simulate.leak(rng, window, 2, 20, 0.1 * window)) > 0.9
    assert share(lambda rng, window: simulate.leak(rng, window, 2, 0, 1)) == 1
    assert share(lambda rng, window: simulate.leak(rng, window, 2, 2, 0.5 * window)) > 0.9
    assert share(lambda rng, window: simulate.filling(rng, window, 0.9, 40)) < 0.2


@pytest.mark.parametrize("snapshots", [5, 12, 24])
def test_the_stated_detectable_leak_is_found_at_the_stated_power(snapshots: int) -> None:
    tests, runs = 500, 400
    rng = np.random.default_rng(11)
    times = simulate.snapshot_times(rng, snapshots)
    hours = times * simulate.INTERVAL_NS / 3.6e12
    per_hour = detectable_bytes_per_hour(hours, tests, simulate.PERIOD_BYTES)
    assert per_hour is not None
    samples = per_hour * hours[-1] / simulate.PERIOD_BYTES / times[-1]
    counts = [simulate.draw(leaking_from_now(rng, times[-1], samples), times) for _ in range(runs)]
    inuse, allocated = (np.array(column) for column in zip(*counts, strict=True))
    process = simulate.Process(times, inuse, allocated, ("leak",) * runs, np.full(runs, samples))
    found = (p_values(process) <= thresholds.ALPHA / tests).mean()
    assert thresholds.POWER - 0.12 <= found <= thresholds.POWER + 0.15


def leaking_from_now(rng: np.random.Generator, window: float, samples: float) -> simulate.Events:
    born = simulate.poisson_times(rng, 0, window, samples)
    return born, np.full(len(born), simulate.NEVER)


@pytest.mark.parametrize("snapshots", [5, 12, 24])
@pytest.mark.parametrize(
    ("per_interval", "base", "lifetime"), [(2, 0, 1), (2, 10, 0.3), (8, 40, 1.5), (2, 100, 0.1), (0, 30, 0.3)]
)
def test_intervals_cover_the_true_rate(snapshots: int, per_interval: float, base: float, lifetime: float) -> None:
    def make(rng: np.random.Generator, window: float) -> simulate.Events:
        return simulate.leak(rng, window, per_interval, base, lifetime * window)

    process = drawn(make, snapshots, 500)
    series = process.series()
    trends = analyse(series)
    true = per_interval * series.sample_bytes[0] / (simulate.INTERVAL_NS / 3.6e12)
    covered = ((trends.low <= true) & (true <= trends.high)).mean()
    assert covered >= 0.95 - 4 * math.sqrt(0.95 * 0.05 / 500)


def test_fewer_false_alarms_than_the_rules_before_it_at_no_fewer_leaks() -> None:
    """A tenth of the table in docs/how-it-decides.md, on seeds of its own."""
    processes = [simulate.process(90_000 + i, simulate.SNAPSHOTS[i % 5], 800, 8) for i in range(10)]
    ours = [analyse(process.series()).growing for process in processes]
    theirs = [rivals.thirty_lines(process) for process in processes]

    def count(flags: list[np.ndarray], leaks: bool) -> int:
        return sum(int((found & (process.leaks == leaks)).sum()) for found, process in zip(flags, processes, strict=True))

    assert count(ours, leaks=False) * 5 <= count(theirs, leaks=False)
    assert count(ours, leaks=True) >= count(theirs, leaks=True) - 2
    fills = {"fill20", "fill50", "step", "ramp", "small"}
    wrong = sum(
        process.kinds[k] in fills for found, process in zip(ours, processes, strict=True) for k in np.flatnonzero(found)
    )
    assert wrong <= 3
