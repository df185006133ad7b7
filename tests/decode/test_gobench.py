"""Benchmark results: real ones of four Go versions, both forms, and what cannot be read."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.decode.gobench import parse_benchmarks
from leakhunt.errors import DecodeError
from leakhunt.model.benchmark import BenchmarkKey

BENCH = Path(__file__).resolve().parents[2] / "fixtures" / "bench"
VERSIONS = sorted(path.parent.name for path in BENCH.glob("*/provenance.json"))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_result_of_a_real_run_is_read(version: str) -> None:
    for kind in ("value", "pointer"):
        data = (BENCH / version / f"{kind}.txt").read_bytes()
        read = parse_benchmarks(data, kind)
        lines = [line for line in data.decode().splitlines() if line.startswith("Benchmark")]
        assert sum(len(values) for values in read.samples.values()) == sum(len(line.split()) // 2 - 1 for line in lines)
        assert sum(read.iterations.values()) == sum(int(line.split()[1]) for line in lines)
        assert {key.name for key in read.samples} == {"Moved-2", "Brightest-2", "Track/points=10-2", "Track/points=1000-2"}
        assert {key.unit for key in read.samples} == {"ns/op", "B/op", "allocs/op", "light/op"}
        assert {key.package for key in read.samples} == {f"example.com/shop/points/{kind}"}
        assert read.malformed_lines == 0
        assert read.configuration["goos"] == "linux"


@pytest.mark.parametrize("version", VERSIONS)
def test_go_test_json_reads_as_its_text_does(version: str) -> None:
    data = (BENCH / version / "value.json").read_bytes()
    text = "".join(event.get("Output", "") for event in map(json.loads, data.splitlines()) if event["Action"] == "output")
    assert parse_benchmarks(data, "json").samples == parse_benchmarks(text.encode(), "json").samples
    assert all(len(values) == 2 for values in parse_benchmarks(data, "json").samples.values())


def test_the_old_form_and_custom_units_are_read() -> None:
    lines = ["PASS", "BenchmarkOld\t 1000\t 12.5 ns/op", "Unit p99-ns better=higher assume=exact"]
    lines += ["BenchmarkNew-8 5 1e3 p99-ns 2 B/op", "ok\tp\t1s"]
    read = parse_benchmarks("\n".join(lines).encode(), "f")
    assert read.samples == {
        BenchmarkKey("", "Old", "ns/op"): (12.5,),
        BenchmarkKey("", "New-8", "p99-ns"): (1000.0,),
        BenchmarkKey("", "New-8", "B/op"): (2.0,),
    }
    assert (read.higher_is_better, read.exact) == (frozenset({"p99-ns"}), frozenset({"p99-ns"}))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("BenchmarkX many 1 ns/op", "the number of iterations is 'many'"),
        ("BenchmarkX 10", "no measurements"),
        ("BenchmarkX 10 5", "'5' has no unit"),
        ("BenchmarkX 10 5 ns/op 7", "'7' has no unit"),
        ("BenchmarkX 10 NaN ns/op", "'NaN' is not finite"),
        ("BenchmarkX 10 five ns/op", "'five' is not a number"),
    ],
)
def test_what_cannot_be_read_is_counted_with_its_line(line: str, reason: str) -> None:
    read = parse_benchmarks(f"BenchmarkX\n{line}\nBenchmarkY 1 2 ns/op\n".encode(), "f")
    assert (read.malformed_lines, read.malformed) == (1, (f"line 2: {reason}",))


def test_a_file_without_results_is_refused() -> None:
    with pytest.raises(DecodeError, match="f: no benchmark results in it; make it with: go test"):
        parse_benchmarks(b"PASS\n", "f")
    with pytest.raises(DecodeError, match="1 benchmark lines, none of them readable"):
        parse_benchmarks(b"BenchmarkX 10\n", "f")
    with pytest.raises(DecodeError, match="line 2 is not an event of go test -json"):
        parse_benchmarks(b'{"Action":"start"}\n[]\n', "f")


@given(
    st.binary(max_size=300)
    | st.lists(st.sampled_from(["BenchmarkX", " 1", " 2 ns/op", "\n", "Unit x", "a: b", "{", "}"])).map(
        lambda p: "".join(p).encode()
    )
)
def test_any_bytes_raise_only_the_decoders_error(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        parse_benchmarks(data, "f")
