"""Heap dumps made to hurt: memory stays bounded and the answer is one line, in a process that may have a gigabyte."""

import gzip
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from tests.decode import dump_writer as w

MEMORY_BYTES = 1 << 30
ROOT = Path(__file__).resolve().parents[2]
HUGE = w.uvarint(1 << 60)


def summary(path: Path) -> subprocess.CompletedProcess[str]:
    """`leakhunt dump summary` with an address space of MEMORY_BYTES."""
    return subprocess.run(
        [sys.executable, "-c", "from leakhunt.cli import main; main()", "dump", "summary", str(path)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("records", "note"),
    [
        ([b"\x01" + w.uvarint(0xC000000000) + HUGE], "the dump is truncated at byte"),
        ([w.ints(16, 1, 16) + HUGE + w.ints(0, 0, 0)], "the dump is truncated at byte"),
        ([w.ints(4, 1, 2, 3, 4, 5, 0, 0, 0) + HUGE], "the dump is truncated at byte"),
        ([w.object_((i + 1) << 26, bytes(16), [0]) for i in range(100_000)], "100,000"),
        ([w.object_((1 << 47) - 4096 * i, bytes(8)) for i in range(1, 50_000)], "49,999"),
        (
            [
                w.object_(0xC000000000 + 8192 * i, bytes(8 * (i % 400 + 1)), [8 * (i % 5)] if i % 400 > 5 else [])
                for i in range(30_000)
            ],
            "",
        ),
    ],
    ids=["declared bytes", "declared frames", "declared text", "scattered", "descending", "shapes"],
)
def test_it_is_read_in_bounded_memory(tmp_path: Path, records: list[bytes], note: str) -> None:
    path = tmp_path / "hostile.dump"
    path.write_bytes(w.dump(*records))
    done = summary(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert note in done.stdout


def test_text_from_a_dump_is_neutralised(tmp_path: Path) -> None:
    path = tmp_path / "hostile.dump"
    escape = "main.\x1b[2Jgone\u202e\n"
    path.write_bytes(
        w.dump(
            w.object_(0xC000000000, bytes(16)),
            w.goroutine(1, 0xC000700000, wait_reason=escape),
            w.frame(0xC000700000, 0, w.words(0xC000000000), escape, [0]),
            w.bucket(1, 16, [(escape, escape, 3)]),
            w.sample(0xC000000000, 1),
            version=f"go1.27.3{escape}",
        )
    )
    done = summary(path)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
    assert r"main.\x1b[2Jgone\u202e\x0a" in done.stdout


@pytest.mark.parametrize("name", ["bomb.gz", "bomb.zst"])
def test_a_compressed_bomb_is_refused(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from leakhunt.decode import dumpfile
    from leakhunt.errors import DecodeError

    monkeypatch.setattr(dumpfile, "RATIO_FREE_BYTES", 1 << 20)
    data = w.MAGIC + bytes(64 << 20)
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else zstandard.compress(data))
    with pytest.raises(DecodeError, match=r"decompresses to more than .* unpack it by hand"):
        dumpfile.open_dump(path)
