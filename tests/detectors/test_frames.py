"""Detectors that go by functions on the stack: each fires on its own function when the site grows, and only then."""

from collections.abc import Iterator
from types import ModuleType

import pytest

from leakhunt.detectors import (
    context_cancel_children,
    context_chain,
    intern_table,
    label_cardinality,
    listener_registration,
    sync_map_registry,
    timer,
    unbounded_queue,
    unclosed_body,
)
from leakhunt.measure.groups import Basis, Group
from leakhunt.thresholds import CONNECTION_FRAMES, INTERN_FRAMES, LIBRARY_FRAMES, LISTENER_FRAMES, METRIC_FRAMES
from tests.detectors.lab import Row, evidence, ramp, verdicts

CASES: list[tuple[ModuleType, str]] = [
    (context_chain, "context.WithValue < main.step < main.loop"),
    (context_cancel_children, "context.withCancel < context.WithCancel < main.handle < main.serve"),
    (context_cancel_children, "context.(*cancelCtx).propagateCancel < context.WithTimeout < main.handle"),
    (timer, "time.NewTimer < time.After < main.poll < main.main"),
    (timer, "time.NewTicker < main.watch"),
    (label_cardinality, "github.com/prometheus/client_golang/prometheus.MakeLabelPairs < main.count < main.handle"),
    (label_cardinality, "go.opentelemetry.io/otel/attribute.computeDistinctFixed < main.count"),
    (sync_map_registry, "internal/sync.newEntryNode < internal/sync.(*HashTrieMap[...]).LoadOrStore < main.join"),
    (sync_map_registry, "sync.newEntry < sync.(*Map).Store < main.join"),
    (unbounded_queue, "container/list.(*List).insertValue < container/list.(*List).PushBack < main.enqueue"),
    (unclosed_body, "bufio.NewReaderSize < net/http.(*Transport).dialConn < net/http.(*Transport).dialConnFor"),
    (listener_registration, "main.(*bus).Subscribe < main.open < main.handle"),
    (intern_table, "main.(*names).Intern < main.parse"),
    (intern_table, "unique.clone < unique.Make[...] < main.parse"),
]


def _ids() -> Iterator[str]:
    return (f"{module.__name__.rpartition('.')[2]}-{stack.partition(' ')[0]}" for module, stack in CASES)


@pytest.mark.parametrize(("detector", "stack"), CASES, ids=_ids())
def test_fires_on_growth(detector: ModuleType, stack: str) -> None:
    found = list(detector.examine(evidence(Row(stack, 96, ramp(12, 5)))))
    assert [finding.pattern for finding in found] == [detector.PATTERN]
    assert found[0].remedy


@pytest.mark.parametrize(("detector", "stack"), CASES, ids=_ids())
def test_fires_beside_a_larger_leak(detector: ModuleType, stack: str) -> None:
    """Which comes first, and is none of its affair."""
    other = Row("main.put < main.other", 640, ramp(12, 40))
    alone, beside = (verdicts(detector.examine, evidence(*rows, Row(stack, 96, ramp(12, 5)))) for rows in ([], [other]))
    assert beside == alone != []


@pytest.mark.parametrize(("detector", "stack"), CASES, ids=_ids())
def test_is_quiet_about_what_is_far_down_the_stack(detector: ModuleType, stack: str) -> None:
    above = " < ".join(f"main.f{i}" for i in range(12))
    assert verdicts(detector.examine, evidence(Row(f"{above} < {stack}", 96, ramp(12, 5)))) == []


@pytest.mark.parametrize(
    ("detector", "function", "frames"),
    [
        (label_cardinality, "github.com/prometheus/client_golang/prometheus.MakeLabelPairs", METRIC_FRAMES),
        (unclosed_body, "net/http.(*Transport).dialConn", CONNECTION_FRAMES),
        (intern_table, "main.(*names).Intern", INTERN_FRAMES),
        (listener_registration, "main.(*bus).Subscribe", LISTENER_FRAMES),
        (timer, "time.NewTimer", LIBRARY_FRAMES),
    ],
    ids=["metric", "connection", "interning", "listener", "timer"],
)
def test_how_far_down_a_stack_a_function_tells(detector: ModuleType, function: str, frames: int) -> None:
    for above in (0, frames - 1, frames):
        stack = " < ".join([*(f"main.f{i}" for i in range(above)), function, "main.main"])
        assert (verdicts(detector.examine, evidence(Row(stack, 96, ramp(12, 5)))) != []) == (above < frames), above


@pytest.mark.parametrize(("version", "why"), [((1, 22), "before Go 1.23"), ((1, 23), "from Go 1.23 on")])
def test_why_timers_stay_is_told_by_the_version(version: tuple[int, int], why: str) -> None:
    seen = evidence(Row("time.NewTimer < time.After < main.poll < main.main", 96, ramp(12, 5)))
    vars(seen).update(go_at_least=version)  # the cached property
    (finding,) = timer.examine(seen)
    assert why in finding.text


@pytest.mark.parametrize(("detector", "stack"), CASES, ids=_ids())
def test_is_quiet_without_growth(detector: ModuleType, stack: str) -> None:
    level = [30, 31, 29, 30, 32, 30, 29, 31, 30, 30, 31, 30]
    assert verdicts(detector.examine, evidence(Row(stack, 96, level, freed=ramp(12, 40)))) == []


@pytest.mark.parametrize("detector", sorted({module.__name__ for module, _ in CASES}))
def test_is_quiet_on_another_pattern(detector: str) -> None:
    module = next(module for module, _ in CASES if module.__name__ == detector)
    assert verdicts(module.examine, evidence(Row("main.put < main.serve", 96, ramp(12, 5)))) == []


def test_a_cache_made_of_a_list_is_no_queue() -> None:
    stack = "container/list.(*List).insertValue < github.com/bluele/gcache.(*LRUCache).set < main.f"
    assert verdicts(unbounded_queue.examine, evidence(Row(stack, 48, ramp(12, 5)))) == []


def test_a_timer_inside_a_context_is_the_contexts_affair() -> None:
    stack = "time.newTimer < time.AfterFunc < context.WithDeadlineCause < context.WithTimeout < main.f"
    assert verdicts(timer.examine, evidence(Row(stack, 96, ramp(12, 5)))) == []


def test_listeners_are_told_by_the_functions_name_and_not_its_packages() -> None:
    for stack, fires in (
        ("example.org/events.v2/bus.(*Bus).AddListener < main.run", True),
        ("example.org/on.Watch/bus.(*Bus).put < main.run", False),
        ("main.(*bus).Subscribe.func1 < main.run", True),
        ("main.(*bus).OnPrice < main.run", True),
        ("main.(*bus).onPrice < main.run", True),
        ("main.(*bus).only < main.run", False),
        ("main.(*bus).Online < main.run", False),
    ):
        found = verdicts(listener_registration.examine, evidence(Row(stack, 96, ramp(12, 5))))
        assert (found != []) == fires, stack


def test_names_are_matched_as_words() -> None:
    for stack in ("main.(*internal).put < main.serve", "main.(*subscript).eval < main.run", "main.international < main.run"):
        assert verdicts(intern_table.examine, evidence(Row(stack, 96, ramp(12, 5)))) == []


@pytest.mark.parametrize(("caller", "told"), [("main.handle", ["first", "second"]), ("net/http.(*conn).serve", ["first"])])
def test_of_the_standard_librarys_own_the_largest_site_tells_whether_contexts_pile_up(caller: str, told: list[str]) -> None:
    """A server makes a context for each connection: beside its buffers it is a part and not the leak."""
    maker, other = f"context.withCancel < context.WithCancel < {caller}", f"bufio.NewReaderSize < {caller}"
    found = []
    for place, stacks in (("first", (maker, other)), ("second", (other, maker))):
        seen = evidence(*[Row(stack, 96, ramp(12, 5)) for stack in stacks])
        leaves = [site.frames[0].function for site in seen.series.sites]
        sites = tuple(leaves.index(stack.partition(" ")[0]) for stack in stacks)
        vars(seen)["groups"] = (Group(sites, Basis.SITE, seen.trends.of(sites[0])),)
        found += [place for _ in context_cancel_children.examine(seen)]
    assert found == told


def test_a_function_that_calls_itself_registers_nothing() -> None:
    once, again = (
        "main.tune < main.(*station).Listen < main.run",
        "main.tune < main.(*station).Listen < main.(*station).Listen < main.run",
    )
    for stack, found in ((once, 1), (again, 0)):
        assert len(list(listener_registration.examine(evidence(Row(stack, 640, ramp(12, 5)))))) == found
