"""Two builds compared: right on real series, calibrated in simulation, honest about what is missing."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leakhunt.decode import load, read_file
from leakhunt.measure.builds import compare_builds
from leakhunt.measure.series import SeriesBuilder
from leakhunt.model.builds import BuildChange, SiteChange
from leakhunt.model.series import Series
from tests import simulate

SERIES = Path(__file__).resolve().parents[2] / "fixtures" / "series"
RUNS = 60
COLUMNS = ("inuse_bytes", "inuse_objects", "alloc_bytes", "alloc_objects", "inuse_samples", "alloc_samples")


def _real(name: str) -> Series:
    builder = SeriesBuilder()
    for path in sorted((SERIES / name).glob("heap_*.pb.gz")):
        builder.add(load(read_file(str(path)), path.name))
    return builder.finish()


def _simulated(seed: int, per_interval: float, base: float = 20.0, snapshots: int = 16, name: str = "leak") -> Series:
    """One site that leaks `per_interval` samples an interval over `base` samples that live three intervals; one that stays."""
    rng = np.random.default_rng(seed)
    window = snapshots - 1.0
    times = simulate.snapshot_times(rng, snapshots)
    events = [
        simulate.leak(rng, window, per_interval, base, 3.0) if per_interval else simulate.stationary(rng, window, base, 3.0),
        simulate.stationary(rng, window, 30, 2.0),
    ]
    inuse, allocated = (np.array(values) for values in zip(*(simulate.draw(e, times) for e in events), strict=True))
    return simulate.Process(times, inuse, allocated, (name, "quiet"), np.zeros(2)).series()


def _changes(before: float, after: float, snapshots_after: int = 16) -> Counter[str]:
    """What becomes of the leaking site in RUNS simulated pairs; "none" where it is not compared at all."""
    counts: Counter[str] = Counter()
    for run in range(RUNS):
        compared = compare_builds(_simulated(2 * run, before), _simulated(2 * run + 1, after, snapshots=snapshots_after))
        leaking = [site for site in compared.sites if site.site.leaf.function.startswith("sim.leak")]
        counts[leaking[0].change.value if leaking else "none"] += 1
    return counts


def test_a_fix_is_seen() -> None:
    counts = _changes(8, 0)
    assert counts["fixed"] + counts["better"] >= 0.9 * RUNS
    assert counts["fixed"] >= 0.6 * RUNS
    assert counts["worse"] + counts["new"] + counts["same"] == 0


def test_a_leak_only_halved_is_never_called_fixed() -> None:
    counts = _changes(8, 4)
    assert counts["fixed"] == 0
    assert counts["better"] >= 0.4 * RUNS
    assert counts["worse"] == 0


def test_the_same_leak_twice_is_rarely_called_changed() -> None:
    counts = _changes(6, 6)
    assert counts["better"] + counts["worse"] + counts["fixed"] <= 0.10 * RUNS  # .05 and what binomial chance adds to 60 runs


def test_a_new_leak_is_new_and_a_worse_one_worse() -> None:
    assert _changes(0, 8)["new"] >= 0.9 * RUNS
    counts = _changes(4, 16)
    assert counts["worse"] + counts["new"] >= 0.9 * RUNS  # new where the smaller leak was not seen before
    assert counts["worse"] >= 0.75 * RUNS
    assert counts["better"] + counts["fixed"] + counts["same"] == 0


def _only(compared_sites: tuple[SiteChange, ...]) -> SiteChange:
    [site] = compared_sites
    return site


def test_more_snapshots_make_an_unsure_fix_certain_as_foretold() -> None:
    certain = 0
    asked = 0
    for run in range(RUNS):
        before = _simulated(2 * run, 8)
        site = next(iter(compare_builds(before, _simulated(2 * run + 1, 0, snapshots=6)).sites), None)
        if site is None or not site.snapshots_needed or site.after.grows:
            continue
        asked += 1
        later = compare_builds(before, _simulated(2 * run + 1, 0, snapshots=6 + site.snapshots_needed))
        certain += any(s.change is BuildChange.FIXED for s in later.sites)
    assert asked >= 10
    assert certain >= 0.5 * asked


def test_real_series_of_a_fault_and_its_fix() -> None:
    fault, fix = _real("coupons"), _real("coupons-swept")
    fixed = _only(compare_builds(fault, fix).sites)
    assert fixed.site.leaf.function == "main.(*book).issue"
    assert fixed.change in (BuildChange.FIXED, BuildChange.BETTER)
    assert fixed.high < 0
    assert fixed.snapshots_needed is not None
    broken = _only(compare_builds(fix, fault).sites)
    assert (broken.change, broken.difference) == (BuildChange.NEW, -fixed.difference)


def test_a_site_that_went_away_or_came_has_the_limit_of_what_was_not_seen() -> None:
    compared = compare_builds(_real("sessions"), _real("coupons"))
    by_change = {site.change: site for site in compared.sites}
    gone, new = by_change[BuildChange.FIXED], by_change[BuildChange.NEW]
    assert not gone.after.seen
    assert 0 < gone.after.high < 0.2 * gone.before.bytes_per_hour
    assert gone.snapshots_needed == 0
    assert not new.before.seen


def test_what_a_reader_must_know_is_noted() -> None:
    series = _real("sessions")
    assert compare_builds(series, series).notes == ("both series are of the same build",)
    assert all(site.change is BuildChange.SAME for site in compare_builds(series, series).sites)
    short = replace(
        series, times_ns=series.times_ns[:2], sources=series.sources[:2], build_ids=("x", "x"),
        **{name: getattr(series, name)[:, :2] for name in COLUMNS},
    )  # fmt: skip
    compared = compare_builds(series, short)
    assert compared.notes[0] == "2 snapshots after: at least 4 are needed to tell growth from chance"
    slower = replace(series, build_ids=("y",) * series.snapshots, alloc_bytes=series.alloc_bytes // 3, period_bytes=1024)
    notes = compare_builds(series, slower).notes
    assert notes[0] == "sampled differently: one per 524288 bytes before, one per 1024 after"
    assert notes[1].startswith("the load differed: the process allocated ")


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_empty_series_are_compared_without_a_word(order: str) -> None:
    empty, full = SeriesBuilder().finish(), _real("sessions")
    compared = compare_builds(*((empty, full) if order == "ab" else (full, empty)))
    assert all(site.change in (BuildChange.UNSURE, BuildChange.NEW) for site in compared.sites)
