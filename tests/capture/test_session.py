"""Whole captures against real servers: several targets, faults in mid-series, restarts, and when snapshots are taken."""

import itertools
import time
from http.server import ThreadingHTTPServer
from pathlib import Path

from leakhunt import decode
from leakhunt.capture.connection import Connection
from leakhunt.capture.record import records_in
from leakhunt.capture.session import Event, GivenUp, Missed, Outcome, Plan, Schedule, Taken, capture
from leakhunt.capture.target import parse_target
from leakhunt.model.profile import ProfileKind
from tests.capture.servers import Service, build_service, free_port, url_of

ONCE = Connection(timeout_seconds=5, retries=0)


def run(
    root: Path, urls: list[str], schedule: Schedule, connection: Connection = ONCE, **plan: object
) -> tuple[Outcome, list[Event]]:
    events: list[Event] = []
    targets = tuple(parse_target(url) for url in urls)
    outcome = capture(Plan(targets, root, schedule, **plan), connection, events.append)  # type: ignore[arg-type]
    return outcome, events


def no_partial_file(root: Path) -> bool:
    return not [path for path in root.rglob("*") if path.name.endswith(".part")]


def test_a_service_that_grows(growing: Service, tmp_path: Path) -> None:
    outcome, events = run(tmp_path, [growing.url], Schedule(0.2, 4), gc=True)
    assert [type(event) for event in events] == [Taken] * 4
    (tally,) = outcome.tallies
    records = list(records_in(tally.folder.path))
    assert [record.gc for record in records] == [True] * 4
    assert all({stored.kind for stored in record.files} >= {"heap", "goroutine"} for record in records)
    for record in records:
        for stored in record.files:
            data = (tally.folder.path / stored.name).read_bytes()
            assert decode.load(data, stored.name).kind == ProfileKind(stored.kind)
    live = [record.memstats["HeapAlloc"] for record in records]
    collections = [record.memstats["NumForcedGC"] for record in records]
    assert live[-1] > live[0], "the sessions stay"
    assert all(later > earlier for earlier, later in itertools.pairwise(collections)), "--gc collects each time"
    assert not any(record.restarted for record in records)


def test_a_restart_is_seen_and_noted(growing: Service, tmp_path: Path) -> None:
    seen: list[Event] = []

    def on_event(event: Event) -> None:
        seen.append(event)
        if len(seen) == 2:
            growing.stop()
        if isinstance(event, Missed):
            growing.start()

    plan = Plan((parse_target(growing.url),), tmp_path, Schedule(0.3, 6), gc=True)
    outcome = capture(plan, ONCE, on_event)
    (tally,) = outcome.tallies
    assert tally.restarts == 1
    assert tally.missed >= 1
    assert any(isinstance(event, Missed) and "connection refused" in event.reason for event in seen)
    reasons = [record.restarted for record in records_in(tally.folder.path)]
    assert sum(bool(reason) for reason in reasons) == 1
    assert any("fell from" in reason for reason in reasons)
    assert no_partial_file(tmp_path)


def test_a_fault_in_mid_series_leaves_a_valid_series(misbehaving: ThreadingHTTPServer, tmp_path: Path) -> None:
    outcome, events = run(tmp_path, [url_of(misbehaving) + "/flaky"], Schedule(0.05, 6))
    assert [type(event) for event in events] == [Taken, Taken, Missed, Missed, Taken, Taken]
    (tally,) = outcome.tallies
    assert len(list(tally.folder.path.glob("*_heap.pb.gz"))) == 4
    assert no_partial_file(tmp_path)


def test_one_bad_target_stops_no_other(misbehaving: ThreadingHTTPServer, tmp_path: Path) -> None:
    root = url_of(misbehaving)
    urls = [f"{root}/{fault}" for fault in ("good", "login", "half", "stall", "error", "bad_gzip", "json", "elsewhere")]
    urls.append(f"http://127.0.0.1:{free_port()}")
    outcome, events = run(tmp_path, urls, Schedule(0.1, 3), Connection(timeout_seconds=0.5, retries=0))
    assert outcome.tallies[0].taken == 3
    assert all(tally.taken == 0 and tally.failure for tally in outcome.tallies[1:])
    assert sum(isinstance(event, GivenUp) for event in events) == len(urls) - 1
    assert no_partial_file(tmp_path)
    assert [path for path in tmp_path.rglob("*.pb.gz") if path.parent != outcome.tallies[0].folder.path] == []


def test_a_slow_answer_skips_ticks_and_is_not_caught_up_with(misbehaving: ThreadingHTTPServer, tmp_path: Path) -> None:
    """Each attempt lasts 0.5 s, so of ticks 0.2 s apart every third is met."""
    outcome, events = run(
        tmp_path, [url_of(misbehaving) + "/flaky_stall"], Schedule(0.2, None, 2.0), Connection(timeout_seconds=0.5, retries=0)
    )
    assert len(events) in {4, 5}, events
    assert outcome.tallies[0].taken == 1


def test_duration(misbehaving: ThreadingHTTPServer, tmp_path: Path) -> None:
    start = time.monotonic()
    outcome, _ = run(tmp_path, [url_of(misbehaving) + "/good"], Schedule(0.25, None, 1.0))
    assert outcome.tallies[0].taken == 5
    assert 1.0 <= time.monotonic() - start < 1.8


def test_the_leak_profile_is_fetched_where_it_is_served(tmp_path: Path) -> None:
    """The service knows the profile (Go 1.26 and its experiment); a service that does not is no error: every other test."""
    service = Service(build_service("./arrivals", tmp_path, "goroutineleakprofile"), "-snapshots", "0")
    service.start()
    try:
        outcome, _ = run(tmp_path, [service.url], Schedule(0.2, 2))
    finally:
        service.stop()
    for record in records_in(outcome.tallies[0].folder.path):
        assert [stored.kind for stored in record.files] == ["heap", "goroutine", "goroutineleak"]
        assert record.missing == {}
        data = (outcome.tallies[0].folder.path / record.files[2].name).read_bytes()
        assert decode.load(data, "leak").kind == ProfileKind.GOROUTINE_LEAK


def test_what_is_missing_beside_the_heap_is_noted_and_costs_no_snapshot(
    misbehaving: ThreadingHTTPServer, tmp_path: Path
) -> None:
    outcome, _ = run(tmp_path, [url_of(misbehaving) + "/lame"], Schedule(0.05, 2), Connection(timeout_seconds=5, retries=5))
    (tally,) = outcome.tallies
    assert tally.taken == 2
    for record in records_in(tally.folder.path):
        assert [stored.kind for stored in record.files] == ["heap"]
        assert set(record.missing) == {"goroutine", "goroutineleak", "memstats"}
        assert all(reason == "HTTP 500 Internal Server Error (out of order)" for reason in record.missing.values())


def test_the_heap_alone(growing: Service, tmp_path: Path) -> None:
    outcome, _ = run(tmp_path, [growing.url], Schedule(0.1, 1), parts=("heap",))
    (record,) = records_in(outcome.tallies[0].folder.path)
    assert [stored.kind for stored in record.files] == ["heap"]
    assert record.memstats == {}
    assert record.missing == {}
