"""Values that goroutines wait to send, on dumps built record by record; real ones are fixtures/go/fanout and notify."""

import pytest

from leakhunt.decode.heapdump import read_dump
from leakhunt.graph.build import build_graph
from leakhunt.graph.waiting import waiting_values
from leakhunt.model.heap import HeapGraph, RootKind
from tests.decode import dump_writer as w

VALUE, SUDOG, CHANNEL, OTHER = (0xC000010000 + i * 8192 for i in range(4))
STACK, TYPE = 0xC000070000, 0x500000
GOROUTINE = 0xC000001000 + 512  # of dump_writer's goroutine 1


def blocked(version: str, *, element: int = STACK + 8, owner: int = GOROUTINE, channel: int = CHANNEL) -> HeapGraph:
    """Goroutine 1 waits to send two words at STACK + 8, which its frame's pointer map does not name; a stale word follows."""
    late = version >= "go1.26"
    sudog = [owner, 0, 0, element, *[0] * (7 if late else 6), channel, *[0] * (2 if late else 1)]
    timer = [0] if version >= "go1.23" else []
    records = [
        w.object_(VALUE, bytes(16)),
        w.object_(SUDOG, w.words(*sudog), []),
        w.object_(CHANNEL, w.words(0, 0, 0, 16, *timer, TYPE, *[0] * (7 - len(timer))), []),
        w.object_(OTHER, bytes(16)),
        w.goroutine(1, STACK),
        w.frame(STACK, 0, w.words(0, VALUE, OTHER, OTHER + 8), "main.ask"),
    ]
    return build_graph(read_dump(memoryview(w.dump(*records, version=version)), "test.dump"))


@pytest.mark.parametrize("version", ["go1.22.12", "go1.24.9", "go1.26.8"])
def test_what_a_goroutine_sends_is_no_stale_word(version: str) -> None:
    heap = blocked(version)
    roots = {int(address): RootKind(kind) for address, kind in zip(heap.roots.addresses, heap.roots.kinds, strict=True)}
    assert roots == {STACK + 8: RootKind.STACK, STACK + 16: RootKind.STACK, STACK + 24: RootKind.CONSERVATIVE}
    assert heap.contents is not None
    found = waiting_values(heap.process, heap.addresses, heap.sizes, heap.content_offsets, heap.contents)
    assert [column.tolist() for column in (found.addresses, found.sizes, found.types)] == [[STACK + 8], [16], [TYPE]]


@pytest.mark.parametrize(
    "wrong",
    [{"element": STACK + 4096}, {"element": STACK - 8}, {"owner": GOROUTINE + 8}, {"channel": CHANNEL + 8}, {"channel": 0}],
)
def test_a_block_that_is_no_sudog_says_nothing(wrong: dict[str, int]) -> None:
    assert set(blocked("go1.26.8", **wrong).roots.kinds.tolist()) == {int(RootKind.CONSERVATIVE)}
