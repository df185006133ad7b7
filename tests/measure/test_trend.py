"""Trends: what grows is significant, what does not is not, and what cannot be told is said."""

from dataclasses import fields, replace

import numpy as np
import pytest

from leakhunt.measure.power import detectable_bytes_per_hour
from leakhunt.measure.rate import rate_error
from leakhunt.measure.significance import benjamini_hochberg, normal_tail
from leakhunt.measure.trend import _prior, _too_few, allocation_bytes_per_hour, analyse, analyse_sum
from leakhunt.measure.turnover import drift, normal_deviate
from leakhunt.model.series import Trend
from leakhunt.thresholds import INTERVAL_SIGMAS
from tests.detectors.lab import Row, evidence
from tests.measure.test_series import build, leak, profiles
from tests.profiles import Sample, heap_profile

HOUR = 3_600_000_000_000


def test_a_leak_stands_out() -> None:
    series = build(profiles(8))
    trends = analyse(series)
    put = next(i for i, site in enumerate(series.sites) if "Put" in site.frames[0].function)
    trend = trends.of(put)
    assert trend.tested
    assert trend.q < 0.01
    assert trend.retention_ratio > 0.99
    assert trend.freed_samples == 0
    assert trends.growing.tolist() == [i == put for i in range(len(series.sites))]
    assert abs(trend.bytes_per_hour - 5 * series.sample_bytes[put]) < 0.05 * trend.bytes_per_hour


def test_three_snapshots_are_candidates_only() -> None:
    trends = analyse(build(profiles(3)))
    assert not trends.tested.any()
    assert trends.untestable.sum() == 2
    assert "at least 4" in trends.reason


def test_a_process_allocates_so_many_bytes_an_hour() -> None:
    allocated = [100, 300, 700]
    drawn = [
        heap_profile([Sample(("main.a", "main.f"), 1 << 20, count, 1)], time_ns=at * HOUR, period=1)
        for count, at in zip(allocated, (1, 2, 4), strict=True)
    ]
    assert allocation_bytes_per_hour(build(drawn)).tolist() == [200 << 20, 200 << 20]
    assert allocation_bytes_per_hour(build(drawn[:1])).tolist() == []


def test_nothing_to_analyse() -> None:
    for count in (0, 1, 2):
        trends = analyse(build([heap_profile(leak(i), time_ns=(i + 1) * HOUR) for i in range(count)]))
        assert not trends.tested.any()
        assert np.isfinite(trends.bytes_per_hour).all()
        if count < 2:
            assert (trends.low == -np.inf).all()
            assert (trends.high == np.inf).all()


def test_a_ring_refilled_by_another_caller_does_not_grow() -> None:
    def ring(i: int) -> list[Sample]:
        """Thirty orders made by Open at the start; Browse's take their place, five an interval."""
        return [
            Sample(("shop.place", "shop.Open"), 512, allocated=30, inuse=30 - 3 * i),
            Sample(("shop.place", "shop.Browse"), 512, allocated=3 * i, inuse=3 * i),
        ]

    series = build([heap_profile(ring(i), time_ns=(i + 1) * HOUR) for i in range(9)])
    trends = analyse(series)
    browse = next(i for i, site in enumerate(series.sites) if site.frames[1].function == "shop.Browse")
    assert trends.z[browse] > 3
    assert not trends.growing.any()
    assert trends.replaced[browse]
    assert "its objects replace theirs" in trends.of(browse).notes[0]


def analysed(*held: list[int]) -> tuple[float, float]:
    """z and p of one site that holds `held` sampled objects in each of several processes, one after the other, freeing none;
    beside it a site whose counter falls at each restart."""
    snapshots = [(i, count) for process in held for i, count in enumerate(process)]
    series = build(
        [
            heap_profile(
                [
                    Sample(("shop.keep", "shop.serve"), 512, allocated=count, inuse=count),
                    Sample(("shop.brief", "shop.serve"), 512, allocated=100 * i + 1, inuse=1),
                ],
                time_ns=(number + 1) * HOUR,
            )
            for number, (i, count) in enumerate(snapshots)
        ]
    )
    assert len(series.segment_starts) == len(held)
    keep = next(i for i, site in enumerate(series.sites) if site.leaf.function == "shop.keep")
    trends = analyse(series)
    return float(trends.z[keep]), float(trends.p[keep])


def test_processes_that_all_grow_are_surer_than_one() -> None:
    """Eight births in each of two processes: Stouffer's sum of equal weights is the square root of two times either."""
    grown = [2 + i for i in range(9)]
    z, p = analysed(grown)
    both_z, both_p = analysed(grown, grown)
    assert both_z == pytest.approx(z * 2**0.5)
    assert both_p < p / 10
    assert analysed(grown, grown[:8])[0] == pytest.approx(analysed(grown[:8], grown)[0]), "whichever came first"
    assert analysed(grown, grown[:3])[0] == analysed(grown[:3], grown)[0] == pytest.approx(z), (
        "three snapshots of a process say nothing"
    )
    assert analysed(grown, grown[:4])[0] > z + 0.5, "four say something"
    assert analysed(grown[:3], grown, grown[:8]) == analysed(grown, grown[:8])


def test_another_process_takes_growth_back_and_does_not_make_it() -> None:
    grown, level = [2 + i for i in range(9)], [8, 8, 8, 8, 8, 8, 8, 8]
    slight = [8, 8, 8, 8, 8, 8, 8, 9, 9, 9]
    assert analysed(grown[:8], slight)[1] == analysed(slight)[1] > 0.05
    assert analysed(level, grown)[0] <= analysed(grown)[0]


def test_a_large_site_needs_less_and_a_small_one_at_most_twice_as_much() -> None:
    """Of two sites of the same course the one of larger objects holds most of the heap: its q is less."""

    def snapshot(i: int) -> list[Sample]:
        rising = {"large": 65536, "small": 16}
        samples = [Sample((f"shop.{name}", "main.main"), size, allocated=i + 2, inuse=i + 2) for name, size in rising.items()]
        brief = [Sample((f"shop.f{k}", "main.main"), 512, allocated=3 + i, inuse=3) for k in range(8)]
        return samples + brief

    series = build([heap_profile(snapshot(i), time_ns=(i + 1) * HOUR) for i in range(9)])
    trends, names = analyse(series), [site.leaf.function for site in series.sites]
    large, small = names.index("shop.large"), names.index("shop.small")
    assert trends.p[large] == trends.p[small]
    held = series.inuse_bytes.mean(axis=1)
    assert trends.q[large] <= trends.q[small]
    weights = (1 + held / held.mean()) / 2
    assert weights.min() > 0.5
    assert trends.q[small] <= 2 * trends.p[small] * len(names)
    taken = np.where(trends.lengthening, trends.p, 1.0)
    assert trends.q == pytest.approx(benjamini_hochberg(taken, trends.tested, weights))
    assert trends.rise_q == pytest.approx(benjamini_hochberg(trends.p, trends.tested, weights))


def test_what_is_missing_for_a_test_is_said() -> None:
    assert _too_few(1, 9) == "1 snapshot of one process: at least 4 are needed to tell growth from chance"
    assert _too_few(3, 9) == "3 snapshots of one process: at least 4 are needed to tell growth from chance"
    assert _too_few(4, 5) == "5 sampled objects allocated or freed there between the snapshots, at least 6 are needed"
    assert _too_few(4, 0) == "too few sampled objects allocated or freed there between the snapshots, at least 6 are needed"


def test_a_sum_is_of_the_rows_named_and_of_all_for_none() -> None:
    """150 sites, which are added some at a time."""
    rows = [Sample((f"shop.f{k}", "main.main"), 512, allocated=k + 9, inuse=k + 1) for k in range(150)]
    more = [replace(row, allocated=row.allocated + 3 * k, inuse=row.inuse + 2 * k) for k, row in enumerate(rows)]
    series = build([heap_profile(drawn, time_ns=at * HOUR) for at, drawn in enumerate((rows, more), 1)])
    every, some = range(150), range(3, 147)
    assert analyse_sum(series) == analyse_sum(series, every)
    for sites in (every, some, ()):
        gained = sum(int(series.inuse_bytes[site, 1] - series.inuse_bytes[site, 0]) for site in sites)
        assert analyse_sum(series, sites).bytes_per_hour == gained
        assert analyse_sum(series, sites).samples == sum(series.inuse_samples[site].mean() for site in sites)


def test_many_sites_are_judged_some_at_a_time_and_each_by_itself() -> None:
    """Two hundred, the second half of them as the first: the cut lies amid the second."""
    rng = np.random.default_rng(3)
    inuse = np.tile(1 + np.cumsum(rng.integers(0, 3, (100, 6)), axis=1), (2, 1))
    drawn = [
        heap_profile(
            [Sample((f"shop.f{k:03}", "main.main"), 512, allocated=int(at), inuse=int(at)) for k, at in enumerate(inuse[:, i])],
            time_ns=(i + 1) * HOUR,
        )
        for i in range(6)
    ]
    series = build(drawn)
    trends, order = analyse(series), sorted(range(200), key=lambda i: series.sites[i].leaf.function)
    for name in ("z", "p", "last_half_p", "events", "grown_bytes", "lifetime_z", "bytes_per_hour"):
        column = getattr(trends, name)
        assert column.shape == (200,)
        assert column[order[:100]].tolist() == column[order[100:]].tolist()
        assert len(set(column.tolist())) > 3 or name == "lifetime_z"


def test_counts_that_were_estimated_are_believed_less() -> None:
    series = build(profiles(8))
    exact, estimated = analyse(series), analyse(replace(series, exact_counts=False))
    put = next(i for i, site in enumerate(series.sites) if "Put" in site.leaf.function)
    assert 0 < estimated.z[put] < exact.z[put]
    assert estimated.bytes_per_hour[put] == exact.bytes_per_hour[put]
    assert estimated.high[put] - estimated.low[put] > exact.high[put] - exact.low[put]


def test_the_trend_of_a_site_is_its_row_of_the_columns() -> None:
    series = build(profiles(8))
    columns = [each.name for each in fields(Trend) if each.name not in ("snapshots", "tested", "notes")]
    trends = replace(analyse(series), **{name: np.arange(len(series.sites)) + 10.0 * i for i, name in enumerate(columns)})
    for site in range(len(series.sites)):
        trend = trends.of(site)
        assert [getattr(trend, name) for name in columns] == [float(getattr(trends, name)[site]) for name in columns]
        assert (trend.snapshots, trend.tested, trend.notes) == (8, True, ())
    assert (trends.untestable.any(), trends.reason) == (False, "")


def test_growth_and_its_error_by_hand() -> None:
    """Site `a` allocates nine an hour and frees four of them; `b` is written once and changes no more."""

    def snapshot(i: int) -> list[Sample]:
        return [
            Sample(("shop.a", "main.main"), 512, allocated=9 * i + 9, inuse=5 * i + 9),
            Sample(("shop.b", "main.main"), 65536, allocated=7, inuse=7),
        ]

    series = build([heap_profile(snapshot(i), time_ns=(i + 1) * HOUR) for i in range(9)])
    a, b = ([site.leaf.function for site in series.sites].index(name) for name in ("shop.a", "shop.b"))
    trends, one = analyse(series), analyse_sum(series, [a, b])
    assert trends.grown_bytes.tolist() == [int(series.inuse_bytes[i, -1] - series.inuse_bytes[i, 0]) for i in range(2)]
    assert trends.retention_ratio[a] == pytest.approx(5 / 9, rel=1e-3)
    assert np.isnan(trends.retention_ratio[b])
    counts, born, died = series.inuse_samples[[a]].astype(float), np.full((1, 8), 9.0), np.full((1, 8), 4.0)
    hours = np.arange(9.0)
    error = float(rate_error(counts, born, died, hours, drift(counts, born, died, hours))[0])
    width = 2 * INTERVAL_SIGMAS * error
    assert trends.high[a] - trends.low[a] == pytest.approx(width * series.sample_bytes[a])
    counts = counts + 7
    error = float(rate_error(counts, born, died, hours, drift(counts, born, died, hours))[0])
    mean_bytes = series.inuse_bytes.sum() / series.inuse_samples.sum()
    assert one.high - one.low == pytest.approx(2 * INTERVAL_SIGMAS * error * mean_bytes)


@pytest.mark.parametrize("held", [[2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18], [2, 3, 4, 30, 31, 32, 33, 34, 35, 36, 60, 61]])
@pytest.mark.parametrize(("snapshots", "since"), [(3, None), (4, 1), (5, 2), (6, 3), (7, 3), (9, 4), (12, 6)])
def test_the_last_half_has_three_snapshots_at_least(snapshots: int, since: int | None, held: list[int]) -> None:
    held = held[:snapshots]
    series = build(
        [
            heap_profile([Sample(("shop.keep", "main.main"), 512, allocated=each, inuse=each)], time_ns=(i + 1) * HOUR)
            for i, each in enumerate(held)
        ]
    )
    counts, hours = np.array([held], dtype=float)[:, since:], np.arange(float(snapshots))[since:]
    born = np.diff(counts, axis=1)
    late = normal_deviate(drift(counts, born, np.zeros_like(born), hours), counts.shape[1])
    expected = 1.0 if since is None else float(normal_tail(late)[0])
    assert analyse(series).last_half_p[0] == pytest.approx(expected)


def test_the_events_of_all_processes_count() -> None:
    """A second of four snapshots, after one of three: the longest has three births, the other two."""

    def snapshot(i: int) -> list[Sample]:
        return [Sample(("shop.keep", "main.main"), 512, i + 1, i + 1), Sample(("shop.brief", "main.main"), 512, 9 * i + 9, 1)]

    series = build([heap_profile(snapshot(i), time_ns=(at + 1) * HOUR) for at, i in enumerate((0, 1, 2, 0, 1, 2, 3))])
    keep = [site.leaf.function for site in series.sites].index("shop.keep")
    assert analyse(series).events[keep] == 3, "three snapshots are too few to count"
    longer = build([heap_profile(snapshot(i), time_ns=(at + 1) * HOUR) for at, i in enumerate((0, 1, 2, 3, 0, 1, 2, 3, 4))])
    assert analyse(longer).events[keep] == 3 + 4
    short = build([heap_profile(snapshot(i), time_ns=(at + 1) * HOUR) for at, i in enumerate((0, 1, 0, 1, 2))])
    assert analyse(short).reason == _too_few(3, 0)


def test_what_cannot_be_tested_is_counted_where_it_holds_memory_and_changes() -> None:
    """Of four sites one has too few births, one changes never, one holds nothing at the end."""

    def snapshot(i: int) -> list[Sample]:
        counts = {"many": (4 + 3 * i, 4 + 3 * i), "few": (2 + i // 7, 2 + i // 7), "still": (5, 5), "gone": (2, 2 * (i < 4))}
        return [Sample((f"shop.{name}", "main.main"), 512, *each) for name, each in counts.items()]

    series = build([heap_profile(snapshot(i), time_ns=(i + 1) * HOUR) for i in range(8)])
    trends, names = analyse(series), [site.leaf.function for site in series.sites]
    few = names.index("shop.few")
    assert trends.tested.tolist() == [name == "shop.many" for name in names]
    assert np.flatnonzero(trends.untestable).tolist() == [few]
    assert trends.reason == _too_few(8, 0)
    assert trends.of(few).notes == (_too_few(8, 1),)


def test_six_events_in_four_snapshots_are_enough() -> None:
    for snapshots, born, tested in ((4, 6, True), (4, 5, False), (3, 6, False)):
        held = [*range(1, snapshots), born + 1]
        drawn = [
            heap_profile([Sample(("shop.keep", "main.main"), 512, each, each)], time_ns=(i + 1) * HOUR)
            for i, each in enumerate(held)
        ]
        trends = analyse(build(drawn))
        assert trends.tested.tolist() == [tested]
        detectable = detectable_bytes_per_hour(np.arange(float(snapshots)), int(tested), 512 * 1024)
        assert trends.detectable_bytes_per_hour == detectable


def test_half_of_the_belief_is_even_and_half_as_what_is_held() -> None:
    """Of the tested: a mean of 3 and of 1 are 2 on average."""
    inuse, tested = np.array([[2, 4], [1, 1], [50, 70]]), np.array([True, True, False])
    assert _prior(inuse, tested).tolist() == [2.5, 1.5, 1]
    assert _prior(inuse / 1e6, tested).tolist() == pytest.approx([2.5, 1.5, 1])
    for none_held in (inuse * 0, inuse[:, :0]):
        assert _prior(none_held, tested).tolist() == [1, 1, 1]


def test_a_site_that_never_changes_has_no_trend_in_any_process() -> None:
    def snapshot(i: int) -> list[Sample]:
        counts = {"still": (5, 5), "brief": (9 + 100 * i, 9)}
        return [Sample((f"shop.{name}", "main.main"), 512, *each) for name, each in counts.items()]

    series = build([heap_profile(snapshot(i % 5), time_ns=(i + 1) * HOUR) for i in range(10)])
    assert len(series.segment_starts) == 2
    still = [site.leaf.function for site in series.sites].index("shop.still")
    trends = analyse(series)
    assert (trends.z[still], trends.p[still], trends.events[still]) == (0, 0.5, 0)


def test_a_leak_that_the_last_two_thirds_show_stands_though_a_ring_was_filled_in_the_first() -> None:
    """What is freed stays level from the fifth snapshot on, while what is in use goes on rising."""
    inuse = [259, 330, 393, 466, 513, 553, 587, 612, 660, 697, 742, 789]
    freed = [0, 0, 13, 28, 65, 107, 152, 195, 226, 269, 308, 348]
    for snapshots, stands in ((12, True), (6, False)):
        seen = evidence(Row("wire.Pack < main.draw", 640, inuse[:snapshots], freed=freed[:snapshots]))
        pack = next(i for i, site in enumerate(seen.series.sites) if site.leaf.function == "wire.Pack")
        assert seen.trends.p[pack] < 0.01
        assert bool(seen.trends.lengthening[pack]) is stands
