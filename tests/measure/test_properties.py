"""What must always hold of series and verdicts, on drawn processes."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakhunt.errors import MismatchError
from leakhunt.measure import shape
from leakhunt.measure.course import course_of
from leakhunt.measure.series import SeriesBuilder
from leakhunt.measure.sites import Granularity
from leakhunt.measure.trend import analyse
from leakhunt.model.profile import Profile
from leakhunt.model.series import Series
from tests import simulate
from tests.profiles import HEAP_TYPES, Sample, heap_profile, int64

HOUR = 3_600_000_000_000

names = st.sampled_from(
    ["main.f", "main.g", "a/b.(*T).M", "runtime.mallocgc", "runtime.malg", "strings.Clone", "m.G[go.shape.int]", "m.G[...]"]
)
stacks = st.lists(names, min_size=0, max_size=5).map(tuple)
samples = st.builds(
    lambda stack, size, inuse, freed, line: Sample(stack, size, inuse + freed, inuse, line),
    stacks,
    st.sampled_from([8, 48, 512, 1 << 16, 1 << 21]),
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(1, 3),
)
granularities: list[Granularity] = ["function", "line"]


@pytest.mark.parametrize("granularity", granularities)
@given(st.lists(st.lists(samples, max_size=12), min_size=1, max_size=4))
def test_series_totals_equal_sample_totals(granularity: Granularity, drawn: list[list[Sample]]) -> None:
    profiles = [heap_profile(one, time_ns=(i + 1) * HOUR, source=f"p{i}") for i, one in enumerate(drawn)]
    builder = SeriesBuilder(granularity)
    kept = [profile for profile in profiles if builder.add(profile) is None]
    series = builder.finish()
    by_source = {profile.source: profile for profile in kept}
    for i, source in enumerate(series.sources):
        values = np.asarray(by_source[source].values).reshape(-1, len(HEAP_TYPES)).sum(axis=0).tolist()
        columns = (series.alloc_objects, series.alloc_bytes, series.inuse_objects, series.inuse_bytes)
        assert [int(column[:, i].sum()) for column in columns] == values
    assert len(set(series.sites)) == len(series.sites)


@pytest.mark.parametrize("granularity", granularities)
@given(st.lists(samples, max_size=12), st.integers(1, 1 << 40))
def test_addresses_leave_sites_and_fingerprints_unchanged(granularity: Granularity, drawn: list[Sample], address: int) -> None:
    def series(first_address: int) -> Series:
        builder = SeriesBuilder(granularity)
        builder.add(heap_profile(drawn, time_ns=HOUR, first_address=first_address))
        return builder.finish()

    here, there = series(4096), series(address)
    assert here.sites == there.sites
    assert [site.fingerprint for site in here.sites] == [site.fingerprint for site in there.sites]


def leaking(seed: int, snapshots: int) -> list[Profile]:
    """Profiles of a small process with a leak of 2 MiB an interval."""
    rng = np.random.default_rng(seed)
    times = simulate.snapshot_times(rng, snapshots)
    window = float(times[-1])
    events = [simulate.leak(rng, window, 4, 6, 0.3 * window)] + [
        simulate.stationary(rng, window, 12, 0.4 * window) for _ in range(5)
    ]
    counts = [simulate.draw(one, times) for one in events]
    return [
        heap_profile(
            [
                Sample((f"main.f{k}", "main.main"), 512, int(allocated[i]), int(inuse[i]))
                for k, (inuse, allocated) in enumerate(counts)
            ],
            time_ns=round((times[i] + 1) * HOUR),
            source=f"p{i}",
        )
        for i in range(snapshots)
    ]


def series_of(profiles: list[Profile]) -> Series:
    builder = SeriesBuilder()
    for profile in profiles:
        builder.add(profile)
    return builder.finish()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([5, 8, 12]), st.data())
def test_a_repeated_snapshot_never_strengthens_a_verdict(seed: int, snapshots: int, data: st.DataObject) -> None:
    """The same file again, and the same numbers fetched again before the next collection."""
    profiles = leaking(seed, snapshots)
    i = data.draw(st.integers(0, snapshots - 1))
    again = leaking(seed, snapshots)[i]
    again.source = "again"
    if data.draw(st.booleans()):
        following = profiles[i + 1].time_ns if i + 1 < snapshots else profiles[i].time_ns + HOUR
        again.time_ns = data.draw(st.integers(profiles[i].time_ns, following - 1))
    before, after = analyse(series_of(profiles)), analyse(series_of([*profiles, again]))
    assert (after.p >= before.p).all()
    assert (after.q >= before.q).all()
    assert not (after.growing & ~before.growing).any()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(8)))
def test_the_order_of_reading_changes_nothing(seed: int, order: list[int]) -> None:
    profiles = leaking(seed, 8)
    assert (analyse(series_of([profiles[i] for i in order])).p == analyse(series_of(profiles)).p).all()


def test_shuffled_times_destroy_verdicts() -> None:
    """With times exchanged counters fall, the process seems to restart, and what is left in one piece proves little."""
    rng = np.random.default_rng(1)
    found = found_shuffled = wrong = 0
    for seed in range(40):
        profiles = leaking(seed, 8)
        reference = analyse(series_of(profiles)).growing
        times = [profile.time_ns for profile in profiles]
        for profile, i in zip(profiles, rng.permutation(8), strict=True):
            profile.time_ns = times[i]
        series = series_of(profiles)
        shuffled = analyse(series)
        assert shuffled.snapshots < 8
        leak = np.array([site.leaf.function == "main.f0" for site in series.sites])
        found += int(reference.any())
        found_shuffled += int((shuffled.growing & leak).sum())
        wrong += int((shuffled.growing & ~leak).sum())
    assert found >= 30
    assert found_shuffled * 8 <= found
    assert wrong == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 100))
def test_a_constant_extra_site_changes_no_other_p(seed: int, level: int) -> None:
    def with_extra(extra: int) -> Series:
        one = simulate.process(seed, 8, 20, 1)
        samples_at = [
            [
                Sample((f"sim.{kind}{k}",), 512, int(one.allocated[k, i]), int(one.inuse[k, i]))
                for k, kind in enumerate(one.kinds)
            ]
            + [Sample(("sim.extra",), 512, extra, extra)] * bool(extra)
            for i in range(8)
        ]
        return series_of([heap_profile(drawn, time_ns=(i + 1) * HOUR, source=f"s{i}") for i, drawn in enumerate(samples_at)])

    plain, more = with_extra(0), with_extra(level)
    p_of = dict(zip(more.sites, analyse(more).p, strict=True))
    assert [p_of[site] for site in plain.sites] == analyse(plain).p.tolist()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1, 64, 524288]), st.integers(2, 9))
def test_whatever_is_drawn_gives_finite_numbers(seed: int, block: int, snapshots: int) -> None:
    one = simulate.process(seed, snapshots, 30, 1)
    drawn = [
        heap_profile(
            [Sample((f"sim.{k}",), block, int(one.allocated[k, i]), int(one.inuse[k, i])) for k in range(len(one.kinds))],
            time_ns=(i + 1) * HOUR,
            source=f"s{i}",
            period=1 if block == 1 else 524288,
        )
        for i in range(snapshots)
    ]
    trends = analyse(series_of(drawn))
    for name in ("bytes_per_hour", "low", "high", "objects_per_hour", "z", "p", "q", "last_half_p", "lifetime_z", "samples"):
        assert np.isfinite(getattr(trends, name)).all(), name
    assert ((trends.p >= 0) & (trends.p <= 1) & (trends.q >= 0) & (trends.q <= 1)).all()
    assert (trends.q[~trends.tested] == 1).all()
    assert (trends.rise_q <= trends.q + 1e-12).all()  # lifetimes only take growth away
    assert (trends.low <= trends.high).all()


int64s = st.one_of(st.integers(0, (1 << 63) - 1), st.integers(0, 100), st.sampled_from([0, 1, 1 << 31, 1 << 53, (1 << 63) - 1]))
signed = st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-100, 100))


@pytest.mark.filterwarnings("error")
@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 6))
def test_whatever_the_columns_hold_is_analysed_or_refused(data: st.DataObject, snapshots: int) -> None:
    """Values, sizes, times and periods of any kind: finite numbers or a MismatchError, and no warning from numpy."""
    builder = SeriesBuilder()
    for i in range(snapshots):
        k = data.draw(st.integers(0, 4))
        values = data.draw(st.lists(int64s, min_size=4 * k, max_size=4 * k))
        scale = data.draw(st.sampled_from([1, 1000, 10**15]))
        profile = heap_profile([Sample((f"a.f{j}",), 8, 1, 1) for j in range(k)], source=f"p{i}", time_ns=data.draw(signed))
        profile.values = int64(value // scale for value in values)
        profile.block_bytes = int64(data.draw(st.lists(signed, min_size=k, max_size=k)))
        profile.period = data.draw(signed)
        with contextlib.suppress(MismatchError):
            builder.add(profile)
    series = builder.finish()
    trends = analyse(series)
    assert (np.diff(series.times_ns) > 0).all()
    if trends.snapshots >= 2:
        for name in (
            "bytes_per_hour",
            "low",
            "high",
            "objects_per_hour",
            "z",
            "p",
            "q",
            "last_half_p",
            "lifetime_z",
            "samples",
        ):
            assert np.isfinite(getattr(trends, name)).all(), name
    for site in range(min(len(series.sites), 1)):
        course = course_of(series, [site])
        for describe in (shape.plateau, shape.load_step, shape.sawtooth, shape.filling, shape.load_bound):
            describe(course)
