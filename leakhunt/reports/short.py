"""The report for a build log: what stops the build, one paragraph each, and what was let through, one line each.

Plain text of any width: log viewers wrap. The whole account is in the other formats.
"""

from leakhunt.model.finding import Case, Report
from leakhunt.printable import printable
from leakhunt.reports import RenderOptions
from leakhunt.reports.wording import (
    headline_of,
    interval,
    location,
    own_frame,
    remedy_parts,
    scope,
    short_function,
    tolerated,
    verdict_label,
)

MOST_LINES = 20


def render(report: Report, options: RenderOptions) -> str:
    """`report` in a few lines, failing findings first."""
    lines = [f"{verdict_label(report.verdict)}: {printable(headline_of(report))}", scope(report)]
    failing = [case for case in report.cases if not tolerated(case, options)]
    passing = [case for case in report.cases if tolerated(case, options)]
    for case in failing[:MOST_LINES]:
        lines += ["", *_failure(case, options)]
    if len(failing) > MOST_LINES:
        lines += ["", f"… {len(failing) - MOST_LINES} more findings fail"]
    if passing:
        lines += ["", *(_passed(case, options) for case in passing[:MOST_LINES])]
    if len(passing) > MOST_LINES:
        lines.append(f"… {len(passing) - MOST_LINES} more findings pass")
    lines += [f"note: {printable(note)}" for note in report.notes[:MOST_LINES]]
    skipped = [given for given in report.inputs if given.skipped is not None]
    lines += [f"skipped: {printable(given.path)}: {printable(given.skipped or '')}" for given in skipped[:MOST_LINES]]
    lines += [f"next: {printable(step)}" for step in report.next_steps[:MOST_LINES]]
    return "\n".join(lines) + "\n"


def _failure(case: Case, options: RenderOptions) -> list[str]:
    frame = own_frame(case.site, options.trim_path)
    where = location(frame, options.trim_path)
    name = short_function(case.site.leaf.function)
    prose, example = remedy_parts(case.remedy)
    advice = f"{prose.rstrip('.:')} (leakhunt hunt shows an example)" if example else prose
    lines = [
        f"FAIL {verdict_label(case.verdict)} {printable(name)}  {interval(case.growth)}  {case.pattern}, {case.status}",
        f"     {printable(case.headline)}",
        f"     fingerprint {case.fingerprint}" + (f", at {printable(where)}" if where else ""),
    ]
    return [*lines, f"     {printable(advice)}"] if advice else lines


def _passed(case: Case, options: RenderOptions) -> str:
    name = printable(short_function(case.site.leaf.function))
    return f"pass {case.fingerprint} {name}  {interval(case.growth)}: {printable(tolerated(case, options))}"
