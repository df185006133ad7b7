"""The ranking of heap-allocating lines as a table for a person or as JSON (leakhunt.escape/1)."""

import json
from collections.abc import Sequence

from leakhunt.model.escape import EscapeRanking
from leakhunt.model.site import Frame
from leakhunt.printable import printable
from leakhunt.units import format_bytes, format_count

SCHEMA = "leakhunt.escape/1"


def render_table(ranking: EscapeRanking, rows: int = 0, width: int = 100) -> str:
    """A table of at most `rows` lines (0: all), the reasons below each line's numbers, cut at `width`."""
    shown = ranking.rows[:rows] if rows else ranking.rows
    is_bytes = ranking.unit == "bytes"
    lines = []
    if ranking.profile:
        share = f"{100 * ranking.explained / ranking.total:.1f}%" if ranking.total else "none"
        total = format_bytes(ranking.total) if is_bytes else format_count(ranking.total)
        lines.append(
            f"{printable(ranking.profile)}: {ranking.sample_index} {total}; {printable(ranking.log)} speaks about {share} of it"
        )
    else:
        lines.append(f"{printable(ranking.log)}: {len(ranking.rows)} lines allocate on the heap")
    for row in shown:
        value = format_bytes(row.value) if is_bytes else format_count(row.value)
        share = f"{100 * row.value / ranking.total:5.1f}%  " if ranking.total else ""
        number = f"{value:>9}  {share}" if ranking.profile else ""
        name = f"  {printable(row.function)}" if row.function else ""
        lines.append(_cut(f"{number}{printable(row.file)}:{row.line}{name}", width))
        lines += [_cut(f"{' ' * len(number)}  {printable(why, limit=600)}", width) for why in row.why]
    if len(shown) < len(ranking.rows):
        lines.append(f"{len(ranking.rows) - len(shown):,} more (-n 0 shows all)")
    lines += [f"note: {printable(note, limit=600)}" for note in ranking.notes]
    return "\n".join(lines) + "\n"


def render_lines(lines: Sequence[tuple[Frame, int, Sequence[str]]], unit: str, signed: bool, notes: Sequence[str]) -> str:
    """Lines of user code with their values and what their source says, each on lines of its own."""
    shown = ["", f"lines of user code that {'changed' if signed else 'allocate'} most:"]
    for leaf, value, said in lines:
        number = format_bytes(value, signed) if unit == "bytes" else format_count(value, signed)
        shown.append(f"{number:>11}  {printable(leaf.file)}:{leaf.line}  {printable(leaf.function)}")
        shown += [f"{'':11}  {printable(line, limit=600)}".rstrip() for line in said]
    shown += [f"note: {printable(note, limit=600)}" for note in notes]
    return "\n".join(shown) + "\n"


def render_json(ranking: EscapeRanking, rows: int = 0) -> str:
    """The same as JSON with sorted keys."""
    shown = ranking.rows[:rows] if rows else ranking.rows
    document = {
        "schema": SCHEMA,
        "log": ranking.log,
        "profile": ranking.profile or None,
        "sample_index": ranking.sample_index or None,
        "unit": ranking.unit or None,
        "total": ranking.total,
        "explained": ranking.explained,
        "omitted_rows": len(ranking.rows) - len(shown),
        "rows": [
            {"package": r.package, "function": r.function, "file": r.file, "line": r.line, "value": r.value, "why": list(r.why)}
            for r in shown
        ],
        "notes": list(ranking.notes),
    }
    return json.dumps(document, sort_keys=True, indent=1) + "\n"


def _cut(line: str, width: int) -> str:
    return line if width <= 0 or len(line) <= width else line[: width - 1] + "…"
