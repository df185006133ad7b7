"""The public API as a notebook uses it, on series of real programs."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import leakhunt
from leakhunt.errors import ConfigError, DecodeError
from leakhunt.model.finding import Verdict
from tests.reports import build

ROOT = Path(__file__).resolve().parent.parent
SESSIONS = str(ROOT / "fixtures" / "series" / "sessions")


def test_from_a_folder_to_a_frame() -> None:
    report = leakhunt.hunt(SESSIONS, limit="2GiB")
    assert report.verdict == Verdict.LEAK
    frame = leakhunt.to_frame(report)
    assert len(frame) == len(report.cases)
    first = frame.iloc[0]
    assert (first.verdict, first.function, first.pattern) == ("leak", "main.startSession", "lazy-ttl-cache")
    assert first.low_bytes_per_hour < first.bytes_per_hour < first.high_bytes_per_hour
    assert first.limit_hours > 0


def test_evidence_is_loaded_once_and_hunted_often() -> None:
    evidence = leakhunt.load(SESSIONS)
    assert leakhunt.hunt(evidence).verdict == Verdict.LEAK
    narrowed = leakhunt.hunt(evidence, ignore=r"startSession|gcache", limit="1GiB")
    assert "main.startSession" not in {case.site.leaf.function for case in narrowed.cases}


def test_the_series_as_a_frame_has_the_profiles_totals() -> None:
    evidence = leakhunt.load(SESSIONS)
    frame = leakhunt.to_frame(evidence)
    series = evidence.series
    assert len(frame) == len(series.sites) * series.snapshots
    for column in ("inuse_bytes", "inuse_objects", "alloc_bytes", "alloc_objects"):
        assert frame.groupby("snapshot")[column].sum().tolist() == getattr(series, column).sum(axis=0).tolist()
    assert frame["time"].drop_duplicates().astype("int64").tolist() == series.times_ns.tolist()
    row = frame.iloc[series.snapshots + 1]
    assert (row.function, row.snapshot) == (series.sites[1].leaf.function, 1)
    assert pd.testing.assert_frame_equal(frame, leakhunt.to_frame(series)) is None


def test_segments_are_numbered() -> None:
    frame = leakhunt.to_frame(build.series_of((build.CACHE_SITE, build.TILE_SITE), 5, (0, 3)))
    assert frame["segment"].tolist() == [0, 0, 0, 1, 1] * 2


@pytest.mark.parametrize("name", build.ALL)
def test_every_report_is_a_frame_of_the_same_columns(name: str) -> None:
    frame = leakhunt.to_frame(build.ALL[name]())
    assert list(frame.columns) == list(leakhunt.to_frame(build.one_leak()).columns)
    assert frame.dtypes.astype(str).tolist() == leakhunt.to_frame(build.one_leak()).dtypes.astype(str).tolist()


@pytest.mark.parametrize("name", ["one_leak", "hostile", "empty"])
def test_parquet_there_and_back(name: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (pip install '.[parquet]')")
    frame = leakhunt.to_frame(build.ALL[name]())
    frame.to_parquet(tmp_path / "findings.parquet")
    back = pd.read_parquet(tmp_path / "findings.parquet")
    pd.testing.assert_frame_equal(frame.astype(object), back.astype(object), check_dtype=False)
    series = leakhunt.to_frame(build.series_of((build.CACHE_SITE,), 4))
    series.to_parquet(tmp_path / "series.parquet")
    assert pd.read_parquet(tmp_path / "series.parquet")["inuse_bytes"].tolist() == series["inuse_bytes"].tolist()


def test_csv_cannot_calculate() -> None:
    text = leakhunt.render("csv", build.hostile())
    assert "\n=HYPERLINK" not in text
    assert ",=HYPERLINK" not in text
    assert ',"=HYPERLINK' not in text
    read = pd.read_csv(__import__("io").StringIO(text))
    assert len(read) == len(build.HOSTILE)
    assert np.allclose(read["bytes_per_hour"], build.LEAK.growth.bytes_per_hour)


def test_mistakes_are_named() -> None:
    with pytest.raises(ConfigError, match="warmpup"):
        leakhunt.load(SESSIONS, warmpup=3)
    with pytest.raises(ConfigError, match="nothing to read"):
        leakhunt.hunt()
    with pytest.raises(ConfigError, match="not a size"):
        leakhunt.hunt(SESSIONS, limit="lots")
    with pytest.raises(ConfigError, match=r"give them to leakhunt\.load"):
        leakhunt.hunt(leakhunt.load(SESSIONS), warmup=2)
    with pytest.raises(DecodeError, match="no such file"):
        leakhunt.load("no/such/folder")
    with pytest.raises(ConfigError, match="not a format"):
        leakhunt.render("pdf", build.bare())


def test_importing_costs_nothing() -> None:
    program = (
        "import sys, leakhunt; print(sorted(sys.modules.keys() & {'numpy', 'pandas', 'google', 'httpx', 'rich', 'typer'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_hunt_stays_a_function() -> None:
    import leakhunt.cli.investigate  # imports the module leakhunt.hunt

    assert callable(leakhunt.hunt)


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell of the example, in order, as a kernel would; its last expressions are what a reader sees."""
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((ROOT / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    names: dict[str, object] = {}
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 4
    for cell in cells:
        exec(compile(cell, "notebook", "exec"), names)
    assert names["report"].verdict == Verdict.LEAK  # type: ignore[attr-defined]
