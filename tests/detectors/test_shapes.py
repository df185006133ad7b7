"""Exonerating detectors: each clears its own shape and keeps silent about a leak."""

import dataclasses
from types import ModuleType

import numpy as np
import pytest

from leakhunt.detectors import (
    bounded_cache,
    churn,
    load_step,
    map_capacity,
    never_freed,
    noise,
    plateau,
    pool,
    profiler,
    sawtooth,
    steady_growth,
    warm_up,
)
from leakhunt.measure.course import Course
from leakhunt.measure.groups import Basis
from leakhunt.measure.shape import LoadStep
from leakhunt.thresholds import LAST_HALF_ALPHA
from tests.detectors.lab import Row, evidence, ramp, verdicts

PUT = "main.put < main.serve"
TEETH = [4, 14, 24, 34, 5, 15, 25, 35, 4, 14, 24, 34, 5, 15, 25, 35]


def _freed_before(inuse: list[int], born: int) -> list[int]:
    """Cumulative frees if `born` sampled objects came before each snapshot."""
    return [inuse[0] + born * i - inuse[i] for i in range(len(inuse))]


LEAK = evidence(Row(PUT, 640, ramp(16, 6)))
WITH_LOAD = [20 + 3 * i + (i * 7) % 4 for i in range(16)]
WITH_LOAD_FREED = [sum(WITH_LOAD[:i]) for i in range(16)]  # every object lives about one interval, at any load
STEP_FREED = [20 * i for i in range(8)] + [160 + 60 * i for i in range(8)]
FILLING = [0, 40, 72, 98, 118, 134, 147, 158, 166, 173, 178, 183, 186, 189, 191, 193]
RISE = [10, 25, 40, 55, 70, 85, 100, 100, 101, 100, 100, 99, 100, 100, 101, 100]
LEVEL = [30, 32, 29, 31, 30, 28, 31, 30, 32, 31, 30, 29, 31, 30, 32, 30]
QUIET = [3, 4, 3, 4, 5, 3, 4, 6, 4, 5, 6, 5, 4, 5, 6, 6]
PROFILER = "compress/flate.NewWriter < runtime/pprof.newProfileBuilder < main.dump"
FALL = [60 - 3 * i for i in range(16)]
SHAPES: list[tuple[ModuleType, list[Row]]] = [
    (plateau, [Row(PUT, 640, RISE)]),
    (sawtooth, [Row(PUT, 640, TEETH, freed=_freed_before(TEETH, 30))]),
    (load_step, [Row(PUT, 640, [20] * 8 + [60] * 8, freed=STEP_FREED)]),
    (load_step, [Row(PUT, 640, WITH_LOAD, freed=WITH_LOAD_FREED)]),
    (bounded_cache, [Row(PUT, 640, FILLING)]),
    (churn, [Row(PUT, 640, LEVEL, freed=ramp(16, 30))]),
    (noise, [Row(PUT, 640, QUIET, freed=ramp(16, 2))]),
    (map_capacity, [Row(PUT, 27264, [40] * 16)]),
    (pool, [Row("main.newBuffer < sync.(*Pool).Get < main.serve", 65536, [40] * 16)]),
    (profiler, [Row(PROFILER, 65536, ramp(16, 2))]),
    (warm_up, [Row(PUT, 640, ramp(16, 3)), Row("main.put < main.fill", 640, FALL, freed=ramp(16, 3))]),
]


@pytest.mark.parametrize("beside", [[], [Row("main.other < main.loop", 640, ramp(16, 40))]], ids=["alone", "beside a leak"])
@pytest.mark.parametrize(("detector", "rows"), SHAPES, ids=[module.__name__.rpartition(".")[2] for module, _ in SHAPES])
def test_clears_its_own_shape(detector: ModuleType, rows: list[Row], beside: list[Row]) -> None:
    seen = evidence(*beside, *rows)
    first = [f for f in detector.examine(seen) if seen.series.sites[f.sites[0]].leaf.function != "main.idle"]
    assert [(f.pattern, f.stance) for f in first] == [(detector.PATTERN, "exonerates")]


@pytest.mark.parametrize("detector", [module for module, _ in SHAPES])
def test_says_nothing_for_a_leak(detector: ModuleType) -> None:
    assert [leaf for leaf, _ in verdicts(detector.examine, LEAK) if leaf == "main.put"] == []


def _cleared(detector: ModuleType, row: Row) -> bool:
    return any(leaf == "main.put" for leaf, _ in verdicts(detector.examine, evidence(row)))


def test_churn_frees_four_fifths_of_what_it_allocates() -> None:
    inuse = [10] * 10 + [11, 12]
    assert [_cleared(churn, Row(PUT, 65536, inuse, freed=[min(i, freed) for i in range(12)])) for freed in (8, 7)] == [
        True,
        False,
    ]


def test_one_table_that_was_made_is_no_map_at_rest() -> None:
    assert [_cleared(map_capacity, Row(PUT, 27264, [40] * 16, freed=[0] * 15 + [freed])) for freed in (0, 1)] == [True, False]


def test_steady_growth_accuses_a_leak_with_its_numbers() -> None:
    (finding,) = steady_growth.examine(LEAK)
    assert finding.confidence == "high"
    assert "over 16 snapshots" in finding.text
    assert finding.facts["q"] < 0.001


def test_steady_growth_is_quiet_about_turnover() -> None:
    level = [30, 32, 29, 31, 30, 28, 31, 30, 32, 31, 30, 29, 31, 30, 32, 33]
    assert verdicts(steady_growth.examine, evidence(Row(PUT, 640, level, freed=ramp(16, 30)))) == []


def test_never_freed_wants_no_free_at_all() -> None:
    (finding,) = never_freed.examine(LEAK)
    assert finding.facts["freed_samples"] == 0
    assert verdicts(never_freed.examine, evidence(Row(PUT, 640, ramp(16, 6), freed=ramp(16, 1)))) == []
    assert verdicts(never_freed.examine, evidence(Row(PUT, 640, ramp(16, 6), freed=[0] * 15 + [1]))) == []


def test_growth_that_a_group_shows_is_as_sure_as_its_numbers() -> None:
    (group, *_) = LEAK.growing_groups
    numbers = [(0.001, 3, 8), (0.001, 3, 7), (0.01, 3, 8), (0.01, 2.9, 8), (0.011, 3, 8)]
    said = []
    for q, samples, snapshots in numbers:
        trend = dataclasses.replace(group.trend, q=q, samples=samples, snapshots=snapshots)
        said.append(steady_growth._growth(dataclasses.replace(group, trend=trend), 1e9).confidence)
    assert said == ["high", "medium", "medium", "low", "low"]
    outgrown = dataclasses.replace(group, basis=Basis.OUTGROWN)
    assert steady_growth._growth(outgrown, 1e9).text.endswith("/h), the block in use was outgrown again and again")
    for function, words in (("main.serve", "this under main.serve is the largest"), ("", "this is the largest")):
        part = dataclasses.replace(group, basis=Basis.HEAP, function=function)
        assert words in steady_growth._growth(part, 1e9).text


def test_load_is_told_though_some_objects_live_a_little_longer() -> None:
    """One more an interval is kept from the middle on: z=.6, where a leak of this size would show 11.8."""
    kept = [max(0, i - 8) for i in range(16)]
    inuse = [held + more for held, more in zip(WITH_LOAD, kept, strict=True)]
    freed = [gone - more for gone, more in zip(WITH_LOAD_FREED, kept, strict=True)]
    seen = evidence(Row(PUT, 640, inuse, freed=freed))
    assert verdicts(load_step.examine, seen) == [("main.put", "high")]
    (group,) = (each for each in seen.groups if seen.series.sites[each.seed].leaf.function == "main.put")
    by_lifetimes = load_step._with_load(dataclasses.replace(group, basis=Basis.SITE), seen.course(group))
    assert by_lifetimes is not None
    assert by_lifetimes.facts["lifetime_z"] == pytest.approx(0.58, abs=0.01)


def test_allocation_that_became_faster_explains_what_lives_as_ever() -> None:
    """Three deaths tell little of lifetimes, as a leak of this size would show z=.7. Where they are known to be as ever, that
    is enough."""
    births, died = np.array([9.0, 9, 9, 0, 0, 0, 9, 18, 27]), np.array([0.0, 0, 0, 0, 1, 0, 0, 1, 1])
    counts = np.concatenate([[9], 9 + np.cumsum(births - died)])
    course = Course(np.arange(10.0), 640 * counts, counts, births, died, births)
    (group, *_) = LEAK.groups
    assert load_step._with_load(group, course) is None
    found = load_step._with_load(dataclasses.replace(group, basis=Basis.AS_EVER), course)
    assert found is not None
    assert (found.confidence, found.facts["allocation_ratio"]) == ("high", 2)
    slower = dataclasses.replace(course, born=births[::-1])
    assert load_step._with_load(dataclasses.replace(group, basis=Basis.AS_EVER), slower) is None


def test_a_group_that_fell_is_passed_over() -> None:
    """A site that fell from a peak, and after it one whose growth is the fall of another caller's."""
    rows = [
        Row("main.peak < main.load", 65536, [100] * 8 + [20] * 8, freed=[0] * 8 + [80] * 8),
        Row(PUT, 640, ramp(16, 3)),
        Row("main.put < main.fill", 640, FALL, freed=ramp(16, 3)),
    ]
    assert verdicts(warm_up.examine, evidence(*rows)) == [("main.put", "high")]


def test_growth_that_ends_in_mid_window_slows_down_by_halves() -> None:
    """Fastest in the middle, so that thirds tell it less well: 16 births against 3, and 26 against 3."""
    counts = np.array([7, 7, 11, 15, 23, 33, 34, 34, 34, 35, 37, 37], dtype=float)
    born = np.diff(counts)
    course = Course(np.arange(12.0), counts * 2**19, counts, born, np.zeros(11), np.ones(11))
    assert bounded_cache._slowing(course, 4) == pytest.approx((16 - 3) / 19**0.5)
    assert bounded_cache._slowing(course, 5) == pytest.approx((26 - 3) / 29**0.5)
    assert bounded_cache._confidence(course) == "high"
    steady = np.arange(12.0) * 3
    level = Course(np.arange(12.0), steady, steady, np.full(11, 3.0), np.zeros(11), np.ones(11))
    assert bounded_cache._confidence(level) == "low"


def test_noise_says_what_was_found_wanting() -> None:
    trend = LEAK.growing_groups[0].trend
    as_ever = "rose (p=0.01), and no object lives longer than those before"
    for p, q, grows, words in (
        (0.01, 1.0, False, as_ever),
        (0.011, 1.0, False, "within chance"),
        (0.01, 0.06, False, "within chance"),
        (0.01, 1.0, True, "within chance"),
        (0.01, 0.05, False, "rose, and its last half alone does not show it (p=0.2)"),
        (0.01, 0.05, True, "rose, and its last half alone does not show it (p=0.2)"),
    ):
        assert noise._why(dataclasses.replace(trend, p=p, q=q, last_half_p=0.2), grows) == words
    assert noise._why(dataclasses.replace(trend, p=0.01, q=0.05, last_half_p=LAST_HALF_ALPHA), True) == "within chance"
    assert [noise._confidence(samples, False) for samples in (5.9, 6)] == ["high", "low"]
    assert noise._confidence(5.9, True) == "low"


def test_two_snapshots_give_a_candidate_and_no_more() -> None:
    assert verdicts(steady_growth.examine, evidence(Row(PUT, 640, [0, 40]))) == [("main.put", "low")]


def _course(hours_between: float, gained: int, events: int) -> Course:
    """Six snapshots: the first third gains, by so many births and deaths, and the last does not."""
    counts = np.array([0, 0, gained, 90, 90, 90], dtype=float)
    born = np.array([0, gained, 90 - gained, 0, 0], dtype=float)
    died = np.array([0, events - gained, 0, 0, 0], dtype=float)
    return Course(hours_between * np.arange(6), 640 * counts, counts, born, died, np.ones(5))


def test_a_cache_that_fills_is_surer_the_worse_a_leak_explains_its_deaths() -> None:
    """By the log likelihood ratio m z - m^2 / 2, m what a leak would show."""
    (group, *_) = LEAK.groups
    said = []
    for z, leak_z in ((0.0, 2.0), (0.1, 2.0), (-1.0, 1.0)):
        as_ever = dataclasses.replace(LEAK)
        trend = dataclasses.replace(group.trend, lifetime_z=z, expected_lifetime_z=leak_z)
        vars(as_ever)["groups"] = (dataclasses.replace(group, basis=Basis.AS_EVER, trend=trend),)
        (finding,) = bounded_cache.examine(as_ever)
        assert (finding.facts["lifetime_z"], finding.facts["expected_lifetime_z"]) == (z, leak_z)
        said.append(finding.confidence)
    assert said == ["high", "medium", "medium"]


def test_a_known_cache_that_fills_is_not_said_to_have_a_cap() -> None:
    (finding, *_) = bounded_cache.examine(evidence(Row("github.com/bluele/gcache.(*LRUCache).set < main.put", 640, FILLING)))
    assert "growth slows down" in finding.text
    assert "evicts at its cap" not in finding.text
    assert "cache" not in finding.facts


@pytest.mark.parametrize("hours_between", [1, 10])
@pytest.mark.parametrize(
    ("gained", "events", "confidence"),
    [(20, 25, "high"), (20, 26, "medium"), (20, 64, "medium"), (20, 65, "low"), (0, 0, "low")],
)
def test_filling_is_as_sure_as_the_events_make_it(hours_between: float, gained: int, events: int, confidence: str) -> None:
    """20 more by 25 events are 4 standard deviations, by 64 events 2.5; whatever the unit of time."""
    assert bounded_cache._confidence(_course(hours_between, gained, events)) == confidence


def test_a_plateau_is_as_sure_as_the_growth_that_is_missing() -> None:
    assert [plateau._confidence(sigmas) for sigmas in (4.0, 3.9, 3.0, 2.9)] == ["high", "medium", "medium", "low"]


def test_a_step_is_sure_where_it_is_high_and_explains_the_curve() -> None:
    (group, *_) = LEAK.groups
    said = []
    for explained, sigmas in ((0.8, 4.0), (0.79, 4.0), (0.8, 3.9), (0.8, 3.0), (0.9, 2.9)):
        found = LoadStep(8, 100.0, 200.0, 1.0, explained, sigmas)
        said.append(load_step._in_one_step(group, LEAK.course(group), found).confidence)
    assert said == ["high", "medium", "medium", "medium", "low"]
    for ratio, words in ((1.5, "level on both sides"), (1.6, "level on both sides, and it allocates 1.6 times as fast since")):
        found = LoadStep(8, 100.0, 200.0, ratio, 0.8, 4.0)
        assert load_step._in_one_step(group, LEAK.course(group), found).text.endswith(words)
