"""An Answer as text or JSON. Text from inputs is made printable; widths are counted in characters."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from leakhunt.model.answer import Answer, Column, Table, Unit, Value
from leakhunt.printable import printable
from leakhunt.units import format_bytes, format_count

MIN_TEXT_WIDTH = 24  # the last column is never cut below this


def render_json(answer: Answer) -> str:
    """Keys sorted, integers exact: `{"schema": …, fact…, table: [row…], "notes": […]}`."""
    body: dict[str, Any] = {"schema": answer.schema, "notes": [printable(note) for note in answer.notes]}
    body.update((fact.key, fact.value) for fact in answer.facts)
    body.update((table.name, [dict(row) for row in table.rows]) for table in answer.tables)
    return json.dumps(body, sort_keys=True, indent=2, ensure_ascii=True) + "\n"


def render_csv(answer: Answer) -> str:
    """The columns of the first table, numbers as they are."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    table = answer.tables[0]
    writer.writerow(column.key for column in table.columns)
    for row in table.rows:
        values = [row.get(column.key) for column in table.columns]
        writer.writerow(printable(value) if isinstance(value, str) else value for value in values)
    return text.getvalue()


def render_text(answer: Answer, width: int) -> str:
    """Facts, tables and notes for a terminal of `width` columns; the last column takes what is left, cut in its middle."""
    parts = []
    if answer.facts:
        heading = max(len(fact.heading) for fact in answer.facts)
        parts.append("\n".join(f"{fact.heading:<{heading}}  {_cell(fact.value, fact.unit)}" for fact in answer.facts))
    parts.extend(_table(table, width) for table in answer.tables)
    if answer.notes:
        parts.append("\n".join(f"note: {printable(note)}" for note in answer.notes))
    return "\n\n".join(parts) + "\n"


def _table(table: Table, width: int) -> str:
    if not table.rows:
        return f"{table.title}: {table.empty}"
    cells = [[_cell(row.get(column.key), column.unit) for column in table.columns] for row in table.rows]
    widths = [max(len(column.heading), *(len(row[i]) for row in cells)) for i, column in enumerate(table.columns)]
    left = width - sum(widths[:-1]) - 2 * (len(widths) - 1)
    widths[-1] = max(MIN_TEXT_WIDTH, min(widths[-1], left))
    lines = [table.title] if table.title else []
    lines.append(_line([column.heading for column in table.columns], table.columns, widths))
    lines.extend(_line(row, table.columns, widths) for row in cells)
    if table.left_out:
        lines.append(f"... and {table.left_out:,} more; -n shows more")
    return "\n".join(lines)


def _line(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    shown = []
    for cell, column, width in zip(cells, columns, widths, strict=True):
        if len(cell) > width:
            half = (width - 1) // 2
            cell = cell[: width - 1 - half] + "…" + cell[len(cell) - half :]
        shown.append(cell.ljust(width) if column.unit is Unit.TEXT else cell.rjust(width))
    return "  ".join(shown).rstrip()


def _cell(value: Value, unit: Unit) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        if unit in (Unit.BYTES, Unit.SIGNED_BYTES):
            return format_bytes(value, signed=unit is Unit.SIGNED_BYTES)
        if unit is Unit.SHARE:
            return f"{value / 10_000:.1f} %"
        return format_count(value, signed=unit is Unit.SIGNED_COUNT)
    return printable(value)


RENDERERS: dict[str, Callable[[Answer, int], str]] = {
    "table": render_text,
    "csv": lambda answer, width: render_csv(answer),
    "json": lambda answer, width: render_json(answer),
}
