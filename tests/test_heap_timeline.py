"""gctrace logs through the whole pipeline: alone, beside profiles, and in every format."""

import gzip
from pathlib import Path

import pytest

from leakhunt.config import Settings
from leakhunt.decode import read_file
from leakhunt.evidence import Source, gather
from leakhunt.gate import decide
from leakhunt.hunt import hunt
from leakhunt.model.finding import Report, Verdict
from leakhunt.reports import FORMATS, RenderOptions, render

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
VERSIONS = sorted(path.parent.name for path in (FIXTURES / "gctrace").glob("*/provenance.json"))


def _hunt(*paths: Path) -> Report:
    return hunt(gather([Source(path.name, path, lambda path=path: read_file(str(path))) for path in paths], Settings()))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_log_alone_is_judged(version: str) -> None:
    growing = _hunt(FIXTURES / "gctrace" / version / "growing.log.gz")
    assert growing.verdict is Verdict.SUSPECT
    assert growing.headline.startswith("the live heap grows +")
    assert growing.headline.endswith("; a log cannot say where")
    assert growing.total_bytes[-1] > growing.total_bytes[0]
    assert len(growing.total_bytes) == len(growing.times_ns)
    assert "take heap profiles" in growing.next_steps[0]
    steady = _hunt(FIXTURES / "gctrace" / version / "steady.log.gz")
    assert steady.verdict is Verdict.CLEAN
    assert steady.headline.startswith("the live heap is level: ")
    assert "growth below" in steady.next_steps[0]


@pytest.mark.parametrize("format", FORMATS)
def test_a_log_alone_renders_in_every_format(format: str) -> None:
    report = _hunt(FIXTURES / "gctrace" / VERSIONS[-1] / "growing.log.gz")
    text = render(format, report, RenderOptions())
    assert text
    assert "a log cannot say where" in " ".join(text.split()) or format in ("junit", "sarif", "github", "csv")


def test_beside_profiles_a_log_is_a_note() -> None:
    profiles = sorted((FIXTURES / "series" / "sessions").glob("heap_*.pb.gz"))
    alone, both = _hunt(*profiles), _hunt(*profiles, FIXTURES / "gctrace" / VERSIONS[0] / "steady.log.gz")
    assert (both.verdict, both.headline, both.cases) == (alone.verdict, alone.headline, alone.cases)
    assert [note.split(": ")[0] for note in both.notes[len(alone.notes) :]] == ["steady.log.gz"] * 3


def test_a_log_alone_never_passes_and_never_fails_a_build() -> None:
    for name, word in (("growing", "grows"), ("steady", "is level")):
        decision = decide(_hunt(FIXTURES / "gctrace" / VERSIONS[0] / f"{name}.log.gz"), strict=True)
        assert decision.exit_code == 3
        assert decision.reason == f"inconclusive: the live heap {word}, and a gctrace log names no site"


def test_a_short_log_is_inconclusive(tmp_path: Path) -> None:
    lines = gzip.decompress((FIXTURES / "gctrace" / VERSIONS[0] / "growing.log.gz").read_bytes()).splitlines(keepends=True)
    (tmp_path / "short.log").write_bytes(b"".join(lines[:5]))
    report = _hunt(tmp_path / "short.log")
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.headline == "5 collections do not tell whether the live heap grows"
    assert any("11 more are needed" in note for note in report.notes)
