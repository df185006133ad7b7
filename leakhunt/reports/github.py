"""The report as GitHub workflow commands: annotations on the lines that leak, when run in Actions.

Format: docs.github.com, "Workflow commands for GitHub Actions"; escaping as in actions/toolkit, packages/core/src/command.ts.
GitHub shows ten annotations of a kind for each step; the step summary is the Markdown report.
"""

from leakhunt.model.finding import Case, Report, Verdict
from leakhunt.printable import printable
from leakhunt.reports import RenderOptions
from leakhunt.reports.wording import growth_sentence, headline_of, own_frame, short_function, tolerated, trimmed, verdict_label

MOST_ANNOTATIONS = 10


def render(report: Report, options: RenderOptions) -> str:
    """One command a line: an error for each leak that fails, a warning for the others; at least one notice for the verdict."""
    failing = [case for case in report.cases if not tolerated(case, options)]
    others = [case for case in report.cases if tolerated(case, options) and case.verdict != Verdict.CLEAN]
    lines = [_annotation("error", case, options) for case in failing[:MOST_ANNOTATIONS]]
    lines += [_annotation("warning", case, options) for case in others[:MOST_ANNOTATIONS]]
    summary = f"{verdict_label(report.verdict)}: {headline_of(report)}"
    lines.append(f"::notice title=leakhunt::{_data(summary)}")
    return "\n".join(lines) + "\n"


def _annotation(kind: str, case: Case, options: RenderOptions) -> str:
    frame = own_frame(case.site, options.trim_path)
    title = f"{verdict_label(case.verdict)} {case.pattern}: {short_function(case.site.leaf.function)}"
    properties = {"file": trimmed(frame.file, options.trim_path), "line": str(frame.line) if frame.line else "", "title": title}
    shown = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    reason = tolerated(case, options)
    text = f"{case.headline} Grows {growth_sentence(case.growth)}. Fingerprint {case.fingerprint}."
    return f"::{kind} {shown}::{_data(text + (f' ({reason})' if reason else ''))}"


def _data(text: str) -> str:
    return printable(text, limit=2_000).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
