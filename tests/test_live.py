"""A live hunt says what a hunt says, keeps its memory bounded, and knows when it is certain."""

import dataclasses
import gc
import tracemalloc
from pathlib import Path

import pytest

from leakhunt import decode
from leakhunt.config import Settings
from leakhunt.evidence import Source, gather
from leakhunt.hunt import hunt
from leakhunt.live import Certainty, LiveHunt
from leakhunt.model.finding import Report, Verdict
from leakhunt.model.profile import Profile
from leakhunt.thresholds import CLEAN_AFTER_SNAPSHOTS, LEAK_AFTER_SNAPSHOTS, LOOKS_IN_A_ROW
from tests.profiles import Sample, heap_profile

SERIES = Path(__file__).resolve().parent.parent / "fixtures" / "series"
HOUR = 3_600_000_000_000


def loaded(name: str, kind: str = "heap") -> list[Profile]:
    return [decode.load(path.read_bytes(), str(path)) for path in sorted((SERIES / name).glob(f"{kind}_*"))]


def profile(i: int) -> Profile:
    """Of a process that leaks one sampled object a snapshot and churns otherwise."""
    samples = [
        Sample(("app.(*Store).Put", "main.handle"), 4096, allocated=10 + 3 * i, inuse=10 + 3 * i),
        Sample(("app.Render", "main.handle"), 2048, allocated=100 * (i + 1), inuse=7 + i % 3),
    ]
    return heap_profile(samples, time_ns=(i + 1) * HOUR, source=f"p{i}")


@pytest.mark.parametrize("name", ["sessions", "vendors-20"])
def test_it_says_what_a_hunt_on_the_same_profiles_says(name: str) -> None:
    live = LiveHunt(Settings())
    for one in [*loaded(name), *loaded(name, "goroutine")]:
        assert live.add(one) is None
    paths = sorted((SERIES / name).glob("*.pb.gz"))
    at_once = hunt(gather([Source(str(path), path, path.read_bytes) for path in paths], Settings()))
    assert dataclasses.replace(live.report(), series=None) == dataclasses.replace(at_once, inputs=(), series=None)


def test_an_endless_series_is_thinned_and_its_ends_are_kept() -> None:
    live = LiveHunt(Settings(), most_snapshots=10)
    for i in range(100):
        live.add(profile(i))
        live.add_memstats((i + 1) * HOUR, {"TotalAlloc": i})
    report = live.report()
    assert report.window.snapshots == 10
    assert (report.window.start_ns, report.window.end_ns) == (HOUR, 100 * HOUR)
    assert report.verdict == Verdict.LEAK
    assert live.heaps_seen == 100


def test_the_same_profile_twice_is_refused_and_warm_up_is_left_out() -> None:
    live = LiveHunt(Settings(warmup=2))
    for i in range(4):
        live.add(profile(i))
    assert "same content" in (live.add(profile(3)) or "")
    report = live.report()
    assert (report.window.start_ns, report.window.snapshots) == (3 * HOUR, 2)


def test_nothing_yet() -> None:
    assert LiveHunt(Settings()).report().verdict == Verdict.INCONCLUSIVE


def looks(name: str) -> tuple[list[Report], list[str]]:
    live, certainty = LiveHunt(Settings()), Certainty()
    reports, sentences = [], []
    for one in loaded(name):
        live.add(one)
        reports.append(live.report())
        sentences.append(certainty.look(reports[-1]))
    return reports, sentences


def test_a_leak_gets_certain_and_not_at_once() -> None:
    reports, sentences = looks("sessions")
    first = next(i for i, sentence in enumerate(sentences) if sentence)
    assert first + 1 >= LEAK_AFTER_SNAPSHOTS
    assert all(report.verdict == Verdict.LEAK for report in reports[first - LOOKS_IN_A_ROW + 1 :])
    assert sentences[first].startswith("the same in ")
    assert " looks in a row: main.startSession +" in sentences[first]


def test_a_clean_series_gets_certain_only_after_enough_snapshots() -> None:
    reports, sentences = looks("batches")
    first = next(i for i, sentence in enumerate(sentences) if sentence)
    assert first + 1 >= CLEAN_AFTER_SNAPSHOTS
    assert reports[first].verdict == Verdict.CLEAN
    assert "; a leak below +" in sentences[first]


def test_another_answer_starts_the_count_anew() -> None:
    reports, _ = looks("sessions")
    leak = reports[-1]
    other = dataclasses.replace(leak, cases=(dataclasses.replace(leak.cases[0], fingerprint="another"),))
    certainty = Certainty()
    assert leak.window.snapshots >= LEAK_AFTER_SNAPSHOTS
    answers = [bool(certainty.look(report)) for report in (leak, leak, other, leak, leak, leak)]
    assert answers == [False, False, False, False, False, True]


def test_its_memory_does_not_grow_with_time() -> None:
    """Between the 100th and the 400th snapshot of the same sites at most 32 KiB are added: allocator noise, not a snapshot."""
    live = LiveHunt(Settings(), most_snapshots=20)
    held = {}
    tracemalloc.start()
    try:
        for i in range(400):
            live.add(profile(i))
            live.add_memstats((i + 1) * HOUR, {"TotalAlloc": i})
            if i + 1 in {100, 400}:
                live.report()
                gc.collect()
                held[i + 1] = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held[400] - held[100] < 32 << 10, held
