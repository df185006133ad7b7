"""The report for a person at a terminal: headline first, then a line a case, then each case with the evidence both ways.

Reads well from 80 columns up. rich lays out and colours; it is loaded here only. Input text is shown through `printable`,
never as rich markup.
"""

import io
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from leakhunt.model.finding import Case, Cleared, Finding, Report, Retention, Stance
from leakhunt.model.site import AllocationSite
from leakhunt.printable import printable
from leakhunt.reports import RenderOptions
from leakhunt.reports.sparkline import sparkline
from leakhunt.reports.wording import (
    case_title,
    growth_sentence,
    headline_of,
    interval,
    limit_sentence,
    limit_short,
    location,
    remedy_lines,
    retention_lines,
    scope,
    short_function,
    short_path,
    statistics_sentence,
    verdict_label,
)
from leakhunt.units import counted, format_bytes, format_count, format_rate

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

LEAST_WIDTH = 40  # narrower than this nothing fits; lines are then left to wrap
WIDE = 120  # from here on the table has room for long sparklines, in-use bytes and the limit
CASES_IN_FULL = 10  # what a person reads of a screen-by-screen account; the rest is in the table and in JSON
ROWS_OF_THE_TABLE = 50
LINES_OF_A_LIST = 12
FRAMES_SHOWN = 6
SPARKLINE_NARROW, SPARKLINE_WIDE = 12, 24
HEADLINE_STYLES = {
    "leak": "bold white on red",
    "filling": "bold black on yellow",
    "suspect": "bold black on yellow",
    "clean": "bold black on green",
    "inconclusive": "bold black on cyan",
}
CASE_STYLES = {"leak": "bold red", "filling": "yellow", "suspect": "yellow", "clean": "green", "inconclusive": "cyan"}


def render(report: Report, options: RenderOptions) -> str:
    """`report` as lines of at most `options.width` columns, with ANSI colours if `options.colour`."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(
        file=out, width=max(options.width, LEAST_WIDTH), force_terminal=options.colour, force_jupyter=False,
        color_system="standard" if options.colour else None, markup=False, emoji=False, highlight=False,
        legacy_windows=False, _environ={},
    )  # fmt: skip
    wide = options.width >= WIDE
    _print_headline(console, report, wide)
    if report.cases:
        console.print()
        console.print(_case_table(report, wide))
    for number, case in enumerate(report.cases[:CASES_IN_FULL], 1):
        console.print()
        _print_case(console, number, case, options.trim_path, wide)
    if len(report.cases) > CASES_IN_FULL:
        left = counted(len(report.cases) - CASES_IN_FULL, "more finding")
        console.print(_text(f"\n… {left} not in full here; --format html and json have them all"))
    _print_rest(console, report, wide)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


def _print_headline(console: "Console", report: Report, wide: bool) -> None:
    label = (f" {verdict_label(report.verdict)} ", HEADLINE_STYLES[report.verdict])
    console.print(_text(label, "  ", (printable(headline_of(report)), "bold")))
    console.print(_text((scope(report), "dim")))
    if report.total_bytes:
        first, last = report.total_bytes[0], report.total_bytes[-1]
        shape = sparkline(report.total_bytes, SPARKLINE_WIDE if wide else SPARKLINE_NARROW)
        console.print(_text(("heap in use  ", "dim"), shape, f"  {format_bytes(first)} → {format_bytes(last)}"))


def _case_table(report: Report, wide: bool) -> "Table":
    """One line a case."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0), expand=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=None, min_width=16)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True)
    if wide:
        table.add_column(no_wrap=True, justify="right")
        table.add_column(no_wrap=True)
    for case in report.cases[:ROWS_OF_THE_TABLE]:
        site = printable(case.site.leaf.function if wide else short_function(case.site.leaf.function))
        columns = SPARKLINE_WIDE if wide else SPARKLINE_NARROW
        row = [
            _text((verdict_label(case.verdict), CASE_STYLES[case.verdict])),
            _text(site),
            _text(interval(case.growth)),
            _text(sparkline(case.history_bytes, columns)),
        ]
        if wide:
            row += [_text(format_bytes(case.inuse_bytes)), _text(limit_short(case.limit) if case.limit else "")]
        table.add_row(*row)
    return table


def _print_case(console: "Console", number: int, case: Case, trim_path: tuple[str, ...], wide: bool) -> None:
    from rich.rule import Rule

    title = _text((f"{number}. {verdict_label(case.verdict)}", CASE_STYLES[case.verdict]), f" · {printable(case_title(case))}")
    console.print(Rule(title, align="left", style="dim", characters="─"))
    console.print(_text((printable(case.headline), "bold")))
    rows: list[tuple[str, RenderableType]] = [
        ("allocated at", _stack(case.site, trim_path, wide)),
        ("grows", _text(growth_sentence(case.growth))),
        ("in use", _text(f"{format_bytes(case.inuse_bytes)}{_grouped(case)}")),
        ("how surely", _text(statistics_sentence(case.statistics))),
    ]
    if case.limit:
        rows.append(("limit", _text(limit_sentence(case.limit))))
    rows += [(_sign(finding), _evidence(finding)) for finding in _both_ways(case.evidence)]
    if case.retention:
        rows.append(("kept alive by", _retention(case.retention)))
    rows += [("source", _text(printable(note))) for note in case.source_notes]
    if case.remedy:
        rows.append(("what to do", _text("\n".join(printable(line) for line in remedy_lines(case.remedy)))))
    rows.append(("fingerprint", _text((case.fingerprint, "dim"))))
    console.print(_labelled(rows))


def _grouped(case: Case) -> str:
    return f" at {counted(len(case.sites), 'site')} that grow as one" if len(case.sites) > 1 else ""


def _both_ways(evidence: Iterable[Finding]) -> list[Finding]:
    """What implicates before what exonerates, each in the order given."""
    return sorted(evidence, key=lambda finding: finding.stance != Stance.IMPLICATES)


def _sign(finding: Finding) -> str:
    return "for a leak" if finding.stance == Stance.IMPLICATES else "against it"


def _evidence(finding: Finding) -> "Text":
    return _text(printable(finding.text), (f"  ({printable(finding.detector)}, {finding.confidence})", "dim"))


def _stack(site: AllocationSite, trim_path: tuple[str, ...], wide: bool) -> "Text":
    """The user's part of the stack, leaf first, one frame a line; whole import paths and file paths where there is room."""
    stack = site.user_stack or (site.leaf,)
    lines = []
    for frame in stack[:FRAMES_SHOWN]:
        function = frame.function if wide else short_function(frame.function)
        where = location(frame, trim_path)
        lines.append(printable(f"{function}  {where if wide else short_path(where)}".rstrip()))
    if len(stack) > FRAMES_SHOWN:
        lines.append(f"… {counted(len(stack) - FRAMES_SHOWN, 'more frame')}")
    return _text("\n".join(lines))


def _retention(retention: Retention) -> "Text":
    return _text("\n".join(printable(line) for line in retention_lines(retention)))


def _print_rest(console: "Console", report: Report, wide: bool) -> None:
    """What was cleared, what could not be tested, doubts, and what to do next."""
    if report.cleared:
        _print_section(console, "Cleared", [_cleared(cleared, wide) for cleared in report.cleared])
    limits = []
    if report.not_testable.sites:
        amount = f"{counted(report.not_testable.sites, 'site')}, {format_bytes(report.not_testable.bytes)} in use"
        limits.append(("not testable", _text(f"{amount}: {printable(report.not_testable.reason)}")))
    smallest = report.detectable_bytes_per_hour
    if smallest is not None and math.isfinite(smallest):
        limits.append(("could have seen", _text(f"a leak of {format_rate(smallest)} or more with 80 % power")))
    if limits:
        _print_section(console, "Limits of this series", limits)
    skipped = [(printable(given.path), _text(printable(given.skipped))) for given in report.inputs if given.skipped is not None]
    if skipped:
        _print_section(console, "Skipped", [("", _text((path, "bold"), "  ", reason)) for path, reason in skipped])
    if report.notes:
        _print_section(console, "Notes", [("·", _text(printable(note))) for note in report.notes])
    if report.next_steps:
        steps = [(f"{i}.", _text(printable(step))) for i, step in enumerate(report.next_steps, 1)]
        _print_section(console, "What would tell more", steps)
    if report.command:
        console.print(_text("\n", ("again: ", "dim"), printable(report.command)))


def _cleared(cleared: Cleared, wide: bool) -> tuple[str, "RenderableType"]:
    function = cleared.site.leaf.function
    site = printable(function if wide else short_function(function))
    shape = sparkline(cleared.history_bytes, SPARKLINE_NARROW)
    return cleared.pattern, _text((site, "bold"), f"  {shape}  " if shape else "  ", printable(cleared.reason))


def _print_section(console: "Console", title: str, rows: "Sequence[tuple[str, RenderableType]]") -> None:
    console.print(_text((f"\n{title}", "bold underline")))
    console.print(_labelled(rows[:LINES_OF_A_LIST]))
    if len(rows) > LINES_OF_A_LIST:
        console.print(_text((f"… {format_count(len(rows) - LINES_OF_A_LIST)} more", "dim")))


def _labelled(rows: "Sequence[tuple[str, RenderableType]]") -> "Table":
    """Two columns, a label and what it says; a label that repeats is shown once."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold", ratio=1)
    previous = None
    for label, content in rows:
        table.add_row(_text(printable(label) if label != previous else ""), content)
        previous = label
    return table


def _text(*parts: "str | tuple[str, str] | Text") -> "Text":
    from rich.text import Text

    return Text.assemble(*parts)
