"""The report for programs: `"schema": "leakhunt.report/1"` as docs/report.schema.json describes it.

Sorted keys, integers only (rates in bytes per hour, q in parts per million; a number that does not exist is null), ASCII
only, the same bytes for the same report. Lists that a hostile input could make endless are bounded, and `omitted` says by
how much.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from leakhunt.model.finding import Case, Cleared, Fact, Finding, Growth, LimitForecast, Report, Retention
from leakhunt.model.site import AllocationSite, Frame
from leakhunt.reports import RenderOptions
from leakhunt.reports.wording import trimmed

SCHEMA = "leakhunt.report/1"
MOST_CASES = 1_000
MOST_CLEARED = 1_000
MOST_FRAMES = 128  # runtime.MemProfile's own limit on a stack (maxProfStackDepth, runtime/mprof.go, go1.23 on)
MOST_CHARACTERS = 4_096
PARTS = 1_000_000  # ppm

Json = dict[str, Any]

# Endings of a fact's name that say its value is a count in that unit, so that it is rounded; others are ratios, in ppm.
_WHOLE_UNITS = tuple("bytes _per_hour _ns _seconds _hours objects samples snapshots sites entries count".split())


def render(report: Report, options: RenderOptions) -> str:
    """`report` as one JSON document."""
    return json.dumps(as_dict(report, options), sort_keys=True, indent=1) + "\n"


def as_dict(report: Report, options: RenderOptions) -> Json:
    """`report` as the plain values that `render` writes."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "leakhunt", "version": options.version},
        "verdict": str(report.verdict),
        "headline": _string(report.headline),
        "inputs": [
            {
                "path": _string(given.path),
                "kind": given.kind,
                "sha256": given.sha256,
                "time_ns": given.time_ns,
                "period": given.period,
                "build_id": _string(given.build_id),
                "skipped": None if given.skipped is None else _string(given.skipped),
            }
            for given in report.inputs
        ],
        "window": {
            "start_ns": report.window.start_ns,
            "end_ns": report.window.end_ns,
            "snapshots": report.window.snapshots,
            "segments": report.window.segments,
        },
        "findings": [_case(case, options.trim_path) for case in report.cases[:MOST_CASES]],
        "cleared": [_cleared(cleared, options.trim_path) for cleared in report.cleared[:MOST_CLEARED]],
        "fixed": list(report.fixed),
        "omitted": {
            "findings": max(0, len(report.cases) - MOST_CASES),
            "cleared": max(0, len(report.cleared) - MOST_CLEARED),
        },
        "not_testable": {
            "sites": report.not_testable.sites,
            "bytes": report.not_testable.bytes,
            "reason": _string(report.not_testable.reason),
        },
        "notes": [_string(note) for note in report.notes],
        "next_steps": [_string(step) for step in report.next_steps],
        "sites_tested": report.sites_tested,
        "detectable_bytes_per_hour": _integer(report.detectable_bytes_per_hour),
        "command": _string(report.command),
    }


def _case(case: Case, trim_path: tuple[str, ...]) -> Json:
    return {
        "fingerprint": case.fingerprint,
        "pattern": case.pattern,
        "verdict": str(case.verdict),
        "confidence": str(case.confidence),
        "status": str(case.status),
        "headline": _string(case.headline),
        "site": _site(case.site, trim_path),
        "sites": len(case.sites),
        "inuse_bytes": case.inuse_bytes,
        "growth": _growth(case.growth),
        "statistics": {
            "q_value": _integer(case.statistics.q_value * PARTS),
            "samples": case.statistics.samples,
            "snapshots": case.statistics.snapshots,
        },
        "retention": _retention(case.retention) if case.retention else None,
        "limit": _limit(case.limit) if case.limit else None,
        "evidence": [_evidence(finding) for finding in case.evidence],
        "remedy": _string(case.remedy),
        "source_notes": [_string(note) for note in case.source_notes],
    }


def _site(site: AllocationSite, trim_path: tuple[str, ...]) -> Json:
    stack = site.user_stack[:MOST_FRAMES]
    return {**_frame(site.leaf, trim_path), "stack": [_frame(frame, trim_path) for frame in stack]}


def _frame(frame: Frame, trim_path: tuple[str, ...]) -> Json:
    return {"function": _string(frame.function), "file": _string(trimmed(frame.file, trim_path)), "line": frame.line}


def _growth(growth: Growth) -> Json:
    return {
        "bytes": growth.bytes,
        "bytes_per_hour": _integer(growth.bytes_per_hour),
        "low": _integer(growth.low),
        "high": _integer(growth.high),
        "objects_per_hour": _integer(growth.objects_per_hour),
    }


def _retention(retention: Retention) -> Json:
    return {
        "root": {"kind": _string(retention.root.kind), "name": _string(retention.root.name)},
        "path": [
            {"edge": _string(step.edge), "type": _string(step.type), "objects": step.objects, "bytes": step.bytes}
            for step in retention.path
        ],
        "retained_bytes": retention.retained_bytes,
    }


def _limit(limit: LimitForecast) -> Json:
    return {
        "limit_bytes": limit.limit_bytes,
        "seconds": _integer(limit.hours * 3600),
        "low_seconds": _integer(limit.low_hours * 3600),
        "high_seconds": _integer(limit.high_hours * 3600),
    }


def _evidence(finding: Finding) -> Json:
    return {
        "detector": finding.detector,
        "stance": str(finding.stance),
        "text": _string(finding.text),
        "facts": _facts(finding.facts),
    }


def _facts(facts: Mapping[str, Fact]) -> Json:
    """Facts with integers for floats: rounded where the name ends in a unit, else in parts per million under `name_ppm`."""
    plain: Json = {}
    for name, value in facts.items():
        key = _string(name)
        if isinstance(value, float):
            whole = key.endswith(_WHOLE_UNITS)
            plain[key if whole else f"{key}_ppm"] = _integer(value if whole else value * PARTS)
        else:
            plain[key] = _string(value) if isinstance(value, str) else value
    return plain


def _cleared(cleared: Cleared, trim_path: tuple[str, ...]) -> Json:
    return {
        "site": _site(cleared.site, trim_path),
        "pattern": cleared.pattern,
        "reason": _string(cleared.reason),
        "growth": _growth(cleared.growth),
    }


def _integer(value: float | None) -> int | None:
    return round(value) if value is not None and math.isfinite(value) else None


def _string(text: str) -> str:
    """`text` as it is, but for bytes that were not UTF-8, which show as `\\xff`, and for what is past MOST_CHARACTERS."""
    if len(text) > MOST_CHARACTERS:
        half = (MOST_CHARACTERS - 1) // 2
        text = text[:half] + "…" + text[-half:]
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
