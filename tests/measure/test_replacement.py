"""Replacement: a site that grows by what its siblings lose is tested together with them."""

import numpy as np
import pytest

from leakhunt.measure.replacement import _same_sizes, _shares, p_with_siblings
from leakhunt.measure.significance import normal_tail
from leakhunt.measure.trend import analyse
from leakhunt.measure.turnover import births_and_deaths, drift, normal_deviate
from tests.detectors.lab import Row, evidence, ramp

RISES = Row("main.make < main.browse", 640, ramp(12, 4, start=8), freed=ramp(12, 1))
FALLS = Row("main.make < main.open", 640, [52 - 4 * i for i in range(12)], freed=[5 * i for i in range(12)])
OTHER = Row("main.other < main.open", 2048, [52 - 4 * i for i in range(12)], freed=[4 * i for i in range(12)])


def test_declining_siblings_are_added() -> None:
    series = evidence(RISES, FALLS, OTHER).series
    trends = analyse(series)
    names = [f"{site.frames[0].function} {site.frames[1].function}" for site in series.sites]
    grows, falls = names.index("main.make main.browse"), names.index("main.make main.open")
    hours = (series.times_ns - series.times_ns[0]) / 3.6e12
    found = p_with_siblings(series, hours, trends.z, np.array([grows]))
    counts = series.inuse_samples[[grows, falls]].sum(axis=0, keepdims=True)
    born, died = births_and_deaths(counts, series.alloc_samples[[grows, falls]].sum(axis=0, keepdims=True))
    together = float(normal_tail(normal_deviate(drift(counts, born, died, hours), len(hours)))[0])
    assert found == {grows: pytest.approx(together)}
    assert together > 0.05
    assert trends.replaced.tolist() == [i == grows for i in range(len(names))]
    assert trends.p[grows] == pytest.approx(together)
    assert trends.of(grows).notes == ("gains what other callers of the same function lose: its objects replace theirs",)


def test_siblings_that_stay_and_other_functions_do_not_count() -> None:
    level = Row("main.make < main.open", 640, [30, 31, 29, 30, 31, 30, 29, 30, 31, 30, 29, 30], freed=ramp(12, 9))
    series = evidence(RISES, level, OTHER).series
    trends = analyse(series)
    hours = (series.times_ns - series.times_ns[0]) / 3.6e12
    assert p_with_siblings(series, hours, trends.z, np.arange(len(series.sites))) == {
        i: pytest.approx(1.0, abs=0.01) for i, site in enumerate(series.sites) if site.leaf.function == "main.other"
    }
    assert not trends.replaced.any()


def test_what_was_loaded_at_the_start_is_replaced_by_blocks_of_its_size() -> None:
    """main filled it inline, so no function is common; it allocates no more, and what takes its place has the same size."""
    loaded = [52 - 4 * i for i in range(12)]

    def replaced(size: int, still_made: int, made_since: int = 99) -> bool:
        freed = [4 * i + still_made * i + (i >= made_since) for i in range(12)]
        series = evidence(RISES, Row("main.main < runtime.main", size, loaded, freed=freed)).series
        trends = analyse(series)
        grows = next(i for i, site in enumerate(series.sites) if site.leaf.function == "main.make")
        assert trends.replaced.sum() == trends.replaced[grows]
        return bool(trends.replaced[grows])

    assert replaced(640, 0)
    assert not replaced(1024, 0)
    assert not replaced(640, 2)
    assert not any(replaced(640, 0, made_since=since) for since in (1, 6, 11))


def test_sizes_are_alike_where_half_of_the_samples_are() -> None:
    """Samples, not objects: one of 64 B stands for some eight thousand of them."""
    blocks = {"main.a": {64: 2, 65536: 6}, "main.b": {65536: 6}, "main.c": {64: 6}, "main.d": {1024: 6}}
    rows = [
        Row(f"{name} < main.f", size, [0, 0], freed=[count] * 2)
        for name, sizes in blocks.items()
        for size, count in sizes.items()
    ]
    series = evidence(*rows).series
    sites = {site.leaf.function: i for i, site in enumerate(series.sites)}
    a, b, c, d = (sites[name] for name in blocks)
    shares = {site: _shares(series, site) for site in (a, b, c, d)}
    assert _same_sizes(shares[a], shares[b])
    assert _same_sizes(shares[b], shares[a])
    assert not any(_same_sizes(shares[one], shares[other]) for one, other in ((a, c), (c, a), (a, d), (b, d)))
    half = {64: 0.5, 65536: 0.5}
    assert _same_sizes(half, {64: 1.0})
    assert not _same_sizes(half, {64: 0.49, 1024: 0.51})
    nothing = evidence(Row("main.a < main.f", 64, [1, 1]), Row("main.e < main.f", 64, [0, 0])).series
    last = len(nothing.sites) - 1
    assert not _same_sizes(_shares(nothing, last), _shares(nothing, 0))


def test_a_function_is_replaced_with_its_sites() -> None:
    falls = Row("main.main < runtime.main", 640, [52 - 4 * i for i in range(12)], freed=[4 * i for i in range(12)])
    beside = Row("main.note < main.browse", 32, [i // 6 for i in range(12)])
    assert evidence(RISES, falls, beside).growing_groups == ()


def test_only_a_sure_decline_counts() -> None:
    series = evidence(RISES, FALLS).series
    grows = next(i for i, site in enumerate(series.sites) if site.frames[1].function == "main.browse")
    hours = (series.times_ns - series.times_ns[0]) / 3.6e12
    z = np.array([-1.64 if i != grows else 9.0 for i in range(len(series.sites))])
    assert p_with_siblings(series, hours, z, np.array([grows])) == {}
    assert list(p_with_siblings(series, hours, np.where(z < 0, -1.645, z), np.array([grows]))) == [grows]
