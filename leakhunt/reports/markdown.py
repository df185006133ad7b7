"""The report for a ticket or a pull request: GitHub-flavoured Markdown in blocks that can each be pasted alone.

Stays below what GitHub takes for one comment; what had to go is counted. Input text never becomes markup: a word that holds
anything Markdown, a mention or a link could be made of is written as a code span, which also is how a function should look.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from leakhunt.model.finding import Case, Finding, Report, Retention, Stance
from leakhunt.printable import printable
from leakhunt.reports import RenderOptions
from leakhunt.reports.sparkline import sparkline
from leakhunt.reports.wording import (
    case_title,
    growth_sentence,
    headline_of,
    interval,
    is_link,
    limit_sentence,
    limit_short,
    location,
    remedy_parts,
    retention_lines,
    scope,
    short_function,
    statistics_sentence,
    verdict_label,
)
from leakhunt.units import counted, format_bytes, format_rate

MOST_CHARACTERS = 60_000  # GitHub refuses a comment above 65 536 characters
ROWS_OF_A_TABLE = 40
LINES_OF_A_LIST = 20
FRAMES_SHOWN = 12
NAME_CHARACTERS = 160  # of a name in a table; longer ones are cut in the middle
SPARKLINE_WIDTH = 16

T = TypeVar("T")

# What inside a word could be markup, a mention, a reference, a link, an emoji or mathematics on GitHub.
_MARKUP = re.compile(r"[`*_\[\]<>#|~&\\@$^{}!]|://|www\.|:\w+:")
_BLOCK_START = re.compile(r"(?:[-+=]+|\d+[.)])\Z")  # a list or an underlined heading, at the start of a line only
_CODE_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_CLOSING = re.compile(r"[,;:.)?]+\Z")
_OPENING = re.compile(r"\A\(+(?!\*)")


def render(report: Report, options: RenderOptions) -> str:
    """`report` as Markdown of at most about MOST_CHARACTERS characters."""
    head = [_headline(report), *_verdict_table(report)]
    tail = [*_cleared(report), *_limits(report), *_notes(report), *_next(report)]
    room = MOST_CHARACTERS - sum(map(len, head)) - sum(map(len, tail))
    blocks: list[str] = []
    for case in report.cases:
        block = _case(case, options.trim_path)
        if len(block) > room:
            break
        room -= len(block)
        blocks.append(block)
    left = len(report.cases) - len(blocks)
    if left:
        blocks.append(
            f"… {counted(left, 'finding')} left out to stay within the size of a comment; see the HTML or JSON report."
        )
    return "\n\n".join([*head, *blocks, *tail]) + "\n"


def text(sentence: str) -> str:
    """`sentence` with every word that could be markup as a code span; what stands between backticks is one already."""
    shown = ""
    for i, piece in enumerate(_CODE_SPAN.split(" ".join(printable(sentence).split()))):
        part = code(piece) if i % 2 else _words(piece, starts_line=i == 0)
        glued = shown.endswith("`") and part.startswith("`")  # two runs of backticks would read as one
        shown += f" {part}" if glued else part
    return shown


def _words(piece: str, starts_line: bool) -> str:
    words = piece.split(" ")
    return " ".join(
        code(word) if i == 0 and starts_line and _BLOCK_START.match(word) else _word(word) for i, word in enumerate(words)
    )


def code(name: str, limit: int = 512) -> str:
    """`name` as a code span."""
    shown = printable(name, limit) or " "
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _word(word: str) -> str:
    if not _MARKUP.search(word):
        return word
    opening = match[0] if (match := _OPENING.search(word)) else ""
    rest = word[len(opening) :]
    closing = match[0] if (match := _CLOSING.search(rest)) else ""
    inner = rest[: len(rest) - len(closing)]
    if inner.endswith("(") or inner.count("(") > inner.count(")"):  # the closing bracket belongs to the name: f()
        taken = closing.find(")") + 1
        inner, closing = inner + closing[:taken], closing[taken:]
    return f"{opening}{code(inner)}{closing}" if inner else code(word)


def _block(lines: Iterable[str], language: str = "") -> str:
    """Lines in a code fence that none of them can close."""
    shown = [printable(line) for line in lines]
    longest = max((len(run) for line in shown for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([fence + language, *shown, fence])


def _cell(markdown: str) -> str:
    """A table cell: in GitHub's tables a bar must be escaped even inside a code span."""
    return markdown.replace("|", "\\|")


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    shown = [header, tuple("---" for _ in header), *(tuple(map(_cell, row)) for row in rows[:ROWS_OF_A_TABLE])]
    lines = [f"| {' | '.join(row)} |" for row in shown]
    if len(rows) > ROWS_OF_A_TABLE:
        lines += ["", f"… {counted(len(rows) - ROWS_OF_A_TABLE, 'more row')}."]
    return "\n".join(lines)


def _headline(report: Report) -> str:
    first = f"## {verdict_label(report.verdict)}: {text(headline_of(report))}\n\n{text(scope(report))}"
    if not report.total_bytes:
        return first
    low, high = format_bytes(report.total_bytes[0]), format_bytes(report.total_bytes[-1])
    return f"{first}\n\nHeap in use: {low} → {high} {code(sparkline(report.total_bytes, SPARKLINE_WIDTH * 2))}"


def _verdict_table(report: Report) -> list[str]:
    if not report.cases:
        return []
    rows = [
        (
            f"**{verdict_label(case.verdict)}**",
            code(short_function(case.site.leaf.function), NAME_CHARACTERS),
            interval(case.growth),
            code(sparkline(case.history_bytes, SPARKLINE_WIDTH)) if case.history_bytes else "",
            format_bytes(case.inuse_bytes),
            limit_short(case.limit) if case.limit else "",
            str(case.status),
            code(case.fingerprint),
        )
        for case in report.cases
    ]
    return [_table(("verdict", "allocated by", "growth [95 %]", "trend", "in use", "limit", "status", "fingerprint"), rows)]


def _case(case: Case, trim_path: tuple[str, ...]) -> str:
    name = code(short_function(case.site.leaf.function), NAME_CHARACTERS)
    stack = case.site.user_stack or (case.site.leaf,)
    frames = [f"{frame.function}  {location(frame, trim_path)}".rstrip() for frame in stack[:FRAMES_SHOWN]]
    if len(stack) > FRAMES_SHOWN:
        frames.append(f"… {counted(len(stack) - FRAMES_SHOWN, 'more frame')}")
    parts = [
        f"### {verdict_label(case.verdict)}: {name}",
        f"{text(case.headline)}\n\n*{case_title(case)} · fingerprint {case.fingerprint}*",
        "\n".join(f"- {fact}" for fact in _numbers(case)),
        "Allocated at:\n\n" + _block(frames),
    ]
    if case.retention:
        parts.append("Kept alive by:\n\n" + _trace(case.retention))
    if case.evidence:
        parts.append("\n".join(map(_evidence, sorted(case.evidence, key=lambda finding: finding.stance != Stance.IMPLICATES))))
    if case.source_notes:
        parts.append("In the source:\n\n" + _block(note for note in case.source_notes if not is_link(note)))
        parts += [f"<{note}>" for note in case.source_notes if is_link(note)]
    if case.remedy:
        prose, example = remedy_parts(case.remedy)
        parts.append(f"**What to do:** {text(prose)}" + (f"\n\n{_block(example.splitlines(), 'go')}" if example else ""))
    return "\n\n".join(parts)


def _numbers(case: Case) -> list[str]:
    grouped = f" at {counted(len(case.sites), 'site')} that grow as one" if len(case.sites) > 1 else ""
    facts = [
        f"grows {growth_sentence(case.growth)}",
        f"in use {format_bytes(case.inuse_bytes)}{grouped}",
        statistics_sentence(case.statistics),
    ]
    return [*map(text, facts), *([text(limit_sentence(case.limit))] if case.limit else [])]


def _evidence(finding: Finding) -> str:
    side = "for a leak" if finding.stance == Stance.IMPLICATES else "against it"
    return f"- *{side}:* {text(finding.text)} ({text(finding.detector)}, {finding.confidence})"


def _trace(retention: Retention) -> str:
    return _block(retention_lines(retention))


def _cleared(report: Report) -> list[str]:
    rows = [
        (code(short_function(cleared.site.leaf.function), NAME_CHARACTERS), text(cleared.pattern), text(cleared.reason))
        for cleared in report.cleared
    ]
    return ["### Looked at and cleared", _table(("allocated by", "why", "what was seen"), rows)] if rows else []


def _limits(report: Report) -> list[str]:
    lines = []
    if report.not_testable.sites:
        amount = f"{counted(report.not_testable.sites, 'site')} ({format_bytes(report.not_testable.bytes)})"
        lines.append(f"Not testable: {amount}: {text(report.not_testable.reason)}")
    smallest = report.detectable_bytes_per_hour
    if smallest is not None and math.isfinite(smallest):
        lines.append(f"A leak of {text(format_rate(smallest))} or more would have been seen with 80 % power.")
    skipped = [given for given in report.inputs if given.skipped is not None]
    lines += _listed(skipped, lambda given: f"Skipped {code(given.path, NAME_CHARACTERS)}: {text(given.skipped or '')}")
    return ["### Limits of this series", "\n".join(f"- {line}" for line in lines)] if lines else []


def _notes(report: Report) -> list[str]:
    return ["### Notes", "\n".join(f"- {line}" for line in _listed(report.notes, text))] if report.notes else []


def _next(report: Report) -> list[str]:
    parts = []
    if report.next_steps:
        parts += ["### What would tell more", "\n".join(f"1. {line}" for line in _listed(report.next_steps, text))]
    if report.command:
        parts += ["To make this report again:", _block([report.command], "sh")]
    return parts


def _listed(items: Sequence[T], line: Callable[[T], str]) -> list[str]:
    """The first LINES_OF_A_LIST items by `line`, and how many are left."""
    shown = [line(item) for item in items[:LINES_OF_A_LIST]]
    return shown + ([f"… {len(items) - LINES_OF_A_LIST} more"] if len(items) > LINES_OF_A_LIST else [])
