"""The live view: what is known now, laid out in exactly the lines and columns of the terminal.

Pure: a state in, lines of rich text out. Text from the target is made printable first.
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from leakhunt.measure.ledger import LedgerRow
from leakhunt.model.finding import Stance
from leakhunt.printable import printable
from leakhunt.reports.sparkline import BLOCKS, sparkline
from leakhunt.reports.terminal import CASE_STYLES, HEADLINE_STYLES
from leakhunt.reports.wording import headline_of, interval, limit_short, location, short_function, verdict_label
from leakhunt.units import NS_PER_SECOND, counted, format_bytes, format_duration, format_rate

if TYPE_CHECKING:
    from rich.text import Text

    from leakhunt.measure.ledger import Ledger
    from leakhunt.model.finding import Case, Report

LEAST_COLUMNS, LEAST_LINES = 40, 12
WIDE_COLUMNS = 120
_LABEL_COLUMNS = 10  # of the chart's axis: `1.02 MiB `
_VERDICT_COLUMNS = 8  # of a case: FILLING and SUSPECT are the longest
_MESSAGES_KEPT = 50


@dataclass(slots=True)
class WatchState:
    """All that the view shows.

    title        what is watched
    seen         snapshots taken; `missed` could not be, `restarts` were noticed
    next_at      monotonic time of the next snapshot, None where files are waited for
    busy         an answer is being worked out
    report       the newest answer, None before the first
    ledger       where the process's memory is, None where it does not say
    certain      why looking on would change nothing, "" while it would
    messages     what happened, the newest last, each with its time of day; `told` counts those no longer kept too
    """

    title: str
    seen: int = 0
    missed: int = 0
    restarts: int = 0
    next_at: float | None = None
    busy: bool = False
    report: "Report | None" = None
    ledger: "Ledger | None" = None
    certain: str = ""
    messages: deque[str] = field(default_factory=lambda: deque(maxlen=_MESSAGES_KEPT))
    told: int = 0

    def tell(self, message: str) -> None:
        """Adds a message, stamped with the time of day."""
        self.told += 1
        self.messages.append(f"{datetime.now():%H:%M:%S} {printable(message, 300)}")


def screen(state: WatchState, columns: int, lines: int, now: float) -> "list[Text]":
    """Exactly `lines` lines of at most `columns` columns. `now` is monotonic time."""
    if columns < LEAST_COLUMNS or lines < LEAST_LINES:
        return _fitted([_line(f"the terminal is smaller than {LEAST_COLUMNS}x{LEAST_LINES}")], columns, lines)
    top = [*_head(state, columns, now), *_chart(state, columns, max(2, min(9, lines // 5)))]
    bottom = [*_memory(state, columns), *_messages(state, 1 if lines < 20 else 2), _line("q quit and write the report", "dim")]
    middle = _cases(state, columns, max(0, lines - len(top) - len(bottom)))
    gap = lines - len(top) - len(middle) - len(bottom)
    return _fitted([*top, *middle, *[_line("")] * max(0, gap), *bottom], columns, lines)


def _head(state: WatchState, columns: int, now: float) -> "list[Text]":
    status = [counted(state.seen, "snapshot")]
    if state.missed:
        status.append(f"{state.missed} missed")
    if state.restarts:
        status.append(counted(state.restarts, "restart"))
    if state.report is not None and len(state.report.times_ns) > 1:
        span_ns = state.report.times_ns[-1] - state.report.times_ns[0]
        status += [format_duration(span_ns / NS_PER_SECOND), f"{counted(state.report.sites_tested, 'site')} tested"]
    if state.busy:
        status.append("working")
    elif state.next_at is not None:
        status.append(f"next in {max(0, round(state.next_at - now))}s")
    title = _line(printable(state.title, columns), "bold")
    if state.report is None:
        return [title, _line(" · ".join(status), "dim"), _line("waiting for the first snapshot")]
    verdict = state.report.verdict
    headline = _line("")
    headline.append(f" {verdict_label(verdict)} ", HEADLINE_STYLES[verdict])
    headline.append("  " + printable(state.certain or headline_of(state.report), 500), "bold")
    return [title, _line(" · ".join(status), "dim"), headline]


def _chart(state: WatchState, columns: int, height: int) -> "list[Text]":
    """Heap in use over time, with a mark where a new process begins; `height` lines and one of times."""
    report = state.report
    if report is None or not report.total_bytes:
        return [_line("")] * (height + 1)
    width = columns - _LABEL_COLUMNS - 1
    values = _over_time(report.times_ns, report.total_bytes, width)
    low, high = min(values), max(values)
    floor = 0.0 if low < high / 2 else low - (high - low) * 0.1
    span = max(high - floor, 1.0)
    starts = () if report.series is None else report.series.segment_starts[1:]
    marks = {_column(report.times_ns, i, width) for i in starts}
    rows = []
    for row in range(height):
        level = height - 1 - row
        cells = [_block((value - floor) / span * height - level) for value in values]
        text = "".join("┊" if column in marks and cell == " " else cell for column, cell in enumerate(cells))
        label = format_bytes(high) if row == 0 else format_bytes(floor) if row == height - 1 else ""
        line = _line(f"{label:>{_LABEL_COLUMNS}} ", "dim")
        line.append(text, "cyan")
        rows.append(line)
    first, last = (datetime.fromtimestamp(report.times_ns[i] / NS_PER_SECOND) for i in (0, -1))
    left, right = f"heap in use from {first:%H:%M:%S}", f"{last:%H:%M:%S}"
    gap = " " * max(1, width - len(left) - len(right))
    rows.append(_line(f"{'':{_LABEL_COLUMNS}} {left}{gap}{right}", "dim"))
    return rows


def _over_time(times_ns: Sequence[int], values: Sequence[int], width: int) -> list[int]:
    """The value at each column's time: of the last snapshot by then."""
    start, span = times_ns[0], max(times_ns[-1] - times_ns[0], 1)
    result, position = [], 0
    for column in range(width):
        moment = start + span * (column + 1) // width
        while position + 1 < len(times_ns) and times_ns[position + 1] <= moment:
            position += 1
        result.append(values[position])
    return result


def _column(times_ns: Sequence[int], index: int, width: int) -> int:
    span = max(times_ns[-1] - times_ns[0], 1)
    return max(0, (times_ns[index] - times_ns[0]) * width // span - 1)


def _block(filled: float) -> str:
    """A block filled to `filled` of its height, from below."""
    eighths = round(filled * 8)
    return " " if eighths <= 0 else BLOCKS[min(eighths, 8) - 1]


def _cases(state: WatchState, columns: int, room: int) -> "list[Text]":
    """A line for each case, what was cleared, and the next measurement; with the reasons where there is room for them."""
    report = state.report
    if report is None or room < 3:
        return []
    cases = [_case(case, columns) for case in report.cases]
    cleared, steps = _cleared_in_short(report), [_step(step) for step in report.next_steps]
    after = len(cleared) + len(steps[:1])
    most = room - 1 - after  # lines for cases, below an empty one
    if sum(map(len, cases)) > most:
        shown = cases[: max(0, most - 1)]
        while sum(map(len, shown)) > max(0, most - 1):
            shown.pop()
        rest = _line(f"and {len(cases) - len(shown):,} more", "dim")
        return [_line(""), *(line for case in shown for line in case), rest, *cleared, *steps[:1]]
    spare = most - sum(map(len, cases))
    for position, case in enumerate(report.cases):
        reasons = _reasons(case)
        if len(reasons) <= spare:
            cases[position] += reasons
            spare -= len(reasons)
    reasons = _cleared_in_full(report)
    if len(reasons) - len(cleared) <= spare:
        spare -= len(reasons) - len(cleared)
        cleared = reasons
    return [_line(""), *(line for case in cases for line in case), *cleared, *steps[: 1 + spare]]


def _case(case: "Case", columns: int) -> "list[Text]":
    """What grows and how fast; the time to the limit in the same line where that is wide enough."""
    wide = columns >= WIDE_COLUMNS
    growth = interval(case.growth)
    limit = limit_short(case.limit) if case.limit else ""
    spark = sparkline(case.history_bytes, 24 if wide else 10)
    taken = _VERDICT_COLUMNS + 1 + len(growth) + 4 + len(spark) + (2 + len(limit) if limit and wide else 0)
    name = printable(short_function(case.site.leaf.function), max(16, columns - taken))
    line = _line("")
    line.append(f"{verdict_label(case.verdict):{_VERDICT_COLUMNS}} ", CASE_STYLES[case.verdict])
    line.append(f"{name}  {growth}  ")
    line.append(spark, "cyan")
    if limit and wide:
        line.append(f"  {limit}", "bold")
    return [line] if wide or not limit else [line, _line(f"{'':{_VERDICT_COLUMNS}} {limit}", "bold")]


def _reasons(case: "Case") -> "list[Text]":
    """Where it is allocated, and the evidence both ways."""
    where = printable(location(case.site.leaf), 300)
    texts = [f"allocated at {where}"] if where else []
    texts += [("against: " if f.stance == Stance.EXONERATES else "because: ") + printable(f.text, 500) for f in case.evidence]
    return [_line(f"{'':{_VERDICT_COLUMNS}} {text}", "dim") for text in texts]


def _cleared_in_short(report: "Report") -> "list[Text]":
    patterns = Counter(cleared.pattern for cleared in report.cleared)
    words = ", ".join(f"{count} {name}" for name, count in patterns.most_common())
    return [_line(f"{'cleared':{_VERDICT_COLUMNS}} {words}", "dim")] if words else []


def _cleared_in_full(report: "Report") -> "list[Text]":
    return [
        _line(
            f"{'cleared':{_VERDICT_COLUMNS}} {printable(short_function(one.site.leaf.function), 60)}: "
            f"{one.pattern}, {printable(one.reason, 500)}",
            "dim",
        )
        for one in report.cleared
    ]


def _step(step: str) -> "Text":
    return _line(f"{'next':{_VERDICT_COLUMNS}} {printable(step, 500)}", "dim")


def _memory(state: WatchState, columns: int) -> "list[Text]":
    """The ledger: what grows first, then what is large; and its conclusion."""
    if state.ledger is None:
        return []
    rows = sorted(state.ledger.rows, key=lambda row: (not row.grows, -row.bytes))
    line = _line("memory  ", "dim")
    for row in rows:
        line.append(f"{_row(row)}   ", "bold yellow" if row.grows else "")
    return [line, _line(state.ledger.conclusion)]


def _row(row: LedgerRow) -> str:
    rate = f" ↑ {format_rate(row.bytes_per_hour).lstrip('+')}" if row.grows else ""
    return f"{row.name} {format_bytes(row.bytes)}{rate}"


def _messages(state: WatchState, count: int) -> "list[Text]":
    newest = list(state.messages)[-count:]
    return [_line(message, "dim") for message in [""] * (count - len(newest)) + newest]


def _line(text: str, style: str = "") -> "Text":
    from rich.text import Text

    return Text(text, style, no_wrap=True, overflow="ellipsis", end="")


def _fitted(lines: "list[Text]", columns: int, count: int) -> "list[Text]":
    for line in lines:
        line.truncate(columns, overflow="ellipsis")
    return lines[:count]
