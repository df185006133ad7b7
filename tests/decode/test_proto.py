"""The generated protobuf module is what proto/profile.proto generates, and the kernel reads what protobuf reads."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from leakhunt.decode import pprof, profile_pb2, read_file
from leakhunt.decode.decompress import decompress

ROOT = Path(__file__).resolve().parents[2]


def test_the_generated_module_is_current(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools is not installed")
    command = next(line for line in (ROOT / "proto/profile.proto").read_text().splitlines() if "grpc_tools.protoc" in line)
    words = command.removeprefix("//").split()[1:]
    subprocess.run(
        [sys.executable, *(word.replace("_out=.", f"_out={tmp_path}") for word in words)], cwd=ROOT, check=True, timeout=60
    )
    for name in ("profile_pb2.py", "profile_pb2.pyi"):
        generated = (tmp_path / "leakhunt/decode" / name).read_text()
        assert (ROOT / "leakhunt/decode" / name).read_text() == generated, f"run: {command.removeprefix('//').strip()}"


def test_the_kernel_agrees_with_protobuf_on_the_corpus(corpus: Path) -> None:
    with open(corpus / "manifest.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"].endswith("-pb")]
    for row in rows:
        data = decompress(read_file(str(corpus / row["file"])), row["file"])
        message = profile_pb2.Profile.FromString(data)
        profile = pprof.decode(data, row["file"])
        assert profile.values.tolist() == [value for sample in message.sample for value in sample.value]
        location_of = {location.id: i for i, location in enumerate(message.location)}
        stacks = [location_of[i] for sample in message.sample for i in sample.location_id]
        assert profile.stack_locations.tolist() == stacks
        function_of = {0: -1} | {function.id: i for i, function in enumerate(message.function)}
        lines = [(function_of.get(line.function_id, -1), line.line) for location in message.location for line in location.line]
        assert list(zip(profile.line_functions, profile.line_numbers, strict=True)) == lines
        names = [message.string_table[function.name].decode("utf-8", "surrogateescape") for function in message.function]
        assert profile.function_names == names
        labels = [
            next((label.num for label in sample.label if message.string_table[label.key] == b"bytes" and not label.str), 0)
            for sample in message.sample
        ]
        assert profile.block_bytes.tolist() == labels
        assert (profile.period, profile.time_ns, profile.duration_ns) == (
            message.period,
            message.time_nanos,
            message.duration_nanos,
        )
