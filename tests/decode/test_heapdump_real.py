"""The heap dump reader on dumps of a real program, by the Go on PATH and by those that LEAKHUNT_TOOLCHAINS names
(`go1.21.13 go1.27.3`); the figures for every version from 1.21 on are in docs/heap-dumps.md."""

import contextlib
import gzip
import os
import random
from pathlib import Path

import pytest
import zstandard

from leakhunt.decode.dumpfile import is_dump_file, open_dump
from leakhunt.decode.heapdump import read_dump
from leakhunt.errors import DecodeError
from leakhunt.graph.build import build_graph
from tests.specimens import specimen

TOOLCHAINS = ["", *os.environ.get("LEAKHUNT_TOOLCHAINS", "").split()]


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
def test_objects_and_bytes_equal_memstats(toolchain: str) -> None:
    dump = open_dump(specimen(toolchain=toolchain).dump)
    process = dump.process
    assert dump.self_check.exact
    assert (len(dump.addresses), int(dump.sizes.sum())) == (process.memstats["HeapObjects"], process.memstats["HeapAlloc"])
    assert process.notes == ()
    assert toolchain in process.go_version
    assert 0 < process.last_gc_ns < process.modified_ns
    assert "main.main" in process.frames.function_names
    graph = build_graph(dump)
    assert graph.edges > graph.objects / 2
    assert (graph.sample_objects >= 0).all()


def test_compressed_dumps_give_the_same(tmp_path: Path) -> None:
    plain = Path(specimen().dump).read_bytes()
    expected = open_dump(specimen().dump)
    for name, data in (("a.gz", gzip.compress(plain)), ("a.zst", zstandard.compress(plain))):
        path = tmp_path / name
        path.write_bytes(data)
        assert is_dump_file(path)
        dump = open_dump(path)
        assert (dump.addresses == expected.addresses).all()
        assert dump.self_check.exact


def test_a_truncated_archive_gives_what_it_has(tmp_path: Path) -> None:
    plain = Path(specimen().dump).read_bytes()
    for name, data in (("a.gz", gzip.compress(plain)), ("a.zst", zstandard.compress(plain))):
        path = tmp_path / name
        path.write_bytes(data[: len(data) // 2])
        dump = open_dump(path)
        assert not dump.process.complete
        assert any("truncated" in note for note in dump.process.notes)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\x1f\x8b\x08\x00garbage that is no gzip", "is damaged"),
        (gzip.compress(b"not a dump" * 100), "not a Go heap dump"),
        (b"heap profile: 1: 2", "not a Go heap dump"),
    ],
)
def test_other_files_get_one_clear_line(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "input"
    path.write_bytes(content)
    assert not is_dump_file(path)
    with pytest.raises(DecodeError, match=reason):
        open_dump(path)


def test_random_truncation_and_damage_raise_only_the_decoders_error() -> None:
    plain = Path(specimen().dump).read_bytes()
    chance = random.Random(20260101)
    for _ in range(60):
        data = bytearray(plain)
        for _ in range(chance.randrange(0, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        cut = memoryview(data)[: chance.randrange(len(data))]
        with contextlib.suppress(DecodeError):
            build_graph(read_dump(cut, "damaged"))
