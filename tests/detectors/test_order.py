"""What a detector says of a group depends on no other group before it: of many, found in either order, it says the same."""

import dataclasses
from functools import cache
from typing import Any

import pytest

from leakhunt.detectors import DETECTORS, Detector, detector_name
from leakhunt.evidence import Evidence
from leakhunt.graph.growth import Stay
from leakhunt.measure.groups import Group
from leakhunt.model.census import PinnedSlack
from leakhunt.model.finding import GcRoot, Retention, RetentionStep
from tests.detectors import scenes
from tests.detectors.lab import Row, evidence, goroutines, outgrown, ramp
from tests.detectors.scenes import census
from tests.detectors.test_between_dumps import buffer, compared
from tests.detectors.test_held import CASES, Shown, capped

S = scenes
LEVEL, RISE = S.LEVEL, [10, 25, 40, 55, 70, 85, 100, 100, 101, 100, 100, 99]
STEP, STEP_FREED = [20] * 6 + [60] * 6, [*(20 * i for i in range(6)), *(120 + 60 * i for i in range(6))]
TEETH = S.TEETH[:12]
# Of each pattern one that is told and one that is not: by its course, its caller, or its numbers.
ROWS = (
    Row("main.put < main.serve", 640, ramp(12, 9)),
    Row("main.churns < main.serve1", 640, ramp(12, 8, start=20), freed=ramp(12, 9)),
    Row("main.rises < main.serve2", 640, RISE, freed=ramp(12, 1)),
    Row("main.fills < main.serve3", 640, S.FILLING[:12]),
    Row("main.steps < main.serve4", 640, STEP, freed=STEP_FREED),
    Row("main.teeth < main.serve5", 640, TEETH, freed=S.freed_before(TEETH, 30)),
    Row("main.loads < main.serve6", 640, S.WITH_LOAD[:12], freed=[sum(S.WITH_LOAD[:i]) for i in range(12)]),
    Row("main.level < main.serve7", 65536, LEVEL, freed=ramp(12, 30)),
    Row("main.still < main.serve8", S.TABLE_BYTES, [90] * 12),
    Row("main.falls < main.serve9", 65536, [100] * 6 + [20] * 6, freed=[0] * 6 + [80] * 6),
    Row("main.refilled < main.browse", 640, ramp(12, 3)),
    Row("main.refilled < main.fill", 640, [60 - 3 * i for i in range(12)], freed=ramp(12, 3)),
    Row("main.(*registry).add < main.serveA", 640, ramp(12, 6)),
    Row("main.(*registry).add < main.serveA", S.TABLE_BYTES, ramp(12, 1)),
    *outgrown("main.(*trail).Append < main.serveB", S.LADDER),
    *outgrown(S.BUFFER, [(2 << 20) + (k << 20) for k in range(12)]),
    Row(S.BUFFER.replace("render", "page"), 640, ramp(12, 7, start=90)),
    Row("io.ReadAll < main.fetch < main.index", 16384, ramp(12, 5)),
    Row(S.GCACHE, 64, ramp(12, 6)),
    Row(S.GO_CACHE.replace("remember < main.serve", "keep0 < main.ask0"), 96, ramp(12, 5)),
    Row(
        S.GO_CACHE.replace("remember < main.serve", "rises < main.askX"), 1024,
        [4, 6, 7, 10, 11, 14, 15, 15, 15, 15, 16, 18], freed=[0, 1, 2, 6, 8, 9, 10, 10, 11, 12, 12, 15],
    ),
    Row(S.GROUPCACHE.replace("remember < main.serve", "keep1 < main.ask1"), 96, ramp(12, 7)),
    Row(S.RISTRETTO.replace("remember < main.serve", "keep2 < main.ask2"), 96, ramp(12, 4)),
    Row(S.BOUNDED_LRU.replace("remember < main.serve", "keep3 < main.ask3"), 96, ramp(12, 3)),
    Row(S.DIAL, 4096, ramp(12, 5)),
    Row("main.ask < main.search.func1", 4096, ramp(12, 5)),
    Row(S.DESCRIPTORS, 416, ramp(12, 5)),
    Row("context.WithValue < main.step < main.loop", 48, ramp(12, 5)),
    Row("context.withCancel < context.WithCancel < main.handle", 96, ramp(12, 5)),
    Row("time.NewTimer < time.After < main.poll < main.main", 96, ramp(12, 5)),
    Row("github.com/prometheus/client_golang/prometheus.MakeLabelPairs < main.count < main.handle1", 96, ramp(12, 5)),
    Row("internal/sync.newEntryNode < internal/sync.(*HashTrieMap[...]).LoadOrStore < main.join", 96, ramp(12, 5)),
    Row("container/list.(*List).insertValue < container/list.(*List).PushBack < main.enqueue", 48, ramp(12, 5)),
    Row("main.(*bus).Subscribe < main.open < main.handle2", 96, ramp(12, 5)),
    Row("main.(*names).Intern < main.parse", 32, ramp(12, 5)),
    Row("main.newBuffer < sync.(*Pool).Get < main.serveC", 65536, [400] * 12),
    Row("compress/flate.NewWriter < runtime/pprof.newProfileBuilder < main.dump", 65536, ramp(12, 2)),
)  # fmt: skip
PROFILES = evidence(*ROWS)


@dataclasses.dataclass(frozen=True)
class Compared(Shown):
    """Evidence with two dumps that show one group's path, and what stayed of it."""

    stayed: Stay | None = None

    def stay(self, group: Group) -> Stay | None:
        return self.stayed if self.retention(group) is not None else None

    def slack(self, group: Group) -> PinnedSlack | None:
        return PinnedSlack(scenes.place(), "[]uint8", 30, 1 << 20, 1 << 12) if self.retention(group) is not None else None


def told() -> list[Evidence]:
    """The profiles alone, with goroutines that wait, with a janitor that runs; and with dumps that show two of the groups."""
    counts = ({S.BLOCKED: ramp(12, 40), "main.serve < main.main": [3] * 12}, {S.JANITOR: [1] * 12})
    found: list[Evidence] = [
        dataclasses.replace(PROFILES),
        *(dataclasses.replace(PROFILES, goroutines=goroutines(**each)) for each in counts),
    ]
    step = RetentionStep("[x]", "main.T", 900, 57600, objects_before=900, bytes_before=57600)
    level = Retention(GcRoot("bss", "main.all"), (RetentionStep("", "map[int]main.T", 1, 64), step), 0)
    paths = [CASES[name][0] for name in ("a map", "a slice", "a finalizer", "deferred calls", "timers", "connections")]
    found.append(Shown(PROFILES.series, shown=paths[0], expiry=census(300, 200)))
    paths.append(buffer(4 << 20, 9 << 20))
    dumps = compared([1] * 12, 1, 1, 1).dumps
    for only in ("main.put", "main.churns"):
        full: dict[str, Any] = {"only": only, "use": capped(999, 500), "expiry": census(300, 200)}
        found += [Shown(PROFILES.series, shown=path, **full) for path in paths]
        swept: dict[str, Any] = {"only": only, "expiry": census(300, 20), "shown": level, "dumps": dumps}
        found += [
            Compared(PROFILES.series, **swept, stayed=Stay("[x]", 450, 900, 450)),
            Compared(PROFILES.series, **swept, stayed=Stay("[x]", 900, 900, 900)),
        ]
    return found


@cache
def in_both_orders() -> list[tuple[Evidence, Evidence]]:
    """Each with its groups in one order and in the other; what was computed of the profiles is computed once."""
    pairs = list(zip(told(), told(), strict=True))
    for group in PROFILES.groups:
        PROFILES.course(group)
    known = {name: vars(PROFILES)[name] for name in ("trends", "groups", "_courses")}  # the cached properties
    for forwards, backwards in pairs:
        vars(forwards).update(known)
        vars(backwards).update(known, groups=PROFILES.groups[::-1])
    return pairs


def test_there_are_many_groups_of_many_kinds() -> None:
    assert len(PROFILES.groups) > 30
    assert {group.grows for group in PROFILES.groups} == {True, False}


@pytest.mark.parametrize("detector", DETECTORS, ids=detector_name)
def test_the_groups_before_do_not_matter(detector: Detector) -> None:
    found = 0
    for pair in in_both_orders():
        forwards, backwards = (sorted(map(repr, detector.examine(seen))) for seen in pair)
        assert forwards == backwards
        found += len(forwards)
    assert found > 0
