"""The live view fits any terminal exactly, shows what matters first, and lets no text from outside move the cursor."""

import dataclasses

import pytest
from rich.cells import cell_len

from leakhunt.cli.watch_view import LEAST_COLUMNS, LEAST_LINES, WatchState, screen
from leakhunt.measure.ledger import Ledger, LedgerRow
from tests.reports import build

MIB = 1 << 20
LEDGER = Ledger(
    (LedgerRow("heap objects", 200 * MIB, 0.0, -1.0, 1.0, False), LedgerRow("outside Go", 90 * MIB, 240 * MIB, 1.0, 2.0, True)),
    12,
    "the heap is flat, outside Go grows by 240 MiB/h: look at cgo",
)  # fmt: skip
REPORTS = "empty bare clean one_leak with_retention_and_limit many hostile odd_numbers with_series".split()


def shown(state: WatchState, columns: int, lines: int) -> list[str]:
    return [line.plain for line in screen(state, columns, lines, now=100.0)]


@pytest.mark.parametrize("columns", [20, 40, 80, 160, 300])
@pytest.mark.parametrize("lines", [5, 12, 24, 50])
@pytest.mark.parametrize("name", ["", *REPORTS])
def test_it_fits(name: str, columns: int, lines: int) -> None:
    report = getattr(build, name)() if name else None
    state = WatchState(
        "api:6060", seen=12, missed=1, restarts=1, next_at=117.2, report=report, ledger=LEDGER if report else None
    )
    state.tell("the process was restarted: \x1b[2J NumGC fell")
    text = shown(state, columns, lines)
    if columns >= LEAST_COLUMNS and lines >= LEAST_LINES:
        assert len(text) == lines
        assert text[-1] == "q quit and write the report"
        assert text[0] == "api:6060"
        assert "12 snapshots · 1 missed · 1 restart" in text[1]
    assert len(text) <= lines
    assert all(cell_len(line) <= columns for line in text)
    assert all(line.isprintable() for line in text)


def test_what_it_says() -> None:
    report = build.one_leak()
    state = WatchState("api:6060", seen=24, next_at=117.2, report=report, ledger=LEDGER)
    text = shown(state, 80, 24)
    assert "next in 17s" in text[1]
    assert text[2].startswith(" LEAK ")
    assert any(line.startswith("LEAK ") and "[" in line for line in text), text
    assert any(line.startswith("memory  outside Go 90.0 MiB ↑ 240 MiB/h   heap objects 200 MiB") for line in text)
    assert "the heap is flat, outside Go grows by 240 MiB/h: look at cgo" in text


def test_restarts_are_marked() -> None:
    report = build.with_series()
    assert report.series is not None
    marked = [dataclasses.replace(report.series, segment_starts=starts) for starts in ((0,), (0, report.series.snapshots // 2))]
    drawn = ["\n".join(shown(WatchState("x", report=dataclasses.replace(report, series=one)), 80, 24)) for one in marked]
    assert "┊" not in drawn[0]
    assert "┊" in drawn[1]


@pytest.mark.parametrize("lines", [12, 16, 24])
def test_more_cases_than_lines_are_counted(lines: int) -> None:
    report = build.many()
    text = shown(WatchState("x", report=report), 80, lines)
    cases = [line for line in text if line.split(" ", 1)[0] in {"LEAK", "FILLING", "SUSPECT"}]
    (rest,) = [line for line in text if line.endswith(" more") or line.startswith("and ")]
    assert rest == f"and {len(report.cases) - len(cases)} more"
