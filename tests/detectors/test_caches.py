"""Detectors about cache libraries: what sweeps, what does not, and what the goroutines prove."""

import dataclasses

import pytest

from leakhunt.detectors import bounded_cache, cache_no_janitor, janitor_cache, lazy_ttl_cache, unbounded_map
from leakhunt.detectors.caches import CACHES, cache_of, cache_on, cache_type, is_swept
from leakhunt.evidence import Evidence
from leakhunt.model.site import AllocationSite, Frame
from tests.detectors.lab import Row, evidence, goroutines, ramp, verdicts

GCACHE = "github.com/bluele/gcache.(*LRUCache).set < github.com/bluele/gcache.(*LRUCache).SetWithExpire < main.remember"
GO_CACHE = "github.com/patrickmn/go-cache.(*cache).Set < main.remember < main.serve"
JANITOR = "github.com/patrickmn/go-cache.(*janitor).Run < github.com/patrickmn/go-cache.runJanitor.gowrap1"


def test_a_growing_gcache_is_a_lazy_cache() -> None:
    seen = evidence(Row("main.newSession < main.remember", 640, ramp(12, 5)), Row(GCACHE, 64, ramp(12, 1)))
    (finding,) = lazy_ttl_cache.examine(seen)
    assert finding.confidence == "high"
    assert finding.facts["cache"] == "gcache.LRUCache"
    assert "removes an expired entry only on Get" in finding.text
    assert len(finding.sites) == 2


def test_a_gcache_that_is_full_is_left_alone() -> None:
    full = [20, 21, 20, 19, 20, 20, 21, 20, 20, 19, 21, 20]
    assert verdicts(lazy_ttl_cache.examine, evidence(Row(GCACHE, 64, full, freed=ramp(12, 30)))) == []


def test_another_library_of_the_same_name_is_told_apart() -> None:
    stack = "github.com/gogf/gf/v2/os/gcache.(*memoryData).Set < main.remember"
    assert verdicts(lazy_ttl_cache.examine, evidence(Row(stack, 64, ramp(12, 5)))) == []


def test_a_missing_janitor_is_proof_with_goroutine_profiles_and_suspicion_without() -> None:
    row = Row(GO_CACHE, 96, ramp(12, 5))
    assert verdicts(cache_no_janitor.examine, evidence(row)) == [("github.com/patrickmn/go-cache.(*cache).Set", "medium")]
    once = goroutines(**{"main.serve < main.main": [3]})
    assert [said for _, said in verdicts(cache_no_janitor.examine, evidence(row, goroutines=once))] == ["high"]
    without = goroutines(**{"main.serve < main.main": [3, 3, 3]})
    (finding,) = cache_no_janitor.examine(evidence(row, goroutines=without))
    assert finding.confidence == "high"
    assert "is in none of 3 goroutine profiles" in finding.text


def test_a_missing_janitor_accuses_what_rose_and_is_doubtful() -> None:
    """By samples alone the last half has come to rest (p=.26); a cache that nothing sweeps will not."""
    held = [4, 6, 7, 10, 11, 14, 15, 15, 15, 15, 16, 18]
    row = Row(GO_CACHE, 1024, held, freed=[0, 1, 2, 6, 8, 9, 10, 10, 11, 12, 12, 15])
    without, running = goroutines(**{"main.serve < main.main": [3, 3, 3]}), goroutines(**{JANITOR: [1, 1, 1]})
    assert verdicts(cache_no_janitor.examine, evidence(row)) == []
    assert verdicts(cache_no_janitor.examine, evidence(row, goroutines=running)) == []
    seen = evidence(row, goroutines=without)
    assert not any(group.grows for group in seen.groups)
    assert verdicts(cache_no_janitor.examine, seen) == [("github.com/patrickmn/go-cache.(*cache).Set", "medium")]
    level = Row(GO_CACHE, 1024, [15, 14, 16, 15] * 3, freed=ramp(12, 3))
    assert verdicts(cache_no_janitor.examine, evidence(level, goroutines=without)) == []
    chance = Row(GO_CACHE, 1024, [15, 11, 16, 12, 18, 15, 13, 17, 12, 15, 14, 19], freed=ramp(12, 3))
    assert verdicts(cache_no_janitor.examine, evidence(chance, goroutines=without)) == []
    few = Row(GO_CACHE, 1024, held[:3], freed=[0, 1, 2])
    assert verdicts(cache_no_janitor.examine, evidence(few, goroutines=without)) == [
        ("github.com/patrickmn/go-cache.(*cache).Set", "high")
    ]


def test_a_janitor_that_runs_acquits() -> None:
    row = Row(GO_CACHE, 96, ramp(12, 5), freed=ramp(12, 1))
    seen = evidence(row, goroutines=goroutines(**{JANITOR: [1, 1, 1]}))
    assert verdicts(cache_no_janitor.examine, seen) == []
    assert verdicts(unbounded_map.examine, seen) == []
    assert verdicts(janitor_cache.examine, seen) == [("github.com/patrickmn/go-cache.(*cache).Set", "medium")]


def test_a_janitor_that_finds_nothing_to_sweep_hardly_acquits() -> None:
    seen = evidence(Row(GO_CACHE, 96, ramp(12, 5)), goroutines=goroutines(**{JANITOR: [1, 1, 1]}))
    assert verdicts(janitor_cache.examine, seen) == [("github.com/patrickmn/go-cache.(*cache).Set", "low")]
    (finding,) = unbounded_map.examine(seen)
    assert finding.confidence == "low"
    assert "is swept, but its entries have no time to live, or one longer than the window" in finding.text


def test_janitor_cache_is_quiet_about_lazy_caches() -> None:
    assert verdicts(janitor_cache.examine, evidence(Row(GCACHE, 64, ramp(12, 5)))) == []


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("github.com/bluele/gcache.(*SimpleCache).set", "gcache.SimpleCache"),
        ("github.com/bluele/gcache.(*LFUCache).increment", "gcache.LFUCache"),
        ("github.com/jellydator/ttlcache/v3.newItem[...]", "ttlcache.Cache"),
        ("github.com/jellydator/ttlcache/v3.(*expirationQueue[...]).Push", "ttlcache.Cache"),
        ("github.com/karlseguin/ccache/v3.(*bucket[...]).set", "ccache.Cache"),
        ("github.com/hashicorp/golang-lru/v2/expirable.(*LRU[...]).addToBucket", "golang-lru/expirable.LRU"),
        ("github.com/hashicorp/golang-lru/v2/simplelru.(*LRU[...]).Add", "golang-lru.Cache"),
        ("github.com/golang/groupcache/lru.(*Cache).Add", "groupcache/lru.Cache"),
        ("github.com/allegro/bigcache/v3/queue.(*BytesQueue).allocateAdditionalMemory", "bigcache.BigCache"),
        ("github.com/muesli/cache2go.NewCacheItem", "cache2go.CacheTable"),
        ("github.com/dgraph-io/ristretto/v2.(*lockedMap[...]).Set", "ristretto.Cache"),
    ],
)
def test_functions_of_the_caches_are_known(function: str, name: str) -> None:
    found = cache_on([AllocationSite((Frame(function), Frame("main.main")))])
    assert found is not None
    assert found[1] == name
    assert [cache for cache in CACHES if cache.inserts_in(function)] == [found[0]]


@dataclasses.dataclass(frozen=True)
class Typed(Evidence):
    """Evidence with a dump whose path has some named types."""

    types: tuple[tuple[str, str], ...] = ()

    def held_types(self, group: object) -> tuple[tuple[str, str], ...]:
        return self.types


@pytest.mark.parametrize(
    ("package", "type_", "name"),
    [
        ("github.com/bluele/gcache", "gcache.ARC", "gcache.ARC"),
        ("github.com/jellydator/ttlcache/v3", "ttlcache.Cache[string,*main.grant]", "ttlcache.Cache"),
        ("github.com/hashicorp/golang-lru/v2/expirable", "expirable.LRU[string,main.T]", "golang-lru/expirable.LRU"),
        ("github.com/jellydator/ttlcache/v3", "ttlcache.Item[string,*main.grant]", None),
        ("example.org/own", "own.Cache", None),
    ],
)
def test_types_of_the_caches_are_known_in_dumps(package: str, type_: str, name: str | None) -> None:
    known = evidence(Row("main.newGrant < main.login", 640, ramp(12, 5)))
    seen = Typed(known.series, types=(("main", "main.grants"), (package, type_)))
    found = cache_of(seen, seen.groups[0])
    assert (found and found[1]) == name
    assert cache_type(seen, seen.groups[0]) == (type_ if name else "")


def test_what_sweeps_is_known_or_seen() -> None:
    row = Row(GO_CACHE, 96, ramp(12, 5))
    unseen, seen = evidence(row), evidence(row, goroutines=goroutines(**{JANITOR: [1, 1, 1]}))
    swept = {cache.name: [is_swept(each, cache) for each in (unseen, seen)] for cache in CACHES}
    assert [swept[name] for name in ("gcache", "go-cache", "ttlcache", "groupcache/lru", "ristretto")] == [
        [False, False],
        [False, True],
        [False, False],
        [False, False],
        [True, True],
    ]


def test_a_swept_cache_that_lost_nothing_keeps_its_entries_too_long() -> None:
    otter = "github.com/maypok86/otter/v2/internal/generated/node.NewB[...] < main.remember"
    ristretto = "github.com/dgraph-io/ristretto/v2.(*lockedMap[...]).Set < main.remember"
    said = {}
    for stack in (otter, ristretto, GCACHE, "main.put < main.serve"):
        for freed in ((), ramp(12, 1)):
            seen = evidence(Row(stack, 96, ramp(12, 5), freed=freed))
            said[stack, len(freed)] = unbounded_map._kept_in_cache(seen, seen.growing_groups[0])
    assert {key: text for key, text in said.items() if text} == {
        (otter, 0): "otter.Cache is swept, but its entries have no time to live, or one longer than the window"
    }


def test_the_list_is_complete_in_itself() -> None:
    for cache in CACHES:
        assert cache.only_grows
        assert cache.remedy
        assert len(cache.inserts) > 0
    assert cache_on([AllocationSite((Frame("main.set"), Frame("main.main")))]) is None


def test_what_a_cache_calls_when_it_puts_an_entry_out_is_no_entry_of_it() -> None:
    gcache = "github.com/bluele/gcache.(*LFUCache)"
    loaded = [f"main.load < {gcache}.getWithLoader < {gcache}.Get < main.serve"]
    put_out = [f"main.demote < {gcache}.removeItem < {gcache}.evict < {gcache}.set < main.serve"]
    for stacks, name in ((loaded, "gcache.LFUCache"), (put_out, None), (put_out + loaded, "gcache.LFUCache")):
        sites = [AllocationSite(tuple(Frame(function) for function in stack.split(" < "))) for stack in stacks]
        found = cache_on(sites)
        assert (found and found[1]) == name


@pytest.mark.parametrize(("adds", "capped"), [("main.write", True), ("main.price", False), ("main.main", False)])
def test_a_cache_holds_what_its_adder_makes_and_not_all_of_one_handler(adds: str, capped: bool) -> None:
    """A queue in one function, a full LRU in another that the same handler calls."""
    lru = f"github.com/hashicorp/golang-lru/v2/simplelru.(*LRU[...]).Add < {adds} < main.handle"
    grows = Row("encoding/json.Marshal < main.write < main.handle < main.main", 640, ramp(12, 5))
    seen = evidence(grows, Row(lru, 27264, [3] * 12))
    (group,) = seen.growing_groups
    assert cache_of(seen, group) is not None
    assert [finding.confidence for finding in bounded_cache.examine(seen) if finding.sites == group.sites] == ["high"] * capped
    said = [finding.text for finding in unbounded_map.examine(seen)]
    assert any("golang-lru" in text for text in said) == capped
