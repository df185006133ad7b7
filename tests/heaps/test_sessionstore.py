"""The committed dumps of fixtures/dumps/sessionstore: what provenance.json says of them, and what `dump diff` makes of them."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from leakhunt.heaps.series import diff
from leakhunt.heaps.view import open_heap
from leakhunt.reports.answers import render_json, render_text

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "dumps" / "sessionstore"
PROVENANCE = json.loads((FOLDER / "provenance.json").read_text())
SERIES = [FOLDER / f"{number}.heap" for number in (1, 2, 3)]


def test_files_are_those_of_the_provenance() -> None:
    assert {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in PROVENANCE["sha256"]} == PROVENANCE[
        "sha256"
    ]


def test_the_cache_that_keeps_expired_sessions_is_named() -> None:
    body = json.loads(render_json(diff([open_heap(path) for path in SERIES])))
    first = body["growth"][0]
    assert first["root"] == {"kind": "bss", "name": "main.sessions"}
    assert [step["type"] for step in first["steps"]] == ["gcache.LRUCache", "map[interface {}]*list.Element", "gcache.lruItem"]
    entries = [printed["entries"] for printed in PROVENANCE["printed"]]
    # A few entries are reached sooner through the cache's list than through its map.
    assert all(0 <= count - seen <= 10 for count, seen in zip(entries, first["history_objects"], strict=True))
    assert first["kept_ppm"] == 1_000_000
    assert first["monotonic"] is True
    assert first["share_ppm"] > 750_000
    assert body["sites"][0]["function"] == "main.visit"


def test_growth_in_a_map_says_how_full_it_is_and_what_its_limit_is(go: str, tmp_path: Path) -> None:
    binary = tmp_path / "sessionstore"
    built = subprocess.run(["go", "build", "-o", str(binary), "."], cwd=FOLDER, capture_output=True, text=True, check=False)
    if built.returncode:
        pytest.skip(f"fixtures/dumps/sessionstore does not build here: {built.stderr.strip()[-200:]}")
    run = subprocess.run([binary, "-dumps", "2", "-step", "500", "-out", tmp_path], capture_output=True, text=True, check=True)
    last = json.loads(run.stdout.splitlines()[-1])
    dumps = sorted(tmp_path.glob("*.dump"))
    answer = diff([open_heap(path, binary=str(binary)) for path in dumps], 100)
    rows = json.loads(render_json(answer))["growth"]
    found = [row for row in rows if row["path"].startswith("main.sessions .items")]
    assert found
    for row in found:  # its values, its keys
        assert row["entries"] == last["entries"] == 1000
        assert row["slots"] > 1000
        assert row["slots"] % 8 == 0
        assert row["limit"] == 20_000  # the size that the cache was made with
    assert "1,000" in render_text(answer, 120)


def test_whole_and_stripped_have_the_same_objects() -> None:
    whole, stripped = open_heap(FOLDER / "3.dump.zst").graph, open_heap(FOLDER / "3.heap").graph
    assert (whole.addresses == stripped.addresses).all()
    assert (whole.edge_targets == stripped.edge_targets).all()
    assert whole.self_check == stripped.self_check
    assert whole.self_check.exact
