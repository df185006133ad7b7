"""The report as one HTML file that needs no network, for the ticket's attachment.

`page.html.j2` says what is where (jinja2, everything escaped), `page.css` how it looks, `page.js` drives the differential
icicle; `chart` and `icicle` turn numbers into what they draw. The Content-Security-Policy names the hashes of that style and
script and allows nothing else, so that even a hole in the escaping could run nothing. Same report, same bytes.

Size: what a page shows is bounded by the constants here and in `icicle`, about 1 MB in all, and what is left out is said.
"""

import base64
import hashlib
import json
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from leakhunt.model.finding import Case, Report, Stance
from leakhunt.model.site import Frame
from leakhunt.printable import printable
from leakhunt.reports import RenderOptions, wording
from leakhunt.reports.html.chart import Timeline, spark_points, timeline
from leakhunt.reports.html.icicle import icicle_data
from leakhunt.reports.html.retention import retention_tree
from leakhunt.units import NS_PER_HOUR, NS_PER_SECOND, format_bytes, format_count, format_duration, format_rate

CASES_IN_FULL = 100
ROWS_OF_A_TABLE = 200
FRAMES_SHOWN = 40
_BEFORE_GO_NS = 24 * 365 * 30 * NS_PER_HOUR  # no profile is from before 2000
OPEN_CASES = 5  # detail blocks that are unfolded at first; printing unfolds all


def render(report: Report, options: RenderOptions) -> str:
    """`report` as a complete HTML document."""
    from jinja2 import Environment, StrictUndefined

    style, script = _source("page.css"), _source("page.js")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(
        shown=printable,
        short=lambda function: printable(wording.short_function(function), 200),
        bytes=format_bytes,
        signed_bytes=lambda count: format_bytes(count, signed=True),
        rate=format_rate,
        count=format_count,
        moment=moment,
        spark=spark_points,
    )
    drawing = icicle_data(report.series, options.trim_path) if report.series is not None and report.series.snapshots else None
    page = environment.from_string(_source("page.html.j2")).render(
        report=report,
        headline=wording.headline_of(report),
        scope=wording.scope(report),
        policy=_policy(style, script),
        style=_raw(style),
        script=_raw(script),
        chart=_chart(report),
        cases=[_case(number, case, options.trim_path) for number, case in enumerate(report.cases[:CASES_IN_FULL], 1)],
        cases_left=max(0, len(report.cases) - CASES_IN_FULL),
        tree=retention_tree(report.cases[:CASES_IN_FULL]),
        rows=ROWS_OF_A_TABLE,
        open_cases=OPEN_CASES,
        skipped=[given for given in report.inputs if given.skipped is not None],
        icicle=_raw(_embedded(drawing)) if drawing else "",
        wording=wording,
        version=options.version,
    )
    return page.rstrip("\n") + "\n"


def moment(time_ns: int) -> str:
    """`2026-09-21 14:13:20 UTC`; `7.75s after the start` for a time that counts from a process's start, as in a log without
    a date; "" for an unknown time."""
    if time_ns <= 0:
        return ""
    if time_ns < _BEFORE_GO_NS:
        return f"{format_duration(time_ns / NS_PER_SECOND)} after the start"
    return datetime.fromtimestamp(time_ns // NS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _case(number: int, case: Case, trim_path: tuple[str, ...]) -> dict[str, Any]:
    """What the page shows of a case beside the case itself."""
    stack = case.site.user_stack or (case.site.leaf,)
    prose, example = wording.remedy_parts(case.remedy)
    return {
        "number": number,
        "case": case,
        "frames": [(frame.function, _place(frame, trim_path)) for frame in stack[:FRAMES_SHOWN]],
        "frames_left": max(0, len(stack) - FRAMES_SHOWN),
        "evidence": sorted(case.evidence, key=lambda finding: finding.stance != Stance.IMPLICATES),
        "retention": "\n".join(printable(line) for line in wording.retention_lines(case.retention)) if case.retention else "",
        "remedy": prose,
        "example": "\n".join(printable(line) for line in example.splitlines()),
    }


def _place(frame: Frame, trim_path: tuple[str, ...]) -> str:
    return wording.location(frame, trim_path)


def _chart(report: Report) -> Timeline | None:
    starts, reasons = ((), ()) if report.series is None else (report.series.segment_starts, report.series.segment_reasons)
    return timeline(report.times_ns, report.total_bytes, report.cases, starts, reasons, report.gc_times_ns)


def _source(name: str) -> str:
    return (files("leakhunt.reports.html") / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Only this style and this script; no image, no font, no connection, no frame, no form, no base."""
    return f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"


def _hash(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def _embedded(value: Any) -> str:
    """JSON that can stand in a script element: no `<`, so neither `</script>` nor `<!--`; `&` and `>` for good measure."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _raw(text: str) -> Any:
    """Marks our own text as not to be escaped."""
    from markupsafe import Markup

    return Markup(text)
