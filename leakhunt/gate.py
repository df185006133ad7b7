"""Whether a report stops a build: the exit code of `leakhunt check`, and why.

    0  no leak, and evidence enough to say so     1  a leak that nothing excuses     3  inconclusive, or nothing measured

Pure judgement over a Report whose cases were compared with the baseline already.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from leakhunt.model.finding import Case, Report, Status, Verdict
from leakhunt.thresholds import MIN_SNAPSHOTS
from leakhunt.units import format_rate

PASSES, FAILS, UNDECIDED = 0, 1, 3


@dataclass(frozen=True, slots=True)
class Decision:
    """What `check` answers.

    failing     the cases that stop the build
    tolerated   fingerprints of the leaks and suspects that do not, each with the reason
    reason      one sentence for the log
    """

    exit_code: int
    failing: tuple[Case, ...]
    tolerated: Mapping[str, str]
    reason: str


def decide(
    report: Report, min_growth_bytes_per_hour: float = 0, strict: bool = False, allow_inconclusive: bool = False
) -> Decision:
    """The exit code for `report`.

    A leak fails unless the baseline knows it or it grows more slowly than `min_growth_bytes_per_hour`. `strict` makes a
    suspect fail as a leak does and takes `allow_inconclusive` away, which else turns 3 into 0.
    """
    failing, tolerated = [], {}
    suspects_fail = strict and report.verdict != Verdict.INCONCLUSIVE  # candidates of too few snapshots are no suspects yet
    for case in report.cases:
        excuse = _excuse(case, min_growth_bytes_per_hour, suspects_fail)
        if excuse:
            tolerated[case.fingerprint] = excuse
        else:
            failing.append(case)
    if failing:
        what = "1 finding stops" if len(failing) == 1 else f"{len(failing)} findings stop"
        return Decision(FAILS, tuple(failing), tolerated, f"{what} the build")
    doubt = _doubt(report)
    if doubt:
        allowed = allow_inconclusive and not strict
        reason = f"{doubt}; passed because inconclusive is allowed" if allowed else doubt
        return Decision(PASSES if allowed else UNDECIDED, (), tolerated, reason)
    excused = f", {len(tolerated)} tolerated" if tolerated else ""
    return Decision(PASSES, (), tolerated, f"no leak that stops the build{excused}")


def gravest(codes: Iterable[int]) -> int:
    """The exit code of several gates together: a failure before a doubt before a pass."""
    return max(codes, key=(PASSES, UNDECIDED, FAILS).index, default=UNDECIDED)


def _excuse(case: Case, min_growth_bytes_per_hour: float, suspects_fail: bool) -> str:
    """Why `case` does not fail, "" where it does."""
    if case.verdict != Verdict.LEAK and not (suspects_fail and case.verdict == Verdict.SUSPECT):
        return f"{case.verdict}, not a leak"
    if case.status == Status.KNOWN:
        return "known by the baseline"
    if case.growth.bytes_per_hour < min_growth_bytes_per_hour:
        return f"slower than {format_rate(min_growth_bytes_per_hour)}"
    return ""


def _doubt(report: Report) -> str:
    """Why the report is not evidence of no leak, "" where it is."""
    if report.window.snapshots == 0:
        return "nothing was measured"
    if report.verdict == Verdict.INCONCLUSIVE:
        return "inconclusive: the evidence does not decide"
    if report.sites_tested == 0 and report.total_bytes and (report.series is None or not report.series.snapshots):
        grows = "grows" if report.verdict is Verdict.SUSPECT else "is level"
        return f"inconclusive: the live heap {grows}, and a gctrace log names no site"
    if report.sites_tested == 0:
        return "nothing was measured: no site could be tested"
    if report.window.snapshots < MIN_SNAPSHOTS:
        few = report.window.snapshots
        return f"inconclusive: {few} snapshots cannot show the absence of a leak, take {MIN_SNAPSHOTS} or more"
    return ""
