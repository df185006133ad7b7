"""Builds and runs fixtures/dumps/specimens, whose heap holds one of every container: a binary, its dump, and its own counts."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
import zstandard

from leakhunt.decode.gobinary import GoBinary, open_binary
from leakhunt.decode.heapdump import read_dump
from leakhunt.graph.build import build_graph
from leakhunt.model.heap import HeapGraph

SOURCE = Path(__file__).resolve().parent.parent / "fixtures" / "dumps" / "specimens"
# How binaries come: with everything, stripped, position-independent, both.
BUILDS = {
    "plain": (),
    "stripped": ("-ldflags=-s -w",),
    "pie": ("-buildmode=pie",),
    "stripped-pie": ("-buildmode=pie", "-ldflags=-s -w"),
}


@dataclass(frozen=True)
class Specimen:
    """One run: `counts` are the program's own, by container."""

    binary: str
    dump: str
    counts: dict[str, dict[str, int]]


@cache
def specimen(build: str = "plain", toolchain: str = "", entries: int = 200, arm64: bool = False) -> Specimen:
    """A run of the program; skips the test where it cannot be built (no Go, no module proxy), or run (no qemu for arm64)."""
    emulator = shutil.which("qemu-aarch64") if arm64 else ""
    if emulator is None:
        pytest.skip("no qemu-aarch64 (Debian's qemu-user) to run a program for arm64")
    folder = Path(mkdtemp(prefix="leakhunt-specimens-"))
    binary, dump = folder / "specimens", folder / "specimens.heapdump"
    environment = os.environ | ({"GOTOOLCHAIN": toolchain} if toolchain else {})
    environment |= {"GOARCH": "arm64", "CGO_ENABLED": "0"} if arm64 else {}
    command = ["go", "build", "-o", str(binary), *BUILDS[build], "."]
    try:
        subprocess.run(command, cwd=SOURCE, env=environment, capture_output=True, text=True, check=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"fixtures/dumps/specimens does not build here: {getattr(error, 'stderr', '') or error}")
    arguments = [*filter(None, [emulator]), str(binary), "-n", str(entries), "-dump", str(dump)]
    output = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60).stdout
    return Specimen(str(binary), str(dump), {row.pop("name"): row for row in json.loads(output)})


def open_heap(path: str, binary: str = "") -> tuple[HeapGraph, GoBinary | None]:
    """The graph of a dump (plain or zstd), and the binary at the process's addresses."""
    data = Path(path).read_bytes()
    if path.endswith(".zst"):
        data = zstandard.ZstdDecompressor().decompress(data, max_output_size=1 << 28)
    dump = read_dump(memoryview(data), path)
    if not binary:
        return build_graph(dump), None
    program = open_binary(binary)
    segment = next(segment for segment in dump.process.segments if segment.kind == "data")
    program.load_at(path, dump.process.go_version, (segment.address, segment.size_bytes), dump.process.itabs)
    return build_graph(dump), program
