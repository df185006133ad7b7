"""The terminal report: fits its width, shows what it must, lets nothing from an input act on the terminal."""

import re

import pytest
from rich.cells import cell_len

from leakhunt.reports import RenderOptions, render
from tests.reports import build
from tests.reports.golden_files import check

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def terminal(report: build.Report, width: int = 80, colour: bool = False) -> str:
    return render("terminal", report, RenderOptions(width=width, colour=colour))


@pytest.mark.parametrize("name", build.ALL)
@pytest.mark.parametrize("width", [40, 80, 120, 160])
def test_every_report_fits_its_width(name: str, width: int) -> None:
    text = terminal(build.ALL[name](), width)
    assert text.endswith("\n")
    assert max(cell_len(line) for line in text.splitlines()) <= width


@pytest.mark.parametrize("name", build.ALL)
def test_colours_change_nothing_but_colour(name: str) -> None:
    plain, coloured = terminal(build.ALL[name]()), terminal(build.ALL[name](), colour=True)
    assert [line.rstrip() for line in ANSI.sub("", coloured).splitlines()] == plain.splitlines()
    assert "\x1b" not in plain
    assert ANSI.search(coloured)


@pytest.mark.parametrize("colour", [False, True])
def test_hostile_text_is_inert(colour: bool) -> None:
    text = ANSI.sub("", terminal(build.hostile(), 160, colour)) if colour else terminal(build.hostile(), 160)
    assert not [c for c in text if ord(c) < 0x20 and c != "\n"]
    assert not set(text) & set("\x7f\x9b\u202e\u2066\u200b\ufeff\udcff")
    assert len(text) < 200_000


def test_environment_does_not_change_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    before = terminal(build.one_leak())
    for name, value in {"COLUMNS": "31", "FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    assert terminal(build.one_leak()) == before


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("name", ["empty", "clean", "with_retention_and_limit"])
def test_golden(name: str, width: int, request: pytest.FixtureRequest) -> None:
    check(request, f"terminal-{name}-{width}.txt", terminal(build.ALL[name](), width))


def test_headline_comes_first_and_says_the_verdict_once() -> None:
    first = terminal(build.one_leak()).splitlines()[0]
    assert first.startswith(" LEAK   session.(*Store).Put grows by 1.02 MiB an hour")


def test_many_findings_are_all_in_the_table_and_the_rest_is_counted() -> None:
    text = terminal(build.many(40), 160)
    assert all(f"part{i}.(*Index).add" in text for i in range(40))
    assert "… 30 more findings not in full here" in text
    assert len(terminal(build.many(2_000)).splitlines()) < 500


def test_both_sides_of_the_evidence_show() -> None:
    text = terminal(build.one_leak(), 160)
    assert text.index("Not one of 118 sampled objects") < text.index("against it") < text.index("4 % more an hour")
