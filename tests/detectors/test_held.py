"""What the types on a retention path say, on paths as dumps of real programs gave them (fixtures/go), numbers made round."""

import dataclasses
from pathlib import Path
from types import ModuleType

import pytest

from leakhunt.detectors import (
    DETECTORS,
    append_only_slice,
    bounded_cache,
    buffer_growth,
    cap_not_kept,
    defer_in_loop,
    goroutine_leak,
    intern_table,
    label_cardinality,
    level_between_dumps,
    listener_registration,
    sync_map_registry,
    timer,
    unbounded_map,
    unbounded_queue,
)
from leakhunt.detectors.caches import CACHES
from leakhunt.detectors.held import container_key, told_by
from leakhunt.evidence import Evidence
from leakhunt.graph.unreached import HIDDEN
from leakhunt.measure.groups import Group
from leakhunt.model.census import ExpiryCensus, InternTable, MapUse, Place
from leakhunt.model.finding import Finding, GcRoot, Retention, RetentionStep
from tests.detectors.lab import Row, evidence, goroutines, outgrown, ramp, verdicts
from tests.detectors.scenes import LADDER, SCENES, census
from tests.detectors.test_kept_between_dumps import LEAK, seen
from tests.detectors.test_scenes import agree, finding_lines


def path(root: str, *steps: str, kind: str = "bss") -> Retention:
    """`path("main.sessions", ".items map[string]*main.Session#1", "[x] main.Session#900")`."""
    found = []
    for step in steps:
        text, _, objects = step.partition("#")
        edge, _, type_ = text.partition(" ")
        found.append(RetentionStep(edge, type_, int(objects), 64 * int(objects)))
    return Retention(GcRoot(kind, root), tuple(found), 0)


PATHS = Path(__file__).parent / "golden" / "paths.txt"
ASK = path("main.(*buyer).ask", " chan main.offer#900", kind="stack frame")
CASES = {
    "a map": (path("main.devices", ".byID map[string]*main.Device#1", "[x] main.Device#900"), "unbounded-map"),
    "a slice": (path("main.history", ".records []main.Record#1", "[x].After []uint8#900"), "append-only-slice"),
    "a sharded map": (
        path("main.c", " []*main.shard#1", "[x] main.shard#256", ".data map[int]main.item#256", "[x].v main.V#15400"),
        "unbounded-map",
    ),
    "a slice of sessions with small maps": (
        path("main.all", " []*main.S#1", "[x] main.S#90000", ".attributes map[string]string#90000", "[key] string#900000"),
        "append-only-slice",
    ),
    "a map of functions": (
        path("main.prices", ".subscribers map[int]func(main.price)#1", "[x] func main.(*view).update-fm#500"),
        "listener-registration",
    ),
    "a slice of channels": (path("main.bus", ".out []chan main.Event#1", "[x] chan main.Event#500"), "listener-registration"),
    "a map of channels": (
        path("main.bus", ".out map[int]chan main.Event#1", "[x] chan main.Event#500"),
        "listener-registration",
    ),
    "a map by arrays": (path("main.bus", ".out map[[2]int]func()#1", "[x] 16 B#500"), "listener-registration"),
    "a sync.Map": (path("main.viewers", " sync.Map#1", "[x] main.viewer#900"), "sync-map-registry"),
    "a sync.Map before Go 1.24": (
        path("main.viewers", ".dirty map[interface {}]*sync.entry#1", "[x] main.viewer#900"),
        "sync-map-registry",
    ),
    "a list": (path("main.waiting", " list.List#1", "[x] main.parcel#900"), "unbounded-queue"),
    "a channel": (path("main.jobs", " chan *main.job#1", "[x] main.job#900"), "unbounded-queue"),
    "nodes": (path("main.head", " main.node#1", ".next main.node#900"), "unbounded-queue"),
    "a tree": (path("main.root", " main.node#1", ".left main.node#900"), ""),
    "the children of a context": (
        path(
            "main.jobs", ".ctx context.cancelCtx#1", ".children map[context.canceler]struct {}#1", "[key] context.cancelCtx#900"
        ),
        "context-cancel-children",
    ),
    "a chain of contexts": (
        path("main.line", ".ctx context.valueCtx#1", ".Context context.valueCtx#900", ".val main.stamp#900"),
        "context-chain",
    ),
    "timers": (
        path("runtime.allp", " []*runtime.p#1", "[x] runtime.p#2", ".timers.heap []runtime.timerWhen#2", "[x] time.Timer#900"),
        "timer",
    ),
    "metric children": (
        path(
            "main.seen", ".metricMap prometheus.metricMap#1", ".metrics map[uint64][]prometheus.m#1", "[x] []prometheus.m#900"
        ),
        "label-cardinality",
    ),
    "frames of many goroutines": (ASK, "goroutine-leak"),
    "their descriptors": (path("runtime.allgptr", " []*runtime.g#1", "[x] runtime.g#900"), "goroutine-leak"),
    "goroutines that wait for one another": (path("main.gate", " []*main.waiter#1", "[x] runtime.sudog#900"), "goroutine-leak"),
    "goroutines in an array": (path("main.gate", " []unsafe.Pointer#1", "[x] runtime.g#900"), "goroutine-leak"),
    "connections": (
        path("net/http.(*persistConn).readLoop", " http.persistConn#900", ".bw bufio.Writer#900", kind="stack frame"),
        "unclosed-body",
    ),
    "what connections read into": (
        path("net/http.(*persistConn).readLoop", " bufio.Reader#900", kind="stack frame"),
        "unclosed-body",
    ),
    "what a cleanup was given": (path(HIDDEN, " main.surface#900", kind="finalizer"), "finalizer-cycle"),
    "a finalizer": (path("finalizer of main.handle", " main.handle#900", kind="finalizer"), "finalizer-cycle"),
    "deferred calls": (
        path("main.(*inbox).empty defer", " func main.(*inbox).empty.deferwrap1#900", kind="stack frame"),
        "defer-in-loop",
    ),
    "records of deferred calls": (path("main.(*inbox).empty", " runtime._defer#900", kind="stack frame"), "defer-in-loop"),
    "functions of deferred calls": (
        path("main.(*inbox).empty", " func main.(*inbox).empty.deferwrap1#900", kind="stack frame"),
        "defer-in-loop",
    ),
    "what deferred calls hold": (path("main.(*inbox).empty defer", " main.message#900", kind="stack frame"), "defer-in-loop"),
    "a connection's own frames": (path("main.fetch", " http.persistConn#900", kind="stack frame"), "unclosed-body"),
    "descriptors without a type": (path("runtime.allgptr", " []*runtime.g#1", "[x] 400 B#900"), "goroutine-leak"),
    "timers of one processor": (path("runtime.allp", " runtime.p#1", ".timers 96 B#900"), "timer"),
    "contexts in a slice": (path("main.jobs", " []main.job#1", "[x] context.valueCtx#900"), "append-only-slice"),
    "handlers by what they are": (path("main.bus", " []main.handler#1", "[x] func main.update#500"), "listener-registration"),
    "listeners by their name": (path("main.bus", " []main.PriceListener#1", "[x] 16 B#500"), "listener-registration"),
    "functions in a list": (path("main.todo", " list.List#1", "[x] func main.run#900"), "unbounded-queue"),
    "a variable that holds many": (path("main.all", " main.T#900"), ""),
    "a channel of slices": (path("main.jobs", " chan []func()#1", "[x] func main.run#900"), "unbounded-queue"),
    "a struct and its fields": (path("main.config", " main.settings#1", ".rules main.rules#1", ".names []string#2"), ""),
    "shapes alone": (path("bss+0x40", " 48 B, pointers at 0#1", "+0 512 B of pointers#1", "[x] 64 B, no pointers#900"), ""),
}


@pytest.mark.parametrize(
    ("name", "container"),
    [
        ("a variable that holds many", "main.all"),
        ("frames of many goroutines", "frames of main.(*buyer).ask"),
        ("a struct and its fields", ""),
        ("a map", "map[string]*main.Device"),
    ],
)
def test_a_container_is_said_as_a_person_would(name: str, container: str) -> None:
    assert told_by(CASES[name][0])[1] == container


@pytest.mark.parametrize("name", CASES)
def test_types_tell_the_pattern(name: str) -> None:
    retention, pattern = CASES[name]
    assert told_by(retention)[0] == pattern


TOLD = [name for name, (_, pattern) in CASES.items() if pattern]


@pytest.mark.parametrize("name", TOLD)
def test_a_detector_says(request: pytest.FixtureRequest, name: str) -> None:
    """What is said of a path, word for word, by the detectors of its pattern; beside a larger leak that no dump explains."""
    retention, pattern = CASES[name]
    rows = (Row("main.other < main.loop", 640, ramp(12, 40)), Row("main.put < main.serve", 640, ramp(12, 6)))
    shown = Shown(evidence(*rows).series, shown=retention, only="main.put")
    said = [f for d in DETECTORS for f in d.examine(shown) if f.pattern == pattern]
    lines = [line for f in said for line in (*finding_lines(f), *(f"    | {each}" for each in f.remedy.splitlines()))]
    agree(request, PATHS, name, "\n".join(lines) + "\n", TOLD)


def test_a_buffer_that_grew_between_dumps_is_told_by_its_bytes() -> None:
    grown = RetentionStep(".text.buf", "[]uint8", 1, 9 << 20, objects_before=1, bytes_before=4 << 20)
    level = dataclasses.replace(grown, bytes_before=9 << 20)
    told = [told_by(Retention(GcRoot("bss", "main.daily"), (step,), 0))[0] for step in (grown, level)]
    assert told == ["buffer-growth", ""]


@dataclasses.dataclass(frozen=True)
class Shown(Evidence):
    """Evidence with dumps that show one path for every group, or for that of the function `only`, and what lies at its end."""

    shown: Retention | None = None
    only: str = ""
    use: MapUse | None = None
    table: InternTable | None = None
    types: tuple[tuple[str, str], ...] = ()
    expiry: ExpiryCensus | None = None

    def census(self, group: Group) -> ExpiryCensus | None:
        return self.expiry if self._is_shown(group) else None

    def held_types(self, group: object) -> tuple[tuple[str, str], ...]:
        return self.types

    def retention(self, group: Group) -> Retention | None:
        return self.shown if self._is_shown(group) else None

    def capped(self, group: Group) -> MapUse | None:
        return self.use if self._is_shown(group) else None

    def interned(self, group: Group) -> InternTable | None:
        return self.table if self._is_shown(group) else None

    def _is_shown(self, group: Group) -> bool:
        return self.only in ("", self.series.sites[group.seed].leaf.function)


def with_path(retention: Retention, use: MapUse | None = None, table: InternTable | None = None) -> Shown:
    known = evidence(LEAK, Row("main.put < main.main", 27_264, ramp(12, 20)))
    return Shown(known.series, shown=retention, use=use, table=table)


def test_where_a_path_speaks_stacks_are_silent() -> None:
    """Full map tables beside a slice: profiles say map, the dump knows better."""
    assert verdicts(unbounded_map.examine, evidence(LEAK, Row("main.put < main.main", 27_264, ramp(12, 20)))) != []
    seen_in_slice = with_path(CASES["a slice"][0])
    assert verdicts(unbounded_map.examine, seen_in_slice) == []
    assert [confidence for _, confidence in verdicts(append_only_slice.examine, seen_in_slice)] == ["medium"]


BY_STACKS = {
    append_only_slice: "a slice",
    buffer_growth: "buffers",
    goroutine_leak: "goroutines",
    intern_table: "interned",
    label_cardinality: "metrics",
    listener_registration: "listeners",
    sync_map_registry: "sync.Map",
    timer: "timers",
    unbounded_map: "a map",
    unbounded_queue: "a queue",
}
NAMED_BY_FUNCTIONS = {intern_table, label_cardinality, listener_registration}  # whatever collection they are in


@pytest.mark.parametrize("detector", BY_STACKS, ids=lambda detector: detector.PATTERN)
def test_detectors_that_go_by_stacks_believe_a_path(detector: ModuleType) -> None:
    scene = SCENES[BY_STACKS[detector]]()
    assert list(detector.examine(scene)) != []

    def said(name: str) -> list[Finding]:
        shown = Shown(scene.series, goroutines=scene.goroutines, shown=CASES[name][0])
        return list(detector.examine(shown))

    assert said("deferred calls") == []
    if detector is not append_only_slice:
        assert (said("a slice") != []) == (detector in NAMED_BY_FUNCTIONS)


@pytest.mark.parametrize(
    ("detector", "rows"),
    [
        (append_only_slice, [Row("main.load < main.poll", 768, ramp(12, 6)), *outgrown("main.load < main.poll", LADDER)]),
        (unbounded_map, [Row("main.load < main.poll", 640, ramp(12, 6)), Row("main.load < main.poll", 27264, ramp(12, 1))]),
        (intern_table, [Row("main.(*names).Intern < main.parse", 32, ramp(12, 5))]),
        (label_cardinality, [Row("go.opentelemetry.io/otel/attribute.computeDistinctFixed < main.count", 96, ramp(12, 5))]),
        (listener_registration, [Row("main.(*bus).Subscribe < main.open", 96, ramp(12, 5))]),
        (sync_map_registry, [Row("sync.newEntry < sync.(*Map).Store < main.join", 96, ramp(12, 5))]),
        (timer, [Row("time.NewTimer < time.After < main.poll", 96, ramp(12, 5))]),
        (
            unbounded_queue,
            [Row("container/list.(*List).insertValue < container/list.(*List).PushBack < main.add", 48, ramp(12, 5))],
        ),
    ],
    ids=lambda each: getattr(each, "PATTERN", ""),
)
def test_a_path_that_says_another_pattern_speaks_of_its_own_group(detector: ModuleType, rows: list[Row]) -> None:
    known = evidence(Row("main.put < main.serve", 640, ramp(12, 40)), *rows)
    shown = Shown(known.series, shown=CASES["deferred calls"][0], only="main.put")
    assert (
        [leaf for leaf, _ in verdicts(detector.examine, shown)] == [leaf for leaf, _ in verdicts(detector.examine, known)] != []
    )


def test_a_path_to_a_slice_names_it_and_no_array() -> None:
    (finding,) = append_only_slice.examine(with_path(CASES["a slice"][0]))
    assert finding.text == "a slice is appended to and never cut: a heap dump finds them in a []main.Record"
    assert finding.facts == {"reallocations": 0, "array_bytes": 0}


def test_goroutines_are_told_without_a_goroutine_profile() -> None:
    (finding, *_) = goroutine_leak.examine(with_path(ASK))
    assert finding.text == "goroutines pile up: a heap dump finds 900 objects that only frames of main.(*buyer).ask hold"


def capped(entries: int, cap: int) -> MapUse:
    place = Place("bss", "main.devices", "main.store", "main.devices -> main.store -> .items map[string]int")
    return MapUse(place, "map[string]int", 1, entries, 2 * entries, 64 * entries, "size", cap)


@pytest.mark.parametrize(
    ("entries", "cap", "confidence"), [(999, 500, ["medium"]), (1000, 500, ["high"]), (505, 500, []), (499, 500, [])]
)
def test_a_cap_that_is_not_kept_accuses(entries: int, cap: int, confidence: list[str]) -> None:
    seen_full = with_path(CASES["a map"][0], use=capped(entries, cap))
    assert [said for _, said in verdicts(cap_not_kept.examine, seen_full)] == confidence


CAPPED_CACHES = [("", "main.store", "unbounded-map"), ("gcache", "gcache.SimpleCache", "lazy-ttl-cache")]


@pytest.mark.parametrize(("library", "name", "pattern"), CAPPED_CACHES)
def test_a_cap_that_is_not_kept_says_whose(library: str, name: str, pattern: str) -> None:
    stack = "github.com/bluele/gcache.(*SimpleCache).set < main.put < main.main" if library else "main.put < main.main"
    known = Shown(evidence(Row(stack, 640, ramp(12, 6))).series, use=capped(999, 500))
    (finding,) = cap_not_kept.examine(known)
    assert (finding.detector, finding.pattern, finding.stance) == ("cap-not-kept", pattern, "implicates")
    assert finding.facts == {"root": "main.devices", "entries": 999, "cap": 500, "cap_field": "size"}
    why = "".join(f"; {cache.only_grows}" for cache in CACHES if cache.name == library)
    assert finding.remedy.startswith("Sweep it" if library else "Evict where entries are added")
    assert finding.text == f"a cap is not kept: main.devices ({name}) holds 999 entries, its size is 500{why}"


def test_a_cap_of_costs_excuses_nothing_that_a_dump_shows() -> None:
    """Costs may be anything: ristretto's cap is kept, and memory grows."""
    series = evidence(Row("github.com/dgraph-io/ristretto/v2.(*lockedMap[...]).Set < main.put", 96, ramp(12, 5))).series
    by_stack, by_dump = Shown(series), Shown(series, types=(("main", "main.T"),))
    assert [verdict for _, verdict in verdicts(bounded_cache.examine, by_stack)] == ["high"]
    assert verdicts(bounded_cache.examine, by_dump) == []


def test_a_cap_excuses_what_grows_towards_it_where_two_dumps_show_it() -> None:
    two = seen(range(30), range(60)).dumps
    for entries, confidence in ((490, "high"), (10, "medium")):
        known = dataclasses.replace(with_path(CASES["a map"][0], use=capped(entries, 500)), dumps=two)
        (finding, *_) = bounded_cache.examine(known)
        assert (finding.confidence, finding.facts["entries"], finding.facts["cap"]) == (confidence, entries, 500)
        assert list(bounded_cache.examine(dataclasses.replace(known, dumps=two[:1]))) == []
        assert list(bounded_cache.examine(dataclasses.replace(known, use=capped(501, 500)))) == []
        for expired, excused in ((99, True), (100, False)):  # of 300: what has expired makes no room for itself
            with_census = dataclasses.replace(known, expiry=census(300, expired))
            assert (list(bounded_cache.examine(with_census)) != []) == excused


@pytest.mark.parametrize(("type_", "excused"), [("LRUCache", True), ("SimpleCache", False)])
def test_a_cap_that_is_kept_only_where_something_has_expired_excuses_nothing(type_: str, excused: bool) -> None:
    series = evidence(Row(f"github.com/bluele/gcache.(*{type_}).set < main.put", 96, ramp(12, 5))).series
    shown = Shown(series, use=capped(490, 500), dumps=seen(range(30), range(60)).dumps)
    said = [finding.confidence for finding in bounded_cache.examine(shown) if finding.sites == shown.growing_groups[0].sites]
    assert said == (["high"] if excused else [])


@pytest.mark.parametrize(("same", "confidence"), [(900, ["medium"]), (890, [])])
def test_values_that_are_their_keys_are_interned(same: int, confidence: list[str]) -> None:
    table = InternTable(capped(1, 1).place, "map[string]string", 1000, same)
    interning = with_path(path("main.seen", ".seen map[string]string#1", "[key] string#1000"), table=table)
    assert [said for _, said in verdicts(intern_table.examine, interning)] == confidence
    assert [finding.facts["same"] for finding in intern_table.examine(interning)] == [same] * len(confidence)


def test_an_interning_function_and_a_table_say_so_together() -> None:
    series = evidence(Row("main.(*names).Intern < main.parse", 640, ramp(12, 6))).series
    by_name = "main.(*names).Intern keeps each once"
    by_dump = "a heap dump finds 950 of 1,000 values of main.devices to be their keys"
    for same, said in ((950, f"{by_name}; {by_dump}"), (100, by_name)):
        table = InternTable(capped(1, 1).place, "map[string]string", 1000, same)
        (finding,) = intern_table.examine(Shown(series, table=table))
        assert finding.text == f"interned values pile up: {said}, and more and more are different"
    shown = InternTable(capped(1, 1).place, "map[string]string", 1000, 950)
    (finding,) = intern_table.examine(Shown(evidence(LEAK).series, table=shown))
    assert finding.facts == {"function": "", "same": 950}


def test_a_registration_by_name_and_by_dump_says_so_once() -> None:
    series = evidence(Row("main.(*bus).Subscribe < main.open", 640, ramp(12, 6))).series
    (finding,) = listener_registration.examine(Shown(series, shown=CASES["a slice of channels"][0]))
    by_name, by_dump = "main.(*bus).Subscribe adds one each time, by its name", "a heap dump finds them in a []chan main.Event"
    assert finding.text == f"registrations pile up: {by_name}; {by_dump}, and none is taken away"


def test_goroutines_of_connections_may_speak_beside_a_path_to_connections() -> None:
    reading = goroutines(**{"net/http.(*persistConn).readLoop < main.put": ramp(12, 40)})
    known = dataclasses.replace(with_path(CASES["connections"][0]), goroutines=reading)
    assert {finding.pattern for finding in goroutine_leak.examine(known)} == {"unclosed-body"}


def test_deferred_calls_are_counted() -> None:
    (finding,) = defer_in_loop.examine(with_path(CASES["deferred calls"][0]))
    assert finding.facts == {"function": "main.(*inbox).empty", "deferred_calls": 900}
    (finding,) = defer_in_loop.examine(with_path(path("main.(*inbox).empty defer", kind="stack frame")))
    assert finding.facts == {"function": "main.(*inbox).empty", "deferred_calls": 0}


def test_one_container_has_one_key_whatever_hangs_on_its_entries() -> None:
    entry, value, *others = (
        path("main.m", ".items map[string]*main.T#1", "[x] main.T#900"),
        path("main.m", ".items map[string]*main.T#1", "[x] main.T#900", ".text []uint8#900"),
        path("main.m", ".others []*main.T#1", "[x] main.T#900"),
        path("main.n", ".items map[string]*main.T#1", "[x] main.T#900"),
    )

    def key(retention: Retention) -> object:
        known = with_path(retention)
        return container_key(known, known.groups[0])

    assert key(entry) == key(value)
    assert key(entry) not in [key(other) for other in others]
    waiting = [with_path(path(name, " runtime.g#900", kind="stack frame")) for name in ("main.wait", "main.wait w")]
    assert len({container_key(known, known.groups[0]) for known in waiting}) == 1
    name = path("main.m", ".items map[string]*main.T#1", "[key] string#900")
    assert key(name) == key(entry), "a map holds its keys too"
    assert key(path("main.config", " main.settings#1")) is None
    unnamed = [path(f"data+0x40 {of}", " []main.T#1", "[x] main.T#900") for of in "ab"]
    assert key(unnamed[0]) != key(unnamed[1])


def test_a_known_cache_is_one_container_whichever_of_its_parts_is_on_the_path() -> None:
    """Its map and its list, both below the cache itself."""
    parts = [
        path("main.c", " gcache.ARC#1", step, "[x] gcache.item#900") for step in (".items map[int]int#1", ".t1 list.List#1")
    ]
    keys = []
    for part in parts:
        known = dataclasses.replace(with_path(part), types=(("github.com/bluele/gcache", "gcache.ARC"),))
        keys.append(container_key(known, known.groups[0]))
    assert keys == [("main.c", ("", "gcache.ARC"))] * 2


def test_all_that_deferred_calls_hold_is_their_functions() -> None:
    held = [
        path("main.(*inbox).empty defer", " runtime._defer#900", kind="stack frame"),
        path("main.(*inbox).empty defer", " []main.message#1", "[x] main.message#900", kind="stack frame"),
    ]
    known = [with_path(each) for each in held]
    assert [container_key(each, each.groups[0]) for each in known] == [("main.(*inbox).empty",)] * 2


def test_a_level_path_clears() -> None:
    level, grown, short = seen(range(40), range(1, 41)), seen(range(30), range(60)), seen(range(10), range(10))
    assert verdicts(level_between_dumps.examine, level) == [("main.put", "high")]
    (finding,) = level_between_dumps.examine(seen(range(40), range(12, 52)))
    assert (finding.detector, finding.pattern) == ("level-between-dumps", "churn")
    assert finding.facts == {"path": "data+0x0 +0 [x] -> 48 B, pointers at 0", "first_objects": 40, "last_objects": 40}
    (finding,) = level_between_dumps.examine(level)
    assert finding.pattern == "plateau", "next to nothing went"
    assert verdicts(level_between_dumps.examine, grown) == verdicts(level_between_dumps.examine, short) == []
