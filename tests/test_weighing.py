"""How a hunt weighs: the whole table of charge against excuse, which groups are one leak, and what is said in the end."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from leakhunt.config import Settings
from leakhunt.evidence import Evidence, gather
from leakhunt.hunt import _growing_heap, _joined, _limit, _overall, _said_of_both, _shown, _unexplained_bytes, _weigh, hunt
from leakhunt.measure.groups import Group
from leakhunt.model.finding import Cleared, Confidence, Finding, Growth, Input, Retention, Stance, Verdict, Window
from leakhunt.model.site import AllocationSite, Frame
from leakhunt.thresholds import MIN_GROWTH_BYTES
from tests.detectors.lab import Row, evidence, goroutines, ramp
from tests.detectors.test_held import path
from tests.heaps import story
from tests.measure.test_ledger import stats

LOW, MEDIUM, HIGH = Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH
LEAK = evidence(Row("main.put < main.serve", 640, ramp(12, 6)))
SHORT = evidence(Row("main.put < main.serve", 640, [0, 40, 80]))


def said(stance: Stance, confidence: Confidence | None, pattern: str) -> list[Finding]:
    return [] if confidence is None else [Finding("d", pattern, stance, confidence, (0,), "text", {}, "remedy")]


def weighed(
    charge: Confidence | None, excuse: Confidence | None, pattern: str = "pool", seen: Evidence = LEAK
) -> Verdict | None:
    findings = said(Stance.EXONERATES, excuse, pattern) + said(Stance.IMPLICATES, charge, "timer")
    return _weigh(findings, seen)


@pytest.mark.parametrize(
    ("charge", "excuse", "verdict"),
    [
        (None, None, None),
        (None, HIGH, None),
        (LOW, None, Verdict.SUSPECT),
        (MEDIUM, None, Verdict.LEAK),
        (HIGH, None, Verdict.LEAK),
        (LOW, LOW, Verdict.SUSPECT),
        (LOW, MEDIUM, None),
        (LOW, HIGH, None),
        (MEDIUM, LOW, Verdict.LEAK),
        (MEDIUM, MEDIUM, Verdict.SUSPECT),
        (MEDIUM, HIGH, None),
        (HIGH, MEDIUM, Verdict.LEAK),
        (HIGH, HIGH, Verdict.SUSPECT),
    ],
)
def test_charge_against_excuse(charge: Confidence | None, excuse: Confidence | None, verdict: Verdict | None) -> None:
    assert weighed(charge, excuse) == verdict


@pytest.mark.parametrize("pattern", ["plateau", "bounded-cache"])
def test_an_excuse_that_says_when_it_ends_makes_it_filling(pattern: str) -> None:
    assert weighed(MEDIUM, MEDIUM, pattern) == weighed(MEDIUM, HIGH, pattern) == Verdict.FILLING
    assert weighed(HIGH, MEDIUM, pattern) == Verdict.LEAK
    assert weighed(LOW, LOW, pattern) == Verdict.SUSPECT
    weaker = (
        said(Stance.EXONERATES, LOW, pattern) + said(Stance.EXONERATES, HIGH, "pool") + said(Stance.IMPLICATES, MEDIUM, "timer")
    )
    assert _weigh(weaker, LEAK) is None, "only the strongest excuse counts"


def test_chance_leaves_a_weak_charge_a_suspicion() -> None:
    assert weighed(LOW, LOW, "noise") == Verdict.SUSPECT
    assert weighed(MEDIUM, LOW, "noise") == Verdict.LEAK
    assert weighed(MEDIUM, MEDIUM, "noise") == Verdict.SUSPECT


def test_few_snapshots_allow_a_suspicion_at_most() -> None:
    assert [weighed(charge, None, seen=SHORT) for charge in (LOW, MEDIUM, HIGH)] == [Verdict.SUSPECT] * 3
    assert weighed(MEDIUM, MEDIUM, seen=SHORT) == Verdict.SUSPECT
    assert weighed(MEDIUM, MEDIUM, "plateau", seen=SHORT) == Verdict.SUSPECT
    assert weighed(LOW, MEDIUM, seen=SHORT) is None


def cases(*rows: Row, seen: Evidence | None = None) -> list[tuple[str, list[str]]]:
    """Pattern and leaf functions of each case."""
    report = hunt(seen or evidence(*rows))
    return [(case.pattern, sorted(site.leaf.function for site in case.sites)) for case in report.cases]


def test_parts_of_a_connection_are_one_leak_whoever_dials() -> None:
    dial = "net/http.(*Transport).dialConn < net/http.(*Transport).dialConnFor"
    reader, writer = (
        Row(f"bufio.NewReaderSize < {dial}", 4096, ramp(12, 5)),
        Row(f"bufio.NewWriterSize < {dial}", 4096, ramp(12, 2)),
    )
    request = Row("main.body < net/http.(*Transport).roundTrip < main.fetch", 2048, ramp(12, 9))
    assert cases(reader, writer, request) == [("unclosed-body", ["bufio.NewReaderSize", "bufio.NewWriterSize", "main.body"])]


def test_a_connection_is_one_leak_though_functions_of_two_goroutines_make_it() -> None:
    dialled = Row("main.(*meter).dial < net/http.(*Transport).dialConn < net/http.(*Transport).dialConnFor", 4096, ramp(12, 5))
    request = Row("main.body < net/http.(*Transport).roundTrip < main.fetch", 2048, ramp(12, 9))
    assert cases(dialled, request) == [("unclosed-body", ["main.(*meter).dial", "main.body"])]


@pytest.mark.parametrize("steps", [(5, 9), (9, 5)])
def test_what_no_function_of_the_program_makes_belongs_to_any_of_the_library(steps: tuple[int, int]) -> None:
    """Whichever of the two grows faster, and comes first."""
    anyone = Row("context.withCancel < context.WithCancel < net/http.(*conn).serve", 96, ramp(12, steps[0]))
    handle = Row("context.(*cancelCtx).propagateCancel < context.WithTimeout < main.handle", 192, ramp(12, steps[1]))
    assert [pattern for pattern, _ in cases(anyone, handle)] == ["context-cancel-children"]


@dataclasses.dataclass(frozen=True)
class HeldBy(Evidence):
    """Evidence with a dump that shows a path for the sites of some leaf functions."""

    paths: Mapping[str, Retention] = dataclasses.field(default_factory=dict)

    def retention(self, group: Group) -> Retention | None:
        return self.paths.get(self.series.sites[group.seed].leaf.function)


def held_by(paths: Mapping[str, Retention], *rows: Row) -> list[list[str]]:
    seen = evidence(*rows)
    return [functions for _, functions in cases(seen=HeldBy(seen.series, paths=paths))]


STORE = path("main.store", ".items map[string]*main.T#1", "[x] main.T#900")
PUT, LOAD = Row("main.put < main.serve", 640, ramp(12, 6)), Row("main.load < main.poll", 320, ramp(12, 9))


def test_what_one_container_holds_is_one_leak_whoever_put_it_there() -> None:
    other = path("main.store", ".others map[string]*main.T#1", "[x] main.T#900")
    assert held_by({"main.put": STORE, "main.load": STORE}, PUT, LOAD) == [["main.load", "main.put"]]
    assert held_by({"main.put": STORE, "main.load": other}, PUT, LOAD) == [["main.load"], ["main.put"]]
    assert held_by({}, PUT, LOAD) == [["main.load"], ["main.put"]]


def test_a_joined_group_brings_its_container() -> None:
    """Two are one by their library, of which a dump shows where one lies; a third lies there too."""
    dial = "net/http.(*Transport).dialConn < net/http.(*Transport).dialConnFor"
    connection = path("main.all", ".conns map[string]*http.persistConn#1", "[x] http.persistConn#900")
    reader = Row(f"bufio.NewReaderSize < {dial}", 4096, ramp(12, 9))
    writer = Row("bufio.NewWriterSize < net/http.(*persistConn).writeLoop", 2048, ramp(12, 7))
    for shown in ("bufio.NewReaderSize", "bufio.NewWriterSize"):
        assert len(held_by({shown: connection, "main.put": connection}, reader, writer, PUT)) == 1
    assert len(held_by({"main.put": connection}, reader, writer, PUT)) == 2


def test_what_lies_in_one_container_and_does_not_grow_is_no_part_of_the_leak() -> None:
    around_300 = [300, 310, 305, 300, 312, 306, 300, 311, 307, 300, 309, 304]
    level = Row("main.load < main.poll", 65536, around_300, freed=ramp(12, 40))
    assert held_by({"main.put": STORE, "main.load": STORE}, PUT, level) == [["main.put"]]


def test_an_excuse_counts_for_both_where_it_is_of_the_faster() -> None:
    two = evidence(Row("main.put < main.serve", 640, ramp(12, 9)), Row("main.load < main.poll", 640, ramp(12, 3)))
    faster, slower = sorted(two.growing_groups, key=lambda group: -group.trend.bytes_per_hour)
    findings = [said(Stance.EXONERATES, LOW, "pool") + said(Stance.IMPLICATES, MEDIUM, name) for name in ("timer", "sawtooth")]
    both = dict(zip((faster, slower), findings, strict=True))
    for a, b in ((faster, slower), (slower, faster)):
        kept = _said_of_both(both, a, b)
        assert sorted((f.stance, f.pattern) for f in kept) == [
            ("exonerates", "pool"),
            ("implicates", "sawtooth"),
            ("implicates", "timer"),
        ]
        assert next(f for f in kept if f.stance is Stance.EXONERATES) is findings[0][0]


@pytest.mark.parametrize(("of_first", "of_other", "kept"), [(LOW, HIGH, 1), (HIGH, LOW, 0), (MEDIUM, MEDIUM, 0)])
def test_of_what_one_detector_says_of_both_the_stronger_is_kept(of_first: Confidence, of_other: Confidence, kept: int) -> None:
    rows = evidence(PUT, LOAD)
    seen = HeldBy(rows.series, paths={"main.put": STORE, "main.load": STORE})
    first, other = seen.growing_groups
    one = [Finding("d", "timer", Stance.IMPLICATES, each, (0,), str(i), {}, "") for i, each in enumerate((of_first, of_other))]
    beside = Finding("e", "timer", Stance.IMPLICATES, LOW, (0,), "beside", {}, "")
    findings: dict[Group, list[Finding]] = {group: [] for group in seen.groups} | {first: [one[0], beside], other: [one[1]]}
    joined, *_ = _joined(seen, findings)
    assert sorted(joined.sites) == sorted((*first.sites, *other.sites))
    assert {finding.text for finding in findings[joined]} == {str(kept), "beside"}


def test_a_heap_grows_where_less_than_half_of_it_is_cleared_for_a_reason() -> None:
    gained = LEAK.total_bytes[-1] - LEAK.total_bytes[0]
    site = LEAK.series.sites[0]

    def cleared(pattern: str, bytes_: int) -> tuple[Cleared, ...]:
        falls = Cleared(site, pattern, "", Growth(-gained, 0, 0, 0, 0))
        return (falls, Cleared(site, pattern, "", Growth(bytes_, 0, 0, 0, 0)))

    half = gained // 2
    for pattern, bytes_, grows in (("plateau", half - 9, True), ("plateau", half + 1, False), ("noise", gained, True)):
        found = _growing_heap(LEAK, (), cleared(pattern, bytes_))
        assert found == (LEAK.heap_trend if grows else None), (pattern, bytes_)
    assert _growing_heap(LEAK, hunt(LEAK).cases, ()) is None
    assert _growing_heap(SHORT, (), ()) is None
    held = [90, 95, 92, 90, 94, 91, 93, 90, 95, 92, 91, 93]
    assert _growing_heap(evidence(Row("main.put < main.serve", 640, held, freed=ramp(12, 9))), (), ()) is None


def contexts(first: str, second: str) -> list[tuple[str, list[str]]]:
    return cases(
        Row(f"context.withCancel < context.WithCancel < {first}", 96, ramp(12, 5)),
        Row(f"context.(*cancelCtx).propagateCancel < context.WithTimeout < {second}", 192, ramp(12, 9)),
    )


def test_what_one_library_makes_is_one_leak_where_one_function_calls_it() -> None:
    apart = "main.a < main.b < main.c < main.d < main.e"
    both = [("context-cancel-children", ["main.a", "main.handle"])]
    two = [("context-cancel-children", ["main.a"]), ("context-cancel-children", ["main.handle"])]
    assert contexts("main.handle < main.serve", f"{apart} < main.serve") == both
    assert contexts("main.handle < main.serve", apart) == two
    assert contexts("main.handle < main.main", f"{apart} < main.main") == two, "everything is called by main.main"


MODULE = "/go/pkg/mod/example.com/lib@v1.2.3/lib.go"


def in_files(seen: Evidence, files: Mapping[str, str]) -> Evidence:
    """The same with functions in files, by what they begin with."""

    def placed(frame: Frame) -> Frame:
        return Frame(frame.function, next((files[begin] for begin in files if frame.function.startswith(begin)), frame.file))

    sites = tuple(AllocationSite(tuple(placed(frame) for frame in site.frames)) for site in seen.series.sites)
    return dataclasses.replace(seen, series=dataclasses.replace(seen.series, sites=sites))


def test_goroutines_of_one_library_are_one_leak_shown_where_the_program_calls_it() -> None:
    """A client's transport and its callbacks run in goroutines that no function of the program is on."""
    waits = "runtime.gopark < lib/transport.(*client).reader"
    rows = [
        Row("lib/transport.newFramer < lib/transport.(*client).reader", 4096, ramp(12, 9)),
        Row("lib.NewClient < main.ask < main.serve", 640, ramp(12, 5)),
    ]
    seen = evidence(*rows, goroutines=goroutines(**{waits: ramp(12, 40), "runtime.gopark < lib.NewClient": ramp(12, 40)}))
    assert [case.pattern for case in hunt(seen).cases] == ["goroutine-leak", "goroutine-leak"]
    other = MODULE.replace("lib@", "other@")
    for transport, leaves in ((MODULE, ["lib.NewClient"]), (other, ["lib.NewClient", "lib/transport.newFramer"])):
        found = hunt(in_files(seen, {"lib.": MODULE, "lib/": transport})).cases
        assert sorted(case.site.leaf.function for case in found) == leaves
        assert {case.pattern for case in found} == {"goroutine-leak"}
        assert sum(len(case.sites) for case in found) == 2


def test_what_a_library_makes_for_one_function_of_the_program_is_one_leak() -> None:
    """An interpreter and its tables, in unequal numbers; and what its scheduler makes in a goroutine of its own."""
    rows = [
        Row("lib.New < main.rule < main.serve", 640, ramp(12, 9)),
        Row("lib.put < lib.(*vm).bind < lib.(*vm).run < lib.(*VM).Do < main.{} < main.serve", 96, ramp(12, 9)),
        Row("lib.(*queue).add < lib.(*queue).run", 4096, ramp(12, 40)),
    ]

    def found(rows: list[Row], own: str) -> list[int]:
        return sorted(len(case.sites) for case in hunt(in_files(evidence(*rows), {"lib.": own})).cases)

    def called(function: str) -> Row:
        return dataclasses.replace(rows[1], stack=rows[1].stack.format(function))

    vendored = "/srv/vendor/example.com/lib/lib.go"
    assert found([rows[0], called("rule")], MODULE) == [2]
    assert found([rows[0], called("tax")], MODULE) == [1, 1]
    assert found(
        [dataclasses.replace(rows[0], stack="lib.New < main.(*Ring).source < main.serve"), called("(*Ring).ask")], MODULE
    ) == [2]
    assert found([rows[0], rows[2]], MODULE) == [2]
    assert found([rows[0], rows[2]], vendored) == [1, 1], "whose code it is, is not told"


def test_a_leak_is_shown_where_the_program_makes_it_else_a_library_else_the_first() -> None:
    runtime, other, library, program = (
        AllocationSite((Frame(function, file),))
        for function, file in (
            ("runtime.malg", "/usr/local/go/src/runtime/proc.go"),
            ("bufio.NewReaderSize", "/usr/local/go/src/bufio/bufio.go"),
            ("lib.New", "/go/pkg/mod/example.com/lib@v1.2.3/lib.go"),
            ("main.put", "/srv/main.go"),
        )
    )
    assert _shown([runtime, other]) is runtime
    assert _shown([runtime, library, other]) is library
    assert _shown([runtime, library, program]) is program


def test_a_server_makes_a_context_for_each_connection() -> None:
    reader = Row("bufio.NewReaderSize < net/http.newBufioReader < net/http.(*conn).serve", 4096, ramp(12, 9))
    context = Row("context.withCancel < context.WithCancel < net/http.(*conn).serve", 96, ramp(12, 9))
    assert cases(reader, context) == [("steady-growth", ["bufio.NewReaderSize", "context.withCancel"])]


def test_what_each_goroutine_was_given_is_one_leak_with_what_it_makes() -> None:
    """As many messages as goroutines that wait for an answer; the few objects of their own may be chance."""
    message = Row("main.plan < main.handle", 4096, ramp(12, 5))
    own = Row("main.(*link).await", 512, [0, 0, 0, 0, 0, 1, 1, 2, 3, 3, 2, 3], freed=[0] * 10 + [1, 1])
    each = round(float(evidence(message).grown_objects.max()) / 11)
    for more, found in (
        (each, [("goroutine-leak", ["main.(*link).await", "main.plan"])]),
        (9 * each, [("steady-growth", ["main.plan"])]),
    ):
        seen = evidence(message, own, goroutines=goroutines(**{"runtime.gopark < main.(*link).await": ramp(12, more)}))
        assert cases(seen=seen)[:1] == found


def test_what_only_one_of_them_shares_is_two_leaks() -> None:
    context = Row("context.withCancel < context.WithCancel < main.handle < main.serve", 96, ramp(12, 5))
    other = Row("main.put < main.a < main.b < main.c < main.d < main.serve", 640, ramp(12, 9))
    assert len(cases(context, other)) == 2


def test_groups_that_do_not_both_grow_are_never_one() -> None:
    dial = "net/http.(*Transport).dialConn < net/http.(*Transport).dialConnFor"
    level = [300, 310, 305, 300, 312, 306, 300, 311, 307, 300, 309, 304]
    found = cases(
        Row(f"bufio.NewReaderSize < {dial}", 4096, ramp(12, 5)),
        Row(f"bufio.NewWriterSize < {dial}", 65536, level, freed=ramp(12, 40)),
    )
    assert found == [("unclosed-body", ["bufio.NewReaderSize"])]


def test_of_two_that_are_joined_the_stronger_finding_stays() -> None:
    blocked = "runtime.gopark < runtime.chansend1 < main.ask"
    seen = evidence(
        Row("runtime.malg < runtime.newproc1 < runtime.newproc.func1 < runtime.systemstack", 416, ramp(12, 2)),
        Row("main.question < main.ask", 4096, ramp(12, 5)),
        goroutines=goroutines(**{blocked: ramp(12, 40)}),
    )
    (case,) = hunt(seen).cases
    assert (case.pattern, len(case.sites)) == ("goroutine-leak", 2)
    assert len({f.detector for f in case.evidence}) == len(case.evidence), "each detector speaks once"


def forecast(growth: Growth, limit_bytes: int | None, inuse: Sequence[int] = (0, 0)) -> tuple[float, ...] | None:
    seen = dataclasses.replace(LEAK, settings=Settings(limit_bytes=limit_bytes))
    vars(seen).update(total_bytes=tuple(inuse))  # the cached property
    found = _limit(growth, seen)
    return None if found is None else (found.limit_bytes, found.hours, found.low_hours, found.high_hours)


def test_hours_to_a_limit_by_hand() -> None:
    assert forecast(Growth(9, 100.0, 50.0, 200.0, 1.0), 1_000, (5, 400)) == (1_000, 6, 3, 12)
    assert forecast(Growth(9, 100.0, 0.0, 200.0, 1.0), 1_000, (5, 400)) == (1_000, 6, 3, math.inf)
    assert forecast(Growth(9, 100.0, 0.5, 200.0, 1.0), 1_000, (5, 400)) == (1_000, 6, 3, 1200)
    assert forecast(Growth(9, 100.0, 50.0, 200.0, 1.0), 1_000, (5, 2_000)) == (1_000, 0, 0, 0)
    assert forecast(Growth(9, 0.5, 0.25, 1.0, 1.0), 1_000, (5, 999)) == (1_000, 2, 1, 4)
    assert forecast(Growth(9, 0.0, -1.0, 1.0, 1.0), 1_000) is None
    assert forecast(Growth(9, 100.0, 50.0, 200.0, 1.0), None) is None


def test_a_case_says_what_it_rests_on() -> None:
    (case,) = hunt(LEAK).cases
    group: Group = LEAK.groups[0]
    assert case.fingerprint == LEAK.series.sites[group.seed].fingerprint
    assert (case.status, case.history_bytes[0], case.history_bytes[-1]) == ("new", 0, case.inuse_bytes)
    assert len(case.history_bytes) == 12
    assert (case.statistics.q_value, case.statistics.snapshots) == (group.trend.q, 12)
    assert [f.stance for f in case.evidence] == sorted((f.stance for f in case.evidence), key="implicates".__ne__)
    cleared = hunt(LEAK).cleared[0]
    assert len(cleared.history_bytes) == 12
    assert cleared.history_bytes[-1] == LEAK.series.inuse_bytes[1 - group.seed, -1]


@pytest.mark.parametrize(("gained", "verdict"), [(4, "inconclusive"), (1, "clean")])
def test_clean_wants_most_of_the_growth_explained(gained: int, verdict: str) -> None:
    """Sites of too few objects to test: 4 blocks of 8 MiB beside 100 of 1 MiB are more than a fifth, one is less."""
    table = Row("main.table < main.load", 1 << 20, [100] * 8)
    found = hunt(evidence(table, Row("main.put < main.serve", 8 << 20, [0] * 7 + [gained])))
    assert found.verdict == verdict
    assert any("could not be tested; nothing cleared them" in note for note in found.notes)


def test_a_heap_that_surely_grows_is_not_clean_though_no_site_of_it_is_sure() -> None:
    """Forty functions of which each gains one sampled object, one after the other, beside memory that stays."""
    stays = Row("main.table < main.load", 640, [400] * 41)

    def thin(*gains_at: float) -> list[Row]:
        steps = enumerate(gains_at)
        return [Row(f"p{k}.make < p{k}.run", 640, [int(step > at) for step in range(41)]) for k, at in steps]

    found = hunt(evidence(stays, *thin(*range(40))))
    assert (found.verdict, found.cases) == ("inconclusive", ())
    assert found.headline.startswith("the heap rose from ")
    assert "beyond chance (p=" in found.headline
    assert hunt(evidence(stays, *thin(*(at / 2 for at in range(40))))).verdict == "clean", "the last half does not show it"
    assert hunt(evidence(stays, *thin(2, 19, 36))).verdict == "clean", "no more than chance"


def test_growth_without_a_word_is_what_rose_by_enough_to_be_a_leak() -> None:
    seen, groups = dataclasses.replace(LEAK), LEAK.groups
    least = [(MIN_GROWTH_BYTES, MIN_GROWTH_BYTES), (MIN_GROWTH_BYTES - 1, 0), (-MIN_GROWTH_BYTES, 0)]
    for grown, counted in least:
        trends = dataclasses.replace(LEAK.trends, grown_bytes=np.array([float(grown), 0.0]))
        vars(seen).update(trends=trends)  # the cached property
        assert _unexplained_bytes(groups, seen) == counted


def test_a_fifth_of_the_heap_as_it_is_now_may_be_unexplained() -> None:
    seen = dataclasses.replace(LEAK)
    vars(seen).update(total_bytes=(9_000, 0, 1_000))
    assert [_overall(seen, (), unexplained, None, None) for unexplained in (200, 201)] == ["clean", "inconclusive"]


def test_too_few_snapshots_are_counted_in_the_headline() -> None:
    chance = "too few to tell a leak from chance"
    one, two = (hunt(evidence(Row("main.put < main.serve", 640, [4] * snapshots))) for snapshots in (1, 2))
    assert one.headline == f"1 snapshot of one process is {chance}"
    assert two.headline == f"2 snapshots of one process are {chance}"
    assert hunt(SHORT).headline == f"1 site grew; 3 snapshots of one process are {chance}"


def test_the_gravest_case_is_the_verdict() -> None:
    filling = [0, 40, 72, 98, 118, 134, 147, 158, 166, 173, 178, 183, 186, 189, 191, 193]
    found = hunt(evidence(Row("main.a < main.f", 640, ramp(16, 6)), Row("main.b < main.g", 640, filling)))
    assert [case.verdict for case in found.cases] == ["leak", "filling"]
    assert found.verdict == "leak"
    assert found.headline.startswith("main.a ")


def test_a_report_says_what_it_saw() -> None:
    reasons = (None, "not of this process", None)
    inputs = tuple(Input(f"{i}.pb.gz", "heap", "", 0, 0, "", reason) for i, reason in enumerate(reasons))
    taken = [(1, {"LastGC": 0}), (2, {"LastGC": 1}), (3, {"LastGC": 7}), (4, {"LastGC": 7}), (5, {})]
    seen = dataclasses.replace(LEAK, inputs=inputs, memstats=tuple(taken))
    report = hunt(seen, "leakhunt hunt here")
    assert (report.command, hunt(seen).command) == ("leakhunt hunt here", "")
    assert "1 of 3 inputs could not be used; each is listed with its reason" in report.notes
    assert report.gc_times_ns == (1, 7)
    assert (report.inputs, report.series) == (inputs, seen.series)
    times = seen.series.times_ns.tolist()
    assert report.window == Window(times[0], times[-1], 12, 1)
    assert (report.times_ns, report.total_bytes) == (tuple(times), tuple(seen.series.inuse_bytes.sum(axis=0).tolist()))
    assert report.sites_tested == int(seen.trends.tested.sum()) == 2
    assert report.detectable_bytes_per_hour == seen.trends.detectable_bytes_per_hour > 0


def test_a_report_of_nothing_has_an_empty_window() -> None:
    report = hunt(gather([], Settings()))
    assert (report.window, report.times_ns, report.total_bytes) == (Window(0, 0, 0, 0), (), ())
    assert report.notes == ()


def test_a_report_notes_the_doubts_of_the_series_and_of_dumps_and_where_memory_is() -> None:
    view = story.view(story.dump(range(30), 1_000)[:-1], "/var/dumps/heap.dump")
    series = dataclasses.replace(LEAK.series, notes=("its counts are estimates",))
    notes = hunt(dataclasses.replace(LEAK, series=series, dumps=(view,), memstats=((1, stats()),))).notes
    assert notes[0] == "its counts are estimates"
    assert [note for note in notes if note.startswith("heap.dump: ")] == [f"heap.dump: {note}" for note in view.notes] != []
    assert notes[-1].startswith("memory: ")
    assert notes[-1].endswith(
        " (by the runtime's MemStats: heap objects 50.0 MiB, heap fragmentation 1.00 MiB, idle heap 5.00 MiB, stacks 2.00 MiB, "
        "runtime 5.00 MiB, outside Go 20.0 MiB)"
    )


def test_four_snapshots_are_enough_to_say_that_growth_is_unexplained() -> None:
    report = hunt(evidence(Row("main.put < main.serve", 8 << 20, [0, 0, 0, 4])))
    assert report.headline.startswith("memory grew at sites that could not be tested")


def test_goroutines_that_pile_up_alone_are_told_from_four_snapshots_on() -> None:
    waiting = goroutines(**{"runtime.gopark < main.wait": ramp(12, 40)})
    report = hunt(evidence(Row("main.put < main.serve", 640, [30] * 4), goroutines=waiting))
    assert report.verdict == "inconclusive"
    assert report.headline.startswith("goroutines at main.wait rose from 0 to 440, and no heap site with them; ")
