"""Exit codes of `check`: 1 for a leak and nothing else, 3 where nothing is known, 0 only on evidence."""

from dataclasses import replace

import pytest

from leakhunt.gate import FAILS, PASSES, UNDECIDED, decide, gravest
from leakhunt.model.finding import Report, Status, Verdict, Window
from tests.reports import build


def with_case(verdict: Verdict, status: Status = Status.NEW) -> Report:
    return replace(build.one_leak(), verdict=verdict, cases=(replace(build.LEAK, verdict=verdict, status=status),))


@pytest.mark.parametrize(
    ("report", "flags", "code"),
    [
        (build.clean(), {}, PASSES),
        (build.one_leak(), {}, FAILS),
        (build.empty(), {}, UNDECIDED),
        (build.empty(), {"allow_inconclusive": True}, PASSES),
        (build.empty(), {"allow_inconclusive": True, "strict": True}, UNDECIDED),
        (with_case(Verdict.LEAK, Status.KNOWN), {}, PASSES),
        (with_case(Verdict.LEAK, Status.WORSE), {}, FAILS),
        (with_case(Verdict.FILLING), {}, PASSES),
        (with_case(Verdict.FILLING), {"strict": True}, PASSES),
        (with_case(Verdict.SUSPECT), {}, PASSES),
        (with_case(Verdict.SUSPECT), {"strict": True}, FAILS),
        (replace(with_case(Verdict.SUSPECT), verdict=Verdict.INCONCLUSIVE), {"strict": True}, UNDECIDED),
        (build.one_leak(), {"min_growth_bytes_per_hour": build.MIB}, FAILS),
        (build.one_leak(), {"min_growth_bytes_per_hour": 2 * build.MIB}, PASSES),
        (replace(build.clean(), verdict=Verdict.INCONCLUSIVE), {}, UNDECIDED),
        (replace(build.clean(), sites_tested=0), {}, UNDECIDED),
        (replace(build.clean(), window=Window(0, 0, 0, 0)), {}, UNDECIDED),
        (replace(with_case(Verdict.SUSPECT), window=Window(1, 2, 3, 1)), {}, UNDECIDED),
        (replace(with_case(Verdict.LEAK, Status.KNOWN), verdict=Verdict.INCONCLUSIVE), {}, UNDECIDED),
    ],
)
def test_exit_code(report: Report, flags: dict[str, bool], code: int) -> None:
    assert decide(report, **flags).exit_code == code


@pytest.mark.parametrize("name", build.ALL)
def test_every_case_fails_or_has_an_excuse(name: str) -> None:
    report = build.ALL[name]()
    decision = decide(report)
    assert {case.fingerprint for case in decision.failing} | decision.tolerated.keys() == {c.fingerprint for c in report.cases}
    assert (decision.exit_code == FAILS) == bool(decision.failing)
    assert all(decision.tolerated.values())
    assert decision.reason


def test_a_rate_that_is_not_known_is_not_excused_as_slow() -> None:
    assert decide(build.odd_numbers(), min_growth_bytes_per_hour=1).exit_code == FAILS


@pytest.mark.parametrize(("codes", "worst"), [([0, 0], 0), ([0, 3], 3), ([3, 1], 1), ([1, 0], 1), ([], 3)])
def test_several_gates(codes: list[int], worst: int) -> None:
    assert gravest(codes) == worst


@pytest.mark.parametrize(
    ("report", "flags", "reason"),
    [
        (build.one_leak(), {}, "1 finding stops the build"),
        (replace(build.one_leak(), cases=(build.LEAK, build.LEAK)), {}, "2 findings stop the build"),
        (build.clean(), {}, "no leak that stops the build"),
        (with_case(Verdict.LEAK, Status.KNOWN), {}, "no leak that stops the build, 1 tolerated"),
        (replace(build.clean(), window=Window(0, 0, 0, 0)), {}, "nothing was measured"),
        (replace(build.clean(), verdict=Verdict.INCONCLUSIVE), {}, "inconclusive: the evidence does not decide"),
        (
            replace(build.clean(), verdict=Verdict.INCONCLUSIVE),
            {"allow_inconclusive": True},
            "inconclusive: the evidence does not decide; passed because inconclusive is allowed",
        ),
        (replace(build.clean(), sites_tested=0, total_bytes=()), {}, "nothing was measured: no site could be tested"),
        (
            replace(build.clean(), sites_tested=0, series=build.with_series().series),
            {},
            "nothing was measured: no site could be tested",
        ),
        (
            replace(build.clean(), sites_tested=0, series=None),
            {},
            "inconclusive: the live heap is level, and a gctrace log names no site",
        ),
        (
            replace(build.clean(), sites_tested=0, series=None, verdict=Verdict.SUSPECT),
            {},
            "inconclusive: the live heap grows, and a gctrace log names no site",
        ),
        (replace(build.clean(), sites_tested=1, series=None), {}, "no leak that stops the build"),
        (
            replace(build.clean(), window=Window(1, 2, 1, 1)),
            {},
            "inconclusive: 1 snapshots cannot show the absence of a leak, take 4 or more",
        ),
        (
            replace(build.clean(), window=Window(1, 2, 3, 1)),
            {},
            "inconclusive: 3 snapshots cannot show the absence of a leak, take 4 or more",
        ),
        (replace(build.clean(), window=Window(1, 2, 4, 1)), {}, "no leak that stops the build"),
    ],
)
def test_the_reason_says_what_decided(report: Report, flags: dict[str, bool], reason: str) -> None:
    assert decide(report, **flags).reason == reason


def test_an_excuse_says_why() -> None:
    rate = build.LEAK.growth.bytes_per_hour
    (fingerprint,) = (build.LEAK.fingerprint,)
    assert decide(with_case(Verdict.LEAK, Status.KNOWN)).tolerated == {fingerprint: "known by the baseline"}
    assert decide(with_case(Verdict.FILLING)).tolerated == {fingerprint: "filling, not a leak"}
    assert decide(build.one_leak(), rate * 2).tolerated[fingerprint].startswith("slower than +")


def test_growth_at_the_bar_fails_and_any_growth_does_without_one() -> None:
    rate = build.LEAK.growth.bytes_per_hour
    assert decide(build.one_leak(), rate).exit_code == FAILS
    crawls = replace(build.LEAK, growth=replace(build.LEAK.growth, bytes_per_hour=0.5))
    assert decide(replace(build.one_leak(), cases=(crawls,))).exit_code == FAILS
