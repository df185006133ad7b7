"""Profiles and a heap dump of one real process, with its binary: who holds it, which pattern, and how many entries expired,
which is what the program itself counts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from leakhunt.config import Settings
from leakhunt.evidence import Source, gather
from leakhunt.hunt import hunt

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("series", "program", "root", "step"),
    [
        ("coupons", "coupons", "main.issued", ".coupons map[string]*main.coupon"),
        ("sessions-simple", "sessions", "main.sessions", ".items map[interface {}]*gcache.simpleItem"),
    ],
)
def test_a_dump_turns_suspicion_into_proof(go: str, tmp_path: Path, series: str, program: str, root: str, step: str) -> None:
    command = [sys.executable, str(ROOT / "fixtures" / "run.py"), "--dump", "--into", str(tmp_path), series]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if run.returncode:
        pytest.skip(f"{series} cannot be run here: {run.stderr.strip()[-200:]}")
    folder = tmp_path / series
    counts = json.loads((folder / "counts.json").read_text())
    paths = [*sorted(folder.glob("*.pb.gz")), folder / "heap.dump"]
    evidence = gather([Source(str(path), path, path.read_bytes) for path in paths], Settings(binary=str(folder / program)))
    report = hunt(evidence)

    held = [case for case in report.cases if case.retention is not None and case.retention.root.name == root]
    assert held, [(case.headline, case.retention) for case in report.cases]
    case = held[0]
    assert case.pattern == "lazy-ttl-cache"
    assert case.retention is not None
    assert step in [f"{part.edge} {part.type}" for part in case.retention.path]
    (finding,) = [finding for finding in case.evidence if finding.detector == "expired-entries"]
    (census,) = [each for each in evidence.dumps[0].expiry if each.place.root_name == root]
    assert census.entries == counts["entries"]
    # The last collection was before the program counted, the dump was written after it: no tolerance is needed.
    assert census.expired <= counts["expired"] <= census.expired_at_most
    assert finding.facts["expired"] == census.expired
