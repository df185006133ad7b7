"""What a report says of gctrace logs: notes beside profiles; the whole answer where there are no profiles.

A log tells how much heap is alive, exactly and at every collection, and never who allocates it. So its strongest verdict is
suspect: the heap grows, and profiles must say where. Judges nothing itself; that is `leakhunt.measure.live_heap`.
"""

from dataclasses import replace
from pathlib import PurePath

from leakhunt.evidence import Evidence
from leakhunt.measure.live_heap import heap_trend
from leakhunt.model.finding import Report, Verdict, Window
from leakhunt.model.gctrace import GcHeapTrend, GcTrace
from leakhunt.printable import printable
from leakhunt.thresholds import GCTRACE_MIN_RISE_MIB
from leakhunt.units import BYTES_PER_MIB, NS_PER_SECOND, format_rate

_VERDICTS = {"grows": Verdict.SUSPECT, "level": Verdict.CLEAN, "inconclusive": Verdict.INCONCLUSIVE}
_GRAVITY = {"grows": 0, "inconclusive": 1, "level": 2}


def with_gc_traces(report: Report, evidence: Evidence) -> Report:
    """`report` with what the gctrace logs among the evidence say."""
    if not evidence.gc_traces:
        return report
    judged = [(trace, heap_trend(trace)) for trace in evidence.gc_traces]
    notes = [note for trace, trend in judged for note in _notes(trace, trend)]
    if evidence.snapshots:
        return replace(report, notes=(*report.notes, *notes))
    trace, trend = min(judged, key=lambda pair: _GRAVITY[pair[1].verdict])  # the gravest, the first of equals
    return replace(
        report,
        verdict=_VERDICTS[trend.verdict],
        headline=_sentence(trace, trend),
        window=Window(0, round((trace.seconds[-1] - trace.seconds[0]) * NS_PER_SECOND), trace.collections, trace.processes),
        notes=(*report.notes, *notes),
        total_bytes=tuple(round(low * BYTES_PER_MIB) for low in trend.lows_mib),
        times_ns=tuple(round(seconds * NS_PER_SECOND) for seconds in trend.lows_seconds),
        next_steps=_next_steps(trace, trend),
        gc_times_ns=tuple(round(seconds * NS_PER_SECOND) for seconds in trace.seconds.tolist()),
    )


def _notes(trace: GcTrace, trend: GcHeapTrend) -> list[str]:
    name = printable(PurePath(trace.source).name)
    return [f"{name}: {_sentence(trace, trend)}", *(f"{name}: {note}" for note in trend.notes)]


def _sentence(trace: GcTrace, trend: GcHeapTrend) -> str:
    """What the live heap does, with its doubt in numbers."""
    if trend.verdict == "inconclusive":
        return f"{trace.collections} collections do not tell whether the live heap grows"
    low, high = (format_rate(rate * BYTES_PER_MIB) for rate in (trend.low, trend.high))
    interval = f"(95 % interval {low} to {high}) over {trace.collections} collections"
    rate = format_rate(trend.mib_per_hour * BYTES_PER_MIB)
    if trend.verdict == "grows":
        p = f"p = {trend.p:.2g}" if trend.p >= 1e-6 else "p < 0.000001"
        return f"the live heap grows {rate} {interval}, {p}; a log cannot say where"
    return f"the live heap is level: {rate} {interval}"


def _next_steps(trace: GcTrace, trend: GcHeapTrend) -> tuple[str, ...]:
    if trend.verdict == "grows":
        return ("take heap profiles to see where it grows: leakhunt capture URL, then leakhunt hunt on the folder",)
    if trend.verdict == "inconclusive":
        return ("let the process run on with GODEBUG=gctrace=1, or take heap profiles: leakhunt capture URL",)
    span_hours = float(trace.seconds[-1] - trace.seconds[0]) / 3600
    smallest = format_rate(GCTRACE_MIN_RISE_MIB * BYTES_PER_MIB / span_hours) if span_hours > 0 else "any growth"
    return (f"the log prints whole MiB: growth below {smallest} would not show in it; a longer log shows smaller growth",)
