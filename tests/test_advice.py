"""What to measure next, on real series cut short."""

from pathlib import Path

import pytest

from leakhunt.config import Settings
from leakhunt.decode import read_file
from leakhunt.evidence import Source, gather
from leakhunt.hunt import hunt
from leakhunt.model.finding import Report, Verdict

SERIES = Path(__file__).resolve().parent.parent / "fixtures" / "series"


def report_on(name: str, heaps: int, goroutines: int = 0) -> Report:
    paths = sorted((SERIES / name).glob("heap_*"))[:heaps] + sorted((SERIES / name).glob("goroutine_*"))[:goroutines]
    return hunt(gather([Source(str(path), path, lambda path=path: read_file(str(path))) for path in paths], Settings()))


def test_nothing_at_all() -> None:
    assert report_on("sessions", 0).next_steps == ("take heap profiles of one process: leakhunt capture URL",)


@pytest.mark.parametrize(("dumps", "command"), [(1, "leakhunt dump summary"), (3, "leakhunt dump diff")])
def test_heap_dumps_alone_are_sent_to_the_dump_commands(dumps: int, command: str) -> None:
    paths = sorted((SERIES.parent / "dumps" / "sessionstore").glob("*.heap"))[:dumps]
    report = hunt(gather([Source(str(path), path, path.read_bytes) for path in paths], Settings()))
    assert report.next_steps[0].endswith(command)


@pytest.mark.parametrize("heaps", [2, 3])
def test_too_few_snapshots_name_how_many_more_for_what(heaps: int) -> None:
    report = report_on("sessions", heaps)
    assert report.verdict is Verdict.INCONCLUSIVE
    step = report.next_steps[0]
    assert step.startswith(f"take {4 - heaps} more snapshot")
    assert "in all): steady growth of main.startSession at +" in step
    assert step.endswith("would then show with 80 % power")


def test_one_snapshot_has_no_candidate() -> None:
    assert report_on("sessions", 1).next_steps == (
        "take 11 more snapshots of the same process, evenly apart: 12 in all decide most cases",
    )


def test_a_leak_wants_a_heap_dump_and_its_goroutines() -> None:
    report = report_on("sessions", 12)
    assert report.verdict is Verdict.LEAK
    assert (
        "take a heap dump (runtime/debug.WriteHeapDump): it would show what keeps the objects of main." in report.next_steps[0]
    )
    assert any("take a goroutine profile: it would tell whether a janitor" in step for step in report.next_steps)
    with_goroutines = report_on("sessions", 12, 12)
    assert not any("goroutine profile" in step for step in with_goroutines.next_steps)


def test_what_fills_is_told_by_as_long_again() -> None:
    report = report_on("vendors-90", 12)
    assert report.verdict is Verdict.FILLING
    (case,) = report.cases
    assert "12 more snapshots" in report.next_steps[0]
    assert f"{case.site.leaf.function} comes to rest by then if it fills, and gains" in report.next_steps[0]
    assert "or take a heap dump" in report.next_steps[1]


def test_a_clean_series_asks_for_nothing() -> None:
    report = report_on("vendors-20", 12)
    assert report.verdict is Verdict.CLEAN
    assert report.next_steps == ()
