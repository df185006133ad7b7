"""What becomes of each kind of input, and what can be asked of evidence, on inputs small enough to count by hand."""

import dataclasses
import hashlib
import re
from pathlib import Path

import pytest

from leakhunt.config import Settings
from leakhunt.decode import read_file
from leakhunt.decode.encode import encode
from leakhunt.decode.stripped import write_stripped
from leakhunt.errors import ConfigError
from leakhunt.evidence import Evidence, Source, gather
from leakhunt.measure.course import course_of
from leakhunt.measure.goroutines import GoroutineSeries
from leakhunt.measure.ledger import newest_ledger
from leakhunt.model.finding import Input
from leakhunt.model.profile import ValueType
from leakhunt.model.site import AllocationSite, Frame
from leakhunt.units import NS_PER_HOUR
from tests.decode.build import make_profile
from tests.detectors.lab import START_NS, STEP_NS, Row, evidence, ramp
from tests.heaps import story
from tests.measure.test_ledger import stats
from tests.profiles import Sample, heap_profile

GCTRACE = (
    b"gc 1 @0.005s 2%: 0.02+0.6+0.03 ms clock, 0.05+0.3/0.4/0.5+0.06 ms cpu, 3->4->1 MB, 4 MB goal, 0 MB stacks, "
    b"0 MB globals, 2 P\n"
)
MEMSTATS = "".join(f"# {name} = {value}\n" for name, value in stats().items())
TEXT = (
    "heap profile: 1: 640 [2: 1280] @ heap/1048576\n1: 640 [2: 1280] @ 0x10\n#\t0x10\tmain.put+0x1\t/a.go:3\n\n"
    f"# runtime.MemStats\n{MEMSTATS}"
)
WAITING = ("main.wait", "main.main")


def given(name: str, data: bytes) -> Source:
    """An input that is no file."""
    return Source(name, None, lambda: data)


def heap(i: int, inuse: int = 4, stack: tuple[str, ...] = ("main.put", "main.main"), line: int = 10) -> Source:
    """Snapshot `i` of a process with one site."""
    profile = heap_profile([Sample(stack, 640, 20 + i, inuse, line)], START_NS + i * STEP_NS, build_id="b7")
    return given(f"{i}.pb", encode(profile))


def stacks(kind: str, i: int, count: int) -> Source:
    """A profile of `count` goroutines that wait."""
    functions = [(name, "main.go") for name in WAITING]
    profile = make_profile(
        [([0, 1], [count], 0)],
        [(0x10, -1, [(0, 3)]), (0x20, -1, [(1, 9)])],
        functions,
        sample_types=(ValueType(kind, "count"),),
        time_ns=START_NS + i * STEP_NS,
    )
    return given(f"{kind}{i}.pb", encode(profile))


def file(folder: Path, name: str, data: bytes) -> Source:
    (folder / name).write_bytes(data)
    return Source(name, folder / name, (folder / name).read_bytes)


def sha256(source: Source) -> str:
    return hashlib.sha256(source.read()).hexdigest()


def counted(seen: GoroutineSeries) -> tuple[tuple[int, ...], list[tuple[tuple[str, ...], tuple[int, ...]]]]:
    """Minutes, and the counts of each stack by its functions."""
    minutes = tuple((time_ns - START_NS) // STEP_NS for time_ns in seen.times_ns)
    return minutes, [(tuple(frame.function for frame in stack.frames), stack.counts) for stack in seen.stacks]


def test_heap_profiles_become_the_series() -> None:
    sources = [heap(0), heap(2, 6), heap(1, 5)]
    seen = gather(sources, Settings())
    assert seen.inputs == tuple(
        Input(source.name, "heap", sha256(source), START_NS + i * STEP_NS, 512 * 1024, "b7")
        for source, i in zip(sources, (0, 2, 1), strict=True)
    )
    assert seen.series.inuse_samples.tolist() == [[4, 5, 6]]
    assert (seen.snapshots, seen.settings, seen.memstats, seen.ledger) == (3, Settings(), (), None)
    assert (seen.dumps, seen.gc_traces) == ((), ())
    assert seen.goroutines == GoroutineSeries(source="heap dumps"), "no goroutine profile was given, and no dump"
    assert seen.leaked == GoroutineSeries()
    assert seen.total_bytes == tuple(seen.series.inuse_bytes[0].tolist())


def test_settings_say_what_is_a_site_and_what_is_left_out() -> None:
    lines = [heap(i, 4 + i, line=line) for i, line in enumerate((10, 10, 12))]
    assert len(gather(lines, Settings()).series.sites) == 1
    assert len(gather(lines, Settings(granularity="line")).series.sites) == 2
    assert gather(lines, Settings(warmup=1)).series.inuse_samples.tolist() == [[5, 6]]


def test_a_repeated_heap_profile_is_recorded_with_the_reason() -> None:
    again = dataclasses.replace(heap(0), name="again.pb")
    first, second = gather([heap(0), again], Settings()).inputs
    assert first.skipped is None
    assert second == Input("again.pb", "heap", sha256(again), START_NS, 512 * 1024, "b7", second.skipped)
    assert second.skipped is not None
    assert "0.pb" in second.skipped


def test_goroutine_profiles_are_counted_by_stack_in_order_of_time() -> None:
    sources = [stacks("goroutine", 1, 9), stacks("goroutine", 0, 2), stacks("goroutineleak", 1, 5)]
    seen = gather(sources, Settings())
    assert counted(seen.goroutines) == ((0, 1), [(WAITING, (2, 9))])
    assert counted(seen.leaked) == ((1,), [(WAITING, (5,))])
    assert (seen.goroutines.source, seen.leaked.source) == ("goroutine profiles", "goroutine profiles")
    assert [(each.kind, each.time_ns, each.skipped) for each in seen.inputs] == [
        ("goroutine", START_NS + STEP_NS, None),
        ("goroutine", START_NS, None),
        ("goroutineleak", START_NS + STEP_NS, None),
    ]
    assert seen.snapshots == 0


def test_memstats_come_from_captures_and_from_text_that_has_a_time() -> None:
    captured = (START_NS, stats())
    seen = gather([given("heap.txt", TEXT.encode())], Settings(), [captured])
    assert seen.memstats == (captured,), "without LastGC there is no telling when"
    timed = gather([given("heap.txt", f"{TEXT}# LastGC = {NS_PER_HOUR}\n".encode())], Settings(), [captured])
    assert [time_ns for time_ns, _ in timed.memstats] == [START_NS, NS_PER_HOUR]
    assert timed.memstats[1][1]["LastGC"] == NS_PER_HOUR
    assert timed.ledger == newest_ledger(timed.memstats)
    assert timed.ledger is not None


def test_a_gctrace_log_is_evidence_of_its_own() -> None:
    log = given("gc.log", GCTRACE)
    seen = gather([log, heap(0)], Settings())
    assert [(trace.source, trace.collections) for trace in seen.gc_traces] == [("gc.log", 1)]
    assert seen.inputs[0] == Input("gc.log", "other", sha256(log), 0, 0, "")
    assert seen.snapshots == 1, "the inputs after it are read"


def test_what_cannot_be_read_is_recorded_with_the_reason() -> None:
    page = given("page.html", b"<html><body>Not found</body></html>")
    seen = gather([page, heap(0)], Settings())
    assert seen.inputs[0] == Input("page.html", "other", sha256(page), 0, 0, "", seen.inputs[0].skipped)
    assert seen.inputs[0].skipped is not None
    assert seen.inputs[0].skipped.startswith("is a web page"), "the name is beside it"
    assert seen.snapshots == 1, "the inputs after it are read"


def test_a_file_that_is_gone_has_no_digest(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone.pb.gz")
    (only,) = gather([Source(gone, Path(gone), lambda: read_file(gone))], Settings()).inputs
    assert only == Input(gone, "other", "", 0, 0, "", "cannot be read: No such file or directory")


def test_heap_dumps_are_views_in_order_of_time(tmp_path: Path) -> None:
    late, early = (file(tmp_path, f"{time}.dump", story.dump(range(4), time)) for time in (2_000, 1_000))
    seen = gather([late, early], Settings())
    assert [view.graph.process.last_gc_ns for view in seen.dumps] == [1_000, 2_000]
    assert [view.source for view in seen.dumps] == [str(early.path), str(late.path)]
    assert seen.inputs == (
        Input("2000.dump", "heapdump", sha256(late), 2_000, 0, ""),
        Input("1000.dump", "heapdump", sha256(early), 1_000, 0, ""),
    )
    assert seen.goroutines.source == "heap dumps"
    assert seen.goroutines.times_ns == (1_000, 2_000)
    assert [stack.counts for stack in seen.goroutines.stacks] == [(1, 1)], "dumps list goroutines, those of the runtime aside"
    profiled = gather([late, early, stacks("goroutine", 0, 2)], Settings())
    assert counted(profiled.goroutines) == ((0,), [(WAITING, (2,))]), "a goroutine profile knows more"


def test_a_dump_of_another_binary_is_recorded_with_the_reason(tmp_path: Path) -> None:
    dump = file(tmp_path, "heap.dump", story.dump(range(4), 1_000))
    binary = file(tmp_path, "app", b"no executable")
    (only,) = gather([dump], Settings(binary=str(binary.path))).inputs
    assert only == Input("heap.dump", "other", sha256(dump), 0, 0, "", only.skipped)
    assert only.skipped is not None
    assert not only.skipped.startswith("heap.dump")


def test_an_input_of_no_use_gives_its_reason_without_the_names_beside_it(tmp_path: Path) -> None:
    graph = story.view(story.dump(range(4), 1_000)).graph
    stripped = file(tmp_path, "heap.stripped", write_stripped(graph, None))
    damaged = given("cut.pb", heap(0).read()[:-3])
    seen = gather([stripped, damaged], Settings(binary="app"))
    assert seen.inputs[0].skipped == "a stripped dump has no contents to type; it keeps the names that it was written with"
    assert re.fullmatch(r"is not a readable pprof profile: .* at byte \d+", str(seen.inputs[1].skipped))


def focused(**settings: str) -> list[bool]:
    rows = [Row("main.put < main.serve", 640, [1, 2]), Row("lib.(*Map).put < main.load", 64, [1, 2])]
    seen = evidence(*rows, settings=Settings(**settings))  # type: ignore[arg-type]
    order = {site.leaf.function: i for i, site in enumerate(seen.series.sites)}
    return [bool(seen.in_focus[order[row.stack.partition(" < ")[0]]]) for row in rows]


def test_focus_and_ignore_look_at_every_frame() -> None:
    assert focused() == [True, True]
    assert focused(focus="serve") == [True, False]
    assert focused(focus=r"\(\*Map\)") == [False, True]
    assert focused(ignore="^main.load$") == [True, False]
    assert focused(focus="put", ignore="serve") == [False, True]
    assert evidence(Row("main.put", 640, [1])).in_focus.dtype == bool


def test_names_that_are_no_text_are_searched_all_the_same() -> None:
    seen = evidence(Row("main.\udcff < main.serve", 640, [1, 2]), settings=Settings(focus=r"serve"))
    assert sorted(seen.in_focus.tolist()) == [False, True]


@pytest.mark.parametrize(("flag", "settings"), [("--focus", Settings(focus="(")), ("--ignore", Settings(ignore="("))])
def test_what_is_no_pattern_is_refused_by_its_flag(flag: str, settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError) as refusal:
        _ = evidence(Row("main.put", 640, [1]), settings=settings).in_focus
    assert str(refusal.value) == f"{flag}: '(' is not a regular expression (RE2 syntax): missing ): ("
    assert capfd.readouterr().err == "", "RE2 writes lines of its own if it is let"


def test_a_pattern_that_is_no_text_is_refused() -> None:
    with pytest.raises(ConfigError, match="invalid UTF-8"):
        focused(focus="\udcff")


def written(function: str = "main.put", file: str = "main.go") -> tuple[int, int]:
    """The Go version told by one frame."""
    known = evidence(Row("main.put", 640, [1]))
    sites = (AllocationSite((Frame("main.main", "/app/main.go", 1), Frame(function, file, 1))),)
    return Evidence(dataclasses.replace(known.series, sites=sites)).go_at_least


def test_paths_and_functions_tell_the_go_version() -> None:
    assert written() == (0, 0)
    assert written(file="/usr/local/go1.22.5/src/time/sleep.go") == (1, 22)
    assert written(file="/root/go/pkg/mod/golang.org/toolchain@v0.0.1-go1.27.3.linux-amd64/src/time/sleep.go") == (1, 27)
    assert written("internal/runtime/maps.newTable") == written("internal/sync.newEntryNode[...]") == (1, 24)
    assert written("internal/sync.x", "/usr/local/go1.27/src/internal/sync/x.go") == (1, 24), "the function is looked at first"
    assert written(file="/src/cargo1.22/src/main.go") == (0, 0), "a name that only ends so"


def test_the_newest_version_met_counts_and_not_the_first() -> None:
    known = evidence(Row("main.put", 640, [1]))
    files = ["/go1.23.1/src/a.go", "/go1.26.8/src/b.go", "/go1.9.7/src/c.go"]
    sites = tuple(AllocationSite((Frame("time.x", file, 1),)) for file in files)
    assert Evidence(dataclasses.replace(known.series, sites=sites)).go_at_least == (1, 26)


def test_the_company_of_a_group_is_what_allocates_for_the_same_function() -> None:
    seen = evidence(
        Row("main.put < main.add < main.serve", 640, ramp(12, 6)),
        Row("main.index < main.add < main.serve", 64, [0, 0, 1, *[0] * 9], freed=[0, 0, 0, *[1] * 9]),
        Row("main.gone < main.add < main.serve", 64, [0] * 12, freed=ramp(12, 1)),
        Row("main.other < main.load", 64, [3] * 12),
    )
    (group,) = seen.growing_groups
    assert [site.leaf.function for site in seen.company(group)] == ["main.put", "main.index"]
    assert [seen.series.sites[i].leaf.function for i in seen.near(group)] == ["main.index"]
    assert seen.near(group) is seen.near(group), "found once"
    assert seen.course(group) is seen.course(group)
    expected = course_of(seen.series, group.sites)
    assert seen.course(group).counts.tolist() == expected.counts.tolist() == ramp(12, 6)


def _put(seen: Evidence) -> int:
    return next(i for i, site in enumerate(seen.series.sites) if site.leaf.function == "main.put")


def test_the_share_that_was_freed_counts_the_window_only() -> None:
    seen = evidence(Row("main.put < main.serve", 640, ramp(12, 6, start=10), freed=[100, *[100 + 2 * i for i in range(1, 12)]]))
    (group,) = seen.growing_groups
    assert seen.freed_share(group) == 22 / (66 + 22)
    once = evidence(Row("main.put < main.serve", 640, [5] * 12, freed=[0] * 11 + [1]))
    assert once.freed_share(dataclasses.replace(group, sites=(_put(once),))) == 1
    idle = evidence(Row("main.put < main.serve", 640, [5] * 12, freed=[7] * 12))
    assert idle.freed_share(dataclasses.replace(group, sites=(_put(idle),))) == 0


def test_objects_gained_are_those_of_the_longest_segment() -> None:
    seen = evidence(Row("main.put < main.serve", 1 << 30, [9, 1, 2, 4, 5, 6], freed=[9, 0, 0, 0, 0, 0]))
    assert seen.series.longest_segment == slice(1, 6)
    assert seen.grown_objects[_put(seen)] == 5
    assert seen.grown_objects.dtype == float
