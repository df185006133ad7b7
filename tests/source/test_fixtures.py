"""Of every leaking fixture the report says why the value escapes, and that is what the compiler's flow says."""

import re
import shutil
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from leakhunt.config import Settings
from leakhunt.decode import read_file
from leakhunt.decode.escape import parse_compiler_text
from leakhunt.evidence import Source, gather
from leakhunt.hunt import hunt
from leakhunt.model.finding import Case, Report
from leakhunt.source.annotate import annotate
from tests.reports import build

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
LABELS = tomllib.loads((FIXTURES / "labels.toml").read_text())
PROGRAMS_TESTED = 12


def _leaking() -> list[str]:
    """One series of each of the first programs that leak."""
    first: dict[str, str] = {}
    for name, label in sorted(LABELS.items()):
        here = (FIXTURES / "series" / name).is_dir()
        if label.get("leak") and label.get("split") == "development" and here:
            first.setdefault(label["program"], name)
    return sorted(first.values())[:PROGRAMS_TESTED]


LEAKING = _leaking()


@pytest.fixture(scope="module")
def compiler_text() -> str:
    """What the compiler says of every fixture program and of gcache."""
    if shutil.which("go") is None:
        pytest.skip("there is no go command")
    flags = ["-gcflags=-m=2", "-gcflags=github.com/bluele/gcache=-m=2"]
    done = subprocess.run(
        ["go", "build", "-trimpath", "-o", "/dev/null", *flags, "./..."],
        cwd=FIXTURES / "go", capture_output=True, encoding="utf-8", check=False, timeout=600,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"the fixture programs do not build here: {done.stderr[-200:]}")
    return done.stderr


def _cases(series: str) -> tuple[Case, ...]:
    paths = sorted((FIXTURES / "series" / series).glob("*.pb.gz"))
    sources = [Source(str(path), path, lambda path=path: read_file(str(path))) for path in paths]
    return hunt(gather(sources, Settings())).cases


@pytest.mark.parametrize("series", LEAKING)
def test_the_report_says_why_a_leaking_value_escapes(series: str, compiler_text: str) -> None:
    log = parse_compiler_text(compiler_text.splitlines(), "go build")
    assert log.counts.get("unknown", 0) == 0
    for case in _cases(series):
        report = annotate(hunt_report(case), log)
        [why, *_] = report.cases[0].source_notes
        leaf = case.site.leaf
        place = rf"{re.escape(leaf.file)}:{leaf.line}:\d+: "
        escapes = re.findall(rf"^{place}(?:moved to heap: (.*)|(.*) escapes to heap(?: in .*:)?)$", compiler_text, re.MULTILINE)
        expressions = {moved or expression for moved, expression in escapes}
        if case.site.leaf_index > 0:  # the standard library's own allocation
            assert why.startswith(f"allocated inside {case.site.frames[case.site.leaf_index - 1].function}") or "escapes" in why
        elif not expressions:
            assert "append and map growth always allocate" in why
        else:
            said = re.match(r"(?:variable (.*) is moved|(.*) escapes) to the heap: (.*) \(\S+:\d+\)$", why)
            assert said is not None, why
            assert any((said[1] or said[2]).startswith(expression.split("(")[0]) for expression in expressions)
            flow = "\n".join(re.findall(rf"^{place}    from (.*)$", compiler_text, re.MULTILINE))
            for stored in re.findall(r"^stored in (?:map )?([^,\[]+)", said[3]):
                assert f"{stored} = " in flow or f"{stored} := " in flow or f"{stored}[" in flow


def hunt_report(case: Case) -> Report:
    """A report of this one case."""
    return replace(build.one_leak(), cases=(case,))


def test_known_reasons(compiler_text: str) -> None:
    """The reasons of three programs, as a person reads them out of their source."""
    log = parse_compiler_text(compiler_text.splitlines(), "go build")
    expected = {
        "devices": "&Device{...} escapes to the heap: stored in d, then stored in map r.devices (registry.go:N)",
        "coupons": "&coupon{...} escapes to the heap: passed to (*book).keep, "
        "where c is stored in b.coupons[c.code] (main.go:N)",
    }
    for series, why in expected.items():
        notes = [note for case in _cases(series) for note in annotate(hunt_report(case), log).cases[0].source_notes]
        assert why in [re.sub(r"\.go:\d+\)$", ".go:N)", note) for note in notes]
