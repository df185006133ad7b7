"""Reads the files that runtime/debug.WriteHeapDump writes (header `go1.7 heap dump`, Go 1.7 to 1.27, 64-bit little-endian).

The format is GOROOT/src/runtime/heapdump.go; what it does not say is in docs/heap-dumps.md. Objects come in order of address
with the records that are none taken out; whether that was exact is checked against the MemStats that every dump carries.
Edges, roots and names are the business of `leakhunt.graph`. Cost: one pass over the records' headers and pointer lists,
32 bytes an object while reading and 24 afterwards, beside the file, which is mapped and not read where it is plain.
"""

import itertools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakhunt.errors import DecodeError
from leakhunt.kernels import records
from leakhunt.model.heap import (
    WRITE_MAX_BYTES,
    Buckets,
    DumpedType,
    Finalizers,
    Goroutines,
    HeapDump,
    Process,
    Segment,
    SelfCheck,
    StackFrames,
)

MAGIC = b"go1.7 heap dump\n"
PAGE_BYTES = 8192  # runtime.pageSize
BITMAP_BYTES = 128  # heap bitmap at the end of a one-page span that holds pointers (Go >= 1.22): a bit a word
MARK_BYTES = 128  # spanInlineMarkBits (green tea collector): 64 mark bytes, 64 scan bytes
SMALL_BYTES = 512  # gc.MinSizeForMallocHeader: above it neither lies in the span
MARK_MIN_BYTES = 16  # gcUsesSpanInlineMarkBits
MAX_ADDRESS = 1 << 48  # beyond any user address of amd64 and arm64
MEMSTATS_FIELDS = (
    "Alloc TotalAlloc Sys Lookups Mallocs Frees HeapAlloc HeapSys HeapIdle HeapInuse HeapReleased HeapObjects "
    "StackInuse StackSys MSpanInuse MSpanSys MCacheInuse MCacheSys BuckHashSys GCSys OtherSys NextGC LastGC PauseTotalNs"
).split()
_TYPE, _OBJECT, _GOROUTINE, _FRAME, _PARAMS, _FINALIZER, _ITAB, _THREAD, _MEMSTATS = 3, 1, 4, 5, 6, 7, 8, 9, 10
_QUEUED, _DATA, _BSS, _DEFER, _PANIC, _BUCKET, _SAMPLE, _EOF = 11, 12, 13, 14, 15, 16, 17, 0
_LAYOUTS = {  # see leakhunt.kernels.records for the letters
    _PARAMS: "iiiissi", _TYPE: "iisi", _ITAB: "ii", _OBJECT: "ib", _GOROUTINE: "iiiiiiiisiiii", _FRAME: "iiisiiisf",
    _DEFER: "iiiiiii", _PANIC: "iiiiii", _THREAD: "iii", _DATA: "isf", _BSS: "isf", _FINALIZER: "iiiii", _QUEUED: "iiiii",
    _MEMSTATS: "i" * 24 + "xi", _BUCKET: "iirii", _SAMPLE: "ii", _EOF: ".", 2: "si",
}  # fmt: skip
_COLUMNS = {"i": 1, "s": 2, "f": 2, "b": 3, "r": 2, "x": 1, ".": 0}


def read_dump(
    contents: memoryview,
    source: str,
    modified_ns: int = 0,
    progress: Callable[[int], None] | None = None,
    notes: tuple[str, ...] = (),
) -> HeapDump:
    """A dump from its decompressed bytes, which the result goes on using; `notes` are what is known of them already.

    A dump that ends early gives what it holds, with a note; raises DecodeError for anything that is malformed, for 32-bit and
    for big-endian dumps. `progress` is told the byte offset reached.
    """
    if bytes(contents[: len(MAGIC)]) != MAGIC:
        raise DecodeError(source, 0, "not a Go heap dump: it does not begin with 'go1.7 heap dump'")
    try:
        rows, groups, end, ended = records.scan(contents, len(MAGIC), _LAYOUTS, progress, WRITE_MAX_BYTES)
    except ValueError as error:
        reason, offset = error.args
        raise DecodeError(source, offset, f"corrupt heap dump: {reason}; take the dump again") from None
    tables = {tag: _table(rows.pop(tag), layout) for tag, layout in _LAYOUTS.items()}
    strings = _Strings(contents)
    if not len(tables[_PARAMS]):
        raise DecodeError(source, end, "heap dump ends before its parameters; take the dump again")
    big_endian, pointer_bytes, _, _, arch_at, arch_len, version_at, version_len, cpus = tables[_PARAMS][0].tolist()
    if big_endian or pointer_bytes != 8:
        kind = f"{'big' if big_endian else 'little'}-endian, {pointer_bytes * 8}-bit"
        raise DecodeError(source, None, f"a {kind} heap dump; only 64-bit little-endian ones (amd64, arm64) can be read")
    version = strings.at(version_at, version_len)
    said = list(notes)
    if not ended:
        said.append(f"the dump is truncated at byte {end} of {len(contents)}: " + _missing(tables))
    elif end < len(contents):
        said.append(f"{len(contents) - end} bytes follow the end of the dump and were ignored")
    memstats = _memstats(tables[_MEMSTATS])
    objects, dropped, check = _objects(tables.pop(_OBJECT), version, memstats, source)
    if memstats and not check.exact:
        said.append(
            f"self-check: {check.objects:,} objects and {check.bytes:,} bytes were read where MemStats counted "
            f"{check.expected_objects:,} and {check.expected_bytes:,}"
        )
    large = int((objects[1] > WRITE_MAX_BYTES).sum())
    if large:
        said.append(
            f"objects of 2 GiB and more, of which the runtime wrote only a part: {large:,}; what the rest points to is unknown"
        )
    buckets = _buckets(tables[_BUCKET], groups, strings)
    samples = tables[_SAMPLE]
    process = Process(
        source=source,
        go_version=version,
        architecture=strings.at(arch_at, arch_len),
        cpus=cpus,
        complete=ended,
        types=tuple(DumpedType(a, size, strings.at(at, n)) for a, size, at, n, _ in tables[_TYPE].tolist()),
        itabs=tables[_ITAB].copy(),
        goroutines=_goroutines(tables[_GOROUTINE], tables[_FRAME], strings),
        frames=_frames(tables[_FRAME], strings),
        segments=tuple(
            Segment(kind, a, n, at, pointers)
            for tag, kind in ((_DATA, "data"), (_BSS, "bss"))
            for a, at, n, pointers, _ in tables[tag].tolist()
        ),
        finalizers=_finalizers(tables[_FINALIZER], tables[_QUEUED]),
        buckets=buckets,
        sample_addresses=samples[:, 0].copy(),
        sample_buckets=_places(buckets.addresses, samples[:, 1]),
        defers=tables[_DEFER].copy(),
        panics=tables[_PANIC].copy(),
        threads=tables[_THREAD][:, 0].copy(),
        memstats=memstats,
        last_gc_ns=memstats.get("LastGC", 0),
        modified_ns=modified_ns,
        notes=tuple(said),
    )
    addresses, sizes, offsets = objects
    return HeapDump(process, addresses, sizes, offsets, contents, dropped, check)


class _Strings:
    """Text in the dump; every distinct one is decoded once."""

    def __init__(self, contents: memoryview) -> None:
        self.contents = contents
        self.known: dict[bytes, str] = {}

    def at(self, offset: int, length: int) -> str:
        raw = bytes(self.contents[offset : offset + length])
        text = self.known.get(raw)
        if text is None:
            text = self.known[raw] = raw.decode("utf-8", "surrogateescape")
        return text

    def indices(self, offsets: NDArray[np.int64], lengths: NDArray[np.int64]) -> tuple[NDArray[np.int32], list[str]]:
        """Each text as an index into the list of distinct ones."""
        index: dict[str, int] = {}
        places = zip(offsets.tolist(), lengths.tolist(), strict=True)
        ids = np.fromiter((index.setdefault(self.at(o, n), len(index)) for o, n in places), np.int32, len(offsets))
        return ids, list(index)


def _table(rows: Any, layout: str) -> NDArray[np.int64]:
    columns = sum(_COLUMNS[letter] for letter in layout)
    return np.frombuffer(rows, np.int64).reshape(-1, columns) if columns else np.zeros((0, 0), np.int64)


def _missing(tables: dict[int, NDArray[np.int64]]) -> str:
    """What a truncated dump lacks, given that its records come in a fixed order."""
    absent = [
        what
        for tag, what in (
            (_FRAME, "stacks"),
            (_BSS, "globals"),
            (_MEMSTATS, "MemStats"),
            (_SAMPLE, "allocation sites"),
        )
        if not len(tables[tag])
    ]
    if not absent:
        return "some allocation samples are missing"
    return f"no {', '.join(absent)}, and perhaps not all of what comes before them"


def _memstats(table: NDArray[np.int64]) -> dict[str, int]:
    if not len(table):
        return {}
    row = table[-1].astype(np.uint64).tolist()
    return dict(zip(MEMSTATS_FIELDS, row, strict=False)) | {"NumGC": row[-1]}


def span_reserves(go_version: str) -> tuple[int, int]:
    """Bytes at the end of a small span that are bookkeeping: (where it holds pointers, where it has inline mark bits)."""
    match = re.search(r"go1\.(\d+)", go_version)
    minor = int(match[1]) if match else 99
    green_tea = "nogreenteagc" not in go_version and (minor >= 26 or "greenteagc" in go_version)
    return BITMAP_BYTES if minor >= 22 else 0, MARK_BYTES if green_tea else 0


def _objects(
    rows: NDArray[np.int64], version: str, memstats: dict[str, int], source: str
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], int, SelfCheck]:
    """Addresses, sizes and content offsets in order of address; how many records were no objects; the self-check.

    The version says what the bookkeeping is. Where MemStats disagree (a toolchain with other experiments), the other
    combinations are tried, and one that agrees exactly is taken.
    """
    total = len(rows)
    expected = (memstats.get("HeapObjects"), memstats.get("HeapAlloc"))
    reserves = span_reserves(version)
    if memstats and _kept(rows, reserves) != expected:
        others = itertools.product((0, BITMAP_BYTES), (0, MARK_BYTES))
        reserves = next((other for other in others if _kept(rows, other) == expected), reserves)
    kept, kept_bytes = _kept(rows, reserves, compact=True)
    rows = rows[:kept]
    extremes = [int(extreme) for column in (0, 2) if kept for extreme in (rows[:, column].min(), rows[:, column].max())]
    if kept and (min(extremes) < 0 or max(extremes) >= MAX_ADDRESS):
        raise DecodeError(source, None, "corrupt heap dump: an object lies outside the address space; take the dump again")
    starts = np.frombuffer(records.run_starts(rows), np.int64)
    columns = np.empty(kept, np.int64), np.empty(kept, np.int64), np.empty(kept, np.int64)
    order = np.argsort(rows[starts, 0], kind="stable")
    if records.gather_runs(rows, starts, order, *columns) >= 0:  # spans interleave, which no runtime writes
        starts = np.arange(kept, dtype=np.int64)
        clash = records.gather_runs(rows, starts, np.argsort(rows[:, 0], kind="stable"), *columns)
        if clash >= 0:
            raise DecodeError(source, int(rows[clash, 1]), "corrupt heap dump: two objects overlap; take the dump again")
    return columns, total - kept, SelfCheck(kept, kept_bytes, *expected)


def _kept(rows: NDArray[np.int64], reserves: tuple[int, int], compact: bool = False) -> tuple[int, int]:
    return records.drop_tails(rows, PAGE_BYTES, SMALL_BYTES, reserves[0], reserves[1], MARK_MIN_BYTES, compact)


def _goroutines(table: NDArray[np.int64], frames: NDArray[np.int64], strings: _Strings) -> Goroutines:
    # Frames follow their goroutine, innermost first: depth 0 begins the next goroutine's. One without frames (none is known
    # to exist) would shift the rest, so the stack pointer is what ties them: a goroutine's first frame begins at its sp.
    first = np.flatnonzero(frames[:, 1] == 0)
    starts = np.zeros(len(table) + 1, np.int64)
    begun = 0
    for g, sp in enumerate(table[:, 1].tolist()):
        starts[g] = first[begun] if begun < len(first) else len(frames)
        if begun < len(first) and frames[first[begun], 0] == sp:
            begun += 1
    starts[-1] = len(frames)
    return Goroutines(
        addresses=table[:, 0].copy(),
        ids=table[:, 2].copy(),
        created_pcs=table[:, 3].copy(),
        statuses=table[:, 4].copy(),
        is_system=table[:, 5] != 0,
        waiting_since_ns=table[:, 7].copy(),
        wait_reasons=tuple(strings.at(at, n) for at, n in table[:, 8:10].tolist()),
        contexts=table[:, 10].copy(),
        frame_starts=starts,
    )


def _frames(table: NDArray[np.int64], strings: _Strings) -> StackFrames:
    functions, names = strings.indices(table[:, 8], table[:, 9])
    return StackFrames(
        stack_pointers=table[:, 0].copy(),
        sizes=table[:, 4].copy(),
        content_offsets=table[:, 3].copy(),
        pointers_offsets=table[:, 10].copy(),
        entry_pcs=table[:, 5].copy(),
        pcs=table[:, 6].copy(),
        functions=functions,
        function_names=names,
    )


def _finalizers(set_: NDArray[np.int64], queued: NDArray[np.int64]) -> Finalizers:
    table = np.concatenate([set_, queued])
    objects, closures, pcs, arguments, types = (table[:, i].copy() for i in range(5))
    return Finalizers(objects, closures, pcs, arguments, types, is_queued=np.arange(len(table)) >= len(set_))


def _places(among: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int32]:
    """Where each of `wanted` is in `among`, -1 for nowhere."""
    if not len(among):
        return np.full(len(wanted), -1, np.int32)
    order = np.argsort(among, kind="stable")
    place = order[np.minimum(np.searchsorted(among[order], wanted), len(among) - 1)]
    return np.where(among[place] == wanted, place, -1).astype(np.int32)


def _buckets(table: NDArray[np.int64], groups: Any, strings: _Strings) -> Buckets:
    frames = np.frombuffer(groups, np.int64).reshape(-1, 5)
    spans = [np.arange(first, first + n) for first, n in table[:, 2:4].tolist()]
    picked = frames[np.concatenate(spans)] if spans else frames[:0]
    ids, texts = strings.indices(np.concatenate([picked[:, 0], picked[:, 2]]), np.concatenate([picked[:, 1], picked[:, 3]]))
    starts = np.concatenate([[0], np.cumsum(table[:, 3])]).astype(np.int64)
    return Buckets(
        addresses=table[:, 0].copy(),
        sizes=table[:, 1].copy(),
        allocs=table[:, 4].copy(),
        frees=table[:, 5].copy(),
        frame_starts=starts,
        frame_functions=ids[: len(picked)],
        frame_files=ids[len(picked) :],
        frame_lines=picked[:, 4].copy(),
        strings=texts,
    )
