"""Same objects, bigger: a slice that grows, and pools that only trade places."""

import math

import numpy as np

from leakhunt.measure.resized import resized_p
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
    assert "size of its few large objects" in trends.of(log).notes[0]


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
