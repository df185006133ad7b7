"""The next measurement: what would decide that which is open, with numbers from the power of the test.

Each step is one sentence that says what to take, how much of it, and what it would show. Judges nothing.
"""

from collections.abc import Sequence

import numpy as np

from leakhunt.evidence import Evidence
from leakhunt.measure.ledger import OUTSIDE, STACKS
from leakhunt.measure.power import NextSnapshots, snapshots_to_show
from leakhunt.model.finding import Case, Verdict
from leakhunt.printable import printable
from leakhunt.thresholds import MIN_SNAPSHOTS, USUAL_SNAPSHOTS
from leakhunt.units import NS_PER_HOUR, format_bytes, format_duration, format_rate

# Patterns whose memory a goroutine holds: its profile names who waits, and for what.
_HELD_BY_GOROUTINES = frozenset(
    {"goroutine-leak", "unclosed-body", "timer", "context-chain", "context-cancel-children", "unbounded-queue", "defer-in-loop"}
)
_JANITOR_PATTERNS = frozenset({"lazy-ttl-cache", "cache-no-janitor"})
_UNDECIDED = frozenset({Verdict.SUSPECT, Verdict.INCONCLUSIVE})


def next_steps(verdict: Verdict, cases: Sequence[Case], evidence: Evidence) -> tuple[str, ...]:
    """The measurements that would decide what is open, the most telling first; empty where nothing is."""
    steps = []
    if evidence.snapshots == 0:
        return (*_from_dumps_alone(evidence), "take heap profiles of one process: leakhunt capture URL")
    if verdict is Verdict.INCONCLUSIVE or any(case.verdict in _UNDECIDED for case in cases):
        steps.append(_more_snapshots(cases, evidence))
    filling = [case for case in cases if case.verdict is Verdict.FILLING and case.growth.bytes_per_hour > 0]
    if filling:
        fastest = max(filling, key=lambda case: case.growth.bytes_per_hour)
        steps.append(_until_full(fastest, evidence))
        if fastest.retention is None:
            steps.append(
                f"or take a heap dump (runtime/debug.WriteHeapDump) now and one later: two count the entries of what holds the "
                f"objects of {printable(fastest.site.leaf.function)}, and show a cap if it keeps one"
            )
    leaking = [case for case in cases if case.verdict in {Verdict.LEAK, Verdict.SUSPECT} and case.retention is None]
    if leaking and evidence.snapshots >= MIN_SNAPSHOTS:
        steps.append(
            f"take a heap dump (runtime/debug.WriteHeapDump): it would show what keeps the objects of "
            f"{printable(leaking[0].site.leaf.function)} alive; then give it to hunt beside the profiles, with --binary EXE"
        )
    elif verdict is Verdict.INCONCLUSIVE and evidence.snapshots >= MIN_SNAPSHOTS:
        steps.append(
            "take a heap dump (runtime/debug.WriteHeapDump) now and one later: it counts every object, at sites too rarely "
            "sampled to be tested, and says who holds them"
        )
    steps += _goroutines(leaking, evidence)
    ledger = evidence.ledger
    if ledger is not None and any(row.name == OUTSIDE and row.grows for row in ledger.rows):
        steps.append(
            "for what grows outside Go no heap profile helps: compare /proc/PID/smaps twice, and count mmap and C allocations"
        )
    builds = len({build for build in evidence.series.build_ids if build})
    if builds > 1:
        steps.append(
            f"the profiles are of {builds} builds: leakhunt builds, on the same folder, compares growth before and after"
        )
    return tuple(steps)


def _from_dumps_alone(evidence: Evidence) -> tuple[str, ...]:
    """What heap dumps say without profiles."""
    if len(evidence.dumps) > 1:
        return ("see which retention path grows between these heap dumps: leakhunt dump diff",)
    return ("see who holds the heap: leakhunt dump summary",) if evidence.dumps else ()


def _more_snapshots(cases: Sequence[Case], evidence: Evidence) -> str:
    """How many more at what distance, for the fastest undecided case; else for a series of the usual length."""
    hours = _hours(evidence)
    tests = max(1, int(evidence.trends.tested.sum()), _sites_in_use(evidence))
    undecided = [case for case in cases if case.verdict in _UNDECIDED and case.growth.bytes_per_hour > 0]
    plan: NextSnapshots | None = None
    what = ""
    if undecided:
        case = max(undecided, key=lambda case: case.growth.bytes_per_hour)
        rate = case.growth.bytes_per_hour
        plan = snapshots_to_show(hours, tests, evidence.series.period_bytes, rate)
        what = f"steady growth of {printable(case.site.leaf.function)} at {format_rate(rate)} would then show with 80 % power"
    if plan is None and evidence.snapshots >= MIN_SNAPSHOTS:
        span = format_duration(2 * float(hours[-1]) * 3600)
        return (
            f"take {evidence.snapshots} more snapshots of the same process at the same distance, {span} in all: "
            "sites of few objects are told only by more of them coming and going"
        )
    if plan is None:
        more = max(USUAL_SNAPSHOTS - evidence.snapshots, MIN_SNAPSHOTS - evidence.snapshots, 1)
        return f"take {more} more snapshots of the same process, evenly apart: {USUAL_SNAPSHOTS} in all decide most cases"
    plural = "snapshot" if plan.more == 1 else "snapshots"
    distance, wait = format_duration(plan.distance_hours * 3600), format_duration(plan.wait_hours * 3600)
    return f"take {plan.more} more {plural} of the same process, one each {distance} ({wait} in all): {what}"


def _until_full(case: Case, evidence: Evidence) -> str:
    """How to tell a cache that fills from a leak: as long again as the series is."""
    hours = float(_hours(evidence)[-1])
    span, more = format_duration(hours * 3600), format_bytes(round(case.growth.bytes_per_hour * hours))
    return (
        f"take {evidence.snapshots} more snapshots of the same process at the same distance, {span} in all: "
        f"{printable(case.site.leaf.function)} comes to rest by then if it fills, and gains {more} more if it leaks"
    )


def _goroutines(leaking: Sequence[Case], evidence: Evidence) -> list[str]:
    if len(evidence.goroutines.times_ns) >= 2:
        return []
    ledger = evidence.ledger
    stacks_grow = ledger is not None and any(row.name == STACKS and row.grows for row in ledger.rows)
    held = next((case for case in leaking if case.pattern in _HELD_BY_GOROUTINES), None)
    cache = next((case for case in leaking if case.pattern in _JANITOR_PATTERNS), None)
    how = "leakhunt capture takes one with each heap profile"
    if held is not None or stacks_grow:
        whose = f"{printable(held.site.leaf.function)}'s objects" if held is not None else "the growing stacks"
        return [f"take two goroutine profiles some minutes apart: they would name the goroutines that hold {whose}; {how}"]
    if cache is not None:
        return [f"take a goroutine profile: it would tell whether a janitor of the cache runs at all; {how}"]
    return []


def _hours(evidence: Evidence) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    times_ns = evidence.series.times_ns[evidence.series.longest_segment]
    hours: np.ndarray[tuple[int], np.dtype[np.float64]] = (times_ns - times_ns[0]) / NS_PER_HOUR
    return hours


def _sites_in_use(evidence: Evidence) -> int:
    """Sites that hold memory at the end: those that a longer series would test."""
    return int((evidence.series.inuse_bytes[:, -1] > 0).sum())
