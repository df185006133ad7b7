"""What is known of Go's cache libraries, as data: how each expires, how a growing one looks, and what to do about it.

Not a detector: the detectors `lazy_ttl_cache`, `cache_no_janitor`, `bounded_cache` and `janitor_cache` read this list. To
teach leakhunt another cache, add an entry. Every entry was checked by writing 60 000 entries once, never reading them, and
counting what was left after their time to live (go1.27.3).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from leakhunt.evidence import Evidence
from leakhunt.measure.groups import Group
from leakhunt.model.site import AllocationSite, is_standard, package_of
from leakhunt.thresholds import CACHE_FRAMES


class Expiry(StrEnum):
    """When expired entries leave."""

    ON_READ = "on read"  # only a read of the same key, or eviction at a cap, removes an expired entry
    BY_JANITOR = "by a janitor"  # a goroutine sweeps, where it was started
    ALWAYS_SWEPT = "always swept"  # a goroutine or the writes themselves sweep, whatever the user does
    NEVER = "never"  # no time to live at all


@dataclass(frozen=True, slots=True)
class Cache:
    """One library.

    packages    import paths whose functions count, version elements (`/v3`) left out
    inserts     last names of the functions there that allocate or insert an entry
    types       type names to look for on the stack, so as to say `gcache.LRUCache`
    janitor     part of the name of the function in which its sweeping goroutine stands, "" where it has none
    only_grows  why it only grows, one sentence
    remedy      what to do, with Go code
    """

    name: str
    packages: tuple[str, ...]
    inserts: frozenset[str]
    expiry: Expiry
    only_grows: str
    remedy: str
    janitor: str = ""
    types: tuple[str, ...] = ("Cache",)

    def inserts_in(self, function: str) -> bool:
        """Whether `function` inserts an entry into this cache."""
        return _last_name(function) in self.inserts and self.has(function)

    def puts_out_in(self, function: str) -> bool:
        """Whether `function` of this cache puts an entry out."""
        return self.has(function) and _last_name(function).lower().startswith(_PUTS_OUT)

    def has(self, function: str) -> bool:
        """Whether `function` is of this cache."""
        return _VERSION.sub("", package_of(function)) in self.packages

    def type_on(self, functions: Iterable[str]) -> str:
        """The cache's type as a person says it: `gcache.LRUCache`."""
        joined = " ".join(functions)
        return f"{self.name}.{next((each for each in self.types if f'(*{each})' in joined), self.types[0])}"


def _last_name(function: str) -> str:
    """`set` of `github.com/bluele/gcache.(*LRUCache).set`, `newItem` of `ttlcache/v3.newItem[...]`."""
    return function.removesuffix("[...]").rpartition(".")[2]


# How functions begin in which caches put an entry out, and call what was given for that: evict, removeElement.
_PUTS_OUT = ("evict", "remove", "delete", "purge", "prune", "onevict", "expire")
_VERSION = re.compile(r"/v\d+(?=/|$)")
_LRU = "github.com/hashicorp/golang-lru"

CACHES: tuple[Cache, ...] = (
    Cache(
        name="gcache",
        packages=("github.com/bluele/gcache",),
        inserts=frozenset({"set", "Set", "SetWithExpire", "PushFront", "increment", "load", "getWithLoader"}),
        expiry=Expiry.ON_READ,
        types=("LRUCache", "LFUCache", "SimpleCache", "ARC"),
        only_grows=(
            "gcache removes an expired entry only on Get of that same key (Has, Keys and Len never do), so entries under keys "
            "that nobody asks for again stay until the size cap evicts them (and Simple keeps no cap while entries are fresh)"
        ),
        remedy="""Sweep it, give it a cap near what is really live, or use a cache that sweeps:
    go func() {
        for range time.Tick(time.Minute) {
            for _, key := range cache.Keys(false) {
                cache.Get(key) // removes it if it has expired
            }
        }
    }()""",
    ),
    Cache(
        name="go-cache",
        packages=("github.com/patrickmn/go-cache",),
        inserts=frozenset({"Set", "set", "Add", "Replace", "SetDefault"}),
        expiry=Expiry.BY_JANITOR,
        janitor="go-cache.(*janitor).Run",
        only_grows="go-cache with a cleanup interval of 0 or less never deletes: Get only misses, the entry stays",
        remedy="""Give it a cleanup interval, and keep the *cache.Cache itself (its finalizer stops the janitor):
    sessions := cache.New(5*time.Minute, 10*time.Minute)""",
    ),
    Cache(
        name="ttlcache",
        packages=("github.com/jellydator/ttlcache", "github.com/ReneKroon/ttlcache"),
        inserts=frozenset({"newItem", "NewItem", "set", "Set", "Push", "push"}),
        expiry=Expiry.BY_JANITOR,
        janitor="ttlcache/v3.(*Cache[...]).Start",
        only_grows="ttlcache removes expired items only while Start() runs; nobody started it",
        remedy="""Start its loop once, in a goroutine, and stop it at shutdown:
    go cache.Start()
    defer cache.Stop()""",
    ),
    Cache(
        name="ccache",
        packages=("github.com/karlseguin/ccache",),
        inserts=frozenset({"newItem", "set", "Set", "setnx"}),
        expiry=Expiry.ON_READ,
        only_grows="ccache has no sweep: an expired item stays until MaxSize is exceeded and pruning reaches it",
        remedy="""Set MaxSize to what should really stay, in the unit of Size():
    cache := ccache.New(ccache.Configure[*Session]().MaxSize(5000).ItemsToPrune(100))""",
    ),
    Cache(
        name="freecache",
        packages=("github.com/coocood/freecache",),
        inserts=frozenset({"NewRingBuf", "set", "expand", "Set"}),
        expiry=Expiry.ON_READ,
        only_grows="freecache drops expired entries on read or when its ring overwrites them; the ring bounds it",
        remedy="Its ring is allocated at the start and bounds it; size it with freecache.NewCache(bytes).",
    ),
    Cache(
        name="golang-lru/expirable",
        packages=(f"{_LRU}/expirable",),
        inserts=frozenset({"Add", "addToBucket"}),
        expiry=Expiry.ALWAYS_SWEPT,
        types=("LRU",),
        janitor="expirable.(*LRU[...]).startGoroutine",
        only_grows="expirable.LRU with size 0 is unlimited, and with ttl 0 nothing expires: then it only grows",
        remedy="""Give it both a size and a time to live:
    cache := expirable.NewLRU[string, *Session](10_000, nil, 5*time.Minute)""",
    ),
    Cache(
        name="golang-lru",
        packages=(_LRU, f"{_LRU}/simplelru"),
        inserts=frozenset({"Add", "ContainsOrAdd", "PeekOrAdd"}),
        expiry=Expiry.NEVER,
        only_grows="golang-lru keeps a hard cap of entries",
        remedy="Its cap is in entries; choose it by what entries weigh.",
    ),
    Cache(
        name="groupcache/lru",
        packages=("github.com/golang/groupcache/lru",),
        inserts=frozenset({"Add"}),
        expiry=Expiry.NEVER,
        only_grows="groupcache/lru with MaxEntries 0 never evicts",
        remedy="""Give it a cap:
    cache := lru.New(10_000)""",
    ),
    Cache(
        name="ristretto",
        packages=("github.com/dgraph-io/ristretto",),
        inserts=frozenset({"Set", "SetWithTTL", "add", "update"}),
        expiry=Expiry.ALWAYS_SWEPT,
        janitor="ristretto/v2.(*Cache[...]).processItems",
        only_grows="ristretto bounds the sum of costs; with a cost of 1 an entry its MaxCost counts entries, not bytes",
        remedy="Pass the entry's real size as its cost, or set MaxCost in entries.",
    ),
    Cache(
        name="otter",
        packages=("github.com/maypok86/otter", "github.com/maypok86/otter/internal/generated/node"),
        inserts=frozenset({"newNode", "New", "NewB", "NewBE", "NewBS", "Set", "set"}),
        expiry=Expiry.ALWAYS_SWEPT,
        janitor="otter/v2.(*cache[...]).periodicCleanUp",
        only_grows="otter without MaximumSize or MaximumWeight is unbounded",
        remedy="Set MaximumSize or MaximumWeight in its Options.",
    ),
    Cache(
        name="theine",
        packages=("github.com/Yiling-J/theine-go", "github.com/Yiling-J/theine-go/internal"),
        inserts=frozenset({"setShardWithoutLock", "setInternal", "Set"}),
        expiry=Expiry.ALWAYS_SWEPT,
        janitor="internal.(*Store[...]).maintenance",
        only_grows="theine keeps a hard cap",
        remedy="Its cap is in costs; choose it by what entries weigh.",
    ),
    Cache(
        name="bigcache",
        packages=("github.com/allegro/bigcache", "github.com/allegro/bigcache/queue"),
        inserts=frozenset({"allocateAdditionalMemory", "set", "Set"}),
        expiry=Expiry.BY_JANITOR,
        types=("BigCache",),
        janitor="bigcache/v3.newBigCache",
        only_grows="bigcache with CleanWindow 0 evicts only the oldest entry on Set, and with HardMaxCacheSize 0 is unlimited",
        remedy="""Set both:
    config := bigcache.DefaultConfig(10 * time.Minute) // LifeWindow
    config.CleanWindow = time.Minute
    config.HardMaxCacheSize = 512 // MB""",
    ),
    Cache(
        name="cache2go",
        packages=("github.com/muesli/cache2go",),
        inserts=frozenset({"NewCacheItem", "Add", "addInternal"}),
        expiry=Expiry.ALWAYS_SWEPT,
        types=("CacheTable",),
        only_grows="cache2go with a lifeSpan of 0 keeps an item for ever",
        remedy="Give items a lifeSpan greater than 0.",
    ),
    Cache(
        name="gogf/gcache",
        packages=("github.com/gogf/gf/os/gcache",),
        inserts=frozenset({"Set", "set", "SetMap", "SetIfNotExist"}),
        expiry=Expiry.ALWAYS_SWEPT,
        only_grows="gogf's gcache with a duration of 0 keeps an entry for ever",
        remedy="Give entries a duration greater than 0, or the cache an LRU cap.",
    ),
)


HARD_CAPS = frozenset({"golang-lru", "ristretto", "theine", "freecache"})  # caches that evict at a cap by construction


def cache_of(evidence: Evidence, group: Group) -> tuple[Cache, str] | None:
    """The known cache that a group's objects are in, with its type's name: by the types on their retention path, else by the
    stacks of the group and its company; None where there is none."""
    name = cache_type(evidence, group)
    package = {each: package for package, each in evidence.held_types(group)}.get(name, "")
    cache = _kept_as(package, name)
    return (cache, f"{cache.name}.{_bare(name)}") if cache is not None else cache_on(evidence.company(group))


def is_added_by(evidence: Evidence, group: Group, cache: Cache) -> bool:
    """Whether the stack of what grew most inserts into `cache`, or a function on it does: one that makes a value and adds it.
    That both are called by one handler is not enough to say that the one holds the other."""
    seed = evidence.series.sites[group.seed]
    callers = set(seed.own_functions) - {"main.main"}
    near = (evidence.series.sites[site] for site in (*group.sites, *evidence.near(group)))
    added = (site for site in (seed, *near) if site is seed or _adder(site) in callers)
    return any((found := cache_on([site])) is not None and found[0] is cache for site in added)


def is_swept(evidence: Evidence, cache: Cache) -> bool:
    """Whether expired entries leave by themselves: by construction, or by a janitor that stands in a goroutine profile."""
    by_janitor = cache.expiry is Expiry.BY_JANITOR and bool(cache.janitor) and any(evidence.goroutines.count(cache.janitor))
    return by_janitor or cache.expiry is Expiry.ALWAYS_SWEPT


def cache_type(evidence: Evidence, group: Group) -> str:
    """The first type of a known cache on the group's retention path, as paths show it; "" for none."""
    return next((name for package, name in evidence.held_types(group) if _kept_as(package, name) is not None), "")


def _kept_as(package: str, name: str) -> Cache | None:
    path = _VERSION.sub("", package)
    return next((cache for cache in CACHES if path in cache.packages and _bare(name) in cache.types), None)


def _bare(name: str) -> str:
    """`Cache` of `ttlcache.Cache[string,*main.grant]`."""
    return name.partition("[")[0].rpartition(".")[2]


def cache_on(sites: Iterable[AllocationSite]) -> tuple[Cache, str] | None:
    """The first known cache that the stacks of `sites` insert into, with its type's name; None where there is none. What a
    cache calls while it puts an entry out is none of its entries'."""
    for site in sites:
        cache, below, above = _insertion(site)
        if cache is not None and not any(cache.puts_out_in(function) for function in below):
            return cache, cache.type_on((*below, *above))
    return None


def _adder(site: AllocationSite) -> str:
    """The function that calls the known cache which the stack inserts into, "" where there is none."""
    cache, _, above = _insertion(site)
    return next((f for f in above if cache is not None and not cache.has(f) and not is_standard(f)), "")


def _insertion(site: AllocationSite) -> tuple[Cache | None, list[str], list[str]]:
    """The known cache that a stack inserts into, the functions below the one that does, and that one with those above it."""
    functions = [frame.function for frame in site.frames[:CACHE_FRAMES]]
    for i, function in enumerate(functions):
        if (cache := _inserted_into(function)) is not None:
            return cache, functions[:i], functions[i:]
    return None, functions, []


@lru_cache(maxsize=1 << 16)
def _inserted_into(function: str) -> Cache | None:
    return next((cache for cache in CACHES if cache.inserts_in(function)), None)
