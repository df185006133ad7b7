"""`leakhunt bench` and `leakhunt escape` as a user runs them, on real results and logs."""

import json
import shutil
from pathlib import Path

from tests.cli.running import leakhunt

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
BENCH = FIXTURES / "bench" / "go1.27.3"


def test_a_comparison_reads_as_a_table(tmp_path: Path) -> None:
    done = leakhunt("bench", "value.txt", "pointer.txt", cwd=BENCH)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines()]
    assert "Moved-2 0 B 32 B ± 0% from 0 < 0.001 worse".split() in rows
    assert "Track/points=1000-2 1 ± 0% 1.002k ± 0% x1,002 x1,002 .. x1,002 < 0.001 worse".split() in rows
    assert "note: packages differ" in done.stdout


def test_lines_that_allocate_are_named_with_the_compilers_reason() -> None:
    arguments = ["--memprofile", "pointer.mem.pb.gz", "--escape", "escape.txt"]
    done = leakhunt("bench", "pointer.txt", *arguments, cwd=BENCH)
    assert done.returncode == 0
    moved = done.stdout.split("  Moved\n")[1].splitlines()
    assert moved[0].split()[:2] == ["100.0%", "32"]
    assert "points/pointer/points.go:20" in moved[0]
    assert moved[1].strip() == "&Point{...} escapes to the heap: returned (points.go:20)"


def test_json_is_versioned_and_complete() -> None:
    document = json.loads(leakhunt("bench", "value.txt", "pointer.txt", "--format", "json", cwd=BENCH).stdout)
    assert document["schema"] == "leakhunt.bench/1"
    assert len(document["rows"]) == 13
    [row] = [row for row in document["rows"] if (row["name"], row["unit"]) == ("Track/points=10-2", "B/op")]
    assert (row["old"], row["new"]) == (
        {"median": 320.0, "low": 320.0, "high": 320.0, "runs": 10},
        {"median": 432.0, "low": 432.0, "high": 432.0, "runs": 10},
    )
    assert (row["change"], row["ratio"]) == ("worse", 1.35)
    [zero] = [row for row in document["rows"] if (row["name"], row["unit"]) == ("Moved-2", "B/op")]
    assert zero["delta"] is None


def test_input_that_is_no_benchmark_is_one_line_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("BenchmarkOther 1 2 ns/op\n")
    for arguments, said in (
        (["bench", "absent.txt"], "absent.txt"),
        (["bench", str(BENCH / "value.txt"), str(BENCH / "provenance.json")], "is not an event of go test -json"),
        (["bench", str(BENCH / "value.txt"), "x.txt"], "no benchmark is in both files"),
        (["bench", "x.txt", "--format", "json"], "json is for a comparison"),
        (["bench", "x.txt", "--memprofile", str(BENCH / "value.txt")], "value.txt"),
        (["escape"], "give --escape FILE"),
        (["escape", "--escape", "x.txt"], "no compiler diagnostics in it"),
        (["escape", "--source", "absent"], "absent is not a folder"),
        (
            ["escape", "--escape", str(BENCH / "escape.txt"), "--package", "no/such"],
            "which has example.com/shop/points/pointer",
        ),
        (
            ["escape", str(BENCH / "pointer.mem.pb.gz"), "--escape", str(BENCH / "escape.txt"), "--sample-index", "x"],
            "has no x; it has",
        ),
    ):
        done = leakhunt(*arguments, cwd=tmp_path)
        assert done.returncode == 2, done.stdout
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


def test_heap_allocating_lines_are_ranked_by_the_profile() -> None:
    arguments = ["--escape", "escape.txt", "--package", "example.com/shop/points", "--sample-index", "alloc_space"]
    done = leakhunt("escape", "pointer.mem.pb.gz", *arguments, "--format", "json", "-n", "0", cwd=BENCH)
    document = json.loads(done.stdout)
    assert document["schema"] == "leakhunt.escape/1"
    values = [row["value"] for row in document["rows"]]
    assert values == sorted(values, reverse=True)
    assert sum(values) == document["total"]
    first = document["rows"][0]
    assert (first["function"], first["line"]) == ("example.com/shop/points/pointer.Moved", 20)
    assert first["why"] == ["&Point{...} escapes to the heap: returned (points.go:20)"]
    lines = {(row["file"], row["line"]) for row in document["rows"]}
    assert ("example.com/shop/points/value/points.go", 36) in lines  # in the log, not in this profile
    table = leakhunt("escape", "pointer.mem.pb.gz", *arguments, "-n", "1", cwd=BENCH).stdout.splitlines()
    assert table[-1] == f"{len(values) - 1} more (-n 0 shows all)"


def test_top_and_diff_say_why_below_their_table() -> None:
    profile = "pointer.mem.pb.gz"
    plain = leakhunt("top", profile, "--sample-index", "alloc_space", cwd=BENCH).stdout
    explained = leakhunt("top", profile, "--sample-index", "alloc_space", "--escape", "escape.txt", cwd=BENCH).stdout
    assert explained.startswith(plain)
    section = explained[len(plain) :].splitlines()
    assert section[1] == "lines of user code that allocate most:"
    assert section[2].split()[2:] == ["example.com/shop/points/pointer/points.go:20", "example.com/shop/points/pointer.Moved"]
    assert section[3].strip() == "&Point{...} escapes to the heap: returned (points.go:20)"
    same = leakhunt("diff", profile, profile, "--sample-index", "alloc_space", "--escape", "escape.txt", cwd=BENCH)
    assert same.stdout.splitlines()[-1] == "lines of user code that changed most:"


def test_top_quotes_the_source_that_it_builds(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "go" / "points", tmp_path / "points")
    (tmp_path / "go.mod").write_text("module example.com/shop\n\ngo 1.22\n")
    done = leakhunt(
        "top", str(BENCH / "pointer.mem.pb.gz"), "--sample-index", "alloc_space", "-n", "1", "--source", ".", cwd=tmp_path
    )
    assert "▶ 20 │     return &Point{p.X + d.X, p.Y + d.Y, p.Z + d.Z, p.Millis + d.Millis}" in done.stdout
    if shutil.which("go"):
        assert "&Point{...} escapes to the heap: returned (points.go:20)" in done.stdout
    else:
        assert "note: no escape analysis: no go command on PATH" in done.stdout


def test_source_options_that_cannot_be_answered_are_errors() -> None:
    for arguments in (["top", "x", "--format", "json"], ["diff", "-", "x"], ["top", "-"]):
        done = leakhunt(*arguments, "--escape", "escape.txt", cwd=BENCH)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("leakhunt: --escape, --source: ")
