"""Two small dumps of one made-up process: a global table of sessions that gains entries, a worker that holds one on its stack,
a finalizer cycle, and something that nothing reaches. Every object's size and place is chosen to be followed by hand."""

from collections.abc import Sequence

from leakhunt.decode.heapdump import read_dump
from leakhunt.graph.build import build_graph
from leakhunt.heaps.view import HeapView
from tests.decode import dump_writer as w

HEAP, DATA, BSS, STACK = 0xC000000000, 0x600000, 0x700000, 0xC000800000
TABLE, CACHE, ENTRIES, PAYLOADS, LOOSE, CYCLE, LOCAL = (HEAP + i * 0x10000 for i in range(7))
SECRET = b"hunter2 is my password, tell no "
PUT = [("runtime.mallocgc", "/go/src/runtime/malloc.go", 1), ("main.put", "/app/main.go", 7), ("main.main", "/app/main.go", 3)]
WORK = [("main.work", "/app/work.go", 12), ("main.main.func1", "/app/main.go", 5)]


def dump(
    entries: Sequence[int],
    last_gc_ns: int,
    version: str = "go1.27.3",
    data: int = DATA,
    site: Sequence[tuple[str, str, int]] = PUT,
) -> bytes:
    """The process when its table holds the sessions `entries` (numbers below 64 that say where each lies)."""
    table = b"".join(w.words(ENTRIES + i * 48) for i in entries) + bytes(8 * (64 - len(entries)))
    objects = [
        w.object_(TABLE, table, range(0, 512, 8)),
        w.object_(CACHE, w.words(TABLE, len(entries)), [0]),
        *(w.object_(ENTRIES + i * 48, w.words(PAYLOADS + i * 1024, i, i, i, i, i), [0]) for i in entries),
        *(w.object_(PAYLOADS + i * 1024, SECRET * 32) for i in entries),
        w.object_(LOOSE, bytes(64)),
        w.object_(CYCLE, w.words(CYCLE, 0), [0]),
        w.object_(LOCAL, w.words(0, 0)),
    ]
    count, size = 5 + 2 * len(entries), 512 + 16 + (48 + 1024) * len(entries) + 64 + 16 + 16
    return w.dump(
        w.type_(0x500000, 48, "main.Session"),
        *objects,
        w.goroutine(1, STACK),
        w.frame(STACK, 0, w.words(0, LOCAL, 0), "main.work", [8]),
        w.frame(STACK + 24, 1, SECRET, "main.main"),
        w.goroutine(2, STACK + 4096, wait_reason="GC worker (idle)", system=True),
        w.segment(12, data, w.words(CACHE, 7) + SECRET, [0]),
        w.segment(13, BSS, w.words(0), [0]),
        w.finalizer(CYCLE),
        w.memstats(count, size, last_gc_ns),
        w.bucket(1, 48, site, allocs=len(entries)),
        w.bucket(2, 16, WORK),
        *(w.sample(ENTRIES + i * 48, 1) for i in entries),
        w.sample(LOCAL, 2),
        version=version,
    )


def view(data: bytes, source: str = "story.dump") -> HeapView:
    return HeapView(source, build_graph(read_dump(memoryview(data), source)))


FIRST = dump(range(4), 1_000)
LAST = dump([0, 1, *range(4, 10)], 2_000)  # sessions 2 and 3 have gone, six are new
