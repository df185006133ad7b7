"""Goroutine evidence: stacks that grow with a site, descriptors, and pools that do not grow."""

import dataclasses

import pytest

from leakhunt.detectors import goroutine_leak, plateau, unclosed_body
from leakhunt.hunt import hunt
from leakhunt.measure.goroutines import GoroutineStack, goroutine_series
from leakhunt.measure.groups import Basis
from leakhunt.model.site import Frame
from leakhunt.thresholds import CONNECTION_FRAMES
from tests.detectors.lab import STEP_NS, Row, evidence, goroutines, ramp, verdicts

PAYLOAD = Row("main.fetch < main.search.func1", 4096, ramp(12, 5))
DESCRIPTORS = Row("runtime.malg < runtime.newproc1 < runtime.newproc.func1 < runtime.systemstack", 416, ramp(12, 5))
BLOCKED = "runtime.gopark < runtime.chansend1 < main.search.func1"


def test_blocked_goroutines_that_grow_with_a_site() -> None:
    (finding,) = goroutine_leak.examine(evidence(PAYLOAD, goroutines=goroutines(**{BLOCKED: ramp(12, 40)})))
    assert finding.confidence == "high"
    assert "main.search.func1 (main.go:7) they rose from 0 to 440, waiting in runtime.chansend1" in finding.text


def test_goroutines_that_run_their_own_code_wait_in_nothing() -> None:
    busy = goroutines(**{"main.search.func1 < main.main": ramp(12, 40)})
    (finding,) = goroutine_leak.examine(evidence(PAYLOAD, goroutines=busy))
    assert finding.text == "goroutines pile up: at main.search.func1 (main.go:7) they rose from 0 to 440"


def test_of_two_stacks_the_faster_growing_is_named() -> None:
    many = "runtime.gopark < runtime.chanrecv < main.search.func1 < main.serve"
    two = goroutines(**{BLOCKED: [0] * 11 + [600], many: [400] * 11 + [900]})
    (finding,) = goroutine_leak.examine(evidence(PAYLOAD, goroutines=two))
    assert (finding.facts["goroutines"], finding.facts["goroutines_grown"]) == (600, 600)


def test_where_in_a_library_they_wait_does_not_split_a_stack() -> None:
    """Half of those that grow were met in a send, half in a receive of the same function."""
    other = "runtime.gopark < runtime.chanrecv < main.search.func1"
    two = goroutines(**{BLOCKED: ramp(12, 1), other: [4 + i // 2 for i in range(12)]})
    (finding,) = goroutine_leak.examine(evidence(PAYLOAD, goroutines=two))
    assert (finding.facts["goroutines"], finding.facts["goroutines_grown"]) == (11 + 9, 16)


def test_goroutines_that_can_never_go_on_are_counted_by_the_last_profile() -> None:
    blocked = evidence(PAYLOAD, goroutines=goroutines(**{BLOCKED: ramp(12, 40)}))
    (finding,) = goroutine_leak.examine(dataclasses.replace(blocked, leaked=goroutines(**{BLOCKED: [0, 3, 7]})))
    assert finding.text.endswith("; the goroutineleak profile holds 7 that can never go on")
    assert finding.facts["leaked"] == 7


def test_goroutines_of_connections_are_called_so() -> None:
    row = Row("main.(*meter).Read < net/http.(*persistConn).readLoop", 4096, ramp(12, 5))
    reading = goroutines(**{"main.(*meter).Read < net/http.(*persistConn).readLoop": ramp(12, 40)})
    (finding,) = goroutine_leak.examine(evidence(row, goroutines=reading))
    assert finding.pattern == "unclosed-body"


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([Frame("main.wait", "/app/cmd/main.go", 7)], "at main.wait (main.go:7) they rose"),
        ([Frame("main.wait")], "at main.wait they rose"),  # a heap dump has no lines
        ([], "at an unknown place they rose"),
        ([Frame("runtime.gopark"), Frame("main.wait")], "from 1 to 1,900, waiting in main.wait"),
        ([Frame("runtime.gopark")], "at runtime.gopark they rose from 1 to 1,900"),
    ],
)
def test_where_goroutines_stand(frames: list[Frame], words: str) -> None:
    text = goroutine_leak._text(GoroutineStack(tuple(frames), (1, 1900)), 0, None)
    assert words in text
    assert text.endswith("1,900") or "waiting" in words


def test_goroutines_that_have_all_come_make_a_level_sure_and_no_leak() -> None:
    """Connections that are opened one by one and kept: samples alone leave a leak open."""
    row = Row("main.dial < main.search.func1", 4096, [0, 5, 10, 15, 20, 25, 30, 35, 39, 40, 40, 40])
    came = [0, 25, 50, 75, 100, 125, 150, 175, 195, 200, 200, 200]
    for counts, verdict in ((came, "filling"), (ramp(12, 20), "leak")):
        seen = evidence(row, goroutines=goroutines(**{BLOCKED: counts}))
        assert hunt(seen).verdict == verdict
    (finding,) = plateau.examine(evidence(row, goroutines=goroutines(**{BLOCKED: came})))
    assert finding.confidence == "high"


def test_a_fixed_pool_is_not_accused() -> None:
    assert verdicts(goroutine_leak.examine, evidence(PAYLOAD, goroutines=goroutines(**{BLOCKED: [64] * 12}))) == []


def test_goroutines_elsewhere_do_not_explain_a_site() -> None:
    elsewhere = goroutines(**{"runtime.gopark < main.other.func2": ramp(12, 40)})
    assert verdicts(goroutine_leak.examine, evidence(PAYLOAD, goroutines=elsewhere)) == []


def test_the_workers_of_a_library_belong_to_what_it_allocates() -> None:
    """A cache with a worker for every event: its tables are of many sampled objects, what it is asked for is another's."""
    tables = Row("example.com/cache.New < main.find < main.serve", 4096, ramp(12, 40))
    workers = goroutines(**{"runtime.gopark < example.com/cache.(*Cache).worker": ramp(12, 25)})
    assert verdicts(goroutine_leak.examine, evidence(tables, goroutines=workers)) == [("example.com/cache.New", "high")]
    values = Row("main.load < main.find < main.serve", 4096, ramp(12, 40))
    assert verdicts(goroutine_leak.examine, evidence(values, goroutines=workers)) == []


def test_goroutines_of_a_library_are_ended_by_closing_what_began_them() -> None:
    made = Row("google.golang.org/grpc.NewClient < main.ask < main.serve", 4096, ramp(12, 5))
    library = Frame("google.golang.org/grpc.(*pickerWrapper).watch", "/go/pkg/mod/google.golang.org/grpc@v1.75.0/picker.go", 7)
    program = Frame("main.ask", "/app/main.go", 9)
    for frames, word in (((library,), "google.golang.org/grpc's own"), ((library, program), "a way out")):
        piles = goroutine_series((i * STEP_NS, {frames: 40 * i}) for i in range(12))
        (finding,) = goroutine_leak.examine(evidence(made, goroutines=piles))
        assert word in finding.remedy


def test_connections_of_a_server_belong_to_the_goroutines_that_serve_them() -> None:
    buffers = Row("bufio.NewReaderSize < net/http.newBufioReader < net/http.(*conn).serve", 4096, ramp(12, 5))
    waiting = "runtime.gopark < bufio.(*Reader).Peek < net/http.(*conn).serve"
    elsewhere = "runtime.gopark < net/http.(*persistConn).writeLoop"
    (finding,) = goroutine_leak.examine(
        evidence(buffers, goroutines=goroutines(**{waiting: ramp(12, 25), elsewhere: ramp(12, 40)}))
    )
    assert (finding.confidence, finding.facts["goroutines_grown"]) == ("high", 25 * 11)
    assert list(goroutine_leak.examine(evidence(buffers, goroutines=goroutines(**{elsewhere: ramp(12, 40)})))) == []


def test_a_goroutine_that_the_standard_library_begins_belongs_to_who_called_it() -> None:
    """It is named by its beginning, as nothing else of it is telling."""
    batch = Row("os/signal.Notify < os/signal.NotifyContext < main.pay", 4096, ramp(12, 5))
    waits = goroutines(**{"runtime.gopark < runtime.selectgo < os/signal.NotifyContext.func1": ramp(12, 40)})
    (finding,) = goroutine_leak.examine(evidence(batch, goroutines=waits))
    assert finding.text.startswith("goroutines pile up: at os/signal.NotifyContext.func1 (main.go:7) they rose from 0 to 440")
    other = Row("main.load < main.pay", 4096, ramp(12, 5))
    assert list(goroutine_leak.examine(evidence(other, goroutines=waits))) == []


def test_methods_of_one_type_belong_together() -> None:
    row = Row("main.(*board).open < main.(*board).talk < main.serve", 2048, ramp(12, 5))
    carrying = goroutines(**{"runtime.gopark < runtime.chanrecv < main.(*board).carry": ramp(12, 40)})
    assert verdicts(goroutine_leak.examine, evidence(row, goroutines=carrying)) == [("main.(*board).open", "high")]


def test_functions_of_one_package_belong_together_where_their_numbers_do() -> None:
    row = Row("main.spawn < main.handle", 2048, ramp(12, 5))  # some 14 100 objects
    waiting = "runtime.gopark < runtime.chanrecv < main.waiter"
    many, few = (goroutines(**{waiting: ramp(12, step)}) for step in (1200, 40))
    assert verdicts(goroutine_leak.examine, evidence(row, goroutines=many)) == [("main.spawn", "high")]
    assert verdicts(goroutine_leak.examine, evidence(row, goroutines=few)) == []


def test_some_one_to_twelve_objects_a_goroutine_are_its_own() -> None:
    assert [goroutine_leak._few_for_each(objects, 10) for objects in (6, 7, 120, 121)] == [False, True, True, False]


def test_what_grows_most_beside_descriptors_is_theirs_if_the_numbers_agree() -> None:
    row = Row("main.spawn < main.handle", 2048, ramp(12, 20))
    seen = evidence(row, DESCRIPTORS)
    assert sorted(verdicts(goroutine_leak.examine, seen)) == [("main.spawn", "low"), ("runtime.malg", "medium")]
    (case,) = hunt(seen).cases
    assert (case.pattern, case.site.leaf.function) == ("goroutine-leak", "main.spawn")
    huge = Row("main.load < main.handle", 65536, ramp(12, 20))
    assert verdicts(goroutine_leak.examine, evidence(huge, DESCRIPTORS)) == [("runtime.malg", "medium")]


def test_goroutines_without_a_payload_are_named_by_where_they_stand() -> None:
    (case,) = hunt(evidence(DESCRIPTORS, goroutines=goroutines(**{BLOCKED: ramp(12, 900)}))).cases
    assert (case.site.leaf.function, case.site.leaf.line) == ("main.search.func1", 7)


def test_descriptors_alone_are_a_suspicion() -> None:
    (finding,) = goroutine_leak.examine(evidence(DESCRIPTORS))
    assert finding.confidence == "medium"
    assert "fetch /debug/pprof/goroutine" in finding.text


def test_read_loops_that_grow_make_connections_sure() -> None:
    row = Row("bufio.NewReaderSize < net/http.(*Transport).dialConn < net/http.(*Transport).dialConnFor", 4096, ramp(12, 5))
    loops = goroutines(**{"internal/poll.runtime_pollWait < net/http.(*persistConn).readLoop": ramp(12, 30, start=2)})
    (finding,) = unclosed_body.examine(evidence(row, goroutines=loops))
    assert finding.confidence == "high"
    assert "rose from 2 to 332" in finding.text
    for counts, confidence in (([9], "medium"), ([2, 9, 4], "medium"), ([2, 4, 9], "high"), ([10, 90, 95], "high")):
        loops = goroutines(**{"internal/poll.runtime_pollWait < net/http.(*persistConn).readLoop": counts})
        assert [said for _, said in verdicts(unclosed_body.examine, evidence(row, goroutines=loops))] == [confidence]


def test_connections_that_a_request_makes_far_down_its_stack_are_others_affair() -> None:
    above = " < ".join(f"main.f{i}" for i in range(CONNECTION_FRAMES))
    assert verdicts(unclosed_body.examine, evidence(Row(f"{above} < net/http.(*Transport).dialConn", 4096, ramp(12, 5)))) == []


LIKELY = Row("main.open < main.(*hub).Accept < main.serve", 2048, [3, 2, 2, 4, 5, 5, 5, 4, 4, 6, 6, 7])
LISTENING = "runtime.gopark < net.(*pipe).Read < main.(*hub).listen"


def test_goroutines_that_pile_up_make_likely_growth_a_leak() -> None:
    """By its samples alone the site may have grown by chance; every goroutine is counted."""
    assert hunt(evidence(LIKELY)).verdict == "clean"
    (case,) = hunt(evidence(LIKELY, goroutines=goroutines(**{LISTENING: ramp(12, 130, 780)}))).cases
    assert (case.verdict, case.pattern, case.site.leaf.function) == ("leak", "goroutine-leak", "main.open")
    assert "the goroutines that it is allocated for pile up" in " ".join(f.text for f in case.evidence)


@pytest.mark.parametrize(
    "held",
    [
        [3, 2, 6, 4, 5, 2, 5, 4, 4, 3, 4, 6],  # by more than a MiB, and by chance as likely as not
        [3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4],  # likely, and by half a MiB
    ],
)
def test_what_hardly_grows_is_no_leak_for_the_goroutines_that_pile_up_there(held: list[int]) -> None:
    row = dataclasses.replace(LIKELY, inuse=held, freed=ramp(12, 4))
    seen = evidence(row, goroutines=goroutines(**{LISTENING: ramp(12, 130, 780)}))
    assert seen.growing_groups == ()


@pytest.mark.parametrize(
    ("held", "one"),
    [
        (ramp(12, 3), True),  # 33 samples of 12 KiB stand for 1 425 objects
        (ramp(12, 5), True),  # of 55 the error is 55 / sqrt(55) samples: 2 375 are 1 430, twice that and a quarter allowed
        (ramp(12, 5, start=200), True),
        (ramp(12, 7), False),
    ],
)
def test_what_each_goroutine_was_given_is_one_leak_with_what_it_holds(held: list[int], one: bool) -> None:
    """1 430 more listen; the other site is on no stack of theirs."""
    given, likely = Row("main.greet < main.welcome < main.loop", 12288, held), dataclasses.replace(LIKELY, freed=ramp(12, 1))
    seen = evidence(likely, given, goroutines=goroutines(**{LISTENING: ramp(12, 130, 780)}))
    leaves = [{seen.series.sites[site].leaf.function for site in group.sites} for group in seen.growing_groups]
    assert {group.basis for group in seen.groups if not group.grows} == {Basis.CONSPICUOUS}, "the others are as they were"
    assert leaves == ([{"main.greet", "main.open"}] if one else [{"main.open"}, {"main.greet"}])


def test_what_grows_likely_elsewhere_does_not_stand_in_the_way() -> None:
    """It gained twice as much, and comes first."""
    likely = dataclasses.replace(LIKELY, freed=ramp(12, 1))
    elsewhere = dataclasses.replace(likely, stack="main.load < main.poll", inuse=[2 * each for each in likely.inuse])
    seen = evidence(likely, elsewhere, goroutines=goroutines(**{LISTENING: ramp(12, 130, 780)}))
    (group,) = seen.growing_groups
    assert (group.basis, seen.series.sites[group.seed].leaf.function) == (Basis.GOROUTINES, "main.open")


def test_a_growing_site_of_the_same_goroutines_is_no_second_leak() -> None:
    surely = Row("main.read < main.(*hub).listen", 4096, ramp(12, 6))
    (case,) = hunt(evidence(LIKELY, surely, goroutines=goroutines(**{LISTENING: ramp(12, 130, 780)}))).cases
    assert case.site.leaf.function == "main.read"


def test_goroutines_that_pile_up_without_any_site_are_not_clean() -> None:
    elsewhere = goroutines(**{"runtime.gopark < main.(*pool).work": ramp(12, 130, 780)})
    report = hunt(evidence(Row("main.cache < main.serve", 640, [9] * 12), goroutines=elsewhere))
    assert (report.verdict, report.cases) == ("inconclusive", ())
    assert report.headline.startswith("goroutines at main.(*pool).work rose from 780 to 2,210, and no heap site with them")
