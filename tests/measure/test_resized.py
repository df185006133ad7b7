"""Same objects, bigger: a slice that grows, and pools that only trade places."""

import math

import numpy as np
import pytest

from leakhunt.measure.resized import _generations, few_and_large, resized_p
from leakhunt.measure.significance import kendall_tail
from leakhunt.measure.trend import analyse
from tests.measure.test_series import build
from tests.profiles import Sample, heap_profile

HOUR = 3_600_000_000_000
MIB = 1 << 20


def one_slice(sizes_mib: list[float]) -> list[list[Sample]]:
    """One object at each snapshot, replaced where its size changes; beside it 40 sites of steady churn."""
    snapshots, made = [], 1
    for i, size in enumerate(sizes_mib):
        made += bool(i and size != sizes_mib[i - 1])
        sizes = sorted({*sizes_mib[: i + 1]})
        drawn = [
            Sample(("app.(*Log).Append",), int(s * MIB), allocated=sizes_mib[: i + 1].count(s) and 1, inuse=int(s == size))
            for s in sizes
        ]
        churn = [
            Sample((f"app.churn{k}",), 512, allocated=20 + 10 * i + k % 3, inuse=20 + (i * 7 + k * 5) % 4) for k in range(40)
        ]
        snapshots.append(drawn + churn)
    return snapshots


def test_a_slice_that_grows_is_found_though_its_count_stays() -> None:
    sizes = [8 * 1.25**i for i in range(10)]
    series = build([heap_profile(drawn, time_ns=(i + 1) * HOUR) for i, drawn in enumerate(one_slice(sizes))])
    trends = analyse(series)
    log = next(i for i, site in enumerate(series.sites) if "Log" in site.leaf.function)
    assert series.inuse_samples[log].tolist() == [1] * 10
    assert trends.growing.tolist() == [i == log for i in range(len(series.sites))]
    assert trends.resized[log]
    assert trends.p[log] == pytest.approx(2 / math.factorial(10), rel=1e-9, abs=0), "two tests were made, by number and by size"
    assert trends.of(log).notes == ("judged by the size of its few large objects: their number does not grow",)


def test_a_slice_that_stopped_growing_is_not() -> None:
    sizes = [8 * 1.25 ** min(i, 5) for i in range(14)]
    series = build([heap_profile(drawn, time_ns=(i + 1) * HOUR) for i, drawn in enumerate(one_slice(sizes))])
    assert not analyse(series).growing.any()


def test_buffers_of_random_size_do_not_grow() -> None:
    """Exchangeable sizes: p is uniform, so a twentieth lies below .05."""
    rng = np.random.default_rng(2)
    p = [resized_p(rng.uniform(1, 9, 9) * MIB, np.ones(9), np.ones(8), np.ones(8))[0] for _ in range(2000)]
    assert 0.03 < np.mean(np.array(p) <= 0.05) <= 0.055


def test_objects_that_were_not_replaced_are_one_observation() -> None:
    bytes_ = np.arange(1.0, 9.0) * MIB
    died = np.array([1, 0, 0, 1, 0, 0, 0.0])
    assert resized_p(bytes_, np.ones(8), died, died)[0] == kendall_tail(np.array([1.0, 2, 5]))


def test_kendall_tail_is_exact() -> None:
    assert math.isclose(kendall_tail(np.array([1.0, 2, 3, 4])), 1 / 24)
    assert math.isclose(kendall_tail(np.array([4.0, 3, 2, 1])), 1)
    assert math.isclose(kendall_tail(np.array([1.0, 2, 4, 3])), 4 / 24)
    assert kendall_tail(np.array([1.0])) == 1
    assert kendall_tail(np.array([2.0, 2, 2])) > 0.5
    assert kendall_tail(np.arange(60.0)) < 1e-20


def test_the_last_half_starts_in_the_middle() -> None:
    """Of nine snapshots, each of other objects: the fifth is the middle, and the last half starts with it, once."""
    late = np.array([1.0, 2, 3, 4, 9, 5, 6, 7, 8]) * MIB
    assert resized_p(late, np.ones(9), np.ones(8), np.ones(8))[1] == kendall_tail(late[4:])
    eight = late[1:]
    assert resized_p(eight, np.ones(8), np.ones(7), np.ones(7))[1] == kendall_tail(eight[3:])


def test_a_generation_wants_as_many_deaths_as_objects() -> None:
    """Two objects at a time, one replaced at each step: every second snapshot shares none with the one before."""
    bytes_ = np.arange(1.0, 10.0) * MIB
    two, events = np.full(9, 2.0), np.ones(8)
    assert resized_p(bytes_, two, events, events)[0] == kendall_tail(np.array([1.0, 3, 5, 7, 9]))
    assert resized_p(bytes_, two, np.zeros(8), np.zeros(8)) == (1.0, 1.0)
    none_at_first = np.array([0.0, *[2] * 8])  # nothing dies before the first, and nothing moves between the others
    assert resized_p(bytes_, none_at_first, np.array([2.0, *[0] * 7]), np.zeros(8))[0] == kendall_tail(np.array([1.0, 2]))


def test_few_large_objects_at_every_snapshot() -> None:
    period = 512 * 1024
    counts = np.array([[1.0, 8, 3], [1, 9, 3], [0, 2, 3], [1, 2, 3], [1, 2, 3]])
    sizes = np.array([2.0, 2, 2, 1.9, 9]) * period
    assert few_and_large(counts, sizes, period).tolist() == [True, False, False, False, True]


def test_generations_by_hand() -> None:
    """A snapshot of nothing is followed by the first that has something; one birth is enough, and no movement is none."""
    none = np.zeros(4)
    assert _generations(np.array([0.0, 0, 0, 2, 2]), np.array([0.0, 0, 2, 0]), none) == [0, 3]
    assert _generations(np.array([0.0, 1]), np.array([1.0]), none[:1]) == [0, 1]
    assert _generations(np.ones(3), np.array([0.0, 1]), np.array([0.0, 1])) == [0, 2]
    assert _generations(np.full(6, 2.0), np.ones(5), np.ones(5)) == [0, 2, 4]
    assert _generations(np.array([2.0, 2, 0]), none[:2], np.array([0.0, 2])) == [0, 2], "deaths alone are movement too"


def test_no_p_is_more_than_one() -> None:
    """Two of 4 MiB, then one that shrinks from 12 MiB, replaced each time: fewer, and in falling order."""
    sizes = [4, 4, 12, 11, 10.5, 10, 9.5]
    drawn = [
        [
            Sample(
                ("app.keep",),
                int(s * MIB),
                allocated=1 + (s == 4) if at >= sizes.index(s) else 0,
                inuse=(size == s) * (1 + (s == 4)),
            )
            for s in sorted(set(sizes))
        ]
        for at, size in enumerate(sizes)
    ]
    trends = analyse(build([heap_profile(each, time_ns=(i + 1) * HOUR) for i, each in enumerate(drawn)]))
    assert trends.grown_bytes[0] > MIB
    assert trends.p[0] == 1


def test_other_processes_say_nothing_of_sizes() -> None:
    """A restart before the series of one slice: its p is that of the longest process."""
    drawn = one_slice([8 * 1.25**i for i in range(10)])
    alone = build([heap_profile(each, time_ns=(i + 1) * HOUR) for i, each in enumerate(drawn)])
    both = build([heap_profile(each, time_ns=(i + 1) * HOUR) for i, each in enumerate([*drawn[:5], *drawn])])
    assert len(both.segment_starts) == 2
    found = [
        (float(trends.p[site]), bool(trends.resized[site]))
        for series in (alone, both)
        for trends in (analyse(series),)
        for site in (next(i for i, each in enumerate(series.sites) if "Log" in each.leaf.function),)
    ]
    assert found[0] == found[1]
    assert found[0][1]
