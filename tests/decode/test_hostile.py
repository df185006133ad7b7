"""Inputs made to do harm: refused or made harmless, in bounded memory and time, each in a process of its own."""

import gzip
import os
import resource
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import zstandard

from leakhunt.decode.encode import encode
from tests.bench.make import field, varint
from tests.decode.build import make_profile

MEMORY_BYTES = 1 << 30  # of address space, shared libraries included
SECONDS = 60
MAIN = "from leakhunt.cli import main; main()"


def run(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

    return subprocess.run(
        [sys.executable, "-c", MAIN, *words, path.name],
        cwd=path.parent, preexec_fn=limit, capture_output=True, text=True, timeout=SECONDS, check=False,
        env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip


def refused(path: Path, *, because: str) -> None:
    done = run(path, "top")
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert because in done.stderr
    assert "not enough memory" not in done.stderr


def zeros(compressor: object, size: int) -> bytes:
    chunk = bytes(1 << 20)
    parts = [compressor.compress(chunk) for _ in range(size >> 20)]  # type: ignore[attr-defined]
    return b"".join(parts) + compressor.flush()  # type: ignore[attr-defined]


def test_a_gzip_bomb(tmp_path: Path) -> None:
    (tmp_path / "bomb").write_bytes(zeros(zlib.compressobj(9, wbits=31), 2 << 30))
    refused(tmp_path / "bomb", because="is refused")


def test_a_gzip_bomb_of_many_members(tmp_path: Path) -> None:
    (tmp_path / "bomb").write_bytes(zeros(zlib.compressobj(9, wbits=31), 32 << 20) * 200)
    refused(tmp_path / "bomb", because="is refused")


def test_a_zstd_bomb(tmp_path: Path) -> None:
    (tmp_path / "bomb").write_bytes(zeros(zstandard.ZstdCompressor(3).compressobj(), 2 << 30))
    refused(tmp_path / "bomb", because="is refused")


def test_a_zstd_frame_that_asks_for_a_huge_window(tmp_path: Path) -> None:
    compressor = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=31, strategy=1, chain_log=10, hash_log=10)
    )
    (tmp_path / "window").write_bytes(compressor.compressobj().compress(b"") + b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00")
    refused(tmp_path / "window", because="zstd")


def test_compressed_text_of_nothing_but_line_feeds(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(gzip.compress(b"heap profile: 1: 1 [1: 2] @ heap/2\n" + b"\n" * (60 << 20)))
    refused(tmp_path / "lines", because="lines; fetch it without ?debug=")


def test_text_with_a_new_frame_in_every_word(tmp_path: Path) -> None:
    stacks = b"".join(b"1: 8 [1: 8] @ " + b" ".join(b"0x%x" % (1000 * i + j) for j in range(1000)) + b"\n" for i in range(3000))
    (tmp_path / "frames").write_bytes(b"heap profile: 1: 1 [1: 2] @ heap/2\n" + stacks)
    refused(tmp_path / "frames", because="different frames")


@pytest.mark.parametrize("number", [2, 4, 5, 6])
def test_declared_counts_of_a_billion(tmp_path: Path, number: int) -> None:
    (tmp_path / "declared").write_bytes(field(1, b"\x08\x00") + varint(number << 3 | 2) + varint(10**9) + b"x" * 100)
    refused(tmp_path / "declared", because="declares 1000000000 bytes where 100 are left")


@pytest.mark.parametrize(
    ("payload", "because"),
    [
        (b"\x12\x00" * (16 << 20), "no sample type"),
        (b"\x22\x00" * (16 << 20), "a location without an id"),
        (b"\x2a\x00" * (16 << 20), "a function or mapping without an id"),
        (b"\x1a\x02\x08\x01" * (8 << 20), "two mappings have the id 1"),
        (b"\x0a\x00" * (1 << 20) + b"\x12\x00", "1048576 sample types"),
    ],
    ids="samples locations functions mappings types".split(),
)
def test_empty_messages_by_the_million(tmp_path: Path, payload: bytes, because: str) -> None:
    (tmp_path / "empty").write_bytes(payload + b"\x32\x00")
    refused(tmp_path / "empty", because=because)


@pytest.mark.parametrize(
    ("stack", "location", "because"),
    [
        (varint(7), varint(1), "a stack names location 7, which does not exist"),
        (varint(0), varint(1), "a stack names location 0, which does not exist"),
        (varint((1 << 64) - 1), varint(1), "a stack names location 18446744073709551615"),
        (varint(1), varint(0), "a location has the reserved id 0"),
    ],
)
def test_ids_that_dangle(tmp_path: Path, stack: bytes, location: bytes, because: str) -> None:
    data = field(1, b"\x08\x01\x10\x02") + field(2, field(1, stack) + field(2, b"\x05")) + field(4, b"\x08" + location)
    (tmp_path / "dangling").write_bytes(data + field(6, b"") + field(6, b"inuse_space") + field(6, b"bytes"))
    refused(tmp_path / "dangling", because=because)


def test_lines_whose_function_is_missing_are_shown_by_their_binary(tmp_path: Path) -> None:
    data = field(1, b"\x08\x01\x10\x02") + field(2, field(1, b"\x01") + field(2, b"\x05"))
    data += field(4, b"\x08\x01\x10\x09" + field(4, b"\x08\x63\x10\x07"))  # function 99, mapping 9
    (tmp_path / "missing").write_bytes(data + field(6, b"") + field(6, b"inuse_space") + field(6, b"bytes"))
    done = run(tmp_path / "missing", "top")
    assert done.returncode == 0
    # Nothing was sampled here (no period), so there is no interval to show.
    assert done.stdout.splitlines()[-1].split() == ["5", "B", "100.0%", "5", "B", "100.0%", "<unknown>"]


def test_ids_chosen_to_make_a_search_slow(tmp_path: Path) -> None:
    """A million ids far apart, looked up a million times."""
    ids = [varint(1 + i * 0x1FFFFFFFFFFFF % (1 << 63)) for i in range(200_000)]
    data = field(1, b"\x08\x01\x10\x02") + b"".join(
        field(2, field(1, b"".join(ids[i : i + 100])) + field(2, b"\x05")) for i in range(0, 200_000, 20)
    )
    data += b"".join(field(4, b"\x08" + i) for i in ids)
    (tmp_path / "search").write_bytes(data + field(6, b"") + field(6, b"inuse_space") + field(6, b"bytes"))
    assert run(tmp_path / "search", "top").returncode == 0


@pytest.mark.parametrize("format", ["table", "csv", "json"])
def test_control_characters_in_names_show_as_escapes(tmp_path: Path, format: str) -> None:
    names = ["\x1b]0;title\x07main\nf", "\u202egnp.exe", "caf\udce9", '"quoted", name', "line\u2028sep"]
    locations = [(i + 1, -1, [(i, 1)]) for i in range(len(names))]
    samples = [([i], [0, 0, 1, 1 << 20], 1 << 20) for i in range(len(names))]
    profile = make_profile(samples, locations, [(name, f"/src/{name}.go") for name in names])
    (tmp_path / "names").write_bytes(encode(profile))
    done = run(tmp_path / "names", "top", "--format", format)
    assert done.returncode == 0, done.stderr
    assert not set(done.stdout) & set("\x1b\x07\x7f\u202e\u2028")
    assert "main" in done.stdout
    expected = {"table": 2 + len(names), "csv": 1 + len(names), "json": 8 + len(names)}
    assert done.stdout.count("\n") == expected[format] + (format == "json")
