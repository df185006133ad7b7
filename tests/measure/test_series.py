"""A series: order, duplicates, restarts, periods, builds, missing times, and totals that stay exact."""

from collections.abc import Sequence

import numpy as np
import pytest

from leakhunt.errors import MismatchError
from leakhunt.measure.series import SeriesBuilder
from leakhunt.model.profile import Profile, ProfileKind
from leakhunt.model.series import Series
from tests.profiles import Sample, heap_profile

HOUR = 3_600_000_000_000


def leak(i: int) -> list[Sample]:
    return [
        Sample(("runtime.mallocgc", "app.(*Store).Put", "main.handle"), 64, allocated=10 + 5 * i, inuse=10 + 5 * i),
        Sample(("app.(*Store).Put", "main.handle"), 128, allocated=3, inuse=2),
        Sample(("app.Render[go.shape.string]", "main.handle"), 2048, allocated=100 * (i + 1), inuse=7),
    ]


def build(profiles: Sequence[Profile], **options: int) -> Series:
    builder = SeriesBuilder(**options)  # type: ignore[arg-type]
    for profile in profiles:
        builder.add(profile)
    return builder.finish()


def profiles(count: int = 6) -> list[Profile]:
    return [heap_profile(leak(i), time_ns=(i + 1) * HOUR, source=f"p{i}", first_address=4096 * (i + 1)) for i in range(count)]


def test_sites_meet_without_runtime_leaves_and_generic_arguments() -> None:
    series = build(profiles())
    assert sorted(site.frames[0].function for site in series.sites) == ["app.(*Store).Put", "app.Render[...]"]
    put = next(i for i, site in enumerate(series.sites) if "Put" in site.frames[0].function)
    assert series.inuse_samples[put].tolist() == [12 + 5 * i for i in range(6)]
    assert series.alloc_samples[put].tolist() == [13 + 5 * i for i in range(6)]
    assert series.exact_counts
    assert series.notes == ()
    assert series.segment_starts == (0,)


def test_totals_are_those_of_the_profiles() -> None:
    given = profiles()
    series = build(given)
    for i, profile in enumerate(given):
        values = np.asarray(profile.values).reshape(-1, 4)
        columns = (series.alloc_objects, series.alloc_bytes, series.inuse_objects, series.inuse_bytes)
        assert [int(column[:, i].sum()) for column in columns] == values.sum(axis=0).tolist()


def test_order_of_reading_does_not_matter() -> None:
    forward, backward = build(profiles()), build(profiles()[::-1])
    assert forward.sites == backward.sites
    assert (forward.inuse_bytes == backward.inuse_bytes).all()
    assert (forward.times_ns == backward.times_ns).all()


def test_order_of_reading_does_not_matter_where_sites_come_and_go() -> None:
    """Every profile knows sites that the others do not, so that none of the tables is a prefix of the next."""
    drawn = [
        heap_profile([*leak(i), Sample((f"app.once{i}", "main.handle"), 64, 3, 1)], time_ns=(i + 1) * HOUR, source=f"p{i}")
        for i in range(5)
    ]
    reference = build(drawn)
    for order in ([4, 3, 2, 1, 0], [2, 0, 4, 1, 3]):
        series = build([drawn[i] for i in order])
        assert series.sites == reference.sites
        assert series.segment_starts == reference.segment_starts
        assert (series.alloc_bytes == reference.alloc_bytes).all()


def test_a_difference_and_impossible_values_are_refused() -> None:
    for counts, reason in (((5, -2), "a difference, not a snapshot"), ((3 << 61, 1), "beyond what a process can hold")):
        with pytest.raises(MismatchError, match=reason):
            SeriesBuilder().add(heap_profile([Sample(("a.f",), 1, *counts)], period=1))


def test_a_profile_of_a_span_is_refused() -> None:
    span = heap_profile(leak(0))
    span.duration_ns = 30 * 10**9
    with pytest.raises(MismatchError, match="it shows a span of 30s, not a moment: fetch /debug/pprof/heap without seconds="):
        SeriesBuilder().add(span)


def test_build_ids_that_begin_alike_are_told_apart() -> None:
    builds = [r"C:\Users\build\AppData\Local\one.exe2026-01-01", r"C:\Users\build\AppData\Local\one.exe2026-01-02", "x1", "y1"]
    series = build([heap_profile(leak(i), time_ns=(i + 1) * HOUR, build_id=one) for i, one in enumerate(builds)])
    assert series.segment_reasons[1].endswith("one.exe2026-01-02")
    assert series.segment_reasons[3] == "build: x1 became y1"


def test_times_out_of_this_world_are_unknown() -> None:
    drawn = [heap_profile(leak(i), time_ns=time, source=f"p{i}") for i, time in enumerate([HOUR, (1 << 63) - 1, 3 * HOUR, -5])]
    series = build(drawn)
    assert series.sources == ("p0", "p1", "p2", "p3")
    assert "2 of 4 snapshots do not say" in series.notes[0]


def test_the_same_content_is_refused() -> None:
    builder = SeriesBuilder()
    first, second = profiles(2)
    assert builder.add(first) is None
    copy = heap_profile(leak(0), time_ns=HOUR, source="copy", first_address=1)
    for again, name in ((first, "p0"), (copy, "copy")):
        assert builder.add(again) == f"{name}: same content as p0, no new evidence"
    assert builder.add(second) is None
    series = builder.finish()
    assert series.snapshots == 2
    assert len(series.notes) == 2


def test_the_same_numbers_at_another_time_are_no_new_evidence() -> None:
    """A heap profile shows the last completed collection: without one in between, two say the same."""

    def series(order: Sequence[int]) -> Series:
        hours = (1, 2, 3, 4)
        drawn = [heap_profile(leak(min(i, 1) + i // 3), time_ns=hours[i] * HOUR, source=f"p{i}") for i in range(4)]
        return build([drawn[i] for i in order])

    for order in ((0, 1, 2, 3), (3, 2, 1, 0)):
        assert series(order).times_ns.tolist() == [HOUR, 2 * HOUR, 4 * HOUR]
        assert series(order).notes == ("p2: same numbers as p1, no collection between them: no new evidence",)


def test_a_restart_splits() -> None:
    again = [heap_profile(leak(i), time_ns=(i + 10) * HOUR, source=f"r{i}") for i in range(3)]
    series = build(profiles() + again)
    assert series.segment_starts == (0, 6)
    assert series.segment_reasons[1].startswith("restart: ")
    assert series.longest_segment == slice(0, 6)


def test_a_restart_hidden_by_a_larger_total_is_seen_at_its_sites() -> None:
    first = heap_profile([Sample(("a.f",), 64, 50, 5), Sample(("a.g",), 64, 10, 5)], time_ns=HOUR)
    second = heap_profile([Sample(("a.f",), 64, 40, 5), Sample(("a.g",), 64, 90, 5)], time_ns=2 * HOUR)
    assert build([first, second]).segment_reasons[1] == "restart: the allocation counter fell at 1 of 2 sites"


def test_a_profile_without_idle_sites_shows_no_false_restart() -> None:
    first = heap_profile([Sample(("a.f",), 64, 50, 5), Sample(("a.g",), 64, 10, 5)], time_ns=HOUR)
    second = heap_profile([Sample(("a.f",), 64, 60, 5)], time_ns=2 * HOUR)
    assert build([first, second]).segment_starts == (0,)


def test_another_period_and_another_build_split() -> None:
    given = profiles(3)
    given.append(heap_profile(leak(3), time_ns=4 * HOUR, period=4096))
    given.append(heap_profile(leak(4), time_ns=5 * HOUR, period=4096, build_id="b2"))
    series = build(given)
    assert series.segment_starts == (0, 3, 4)
    assert series.segment_reasons[1] == "sampling period: 512 KiB became 4.00 KiB"
    assert series.segment_reasons[2] == "build: b1 became b2"
    assert series.period_bytes == 512 * 1024


def test_missing_and_equal_times_are_noted() -> None:
    untimed = build([heap_profile(leak(i), source=f"p{i}") for i in range(4)])
    assert np.diff(untimed.times_ns).tolist() == [HOUR] * 3
    assert "no snapshot says when it was taken" in untimed.notes[0]
    mixed = build([heap_profile(leak(i), time_ns=0 if i == 1 else (i + 1) * HOUR, source=f"p{i}") for i in range(4)])
    assert mixed.times_ns.tolist() == [HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR]
    assert "1 of 4 snapshots" in mixed.notes[0]
    equal = build([heap_profile(leak(i), time_ns=HOUR * max(i, 1), source=f"p{i}") for i in range(3)])
    assert equal.times_ns.tolist() == [HOUR, HOUR + 1, 2 * HOUR]
    assert "the same time" in equal.notes[0]


def test_warm_up_is_dropped() -> None:
    series = build(profiles(), warmup=2)
    assert series.sources == ("p2", "p3", "p4", "p5")
    assert series.notes == ("warm-up: the first 2 of 6 snapshots are left out",)


def test_a_profile_without_labels_gives_estimates() -> None:
    series = build([heap_profile(leak(i), time_ns=(i + 1) * HOUR, labels=False) for i in range(4)])
    assert not series.exact_counts
    assert any("merged or rewritten" in note for note in series.notes)
    put = next(i for i, site in enumerate(series.sites) if "Put" in site.frames[0].function)
    assert series.inuse_samples[put] == pytest.approx([12 + 5 * i for i in range(4)], rel=0.1)


def test_only_heap_profiles_make_a_series() -> None:
    with pytest.raises(MismatchError, match="this is a goroutine profile"):
        SeriesBuilder().add(heap_profile(leak(0), kind=ProfileKind.GOROUTINE))


def test_an_empty_series() -> None:
    series = SeriesBuilder().finish()
    assert series.snapshots == 0
    assert series.sites == ()
    assert series.longest_segment == slice(0, 0)


def test_current_leaves_the_builder_as_it_is() -> None:
    builder = SeriesBuilder()
    given = profiles()
    for profile in given[:4]:
        builder.add(profile)
    early = builder.current()
    assert early.snapshots == 4
    for profile in given[4:]:
        builder.add(profile)
    again, last, whole = builder.current(), builder.finish(), build(given)
    for series in (again, last):
        assert series.sites == whole.sites
        assert (series.inuse_samples == whole.inuse_samples).all()
    assert builder.finish().snapshots == 0


def test_what_is_forgotten_is_as_if_it_had_never_been_added() -> None:
    builder = SeriesBuilder()
    given = profiles()
    for profile in given:
        builder.add(profile)
    builder.forget("p2")
    series, without = builder.current(), build([profile for profile in given if profile.source != "p2"])
    assert series.sources == without.sources
    assert (series.inuse_bytes == without.inuse_bytes).all()
    assert builder.add(given[2]) is None, "its content is no longer known"
