"""The gate on memory per operation: it fails on a rise, is silent on time, and says when it cannot know."""

from pathlib import Path

import pytest

from leakhunt.decode.gobench import parse_benchmarks
from leakhunt.measure.benchgate import gate
from leakhunt.measure.benchstat import compare
from leakhunt.model.benchmark import Benchmarks

BENCH = Path(__file__).resolve().parents[2] / "fixtures" / "bench"
VERSIONS = sorted(path.parent.name for path in BENCH.glob("*/provenance.json"))


def _real(version: str, kind: str) -> Benchmarks:
    return parse_benchmarks((BENCH / version / f"{kind}.txt").read_bytes(), kind)


def _file(**values: list[tuple[float, float, float]]) -> Benchmarks:
    lines = [
        f"Benchmark{name} 10 {ns} ns/op {size} B/op {allocs} allocs/op"
        for name, runs in values.items()
        for ns, size, allocs in runs
    ]
    return parse_benchmarks("\n".join(lines).encode(), "file")


@pytest.mark.parametrize("version", VERSIONS)
def test_pass_by_pointer_is_a_rise_and_pass_by_value_is_none(version: str) -> None:
    worse = gate(compare(_real(version, "value"), _real(version, "pointer")))
    assert worse.verdict == "leak"
    assert {(c.key.name, c.key.unit) for c in worse.risen} == {
        (name, unit) for name in ("Moved-2", "Track/points=10-2", "Track/points=1000-2") for unit in ("B/op", "allocs/op")
    }
    assert gate(compare(_real(version, "pointer"), _real(version, "value"))).verdict == "clean"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_same_program_by_another_go_is_no_rise(version: str) -> None:
    for other in VERSIONS:
        assert gate(compare(_real(version, "value"), _real(other, "value"))).verdict == "clean"


def test_slower_alone_never_fails() -> None:
    result = gate(compare(_file(X=[(10, 8, 1)] * 6), _file(X=[(90, 8, 1)] * 6)))
    assert (result.verdict, result.risen) == ("clean", ())


def test_a_rise_below_the_threshold_passes() -> None:
    assert gate(compare(_file(X=[(1, 1000, 1)] * 6), _file(X=[(1, 1005, 1)] * 6))).verdict == "clean"
    assert gate(compare(_file(X=[(1, 1000, 1)] * 6), _file(X=[(1, 1020, 1)] * 6))).verdict == "leak"
    assert gate(compare(_file(X=[(1, 0, 0)] * 6), _file(X=[(1, 8, 1)] * 6))).verdict == "leak"


def test_too_few_runs_are_no_verdict_and_say_how_many_are_enough() -> None:
    result = gate(compare(_file(X=[(1, 8, 1)]), _file(X=[(1, 16, 1)])))
    assert result.verdict == "inconclusive"
    assert result.reasons == ("too few runs to be sure of a rise (quantities: 1); -count=4 would decide",)
    level = gate(compare(_file(X=[(1, 8, 1)]), _file(X=[(1, 8, 1)])))
    assert level.verdict == "inconclusive"
    assert level.reasons == ("fewer than 4 runs a side (quantities: 2): a rise could not have been seen",)


def test_many_benchmarks_need_more_runs() -> None:
    steady = {f"B{i}": [(1.0, 8.0, 1.0)] * 4 for i in range(40)}
    result = gate(compare(_file(**steady, X=[(1, 8, 1)] * 4), _file(**steady, X=[(1, 16, 1)] * 4)))
    assert result.verdict == "inconclusive"
    [reason] = result.reasons
    runs = int(reason.split("-count=")[1].split()[0])
    steady = {f"B{i}": [(1.0, 8.0, 1.0)] * runs for i in range(40)}
    assert gate(compare(_file(**steady, X=[(1, 8, 1)] * runs), _file(**steady, X=[(1, 16, 1)] * runs))).verdict == "leak"


def test_nothing_to_gate_is_no_verdict() -> None:
    only_time = parse_benchmarks(b"BenchmarkX 1 2 ns/op\n", "f")
    assert gate(compare(only_time, only_time)).reasons == (
        "no B/op or allocs/op in both files; run go test -bench with -benchmem",
    )
    assert gate(compare(_file(A=[(1, 1, 1)]), _file(B=[(1, 1, 1)]))).verdict == "inconclusive"
