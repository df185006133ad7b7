"""The trend of a live heap: right on real logs, calibrated and powerful in simulation."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from leakhunt.decode.gctrace import parse_gctrace
from leakhunt.measure.live_heap import growth_test, heap_trend, window_lows
from leakhunt.model.gctrace import GcTrace
from leakhunt.thresholds import GCTRACE_MIN_WINDOWS

LOGS = Path(__file__).resolve().parents[2] / "fixtures" / "gctrace"
VERSIONS = sorted(path.parent.name for path in LOGS.glob("*/provenance.json"))
COLLECTIONS, RUNS, SWING = 300, 200, 5.0


def _trace(live: NDArray[np.float64], hours: float = 1.0, stacks: NDArray[np.int64] | None = None) -> GcTrace:
    n = len(live)
    mib = np.floor(np.maximum(live, 0)).astype(np.int64)
    zeros = np.zeros(n, dtype=np.int64)
    return GcTrace(
        "log", np.linspace(0, hours * 3600, n), mib, mib * 2, mib * 2, mib * 2, zeros if stacks is None else stacks, zeros,
        np.full(n, 0.1), np.full(n, 1.0), zeros, zeros.astype(bool),
    )  # fmt: skip


def _swings(rng: np.random.Generator, relaxation: float) -> NDArray[np.float64]:
    """A stationary Ornstein-Uhlenbeck process of standard deviation SWING; `relaxation` is a share of the log's length."""
    keep = np.exp(-1 / COLLECTIONS / relaxation)
    x = np.empty(COLLECTIONS)
    x[0] = rng.normal() * SWING
    for i in range(1, COLLECTIONS):
        x[i] = keep * x[i - 1] + rng.normal() * SWING * np.sqrt(1 - keep**2)
    return x


def _share_that_grows(shape: NDArray[np.float64], relaxation: float = 0.02, seed: int = 1) -> float:
    rng = np.random.default_rng(seed)
    return float(np.mean([heap_trend(_trace(shape + _swings(rng, relaxation))).verdict == "grows" for _ in range(RUNS)]))


TIME = np.linspace(0, 1, COLLECTIONS)
LEVEL = np.full(COLLECTIONS, 100.0)


@pytest.mark.parametrize("relaxation", [0.005, 0.02, 0.05, 0.1, 0.2, 0.5])
def test_stationary_heaps_are_rarely_called_growing(relaxation: float) -> None:
    assert _share_that_grows(LEVEL, relaxation) <= 0.05


@pytest.mark.parametrize("cycles", [3, 7.5, 20])
def test_a_sawtooth_is_no_growth(cycles: float) -> None:
    assert _share_that_grows(LEVEL + 30 * ((TIME * cycles) % 1)) <= 0.05


@pytest.mark.parametrize(("full_at", "most"), [(0.2, 0.06), (0.5, 0.05)])
def test_a_cache_that_is_full_is_no_growth(full_at: float, most: float) -> None:
    assert _share_that_grows(100 * (1 - np.exp(-TIME * 3 / full_at))) <= most


@pytest.mark.parametrize("at", [0.3, 0.5, 0.8])
def test_a_load_step_is_rarely_growth(at: float) -> None:
    assert _share_that_grows(LEVEL + 30 * (at < TIME)) <= 0.10


@pytest.mark.parametrize(("sigmas", "least"), [(4, 0.5), (8, 0.75), (16, 0.95)])
def test_a_steady_growth_is_found(sigmas: float, least: float) -> None:
    assert _share_that_grows(LEVEL + sigmas * SWING * TIME) >= least


def test_the_rates_interval_covers_the_true_rate() -> None:
    rng = np.random.default_rng(4)
    trends = [heap_trend(_trace(LEVEL + 80 * TIME + _swings(rng, 0.05))) for _ in range(RUNS)]
    assert np.mean([trend.low <= 80 <= trend.high for trend in trends]) >= 0.92


@pytest.mark.parametrize("version", VERSIONS)
def test_real_logs_are_judged_as_their_programs_behave(version: str) -> None:
    trends = {
        name: heap_trend(parse_gctrace(gzip.decompress((LOGS / version / f"{name}.log.gz").read_bytes()), name))
        for name in ("growing", "steady")
    }
    assert {name: trend.verdict for name, trend in trends.items()} == {"growing": "grows", "steady": "level"}
    assert 0 < trends["growing"].low < trends["growing"].mib_per_hour < trends["growing"].high
    assert trends["growing"].notes[0].startswith(("7", "8"))


def test_too_few_collections_say_how_many_are_missing() -> None:
    trend = heap_trend(_trace(np.arange(10.0)))
    assert trend.verdict == "inconclusive"
    needed = 2 * GCTRACE_MIN_WINDOWS - 10
    assert trend.notes[-1] == f"10 collections are too few to tell growth from a swing: {needed} more are needed"


def test_a_rise_within_the_logs_rounding_is_level() -> None:
    trend = heap_trend(_trace(np.linspace(9.6, 10.6, 100)))
    assert trend.verdict == "level"


def test_rising_stacks_and_restarts_are_told() -> None:
    stacks = np.arange(COLLECTIONS)
    assert any("goroutine stacks rose from 0 B to 299 MiB" in note for note in heap_trend(_trace(LEVEL, stacks=stacks)).notes)


def test_lows_are_those_of_a_loop() -> None:
    rng = np.random.default_rng(2)
    seconds = np.sort(rng.uniform(0, 100, 57))
    values = rng.normal(size=57)
    lows, middles = window_lows(values, seconds, 10)
    edges = np.linspace(seconds[0], seconds[-1], 11)
    slow = []
    for i in range(10):
        inside = [
            v for v, s in zip(values, seconds, strict=True) if edges[i] <= s < edges[i + 1] or (i == 9 and s == edges[10])
        ]
        if inside:
            slow.append((min(inside), (edges[i] + edges[i + 1]) / 2))
    assert list(zip(lows.tolist(), middles.tolist(), strict=True)) == slow


def test_degenerate_timelines_have_an_answer() -> None:
    hours = np.arange(8.0)
    assert growth_test(np.ones(8), hours).p == 1.0
    assert growth_test(hours, hours).p == 0.0
    assert growth_test(np.ones(3), hours[:3]).p == 1.0
    assert growth_test(np.ones(8), np.zeros(8)).p == 1.0
    assert heap_trend(_trace(LEVEL, hours=0.0)).verdict in ("level", "inconclusive")
