"""The heap dump reader on dumps built record by record; tests/decode/test_heapdump_real.py has those of real programs."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.decode.dumpfile import open_dump
from leakhunt.decode.heapdump import read_dump, span_reserves
from leakhunt.errors import DecodeError
from leakhunt.graph.build import build_graph
from leakhunt.model.heap import HeapDump
from tests.decode import dump_writer as w

BASE = 0xC000010000


def read(*records: bytes, **options: object) -> HeapDump:
    return read_dump(memoryview(w.dump(*records, **options)), "test.dump")


def test_every_record_is_read() -> None:
    site = [("runtime.mallocgc", "malloc.go", 10), ("main.put[go.shape.int]", "main.go", 7), ("main.main", "main.go", 3)]
    dump = read(
        w.type_(0x500100, 24, "main.Session"),
        w.itab(0x500200, 0x500100),
        w.object_(BASE + 8192, w.words(0, 0)),
        w.object_(BASE, w.words(BASE + 8192, 7), [0]),
        w.goroutine(7, 0xC000070000),
        w.frame(0xC000070000, 0, w.words(BASE, 0), "main.worker", [0]),
        w.frame(0xC000070010, 1, w.words(5), "main.main"),
        w.goroutine(8, 0xC000080000, wait_reason="select"),
        w.frame(0xC000080000, 0, w.words(1), "main.other"),
        w.segment(12, 0x600000, w.words(BASE, 1), [0]),
        w.segment(13, 0x700000, w.words(0), [0]),
        w.finalizer(BASE),
        w.finalizer(BASE + 8192, queued=True),
        w.memstats(2, 32, last_gc_ns=77),
        w.bucket(0x900000, 16, site, allocs=5, frees=3),
        w.sample(BASE, 0x900000),
    )
    process = dump.process
    assert process.complete
    assert process.notes == ()
    assert (process.go_version, process.architecture, process.cpus) == ("go1.27.3", "amd64", 2)
    assert dump.addresses.tolist() == [BASE, BASE + 8192]
    assert dump.sizes.tolist() == [16, 16]
    assert bytes(dump.contents[dump.content_offsets[0] :][:8]) == w.words(BASE + 8192)
    assert dump.self_check.exact
    assert [(t.address, t.size_bytes, t.name) for t in process.types] == [(0x500100, 24, "main.Session")]
    assert process.itabs.tolist() == [[0x500200, 0x500100]]
    assert process.goroutines.ids.tolist() == [7, 8]
    assert process.goroutines.wait_reasons == ("chan receive", "select")
    assert process.goroutines.frame_starts.tolist() == [0, 2, 3]
    assert [process.frames.function_names[i] for i in process.frames.functions] == ["main.worker", "main.main", "main.other"]
    assert process.frames.sizes.tolist() == [16, 8, 8]
    assert [(s.kind, s.address, s.size_bytes) for s in process.segments] == [("data", 0x600000, 16), ("bss", 0x700000, 8)]
    assert process.finalizers.objects.tolist() == [BASE, BASE + 8192]
    assert process.finalizers.is_queued.tolist() == [False, True]
    assert process.memstats["HeapObjects"] == 2
    assert process.last_gc_ns == 77
    assert [(f.function, f.line) for f in process.buckets.frames(0)] == [(name, line) for name, _, line in site]
    assert (process.buckets.allocs.tolist(), process.buckets.frees.tolist()) == ([5], [3])
    assert process.sample_addresses.tolist() == [BASE]
    assert process.sample_buckets.tolist() == [0]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("go1.21.13", (0, 0)),
        ("go1.22.0", (128, 0)),
        ("go1.25.1", (128, 0)),
        ("go1.25.1 X:greenteagc", (128, 128)),
        ("go1.26.8", (128, 128)),
        ("go1.26.8 X:nogreenteagc", (128, 0)),
        ("devel go1.28-abcdef", (128, 128)),
        ("something else", (128, 128)),
    ],
)
def test_the_version_says_what_a_span_ends_with(version: str, expected: tuple[int, int]) -> None:
    assert span_reserves(version) == expected


def _page(size: int, version: str, memstats_objects: int) -> HeapDump:
    count = 8192 // size
    records = [w.object_(BASE + i * size, bytes(size), [0] if i == 0 else []) for i in range(count)]
    return read(*records, w.memstats(memstats_objects, memstats_objects * size), version=version)


@pytest.mark.parametrize(("version", "objects"), [("go1.21.13", 128), ("go1.24.0", 126), ("go1.27.3", 124)])
def test_bookkeeping_at_the_end_of_a_span_is_no_object(version: str, objects: int) -> None:
    dump = _page(64, version, objects)
    assert (len(dump.addresses), dump.dropped) == (objects, 128 - objects)
    assert dump.self_check.exact
    assert dump.process.notes == ()


def test_memstats_decide_where_the_version_does_not() -> None:
    dump = _page(64, "go1.27.3", 126)  # a toolchain built without the green tea collector
    assert dump.self_check.exact


def test_a_failed_self_check_is_said_in_numbers() -> None:
    dump = _page(64, "go1.27.3", 100)
    assert not dump.self_check.exact
    assert dump.process.notes == ("self-check: 124 objects and 7,936 bytes were read where MemStats counted 100 and 6,400",)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a Go heap dump"),
        (b"go1.7 heap dump", "not a Go heap dump"),
        (w.MAGIC, "ends before its parameters"),
        (w.MAGIC + w.params(pointer_bytes=4) + b"\0", "a little-endian, 32-bit heap dump"),
        (w.MAGIC + w.params(big_endian=1) + b"\0", "a big-endian, 64-bit heap dump"),
        (w.dump(b"\x63"), "corrupt heap dump: no record has the tag 99"),
        (w.dump(b"\x01" + b"\xff" * 9 + b"\x02"), "an integer has more than 64 bits"),
        (w.dump(w.object_(BASE, bytes(64)), w.object_(BASE + 32, bytes(64))), "two objects overlap"),
        (w.dump(w.object_(1 << 60, bytes(8))), "outside the address space"),
    ],
)
def test_bad_dumps_get_one_clear_line(data: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read_dump(memoryview(data), "bad.dump")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_interleaved_spans_are_put_in_order() -> None:
    dump = read(*(w.object_(BASE + at, bytes(16)) for at in (0, 64, 32, 96, 48)))
    assert dump.addresses.tolist() == [BASE, BASE + 32, BASE + 48, BASE + 64, BASE + 96]


WHOLE = w.dump(
    w.type_(0x500100, 24, "main.Session"),
    w.itab(0x500200, 0x500100),
    w.object_(BASE, w.words(BASE + 8192, 7), [0]),
    w.object_(BASE + 8192, w.words(0, 0)),
    w.goroutine(7, 0xC000070000),
    w.frame(0xC000070000, 0, w.words(BASE, 0), "main.worker", [0]),
    w.segment(12, 0x600000, w.words(BASE, 1), [0]),
    w.segment(13, 0x700000, w.words(0), [0]),
    w.finalizer(BASE),
    w.memstats(2, 32, last_gc_ns=77),
    w.bucket(0x900000, 16, [("main.put", "main.go", 7), ("main.main", "main.go", 3)]),
    w.sample(BASE, 0x900000),
)


def test_every_truncation_gives_what_is_there_and_says_so() -> None:
    seen, refused = [], []
    for end in range(len(WHOLE)):
        try:
            graph = build_graph(read_dump(memoryview(WHOLE[:end]), "cut.dump"))
        except DecodeError:
            refused.append(end)
            continue
        process = graph.process
        assert not process.complete
        assert process.notes[0].startswith("the dump is truncated at byte")
        seen.append((graph.objects, len(process.goroutines.ids), len(process.memstats) > 0, len(process.sample_buckets)))
    assert refused == list(range(len(w.MAGIC + w.params())))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == ((0, 0, False, 0), (2, 1, True, 1))


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=6), st.integers(0, len(WHOLE)))
def test_damage_raises_only_the_decoders_error(changes: list[tuple[int, int]], end: int) -> None:
    data = bytearray(WHOLE)
    for place, value in changes:
        data[place] = value
    with contextlib.suppress(DecodeError):
        build_graph(read_dump(memoryview(data)[:end], "damaged"))


@given(st.binary(max_size=200))
def test_any_bytes_raise_only_the_decoders_error(tail: bytes) -> None:
    with contextlib.suppress(DecodeError):
        build_graph(read_dump(memoryview(w.MAGIC + w.params() + tail), "any"))


@pytest.mark.parametrize(("size", "present"), [(3 << 30, 0x7FFFF000), ((1 << 32) + 8192, 8192), (1 << 32, 0)])
def test_an_object_beyond_2_gib_is_there_in_part(tmp_path: Path, size: int, present: int) -> None:
    """The runtime hands its length to one write(2) as 32 bits; the file has a hole where its bytes would be."""
    base = 0xC000000000
    before = w.MAGIC + w.params() + w.ints(1, base) + w.uvarint(size)
    after = w.pointers([]) + w.object_(base + size, w.words(base), [0]) + w.memstats(2, size + 8) + w.ints(0)
    path = tmp_path / "large.dump"
    with path.open("wb") as file:
        file.write(before)
        file.seek(present, 1)
        file.write(after)
    dump = open_dump(path)
    assert dump.process.complete
    assert dump.self_check.exact
    assert dump.sizes.tolist() == [size, 8]
    assert "the runtime wrote only a part: 1;" in dump.process.notes[0]
    assert build_graph(dump).edge_targets.tolist() == [0]
