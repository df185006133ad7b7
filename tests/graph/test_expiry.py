"""The census against what the program itself counted at the moment of the dump, on real dumps of several Go versions."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.graph.expiry import NAMED
from leakhunt.graph.instances import NO_TIME, read_times
from leakhunt.graph.slack import map_use, pinned_slack
from leakhunt.heaps.view import HeapView, open_heap
from leakhunt.model.census import Basis, ExpiryCensus
from tests.specimens import specimen

ITEMS = {
    "simpleCache": ("gcache.SimpleCache", "gcache.simpleItem", "expiration", "*time.Time"),
    "lruCache": ("gcache.LRUCache", "gcache.lruItem", "expiration", "*time.Time"),
    "lfuCache": ("gcache.LFUCache", "gcache.lfuItem", "expiration", "*time.Time"),
    "arcCache": ("gcache.ARC", "gcache.arcItem", "expiration", "*time.Time"),
    "tokenCache": ("cache.cache", "cache.Item", "Expiration", "ns"),
    "shardCache": ("main.shard", "main.ttlEntry", "expiresAt", "time.Time"),
    "stamps": ("map[string]main.stampItem", "main.stampItem", "deadline", "ns"),
}


@cache
def view(build: str = "plain", toolchain: str = "", with_binary: bool = True) -> HeapView:
    run = specimen(build, toolchain)
    return open_heap(run.dump, binary=run.binary if with_binary else None)


def by_owner(heap: HeapView) -> dict[str, list[ExpiryCensus]]:
    found: dict[str, list[ExpiryCensus]] = {}
    for census in heap.expiry:
        found.setdefault(census.place.owner_type, []).append(census)
    return found


@pytest.mark.parametrize("toolchain", ["", "go1.21.13", "go1.24.9"])
def test_expired_entries_are_those_that_the_program_counts(go: str, toolchain: str) -> None:
    counts = specimen("plain", toolchain).counts
    found = {census.place.root_name.removeprefix("main."): census for census in view("plain", toolchain).expiry}
    assert set(found) == set(ITEMS)
    for name, (owner, item, field, unit) in ITEMS.items():
        census = found[name]
        assert (census.place.owner_type, census.item_type, census.field, census.unit) == (owner, item, field, unit)
        assert (census.entries, census.expired) == (counts[name]["entries"], counts[name]["expired"])
        assert census.basis == Basis.NAMED_FIELD
        assert 0 < census.median_overdue_ns <= census.oldest_overdue_ns < 60e9
        assert census.retained_bytes > census.expired * 100


@pytest.mark.parametrize("build", ["stripped", "stripped-pie"])
def test_a_stripped_binary_does_as_well_for_what_interfaces_hold(go: str, build: str) -> None:
    counts = specimen(build).counts
    found = by_owner(view(build))
    for name in ("simpleCache", "lruCache", "lfuCache", "arcCache"):
        (census,) = found[ITEMS[name][0]]
        assert (census.entries, census.expired) == (counts[name]["entries"], counts[name]["expired"])


def test_without_a_binary_columns_of_times_tell(go: str) -> None:
    counts = specimen().counts
    found = view(with_binary=False).expiry
    assert all(census.basis == Basis.COLUMN for census in found)
    caches = [c for c in found if c.unit == "*time.Time"]
    wanted = {
        (counts[name]["entries"], counts[name]["expired"]) for name in ("simpleCache", "lruCache", "lfuCache", "arcCache")
    }
    assert len(caches) == 4
    assert {(c.entries, c.expired) for c in caches} == wanted


def test_a_cap_that_is_not_kept_is_seen_and_one_that_is_kept_is_not(go: str) -> None:
    found = {census.place.root_name: census for census in view().expiry}
    shards, lru = found["main.shardCache"], found["main.lruCache"]
    assert (shards.cap_field, shards.cap, shards.cap_exceeded) == ("max", 4 * 10, True)
    assert (lru.cap_field, lru.cap, lru.cap_exceeded) == ("baseCache.size", 2000, False)


def test_maps_say_their_entries_and_their_room(go: str) -> None:
    heap = view()
    assert heap.typing is not None
    uses = {use.place.root_name: use for use in reversed(map_use(heap.graph, heap.paths, heap.typing))}
    for name in ("main.registry", "main.sizes", "main.wide", "main.stamps"):
        assert uses[name].entries == 200
        assert 200 <= uses[name].slots <= 1024
    assert uses["main.simpleCache"].slots >= 2000  # gcache asks for room for all that it may hold
    assert uses["main.shardCache"].maps == 4
    assert uses["main.shardCache"].cap_exceeded


def test_short_slices_of_large_arrays_are_seen(go: str) -> None:
    heap = view()
    assert heap.typing is not None
    (heads,) = pinned_slack(heap.graph, heap.paths, heap.typing)
    assert (heads.place.root_name, heads.slice_type, heads.arrays) == ("main.heads", "[]uint8", 200)
    assert heads.bytes == 200 * 20_480
    assert heads.visible_bytes == 200 * 16


def test_a_dump_without_its_time_has_no_census(go: str) -> None:
    from dataclasses import replace

    heap = view()
    blind = HeapView("x", replace(heap.graph, process=replace(heap.graph.process, last_gc_ns=0)), heap.program)
    assert blind.expiry == ()


@pytest.mark.parametrize(
    "name", "expiration Expiration ExpiresAt expireAt deadline validUntil notAfter staleAt expiry ttl_at".split()
)
def test_names_of_expiries(name: str) -> None:
    assert NAMED.search(name)


@pytest.mark.parametrize("name", "created Created updatedAt lastSeen ttl size count id untilled evictions".split())
def test_names_of_other_times(name: str) -> None:
    assert not NAMED.search(name)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2150, 1, 1)), st.booleans(), st.integers(0, 2**40))
def test_times_are_read_as_go_writes_them(when: datetime, monotonic: bool, reading: int) -> None:
    """The two forms of time.Time ($GOROOT/src/time/time.go), written here from their definition."""
    when = when.replace(tzinfo=UTC)
    if monotonic and not datetime(1885, 1, 1, tzinfo=UTC) <= when < datetime(2157, 1, 1, tzinfo=UTC):
        monotonic = False
    nanoseconds = when.microsecond * 1000
    whole = when - timedelta(microseconds=when.microsecond)
    if monotonic:
        seconds = int((whole - datetime(1885, 1, 1, tzinfo=UTC)).total_seconds())
        wall, ext = 1 << 63 | seconds << 30 | nanoseconds, reading
    else:
        wall, ext = nanoseconds, int((whole - datetime(1, 1, 1, tzinfo=UTC)).total_seconds())
    raw = wall.to_bytes(8, "little") + ext.to_bytes(8, "little", signed=True) + bytes(8)
    graph = SimpleNamespace(contents=memoryview(bytes(3) + raw))
    expected = int((whole - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000_000 + nanoseconds
    assert read_times(graph, np.array([3])).tolist() == [expected]  # type: ignore[arg-type]


def test_the_zero_time_is_none() -> None:
    graph = SimpleNamespace(contents=memoryview(bytes(24)))
    assert read_times(graph, np.array([0])).tolist() == [NO_TIME]  # type: ignore[arg-type]


SPECIMENS = Path(__file__).resolve().parent.parent.parent / "fixtures" / "dumps" / "specimens"


def test_the_committed_dumps_are_those_of_their_provenance() -> None:
    provenance = json.loads((SPECIMENS / "provenance.json").read_text())
    files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in SPECIMENS.glob("*.zst")}
    assert files == provenance["sha256"]


def test_the_committed_dump_with_its_binary_needs_no_go() -> None:
    counts = json.loads((SPECIMENS / "provenance.json").read_text())["printed"]["go1.27.3"]
    heap = open_heap(SPECIMENS / "go1.27.3.dump.zst", binary=str(SPECIMENS / "go1.27.3.binary.zst"))
    assert heap.graph.self_check.exact
    assert heap.typing is not None
    assert heap.typing.typed_bytes > 0.995 * heap.graph.heap_bytes
    assert heap.typing.contradictions == 0
    found = {census.place.root_name.removeprefix("main."): census for census in heap.expiry}
    assert {name: (c.entries, c.expired) for name, c in found.items()} == {
        name: (counted["entries"], counted["expired"]) for name, counted in counts.items()
    }


@pytest.mark.parametrize("toolchain", ["go1.21.13", "go1.24.9"])
def test_committed_dumps_of_older_go_without_a_binary(toolchain: str) -> None:
    counts = json.loads((SPECIMENS / "provenance.json").read_text())["printed"][toolchain]
    found = [c for c in open_heap(SPECIMENS / f"{toolchain}.dump.zst").expiry if c.unit == "*time.Time"]
    assert [(c.entries, c.expired) for c in found] == [(counts["lruCache"]["entries"], counts["lruCache"]["expired"])] * 4
