"""The whole pipeline on the committed series of real programs, and on small evidence where the rules of weighing meet."""

import pytest

from leakhunt.config import Settings
from leakhunt.evidence import Evidence
from leakhunt.hunt import hunt
from leakhunt.model.finding import Case, Report
from tests.detectors.lab import Row, evidence, ramp
from tests.fixtures.series import gathered, has_series

PUT = "main.put < main.serve"


def report(name: str, settings: Settings | None = None) -> Report:
    if not has_series(name):
        pytest.skip(f"no series {name}; run fixtures/run.py {name}")
    return hunt(gathered(name, settings or Settings()))


def _without_lines(case: Case) -> tuple[object, ...]:
    """A site is a stack of functions; the lines shown are those of the profile that was read first."""
    return case.fingerprint, case.pattern, case.verdict, case.growth, case.statistics, case.history_bytes, case.evidence


def test_the_readme_example_reads_right_at_the_first_line() -> None:
    found = report("sessions")
    assert found.verdict == "leak"
    assert found.headline.startswith("main.startSession +")
    (case,) = found.cases
    assert case.pattern == "lazy-ttl-cache"
    assert case.confidence == "high"
    assert {site.frames[0].function for site in case.sites} >= {
        "main.startSession",
        "github.com/bluele/gcache.(*LRUCache).set",
    }
    assert "gcache removes an expired entry only on Get" in next(f.text for f in case.evidence if f.pattern == case.pattern)


@pytest.mark.parametrize("name", ["vendors-20", "batches", "render", "render-faster", "arrivals-step", "coupons-swept"])
def test_controls_end_clean(name: str) -> None:
    assert (report(name).verdict, report(name).cases) == ("clean", ())


def test_what_is_cleared_is_said_with_a_reason() -> None:
    load = next(c for c in report("arrivals-step").cleared if c.site.leaf.function == "main.unload")
    assert load.pattern == "load-step"
    assert "objects live no longer" in load.reason


def test_what_a_case_has_among_its_sites_is_not_counted_as_not_testable() -> None:
    put, key = Row(PUT, 640, ramp(12, 6)), Row("main.key < main.put < main.serve", 64, [0] * 5 + [3] * 7)
    few = Row("main.few < main.page", 4096, [1] * 6 + [2] * 6)
    found = hunt(evidence(put, key, few))
    assert [len(case.sites) for case in found.cases] == [2]
    assert found.series is not None
    held = found.series.inuse_bytes[[site.leaf.function == "main.few" for site in found.series.sites], -1]
    assert (found.not_testable.sites, found.not_testable.bytes) == (1, int(held[0]))


def test_the_order_of_inputs_does_not_matter() -> None:
    straight, back = hunt(gathered("sessions", Settings())), hunt(gathered("sessions", Settings(), reverse=True))
    assert [_without_lines(case) for case in straight.cases] == [_without_lines(case) for case in back.cases]
    assert [(c.site.fingerprint, c.pattern, c.reason) for c in straight.cleared] == [
        (c.site.fingerprint, c.pattern, c.reason) for c in back.cleared
    ]


def test_a_repeated_input_is_no_evidence() -> None:
    once, twice = hunt(gathered("audit", Settings())), hunt(gathered("audit", Settings(), repeat=2))
    assert twice.cases == once.cases
    assert sum(entry.skipped is not None for entry in twice.inputs) == len(once.inputs)


def test_two_snapshots_give_ranked_candidates_and_no_verdict() -> None:
    found = hunt(evidence(Row(PUT, 640, [0, 40]), Row("main.log < main.serve2", 64, [0, 15])))
    assert found.verdict == "inconclusive"
    assert [(case.verdict, case.site.leaf.function) for case in found.cases] == [
        ("suspect", "main.put"),
        ("suspect", "main.log"),
    ]
    assert "take 2 more snapshots" in found.next_steps[0]


def test_nothing_loaded_is_inconclusive() -> None:
    found = hunt(gathered("sessions", Settings(), at_most=0))
    assert (found.verdict, found.cases, found.window.snapshots) == ("inconclusive", (), 0)


def test_focus_leaves_only_what_matches_and_nothing_left_is_inconclusive() -> None:
    assert report("sessions", Settings(focus="gcache")).verdict != "clean"
    nothing = report("sessions", Settings(focus="nosuchfunction"))
    assert (nothing.verdict, nothing.headline) == ("inconclusive", "no site is left by --focus and --ignore")
    ignored = report("sessions", Settings(ignore="main\\.startSession"))
    assert all(case.site.leaf.function != "main.startSession" for case in ignored.cases)


def test_a_disabled_detector_is_not_asked() -> None:
    (case,) = report("sessions", Settings(disabled=frozenset({"lazy-ttl-cache"}))).cases
    assert case.pattern != "lazy-ttl-cache"


def test_a_limit_gives_a_time_with_an_interval() -> None:
    (case,) = report("sessions", Settings(limit_bytes=1 << 30)).cases
    assert case.limit is not None
    assert 0 < case.limit.low_hours < case.limit.hours < case.limit.high_hours


def test_growth_that_ends_is_filling_and_not_a_leak() -> None:
    slowing = [0, 40, 72, 98, 118, 134, 147, 158, 166, 173, 178, 183, 186, 189, 191, 193]
    found = hunt(evidence(Row(PUT, 640, slowing)))
    assert found.verdict == "filling"


def test_two_leaks_are_two_cases_and_one_leak_is_one() -> None:
    two = hunt(evidence(Row("main.a < main.f", 640, ramp(12, 6)), Row("main.b < main.g", 320, ramp(12, 3))))
    assert [case.site.leaf.function for case in two.cases] == ["main.a", "main.b"]
    one = hunt(evidence(Row("main.value < main.f", 640, ramp(12, 6)), Row("main.key < main.f", 64, ramp(12, 1))))
    assert [len(case.sites) for case in one.cases] == [2]


def test_untested_growth_of_most_of_the_heap_is_not_clean() -> None:
    jump: Evidence = evidence(Row(PUT, 8 << 20, [0, 0, 0, 0, 0, 0, 0, 4]))
    found = hunt(jump)
    assert found.verdict == "inconclusive"
    assert any("could not be tested" in note for note in found.notes)


def test_what_one_cache_holds_is_one_case_however_it_was_allocated() -> None:
    set_frames = "github.com/karlseguin/ccache/v3.(*bucket[...]).set < github.com/karlseguin/ccache/v3.(*Cache[...]).Set"
    found = hunt(
        evidence(
            Row("main.body < main.article < main.serve", 2048, ramp(12, 8)),
            Row(f"github.com/karlseguin/ccache/v3.newItem[...] < {set_frames} < main.article < main.serve", 96, ramp(12, 2)),
        )
    )
    assert [(case.pattern, len(case.sites)) for case in found.cases] == [("lazy-ttl-cache", 2)]
