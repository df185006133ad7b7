"""What two dumps say beside profiles: growth that runs out, and a buffer that is replaced by a larger one."""

import dataclasses

import pytest

from leakhunt.detectors import bounded_cache, buffer_growth, level_between_dumps, load_step, unbounded_queue
from leakhunt.detectors.held import held_in
from leakhunt.evidence import Evidence
from leakhunt.graph.growth import Stay
from leakhunt.measure.groups import Basis
from leakhunt.model.finding import GcRoot, Retention, RetentionStep
from tests.detectors.lab import START_NS, STEP_NS, Row, evidence, outgrown, ramp, verdicts
from tests.heaps import story


@dataclasses.dataclass(frozen=True)
class Compared(Evidence):
    """Evidence with two dumps, at snapshots 6 and 12, that show one path for every group."""

    shown: Retention | None = None
    stayed: Stay | None = None

    def retention(self, group: object) -> Retention | None:
        return self.shown

    def stay(self, group: object) -> Stay | None:
        return self.stayed


def compared(inuse: list[int], first: int, last: int, stayed: int) -> Compared:
    dumps = [story.view(story.dump(range(4), START_NS + at * STEP_NS), str(at)) for at in (6, 12)]
    known = evidence(Row("main.put < main.main", 48, inuse))
    return Compared(known.series, dumps=tuple(dumps), stayed=Stay("main.all [x]", first, last, stayed))


@pytest.mark.parametrize(
    ("last", "stayed", "ratio"),
    [
        (2000, 1000, None),  # as fast as before
        (1450, 1000, None),
        (1350, 1000, 0.35),
        (1100, 1000, 0.1),
        (1100, 500, None),  # what was there went: a level, not an end of growth
    ],
)
def test_growth_that_runs_out_between_dumps(last: int, stayed: int, ratio: float | None) -> None:
    seen = compared(ramp(13, 20), 1000, last, stayed)
    slowed = seen.slowed(seen.groups[0])
    assert slowed is None if ratio is None else slowed == pytest.approx(ratio, rel=0.05)
    if ratio is not None:
        assert verdicts(bounded_cache.examine, seen)[0] == ("main.put", "medium")


def test_only_what_came_in_the_window_counts() -> None:
    """Half was there at the start, so half of the first dump came since."""
    seen = compared(ramp(13, 20, start=120), 1000, 1150, 1000)
    assert seen.slowed(seen.groups[0]) == pytest.approx(0.3, rel=0.05)


def buffer(before: int, now: int, type_: str = "[]uint8") -> Retention:
    step = RetentionStep(".text.buf", type_, 1, now, objects_before=1, bytes_before=before)
    return Retention(GcRoot("bss", "main.daily"), (step,), now)


@pytest.mark.parametrize(
    ("retention", "proved"),
    [
        (buffer(4 << 20, 9 << 20), True),
        (buffer(4 << 20, 4 << 20), False),
        (buffer(100 << 20, 110 << 20), False),
        (buffer(4 << 10, 90 << 10), False),
        (buffer(4 << 20, 9 << 20, "[]string"), False),
    ],
)
def test_one_array_of_bytes_that_is_replaced_by_a_larger_one_grows(retention: Retention, proved: bool) -> None:
    known = evidence(Row("main.add < main.main", 2 << 20, [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2]))
    seen = Compared(known.series, dumps=compared([1] * 13, 1, 1, 1).dumps, shown=retention)
    assert [
        group.basis is Basis.PROVED for group in seen.groups if seen.series.sites[group.seed].leaf.function == "main.add"
    ] == [proved]
    found = list(buffer_growth.examine(seen))
    assert verdicts(buffer_growth.examine, seen) == ([("main.add", "low")] if proved else [])
    assert all(f.remedy.startswith("Let large buffers go") for f in found)
    assert [(f.detector, f.facts) for f in found] == (
        [("buffer-growth", {"root": "main.daily", "bytes_before": 4 << 20, "bytes": 9 << 20})] if proved else []
    )


@pytest.mark.parametrize(("rungs", "confidence"), [(2, "low"), (3, "medium")])
def test_a_buffer_that_profiles_too_show_outgrown_is_surer(rungs: int, confidence: str) -> None:
    known = evidence(*outgrown("main.add < main.main", [(2 << 20) << k for k in range(rungs)]))
    grown = dataclasses.replace(known.groups[0], sites=(next(iter(known.by_leaf["main.add"])),))
    finding = buffer_growth._replaced(known, grown, buffer(4 << 20, 9 << 20))
    assert (finding.pattern, finding.stance, finding.confidence) == ("buffer-growth", "implicates", confidence)
    assert finding.text == (
        "a buffer gets larger and stays: heap dumps find one of 4.00 MiB at main.daily, then one of 9.00 MiB"
    )


@pytest.mark.parametrize(
    ("at", "last", "clears"),
    [
        (8, 1000, True),  # dumps that show no growth leave the step alone
        (8, 1800, True),
        (8, 1700, False),  # 1.7 times as much on the path, where the step is three times: it is less than half of it
        (4, 1800, False),  # the dumps came after the step, and it went on growing
        (4, 1000, True),
    ],
)
def test_a_step_that_dumps_refute(at: int, last: int, clears: bool) -> None:
    inuse = [20] * at + [60] * (13 - at)
    seen = compared(inuse, 1000, last, 1000)
    assert [leaf for leaf, _ in verdicts(load_step.examine, seen) if leaf == "main.put"] == (["main.put"] if clears else [])


@pytest.mark.parametrize(
    ("stayed", "pattern"), [(1000, "append-only-slice"), (900, "append-only-slice"), (899, "unbounded-queue")]
)
def test_a_slice_that_loses_a_tenth_of_what_it_held_is_a_queue(stayed: int, pattern: str) -> None:
    steps = (RetentionStep(".all", "[]main.Job", 1, 64), RetentionStep("[x]", "main.Job", 2000, 96000))
    seen = dataclasses.replace(compared(ramp(13, 20), 1000, 2000, stayed), shown=Retention(GcRoot("bss", "main.all"), steps, 0))
    held = held_in(seen, seen.groups[0])
    assert held is not None
    assert (held.pattern, held.container) == (pattern, "[]main.Job")
    found = list(unbounded_queue.examine(seen))
    assert {finding.facts["function"] for finding in found} == ({""} if pattern == "unbounded-queue" else set())


@pytest.mark.parametrize(
    ("objects", "size_bytes", "size_before", "clears"),
    [(40, 1000, 1000, True), (42, 1050, 1000, True), (43, 1000, 1000, False), (40, 1051, 1000, False), (40, 1000, 0, False)],
)
def test_a_level_is_of_objects_and_of_bytes(objects: int, size_bytes: int, size_before: int, clears: bool) -> None:
    """At most a twentieth more of either, than 40 objects before."""
    step = RetentionStep("[x]", "main.T", objects, size_bytes, objects_before=40, bytes_before=size_before)
    seen = dataclasses.replace(compared(ramp(13, 20), 40, objects, 40), shown=Retention(GcRoot("bss", "main.all"), (step,), 0))
    assert all(finding.stance == "exonerates" for finding in level_between_dumps.examine(seen))
    said = verdicts(level_between_dumps.examine, seen)
    assert said == ([(seen.series.sites[group.seed].leaf.function, "high") for group in seen.groups] if clears else [])
