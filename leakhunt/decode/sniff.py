"""Tells what an input is, by its content alone, and what to fetch instead where it is nothing leakhunt reads.

`sniff` answers for decompressed bytes; `refusal` puts the answer in words for a person. Neither reads a profile.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing takes 3 ms to import
if TYPE_CHECKING:
    from typing import Literal

HEAP_DUMP_MAGIC = b"go1.7 heap dump\n"
FETCH = "fetch /debug/pprof/heap instead"
_SNIFF_BYTES = 64 << 10
_CPU_HEADER_WORDS = 5
_BYTE_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")


class Format(str):
    """What an input is. Equal to its own text; what leakhunt reads has a name here, what it refuses is `OTHER`."""

    __slots__ = ()
    PROTOBUF: Format  # perhaps: only decoding it tells
    HEAP_TEXT: Format
    GOROUTINE_TEXT: Format  # debug=1
    GOROUTINE_STACKS: Format  # debug=2, and what a crash prints
    HEAP_DUMP: Format
    GCTRACE: Format
    OTHER: Format


Format.PROTOBUF = Format("protobuf")
Format.HEAP_TEXT = Format("heap text")
Format.GOROUTINE_TEXT = Format("goroutine text")
Format.GOROUTINE_STACKS = Format("goroutine stacks")
Format.HEAP_DUMP = Format("heap dump")
Format.GCTRACE = Format("gctrace")
Format.OTHER = Format("other")


def sniff(data: bytes) -> Format:
    """What `data` (decompressed; its first 64 KiB are enough) is. Bytes without a known beginning are PROTOBUF."""
    if data.startswith(HEAP_DUMP_MAGIC):
        return Format.HEAP_DUMP
    head = _text(data)
    if head is None:
        return Format.OTHER if _legacy_cpu(data) else Format.PROTOBUF
    first = _first_line(head)
    if first.startswith("heap profile:"):
        return Format.HEAP_TEXT
    if first.startswith(("goroutine profile: total ", "goroutineleak profile: total ")):
        return Format.GOROUTINE_TEXT
    if first.startswith("goroutine ") and first.endswith("]:"):
        return Format.GOROUTINE_STACKS
    if _foreign_text(first, head):
        return Format.OTHER
    if any(line.startswith("gc ") and "ms clock" in line for line in head.splitlines()[:400]):
        return Format.GCTRACE
    if "\ngoroutine 1 [" in head or ("\ngoroutine " in head and first.startswith(("panic:", "fatal error:", "SIGQUIT"))):
        return Format.GOROUTINE_STACKS
    return Format.PROTOBUF


def refusal(data: bytes) -> str | None:
    """Why `data` is no profile that leakhunt reads, as a sentence without its subject; None where it may be one."""
    if not data:
        return f"is empty; {FETCH}"
    if data.startswith(HEAP_DUMP_MAGIC):
        return "is a heap dump, not a profile; `leakhunt dump summary` and `leakhunt hunt` read it"
    if _legacy_cpu(data):
        return f"is a CPU profile in gperftools' binary form; {FETCH}"
    if data.startswith((b"PK\x03\x04", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"MZ")):
        return f"is an archive or a program, not a profile; {FETCH}"
    if data.startswith((b"go 1.", b"\x00\x00\x00\x00go 1.")) and b" trace\x00" in data[:32]:
        return f"is an execution trace; {FETCH}"
    if data.startswith(b"JAVA PROFILE "):
        return "is a heap dump of a Java program (hprof); leakhunt reads Go's"
    head = _text(data)
    return None if head is None else _foreign_text(_first_line(head), head) or _told_by_format(head)


def _told_by_format(head: str) -> str | None:
    if any(line.startswith("gc ") and "ms clock" in line for line in head.splitlines()[:400]):
        return f"is a gctrace log, not a profile; {FETCH}"
    return None


def _foreign_text(first: str, head: str) -> str | None:
    """What a text is that is not a heap or goroutine profile of Go; None where it may be one or is not recognised."""
    lower = first.lower()
    if lower.startswith(("<!doctype html", "<html", "<?xml", "<head", "<body", "<svg")):
        return "is a web page, not a profile: the address may need ?debug=0, a login, or another path; " + FETCH
    if first.startswith(("{", "[")):
        return _json(head)
    if first.startswith("heap_v2/") or (first.startswith("heap profile:") and "@ heap_v2/" not in first and "\n  t*:" in head):
        return f"is a heap profile of jemalloc, so of a C, C++ or Rust program; for a Go program {FETCH}"
    if first.startswith("heap profile:") and any(f"@ {kind}" in first for kind in ("growth", "fragmentation")):
        return f"is a heap growth profile of tcmalloc, so of a C++ program; for a Go program {FETCH}"
    if first.startswith("--- heapz"):
        return f"is a heap profile of a Java program; for a Go program {FETCH}"
    if first.startswith(("--- contention", "--- mutex")):
        return f"is a mutex or block (contention) profile: it says where goroutines waited, not what memory they hold; {FETCH}"
    if first.startswith(("--- threadz", "--- Thread ")):
        return f"is a list of thread stacks (threadz); {FETCH}, or /debug/pprof/goroutine"
    words = first.split()
    if len(words) >= 4 and words[1:3] == ["profile:", "total"] and words[0] not in ("goroutine", "goroutineleak"):
        return f"is a {words[0]} profile, which counts no memory; {FETCH}"
    if first.startswith(("mode: set", "mode: count", "mode: atomic")):
        return f"is a coverage profile of `go test`; {FETCH}, or use `go test -memprofile`"
    if first.startswith("version https://git-lfs"):
        return "is a Git LFS pointer; run `git lfs pull` to get the profile itself"
    return None


def _json(head: str) -> str:
    if '"callFrame"' in head and '"selfSize"' in head:
        return f"is a heap profile of V8, so of a JavaScript program; for a Go program {FETCH}"
    if '"snapshot"' in head and '"node_fields"' in head:
        return f"is a heap snapshot of V8, so of a JavaScript program; for a Go program {FETCH}"
    if '"cost_centres"' in head or '"rts_arguments"' in head:
        return f"is a profile of a Haskell program (GHC); for a Go program {FETCH}"
    if '"cmdline"' in head and '"memstats"' in head:
        return f"is the answer of /debug/vars (expvar), not a profile; {FETCH}"
    return f"is JSON, not a profile; {FETCH}"


def _legacy_cpu(data: bytes) -> bool:
    """Words 0, 3, 0 or 1, period, 0, of four or eight bytes, in either order (pprof's parseCPU)."""
    for size in (4, 8):
        for order in _BYTE_ORDERS:
            words = [int.from_bytes(data[i * size : (i + 1) * size], order) for i in range(_CPU_HEADER_WORDS)]
            fits = len(data) >= size * _CPU_HEADER_WORDS
            if fits and words[:2] == [0, 3] and words[2] in (0, 1) and words[3] > 0 and words[4] == 0:
                return True
    return False


def _text(data: bytes) -> str | None:
    """The beginning of `data` as text; None where it has control bytes that no text has."""
    head = data[:_SNIFF_BYTES]
    if head.translate(None, b"\t\n\r\f\x1b") != head and b"\x00" in head:
        return None
    if any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head[:256]):
        return None
    return head.decode("utf-8", "replace").removeprefix("\ufeff")


def _first_line(head: str) -> str:
    """The first line that is neither empty nor a comment, as pprof's own text readers skip them."""
    for line in head.splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            return stripped
    return ""
