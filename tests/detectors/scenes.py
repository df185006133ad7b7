"""Small made-up processes, one or more for each detector: what fires it, what it clears, and what is near its edges.

`SCENES` names them; tests/detectors/test_scenes.py holds what a hunt says of each to golden/scenes.txt, word for word.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from leakhunt.config import Settings
from leakhunt.evidence import Evidence
from leakhunt.heaps.view import HeapView
from leakhunt.model.census import Basis, ExpiryCensus, PinnedSlack, Place
from leakhunt.units import NS_PER_SECOND
from tests.detectors.lab import Row, evidence, goroutines, outgrown, ramp
from tests.heaps import story

PUT = "main.put < main.serve"
GCACHE = "github.com/bluele/gcache.(*LRUCache).set < github.com/bluele/gcache.(*LRUCache).SetWithExpire < main.remember"
GO_CACHE = "github.com/patrickmn/go-cache.(*cache).Set < main.remember < main.serve"
JANITOR = "github.com/patrickmn/go-cache.(*janitor).Run < github.com/patrickmn/go-cache.runJanitor.gowrap1"
GROUPCACHE = "github.com/golang/groupcache/lru.(*Cache).Add < main.remember < main.serve"
RISTRETTO = "github.com/dgraph-io/ristretto/v2.(*lockedMap[...]).Set < main.remember < main.serve"
BOUNDED_LRU = "github.com/hashicorp/golang-lru/v2/simplelru.(*LRU[...]).Add < main.remember < main.serve"
DIAL = "bufio.NewReaderSize < net/http.(*Transport).dialConn < net/http.(*Transport).dialConnFor"
WRITE = "bufio.NewWriterSize < net/http.(*Transport).dialConn < net/http.(*Transport).dialConnFor"
READ_LOOP = "internal/poll.runtime_pollWait < net/http.(*persistConn).readLoop"
BLOCKED = "runtime.gopark < runtime.chansend1 < main.search.func1"
DESCRIPTORS = "runtime.malg < runtime.newproc1 < runtime.newproc.func1 < runtime.systemstack"
BUFFER = "bytes.growSlice < bytes.(*Buffer).grow < bytes.(*Buffer).Write < main.render"
TABLE_BYTES = 27264  # a full table of a map with slots of 24 B, go1.24 on
LADDER = (524288, 679936, 876544, 1122304, 1425408)  # what append allocated in fixtures/series/audit

LEVEL = [30, 32, 29, 31, 30, 28, 31, 30, 32, 31, 30, 29]
TEETH = [4, 14, 24, 34, 5, 15, 25, 35, 4, 14, 24, 34, 5, 15, 25, 35]
RISING_TEETH = [value + 6 * (i // 4) for i, value in enumerate(TEETH)]
FILLING = [0, 40, 72, 98, 118, 134, 147, 158, 166, 173, 178, 183, 186, 189, 191, 193]
RISE = [10, 25, 40, 55, 70, 85, 100, 100, 101, 100, 100, 99, 100, 100, 101, 100]
SLIGHT_RISE = [20, 23, 26, 29, 32, 35, 38, 38, 39, 38, 38, 37, 38, 38, 39, 38]
WITH_LOAD = [20 + 3 * i + (i * 7) % 4 for i in range(16)]
QUIET = [3, 4, 3, 4, 5, 3, 4, 6, 4, 5, 6, 5, 4, 5, 6, 6]


def freed_before(inuse: Sequence[int], born: int) -> list[int]:
    """Cumulative frees if `born` sampled objects came before each snapshot."""
    return [inuse[0] + born * i - inuse[i] for i in range(len(inuse))]


# What a heap dump says of the sessions that the table of tests.heaps.story holds: its path leads to them, the numbers are the
# scene's own.
HELD = Row("main.put < main.main", 48, ramp(12, 20))
WEAK = Row("main.put < main.main", 48, [20, 21, 23, 22, 25, 24, 27, 28, 29, 31, 33, 36], freed=ramp(12, 6))
_STACK = [("main.put", "main.go", 7), ("main.main", "main.go", 3)]


def with_dump(row: Row, expiry: Sequence[ExpiryCensus] = (), slack: Sequence[PinnedSlack] = ()) -> Evidence:
    """Profiles of `row` beside a dump in which the global table holds its objects."""
    view = story.view(story.dump(range(30), 1_000, site=_STACK), "dump")
    vars(view).update(expiry=tuple(expiry), slack=tuple(slack))  # the cached properties
    return replace(evidence(row), dumps=(view,))


def place() -> Place:
    """Where the dump of `with_dump` holds the sessions."""
    seen = with_dump(HELD)
    retention = seen.retention(seen.groups[0])
    assert retention is not None
    return Place("global", retention.root.name, retention.path[0].type, "")


def census(entries: int, expired: int, overdue_s: int = 900, next_s: int = 1, last_s: int = 300) -> ExpiryCensus:
    """Entries of that table by their expiry, in seconds after the dump's last collection."""
    return ExpiryCensus(
        place(), "main.Session", "until", "ns", Basis.NAMED_FIELD, entries, entries, expired, expired,
        overdue_s * NS_PER_SECOND, overdue_s * NS_PER_SECOND // 2, next_s * NS_PER_SECOND, last_s * NS_PER_SECOND,
        expired * 48, 1_000,
    )  # fmt: skip


def _two_dumps(first: Sequence[int], last: Sequence[int]) -> Evidence:
    views: list[HeapView] = [
        story.view(story.dump(entries, 1_000 * i, site=_STACK), f"{i}") for i, entries in enumerate((first, last), 1)
    ]
    return replace(evidence(HELD), dumps=tuple(views))


SCENES: dict[str, Callable[[], Evidence]] = {
    "a leak": lambda: evidence(Row(PUT, 640, ramp(16, 6))),
    "a leak of five snapshots": lambda: evidence(Row(PUT, 640, ramp(5, 12))),
    "a leak that churns": lambda: evidence(Row(PUT, 640, ramp(12, 8, start=20), freed=ramp(12, 9))),
    "a leak of ten sampled objects": lambda: evidence(Row(PUT, 65536, ramp(11, 1))),
    "a weak leak": lambda: evidence(WEAK),
    "a leak with a limit": lambda: evidence(Row(PUT, 640, ramp(12, 6)), settings=Settings(limit_bytes=1 << 28)),
    "a leak past its limit": lambda: evidence(Row(PUT, 640, ramp(12, 6)), settings=Settings(limit_bytes=1 << 20)),
    "two leaks": lambda: evidence(Row("main.a < main.f", 640, ramp(12, 6)), Row("main.b < main.g", 320, ramp(12, 3))),
    "value and key": lambda: evidence(Row("main.value < main.f", 640, ramp(12, 6)), Row("main.key < main.f", 64, ramp(12, 1))),
    "two snapshots": lambda: evidence(Row(PUT, 640, [0, 40]), Row("main.log < main.serve2", 64, [0, 15])),
    "three snapshots": lambda: evidence(Row(PUT, 640, [0, 20, 40])),
    "four snapshots": lambda: evidence(Row(PUT, 640, [0, 20, 40, 60])),
    "out of focus": lambda: evidence(Row(PUT, 640, ramp(12, 6)), settings=Settings(focus="nosuchfunction")),
    "in focus": lambda: evidence(
        Row(PUT, 640, ramp(12, 6)), Row("main.b < main.g", 320, ramp(12, 3)), settings=Settings(ignore="main\\.g$")
    ),
    "a jump that cannot be tested": lambda: evidence(Row(PUT, 8 << 20, [0, 0, 0, 0, 0, 0, 0, 4])),
    "thin stacks": lambda: evidence(
        *[
            Row(f"lib.new{i} < lib.child < main.measure{i % 2} < main.serve", 160, [(2 * s + i) // 6 for s in range(12)])
            for i in range(6)
        ]
    ),
    "gcache": lambda: evidence(Row("main.newSession < main.remember", 640, ramp(12, 5)), Row(GCACHE, 64, ramp(12, 1))),
    "gcache, some read again": lambda: evidence(Row(GCACHE, 64, ramp(12, 6), freed=ramp(12, 1))),
    "gcache, full": lambda: evidence(Row(GCACHE, 64, LEVEL, freed=ramp(12, 30))),
    "go-cache": lambda: evidence(Row(GO_CACHE, 96, ramp(12, 5))),
    "go-cache without its janitor": lambda: evidence(
        Row(GO_CACHE, 96, ramp(12, 5)), goroutines=goroutines(**{"main.serve < main.main": [3, 3, 3]})
    ),
    "go-cache with its janitor": lambda: evidence(
        Row(GO_CACHE, 96, ramp(12, 5)), goroutines=goroutines(**{JANITOR: [1, 1, 1]})
    ),
    "ristretto": lambda: evidence(Row(RISTRETTO, 96, ramp(12, 5))),
    "golang-lru": lambda: evidence(Row(BOUNDED_LRU, 96, ramp(12, 5))),
    "groupcache": lambda: evidence(Row(GROUPCACHE, 96, ramp(12, 5))),
    "a map": lambda: evidence(
        Row("main.(*registry).add < main.serve", 640, ramp(12, 6)),
        Row("main.(*registry).add < main.serve", TABLE_BYTES, ramp(12, 1)),
    ),
    "large blocks that are kept": lambda: evidence(Row(PUT, 65536, ramp(12, 3))),
    "a map with large slots": lambda: evidence(Row(PUT, 65536, ramp(12, 3), freed=ramp(12, 3))),
    "a map nearby": lambda: evidence(
        Row("main.(*book).issue < main.visit < main.serve", 1024, ramp(12, 6)),
        Row("main.(*book).keep < main.(*book).issue < main.visit < main.serve", TABLE_BYTES, [0] * 6 + [1] * 6),
    ),
    "a map before go1.24": lambda: evidence(
        Row("main.(*registry).add < main.serve", 640, ramp(12, 6)),
        *outgrown("main.(*registry).add < main.serve", tuple(73728 * 2**k for k in range(6))),
    ),
    "a map that gave its tables to others": lambda: evidence(
        Row("main.newTable < main.put < main.serve", 640, ramp(12, 6)),
        Row("main.newTable < main.load < main.main", TABLE_BYTES, [0] * 12, freed=[9] * 12),
    ),
    "a slice": lambda: evidence(
        Row("main.snapshot < main.record < main.serve", 768, ramp(12, 6)),
        *outgrown("main.(*trail).Append < main.record < main.serve", LADDER),
    ),
    "one block outgrown": lambda: evidence(*outgrown("main.(*log).add < main.serve", [(1 << 20) << k for k in range(6)])),
    "buffers": lambda: evidence(*outgrown(BUFFER, [(2 << 20) + (k << 20) for k in range(12)])),
    "documents": lambda: evidence(Row("io.ReadAll < main.fetch < main.index", 16384, ramp(12, 5))),
    "connections": lambda: evidence(Row(DIAL, 4096, ramp(12, 5)), Row(WRITE, 4096, ramp(12, 5))),
    "connections with their loops": lambda: evidence(
        Row(DIAL, 4096, ramp(12, 5)), goroutines=goroutines(**{READ_LOOP: ramp(12, 30, start=2)})
    ),
    "goroutines": lambda: evidence(
        Row("main.fetch < main.search.func1", 4096, ramp(12, 5)), goroutines=goroutines(**{BLOCKED: ramp(12, 40)})
    ),
    "goroutine descriptors": lambda: evidence(Row(DESCRIPTORS, 416, ramp(12, 5))),
    "goroutine descriptors and who they are": lambda: evidence(
        Row(DESCRIPTORS, 416, ramp(12, 5)), goroutines=goroutines(**{BLOCKED: ramp(12, 40)})
    ),
    "context chain": lambda: evidence(Row("context.WithValue < main.step < main.loop", 48, ramp(12, 5))),
    "contexts not cancelled": lambda: evidence(Row("context.withCancel < context.WithCancel < main.handle", 96, ramp(12, 5))),
    "timers": lambda: evidence(Row("time.NewTimer < time.After < main.poll < main.main", 96, ramp(12, 5))),
    "timers of go1.24": lambda: evidence(
        Row("time.NewTimer < time.After < main.poll < main.main", 96, ramp(12, 5)),
        Row("internal/sync.newEntryNode < internal/sync.(*HashTrieMap[...]).LoadOrStore < main.join", 96, LEVEL, ramp(12, 9)),
    ),
    "metrics": lambda: evidence(
        Row("github.com/prometheus/client_golang/prometheus.MakeLabelPairs < main.count < main.handle", 96, ramp(12, 5))
    ),
    "sync.Map": lambda: evidence(
        Row("internal/sync.newEntryNode < internal/sync.(*HashTrieMap[...]).LoadOrStore < main.join", 96, ramp(12, 5))
    ),
    "a queue": lambda: evidence(
        Row("container/list.(*List).insertValue < container/list.(*List).PushBack < main.enqueue", 48, ramp(12, 5))
    ),
    "listeners": lambda: evidence(Row("main.(*bus).Subscribe < main.open < main.handle", 96, ramp(12, 5))),
    "interned": lambda: evidence(Row("main.(*names).Intern < main.parse", 32, ramp(12, 5))),
    "a plateau": lambda: evidence(Row(PUT, 640, RISE, freed=ramp(16, 1))),
    "a likely plateau": lambda: evidence(Row(PUT, 640, SLIGHT_RISE, freed=ramp(16, 1))),
    "a sawtooth": lambda: evidence(Row(PUT, 640, TEETH, freed=freed_before(TEETH, 30))),
    "a sawtooth of two cycles": lambda: evidence(Row(PUT, 640, TEETH[:9], freed=freed_before(TEETH, 30)[:9])),
    "a sawtooth that rises": lambda: evidence(Row(PUT, 640, RISING_TEETH, freed=freed_before(RISING_TEETH, 30))),
    "a load step": lambda: evidence(
        Row(PUT, 640, [20] * 8 + [60] * 8, freed=[20 * i for i in range(8)] + [160 + 60 * i for i in range(8)])
    ),
    "growth with load": lambda: evidence(Row(PUT, 640, WITH_LOAD, freed=[sum(WITH_LOAD[:i]) for i in range(16)])),
    "filling": lambda: evidence(Row(PUT, 640, FILLING)),
    "a cache that is full late": lambda: evidence(
        Row(PUT, 640, [min(6 * i, 72) for i in range(16)], freed=[max(6 * i - 72, 0) for i in range(16)])
    ),
    "churn": lambda: evidence(Row(PUT, 65536, LEVEL, freed=ramp(12, 30))),
    "a little churn": lambda: evidence(Row(PUT, 65536, LEVEL, freed=ramp(12, 4))),
    "noise": lambda: evidence(Row(PUT, 640, QUIET, freed=ramp(16, 2))),
    "a map at rest": lambda: evidence(Row(PUT, TABLE_BYTES, [40] * 16)),
    "a pool": lambda: evidence(Row("main.newBuffer < sync.(*Pool).Get < main.serve", 65536, [40] * 16)),
    "the profiler": lambda: evidence(
        Row("compress/flate.NewWriter < runtime/pprof.newProfileBuilder < main.dump", 65536, ramp(16, 2))
    ),
    "warm-up": lambda: evidence(
        Row(PUT, 640, ramp(16, 3)), Row("main.put < main.fill", 640, [60 - 3 * i for i in range(16)], freed=ramp(16, 3))
    ),
    "a dump: held by a global": lambda: with_dump(HELD),
    "a dump: expired entries": lambda: with_dump(HELD, [census(300, 200)]),
    "a dump: expired entries, not long": lambda: with_dump(HELD, [census(300, 200, overdue_s=400)]),
    "a dump: few expired": lambda: with_dump(HELD, [census(300, 99)]),
    "a dump: swept entries": lambda: with_dump(HELD, [census(300, 20)]),
    "a dump: swept entries, all young": lambda: with_dump(HELD, [census(300, 20, next_s=100)]),
    "a dump: likely growth of expired entries": lambda: with_dump(WEAK, [census(300, 150)]),
    "a dump: likely growth of entries that live": lambda: with_dump(WEAK, [census(300, 149)]),
    "a dump: long arrays": lambda: with_dump(HELD, slack=[PinnedSlack(place(), "[]uint8", 30, 1 << 20, 1 << 12)]),
    "a dump: a few long arrays": lambda: with_dump(HELD, slack=[PinnedSlack(place(), "[]uint8", 3, 1 << 10, 1 << 5)]),
    "two dumps: everything stays": lambda: _two_dumps(range(30), range(60)),
    "two dumps: everything goes": lambda: _two_dumps(range(30), range(20, 64)),
}
