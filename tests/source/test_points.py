"""The worked example of docs/benchmarks.md, run: both programs built, benchmarked, compared, explained, by the Go at hand."""

import shutil
import subprocess
from pathlib import Path

import pytest

from leakhunt.decode import load, read_file
from leakhunt.decode.gobench import parse_benchmarks
from leakhunt.measure.benchgate import gate
from leakhunt.measure.benchstat import compare
from leakhunt.model.escape import Decision
from leakhunt.source.escapes import EscapeIndex, summary
from leakhunt.source.memprofile import allocations_by_benchmark
from leakhunt.source.toolchain import build_and_explain

PROGRAMS = Path(__file__).resolve().parents[2] / "fixtures" / "go"


@pytest.mark.skipif(shutil.which("go") is None, reason="there is no go command")
def test_pass_by_value_against_pass_by_pointer(tmp_path: Path) -> None:
    shutil.copytree(PROGRAMS / "points", tmp_path / "points")
    (tmp_path / "go.mod").write_text("module example.com/shop\n\ngo 1.22\n")
    results = {}
    for kind in ("value", "pointer"):
        command = ["go", "test", "-run=^$", "-bench=.", "-benchmem", "-benchtime=50x", "-count=6", f"./points/{kind}"]
        profile = ["-memprofile", str(tmp_path / f"{kind}.pb.gz"), "-memprofilerate=1", "-o", str(tmp_path / "t")]
        done = subprocess.run([*command, *profile], cwd=tmp_path, capture_output=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        results[kind] = parse_benchmarks(done.stdout, kind)

    worse = gate(compare(results["value"], results["pointer"]))
    risen = {(c.key.name.partition("-")[0], c.key.unit) for c in worse.risen}
    assert {("Moved", "B/op"), ("Moved", "allocs/op"), ("Track/points=1000", "allocs/op")} <= risen
    assert not any(name == "Brightest" for name, _ in risen)
    assert gate(compare(results["pointer"], results["value"])).verdict == "clean"

    log = build_and_explain(tmp_path)
    sites = allocations_by_benchmark(load(read_file(str(tmp_path / "pointer.pb.gz")), "pointer"))
    top = sites["Moved"][0]
    assert top.bytes_share > 0.9
    index = EscapeIndex(log)
    assert summary(index, index.explain(top.site)) == ("&Point{...} escapes to the heap: returned (points.go:20)",)
    stays = {(Path(d.file).parent.name, d.expression) for d in log.diagnostics if d.decision is Decision.STAYS}
    assert ("pointer", "f") in stays
    heap = {(Path(d.file).parent.name, d.expression.partition("(")[0]) for d in log.diagnostics if d.on_heap}
    assert {what for kind, what in heap if kind == "value"} <= {"make", "append"}
    assert ("pointer", "&Point{...}") in heap
