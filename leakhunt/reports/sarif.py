"""The report as SARIF 2.1.0, for code scanning and editors.

Format: OASIS, Static Analysis Results Interchange Format 2.1.0 with errata 01 (2023-08-28), sections named below. One run;
a result is a case, its rule the pattern, its code flow the retention path. The location shown is the innermost frame that
lies in the repository (`trim_path`), because that is the line somebody can change; without one, the allocating frame.
"""

import json
from typing import Any
from urllib.parse import quote

from leakhunt.model.finding import Case, Report, Retention, Status, Verdict
from leakhunt.model.site import Frame
from leakhunt.printable import printable
from leakhunt.reports import RenderOptions
from leakhunt.reports.wording import (
    growth_sentence,
    headline_of,
    own_frame,
    retention_lines,
    statistics_sentence,
    trimmed,
    verdict_label,
)
from leakhunt.units import format_bytes

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MOST_RESULTS = 1_000  # GitHub shows at most 5 000 of a run; a report of more than this helps nobody
MOST_FRAMES = 64
MOST_NOTIFICATIONS = 100
FINGERPRINT_NAME = "leakhunt/v1"
LEVELS = {Verdict.LEAK: "error", Verdict.FILLING: "warning", Verdict.SUSPECT: "warning"}
BASELINE_STATES = {Status.KNOWN: "unchanged", Status.WORSE: "updated"}  # 3.27.24; a new one says nothing without a baseline

Json = dict[str, Any]


def render(report: Report, options: RenderOptions) -> str:
    """`report` as one SARIF log with one run; a report without cases gives a valid log without results."""
    patterns = sorted({case.pattern for case in report.cases[:MOST_RESULTS]})
    driver: Json = {"name": "leakhunt", "rules": [_rule(pattern) for pattern in patterns]}
    if options.version:
        driver["semanticVersion"] = driver["version"] = options.version
    run: Json = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report)],
        "results": [_result(case, patterns, options.trim_path) for case in report.cases[:MOST_RESULTS]],
        "properties": {
            "verdict": str(report.verdict),
            "headline": printable(headline_of(report)),
            "snapshots": report.window.snapshots,
            "sitesTested": report.sites_tested,
            "resultsOmitted": max(0, len(report.cases) - MOST_RESULTS),
        },
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1, sort_keys=True) + "\n"


def _rule(pattern: str) -> Json:
    return {
        "id": pattern,
        "shortDescription": {"text": f"Memory leak: {pattern.replace('-', ' ')}"},
        "help": {"text": f"Run `leakhunt explain {pattern}` for what it looks for, when it is wrong and what to do."},
        "defaultConfiguration": {"level": "error"},
    }


def _invocation(report: Report) -> Json:
    """What was skipped and doubted, as notifications (3.58)."""
    texts = [
        (f"skipped {printable(given.path)}: {printable(given.skipped)}", "warning") for given in report.inputs if given.skipped
    ]
    texts += [(printable(note), "note") for note in report.notes]
    return {
        "executionSuccessful": True,
        "toolExecutionNotifications": [
            {"level": level, "message": _message(text)} for text, level in texts[:MOST_NOTIFICATIONS]
        ],
    }  # fmt: skip


def _result(case: Case, patterns: list[str], trim_path: tuple[str, ...]) -> Json:
    stack = (case.site.user_stack or (case.site.leaf,))[:MOST_FRAMES]
    result: Json = {
        "ruleId": case.pattern,
        "ruleIndex": patterns.index(case.pattern),
        "level": LEVELS.get(case.verdict, "note"),
        "message": _message(_summary(case)),
        "locations": [_location(own_frame(case.site, trim_path), trim_path)],
        "partialFingerprints": {FINGERPRINT_NAME: case.fingerprint},
        "stacks": [{"message": {"text": "allocated at"}, "frames": [{"location": _location(f, trim_path)} for f in stack]}],
        "properties": {
            "verdict": str(case.verdict),
            "confidence": str(case.confidence),
            "inuseBytes": case.inuse_bytes,
            "evidence": [f"{finding.stance}: {printable(finding.text)}" for finding in case.evidence],
        },
    }
    if case.status in BASELINE_STATES:
        result["baselineState"] = BASELINE_STATES[case.status]
    if case.retention:
        result["codeFlows"] = [_code_flow(case.retention)]
    return result


def _summary(case: Case) -> str:
    return (
        f"{verdict_label(case.verdict)}: {case.headline} Grows {growth_sentence(case.growth)}; "
        f"{format_bytes(case.inuse_bytes)} in use; {statistics_sentence(case.statistics)}."
    )


def _code_flow(retention: Retention) -> Json:
    """The path from the GC root to the growing objects, one location a step (3.36)."""
    first, *lines, last = retention_lines(retention)
    names = [retention.root.name, *(step.type for step in retention.path)]
    steps = [
        {"location": {"logicalLocations": [{"fullyQualifiedName": printable(name) or "[unknown]"}], "message": _message(line)}}
        for name, line in zip(names, [first, *lines], strict=True)
    ]
    return {"message": _message(f"kept alive by this path; it {last.strip()}"), "threadFlows": [{"locations": steps}]}


def _location(frame: Frame, trim_path: tuple[str, ...]) -> Json:
    location: Json = {
        "logicalLocations": [{"fullyQualifiedName": printable(frame.function) or "[unknown]", "kind": "function"}]
    }
    file = trimmed(frame.file, trim_path)
    if file:
        artifact: Json = {"uri": ("file://" if file.startswith("/") else "") + _quoted(file)}
        if not file.startswith("/"):
            artifact["uriBaseId"] = "%SRCROOT%"  # 3.14.14: the repository's root, wherever it lies
        location["physicalLocation"] = {"artifactLocation": artifact}
        if frame.line > 0:
            location["physicalLocation"]["region"] = {"startLine": frame.line}
    return location


def _quoted(path: str) -> str:
    return quote(printable(path).encode("utf-8"), safe="/")


def _message(text: str) -> Json:
    """A message whose text holds no link: `[text](target)` would be one (3.11.6)."""
    return {"text": printable(text, limit=2_000).replace("](", "] (") or "-"}
