"""Reports to render: small ones by hand, each with what one kind of reader would meet. Numbers are plausible, not measured."""

from dataclasses import replace

import numpy as np

from leakhunt.model.finding import (
    Case,
    Cleared,
    Confidence,
    Finding,
    GcRoot,
    Growth,
    Input,
    LimitForecast,
    NotTestable,
    Report,
    Retention,
    RetentionStep,
    Stance,
    Statistics,
    Status,
    Verdict,
    Window,
)
from leakhunt.model.series import Series
from leakhunt.model.site import AllocationSite, Frame

MIB = 1 << 20
START_NS = 1_790_000_000 * 10**9
STEP_NS = 15 * 60 * 10**9

GCACHE = "/home/ci/go/pkg/mod/github.com/bluele/gcache@v0.0.2"
CACHE_SITE = AllocationSite(
    (
        Frame("github.com/bluele/gcache.(*LRUCache).set", f"{GCACHE}/lru.go", 62),
        Frame("github.com/bluele/gcache.(*LRUCache).SetWithExpire", f"{GCACHE}/lru.go", 90),
        Frame("example.com/shop/session.(*Store).Put", "/home/ci/shop/session/store.go", 88),
        Frame("example.com/shop/web.(*Server).login", "/home/ci/shop/web/server.go", 141),
        Frame("net/http.HandlerFunc.ServeHTTP", "/usr/local/go/src/net/http/server.go", 2294),
    )
)  # fmt: skip
DECODER_SITE = AllocationSite(
    (
        Frame("encoding/json.(*decodeState).literalStore", "/usr/local/go/src/encoding/json/decode.go", 944),
        Frame("example.com/shop/catalogue.Load", "/home/ci/shop/catalogue/load.go", 31),
        Frame("main.main", "/home/ci/shop/main.go", 22),
    )
)
TILE_SITE = AllocationSite((Frame("example.com/shop/tile.(*LRU).Add", "/home/ci/shop/tile/lru.go", 40),))


def times(count: int) -> tuple[int, ...]:
    return tuple(START_NS + i * STEP_NS for i in range(count))


def inputs(count: int) -> tuple[Input, ...]:
    return tuple(
        Input(f"profiles/{i:03d}.pb.gz", "heap", f"{i:064x}", time_ns, 524_288, "b1946ac9")
        for i, time_ns in enumerate(times(count))
    )


def growth(bytes_per_hour: float, hours: float = 5.75) -> Growth:
    return Growth(
        bytes=round(bytes_per_hour * hours),
        bytes_per_hour=bytes_per_hour,
        low=bytes_per_hour * 0.86,
        high=bytes_per_hour * 1.19,
        objects_per_hour=bytes_per_hour / 512,
    )


def ramp(count: int, start: int, step: int) -> tuple[int, ...]:
    return tuple(start + i * step for i in range(count))


LEAK = Case(
    fingerprint=CACHE_SITE.fingerprint,
    pattern="lazy-ttl-cache",
    verdict=Verdict.LEAK,
    confidence=Confidence.HIGH,
    status=Status.NEW,
    site=CACHE_SITE,
    sites=(CACHE_SITE, DECODER_SITE),
    headline="The gcache LRU cache filled by session.(*Store).Put keeps expired entries: gcache removes them only on Get.",
    inuse_bytes=61 * MIB,
    history_bytes=ramp(24, 55 * MIB, MIB // 4),
    growth=growth(1.02 * MIB),
    statistics=Statistics(q_value=0.0003, samples=118, snapshots=24),
    evidence=(
        Finding(
            "lazy-ttl-cache", "lazy-ttl-cache", Stance.IMPLICATES, Confidence.HIGH, (0, 1),
            "4 sites of one gcache cache grow by the same 1,200 objects an hour (item, key, value, expiry).",
            {"objects_per_hour": 1200, "sites": 4, "package": "github.com/bluele/gcache"},
        ),
        Finding(
            "never-freed", "steady-growth", Stance.IMPLICATES, Confidence.MEDIUM, (0,),
            "Not one of 118 sampled objects allocated here was freed in 5h45m.",
            {"freed_samples": 0, "retention_ratio": 1.0},
        ),
        Finding(
            "load-step", "load-step", Stance.EXONERATES, Confidence.LOW, (0,),
            "The process allocated 4 % more an hour at the end than at the start.",
            {"load_ratio": 1.04},
        ),
    ),
    remedy=(
        "Give the cache a bound and sweep it, or use a type that expires by itself:\n\n"
        "cache := ttlcache.New[string, Session](ttlcache.WithTTL[string, Session](15 * time.Minute))\ngo cache.Start()"
    ),
)  # fmt: skip

RETENTION = Retention(
    root=GcRoot("data", "example.com/shop/session.defaultStore"),
    path=(
        RetentionStep("", "*session.Store", 1, 212 * MIB),
        RetentionStep(".entries", "map[string]*session.Entry", 1, 212 * MIB),
        RetentionStep("[x]", "*session.Entry", 3_400_000, 190 * MIB),
    ),
    retained_bytes=212 * MIB,
)

NOT_TESTABLE = NotTestable(412, 9 * MIB, "below 1 MiB, where sampling noise is above 71 %")
CLEARED = (
    Cleared(TILE_SITE, "bounded-cache", "Stays at 65 536 entries since 10:15.", growth(2_000.0), ramp(24, 4 * MIB, 500)),
    Cleared(DECODER_SITE, "sawtooth", "Falls back to 2.10 MiB after each of 7 cycles.", growth(-900.0), (3, 9, 3, 9, 3, 9, 3)),
)


def empty() -> Report:
    """Nothing could be read."""
    return Report(
        verdict=Verdict.INCONCLUSIVE,
        headline="Nothing was measured: no input could be read.",
        inputs=(Input("broken.pb.gz", "other", "", 0, 0, "", skipped="not a profile: the file is empty"),),
        window=Window(0, 0, 0, 0),
        cases=(),
        cleared=(),
        not_testable=NotTestable(0, 0, ""),
        notes=(),
    )


def bare() -> Report:
    """Not even an input."""
    return replace(empty(), inputs=())


def clean() -> Report:
    """24 profiles without a leak."""
    return Report(
        verdict=Verdict.CLEAN,
        headline="No leak: none of 1,931 sites grows beyond its own turnover.",
        inputs=inputs(24),
        window=Window(START_NS, times(24)[-1], 24, 1),
        cases=(),
        cleared=CLEARED,
        not_testable=NOT_TESTABLE,
        notes=("Snapshots were taken without gc=1: in-use values lag to the last completed collection.",),
        total_bytes=tuple(80 * MIB + (i * 7 % 5) * MIB for i in range(24)),
        times_ns=times(24),
        sites_tested=1931,
        detectable_bytes_per_hour=180_000.0,
        command="leakhunt hunt profiles/",
    )


def one_leak() -> Report:
    """The usual ticket: a lazily expiring cache."""
    return replace(
        clean(),
        verdict=Verdict.LEAK,
        headline="LEAK: session.(*Store).Put grows by 1.02 MiB an hour in a gcache LRU cache that never expires its entries.",
        cases=(LEAK,),
        total_bytes=ramp(24, 80 * MIB, MIB // 4),
        next_steps=("Take a heap dump (debug.WriteHeapDump) to see which root holds the entries.",),
    )


def with_retention_and_limit() -> Report:
    """With a heap dump and a memory limit."""
    limit = LimitForecast(2 << 30, 31.0, 26.2, 38.0)
    dump = Input("heap.dump", "heapdump", "f" * 64, times(24)[-1], 0, "b1946ac9")
    known = replace(
        LEAK, status=Status.WORSE, retention=RETENTION, limit=limit, source_notes=("store.go:88: &Entry{...} escapes to heap",)
    )
    return replace(one_leak(), cases=(known,), inputs=(*inputs(24), dump))


def many(count: int = 30) -> Report:
    """A process in which much grows, the gravest first, over two segments."""
    verdicts = (Verdict.LEAK, Verdict.FILLING, Verdict.SUSPECT)
    cases = []
    for i in range(count):
        site = AllocationSite(
            (Frame(f"example.com/shop/part{i}.(*Index).add", f"/home/ci/shop/part{i}/index.go", 10 + i), *CACHE_SITE.frames)
        )
        cases.append(
            replace(
                LEAK,
                fingerprint=site.fingerprint,
                pattern="unbounded-map" if i % 2 else "append-only-slice",
                verdict=verdicts[min(i * 3 // count, 2)],
                confidence=Confidence.MEDIUM,
                status=Status.KNOWN if i % 3 else Status.NEW,
                site=site,
                sites=(site,),
                headline=f"part{i}.(*Index).add keeps what it adds.",
                growth=growth(4.0 * MIB / (i + 1)),
                history_bytes=ramp(24, MIB, MIB // (i + 1)),
                limit=LimitForecast(2 << 30, 3.0 * 365 * 24, 1e4, float("inf")) if i == 1 else None,
            )
        )
    return replace(one_leak(), cases=tuple(cases), window=replace(clean().window, segments=2), headline=f"{count} sites grow.")


HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>",
    "]]><!--<![CDATA[ &amp; \"quoted\" 'single' ",
    "| a | b |\n# heading\n```\n[click](javascript:alert(1)) **bold** <b>",
    "\x1b]0;owned\x07\x1b[31mred\x00\x08\x7f\x9b31m",
    "\u202egnp.exe\u202c \u2066iso\u2069 \u200bzero\ufeff",
    "\udcff\udc80 not utf-8",
    "x" * 10_000,
    "::error file=a,line=1::forged\n::set-output name=x::y",
    "%0A%0D::warning::x",
    "=HYPERLINK(\"http://evil\")",
    "{{ 7*7 }} {% raw %} ${jndi:ldap://x}",
    "漢字かな カナ 한국어 größe",
)  # fmt: skip


def hostile() -> Report:
    """Every text that can come from an input is hostile."""
    base = with_retention_and_limit()
    cases = []
    for i, text in enumerate(HOSTILE):
        site = AllocationSite((Frame(text, text, 7), Frame(text + "2", text, 8)))
        finding = Finding("never-freed", "steady-growth", Stance.IMPLICATES, Confidence.LOW, (0,), text, {text: text, "n": i})
        step = RetentionStep(text, text, 5, 6)
        cases.append(
            replace(
                LEAK,
                fingerprint=site.fingerprint,
                site=site,
                sites=(site,),
                headline=text,
                evidence=(finding,),
                remedy=text,
                retention=Retention(GcRoot("data", text), (step, step), 99),
                source_notes=(text,),
            )
        )
    site = AllocationSite((Frame(HOSTILE[0], HOSTILE[1], 1),))
    return replace(
        base,
        headline=HOSTILE[3],
        cases=tuple(cases),
        cleared=tuple(Cleared(AllocationSite((Frame(text),)), "noise", text, growth(0.0)) for text in HOSTILE),
        inputs=tuple(
            Input(text, "heap", "0" * 64, 5, 1, text, skipped=text if i % 2 else None) for i, text in enumerate(HOSTILE)
        ),
        notes=HOSTILE,
        next_steps=HOSTILE,
        command=HOSTILE[2],
        not_testable=NotTestable(1, 2, HOSTILE[0]),
        series=series_of(tuple(case.site for case in cases), 5),
    )


def odd_numbers() -> Report:
    """Numbers that formats trip over: not finite, negative, past 64 bits."""
    strange = Growth(-(1 << 62), float("nan"), float("-inf"), float("inf"), float("nan"))
    case = replace(
        LEAK,
        growth=strange,
        statistics=Statistics(float("nan"), 0, 2),
        history_bytes=(),
        inuse_bytes=1 << 62,
        limit=LimitForecast(1, float("inf"), 0.0, float("inf")),
        evidence=(
            Finding("never-freed", "steady-growth", Stance.IMPLICATES, Confidence.LOW, (0,), "", {"ratio": float("nan")}),
        ),
    )
    return replace(one_leak(), cases=(case,), detectable_bytes_per_hour=float("inf"), total_bytes=(1 << 62,), times_ns=(0,))


def series_of(sites: tuple[AllocationSite, ...], snapshots: int, segment_starts: tuple[int, ...] = (0,)) -> Series:
    """A series in which site k grows by k + 1 objects a snapshot."""
    steps = np.arange(1, len(sites) + 1, dtype=np.int64)[:, None]
    objects = steps * np.arange(1, snapshots + 1, dtype=np.int64)[None, :]
    return Series(
        sites=sites,
        times_ns=np.array(times(snapshots), dtype=np.int64),
        sources=tuple(f"profiles/{i:03d}.pb.gz" for i in range(snapshots)),
        inuse_bytes=objects * 4096,
        inuse_objects=objects,
        alloc_bytes=objects * 8192,
        alloc_objects=objects * 2,
        inuse_samples=objects.astype(np.float64),
        alloc_samples=objects.astype(np.float64) * 2,
        sample_bytes=np.full(len(sites), 4096.0),
        segment_starts=segment_starts,
        segment_reasons=("", *("the process restarted",) * (len(segment_starts) - 1)),
        period_bytes=524_288,
        build_ids=("b1946ac9",) * snapshots,
    )


def with_series() -> Report:
    """With the series attached, over a restart."""
    base = with_retention_and_limit()
    sites = (CACHE_SITE, DECODER_SITE, TILE_SITE, *(case.site for case in many().cases))
    collections = tuple(time_ns - 5 * 10**9 for time_ns in times(24))
    return replace(
        base,
        series=series_of(sites, 24, (0, 9)),
        window=replace(base.window, segments=2),
        gc_times_ns=collections,
        fixed=("0123456789abcdef",),
    )


def frameless() -> Report:
    """A site without a stack, one snapshot, and a case of it."""
    site = AllocationSite(())
    case = replace(LEAK, site=site, sites=(site,), fingerprint=site.fingerprint, evidence=(), remedy="", headline="")
    return replace(one_leak(), cases=(case,), headline="", series=series_of((site,), 1))


ALL = {
    function.__name__: function
    for function in (
        bare, empty, clean, one_leak, with_retention_and_limit, many, hostile, odd_numbers, with_series, frameless,
    )
}  # fmt: skip
