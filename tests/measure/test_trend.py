"""Trends: what grows is significant, what does not is not, and what cannot be told is said."""

import numpy as np

from leakhunt.measure.trend import analyse
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
    assert trends.not_testable_sites == 2
    assert "at least 4" in trends.reason


def test_nothing_to_analyse() -> None:
    for count in (0, 1, 2):
        trends = analyse(build([heap_profile(leak(i), time_ns=(i + 1) * HOUR) for i in range(count)]))
        assert not trends.tested.any()
        assert np.isfinite(trends.bytes_per_hour).all()


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
