"""The tables of `top` and `diff` as text: for a person, for a spreadsheet, for a script.

One function a table; `format` is "table", "csv" or "json" (leakhunt.top/1 and leakhunt.diff/1, see docs). Loads nothing that
takes time. Text from profiles is made printable, except in JSON, which escapes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from leakhunt.model.table import DiffTable, FlatTable
from leakhunt.printable import printable
from leakhunt.units import format_bytes, format_count

TABLE_FORMATS = ("table", "csv", "json")
UNITS = {"auto": 0, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_FORMULA = ("=", "+", "-", "@")
_NAME_AT_LEAST = 24  # characters of a name below which the table overflows a narrow terminal instead


def render_top(table: FlatTable, format: str, width: int | None = None, unit: str = "auto") -> str:
    """`table` as text that ends in a line feed. `width` is the terminal's, None for no limit; `unit` one of UNITS (for
    bytes, in tables and CSV; JSON has whole bytes)."""
    keys = ("function", "file", "line", "flat", "cum", "low", "high")
    rows = [(row.function, row.file, row.line, row.flat, row.cum, row.low, row.high) for row in table.rows]
    if format == "json":
        head = [("rows", _json_rows(keys, rows)), ("sample_index", table.sample_index), ("schema", "leakhunt.top/1")]
        return _json([*head, ("total", table.total), ("totals", table.totals), ("unit", table.unit)])
    show = _Formatter(table.unit, unit)
    if format == "csv":
        return _csv(keys, [(*row[:3], *(show.plain(number) for number in row[3:])) for row in rows])
    sampling = f", one per {format_bytes(table.period)}" if table.period > 1 else ""
    title = f"{printable(table.source)}: {printable(table.sample_index)} {show(table.total)} in "
    title += f"{format_count(table.samples)} sample{'s' * (table.samples != 1)}{sampling}"
    ranked = "cum" if table.by_cum else "flat"
    share = _share(table.total)
    shown: list[tuple[str, ...]]
    shown = [(show(r.flat), share(r.flat), show(r.cum), share(r.cum), show.range(r.low, r.high)) for r in table.rows]
    names = [(row.function, row.file, row.line) for row in table.rows]
    titles: tuple[str, ...] = ("flat", "flat%", "cum", "cum%", f"95% of {ranked}")
    if all(row.low == row.high for row in table.rows):  # nothing was sampled
        titles, shown = titles[:-1], [cells[:-1] for cells in shown]
    lines = _columns(titles, shown, names, width)
    return "\n".join([*_clipped([title], width), *lines, *_rest(table.row_count - len(rows))]) + "\n"


def render_diff(table: DiffTable, format: str, width: int | None = None, unit: str = "auto") -> str:
    """As `render_top`, for a difference."""
    keys = ("function", "file", "line", "base", "new", "delta", "low", "high")
    rows = [(row.function, row.file, row.line, row.base, row.new, row.delta, row.low, row.high) for row in table.rows]
    if format == "json":
        head: list[tuple[str, object]] = [("base_total", table.base_total), ("new_total", table.new_total)]
        head += [("notes", list(table.notes)), ("rows", _json_rows(keys, rows)), ("sample_index", table.sample_index)]
        return _json([*head, ("schema", "leakhunt.diff/1"), ("unit", table.unit)])
    show = _Formatter(table.unit, unit)
    if format == "csv":
        return _csv(keys, [(*row[:3], *(show.plain(number) for number in row[3:])) for row in rows])
    delta = table.new_total - table.base_total
    title = f"{printable(table.sample_index)}: {show(table.base_total)} in {printable(table.base_source)}"
    title += f", {show(table.new_total)} in {printable(table.new_source)}: {show(delta, signed=True)}"
    shown = [(show(r.delta, True), show.range(r.low, r.high, True), show(r.base), show(r.new)) for r in table.rows]
    names = [(row.function, row.file, row.line) for row in table.rows]
    lines = _columns(("change", "95% interval", "base", "new"), shown, names, width)
    notes = [f"note: {printable(note)}" for note in table.notes]
    return "\n".join([*_clipped([title], width), *lines, *_rest(table.row_count - len(rows)), *notes]) + "\n"


class _Formatter:
    """Numbers of one unit for a person."""

    def __init__(self, unit: str, wanted: str) -> None:
        self._bytes = unit == "bytes"
        self._wanted = wanted
        self._factor = UNITS[wanted]

    def __call__(self, number: int, signed: bool = False) -> str:
        if not self._bytes:
            return format_count(number, signed)
        if self._factor == 0:
            return format_bytes(number, signed)
        places = 0 if self._factor == 1 else 2
        return f"{number / self._factor:{'+' * signed},.{places}f} {self._wanted}"

    def range(self, low: int, high: int, signed: bool = False) -> str:
        """`5.1..9 MiB`: the unit once where both have it; one number where they show as the same."""
        low_text, high_text = self(low, signed), self(high, signed)
        if low_text == high_text:
            return low_text if low == high else f"~{low_text}"
        number, _, low_unit = low_text.partition(" ")
        return f"{number if low_unit == high_text.partition(' ')[2] else low_text}..{high_text}"

    def plain(self, number: int) -> str:
        """For a spreadsheet: the number in the unit asked for, without the unit."""
        return str(number) if not self._bytes or self._factor < 2 else f"{number / self._factor:.6g}"


def _share(total: int) -> Callable[[int], str]:
    return lambda part: f"{100 * part / total:.1f}%" if total else "-"


def _rest(count: int) -> list[str]:
    return [f"{count:,} more (-n 0 shows all)"] if count > 0 else []


def _columns(
    titles: tuple[str, ...], cells: Sequence[tuple[str, ...]], places: list[tuple[str, str, int]], width: int | None
) -> list[str]:
    """Right-aligned cells, then the function, then its file and line where there is room for them."""
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    left = sum(widths) + 2 * len(widths)
    room = max(width - left, _NAME_AT_LEAST) if width is not None else None
    names = [_named(*place, room) for place in places]
    lines = []
    for row, name in zip([titles, *cells], ["function", *names], strict=True):
        lines.append("  ".join(cell.rjust(size) for cell, size in zip(row, widths, strict=True)) + "  " + name)
    return lines


def _named(function: str, file: str, line: int, room: int | None) -> str:
    """The function, cut at its front (the package's path) to fit; its place behind it where that fits too."""
    name = printable(function)
    if room is not None and len(name) > room:
        short = name.rpartition("/")[2] if "/" in name.partition("(")[0] else name
        return f"…{short[-room + 1 :]}" if len(short) >= room else f"…{name[-room + 1 :]}"
    if not file:
        return name
    place = f"  {printable(file)}:{line}"
    if room is None or len(name) + len(place) <= room:
        return name + place
    base = f"  {printable(file.rpartition('/')[2])}:{line}"
    return name + base if len(name) + len(base) <= room else name


def _clipped(lines: list[str], width: int | None) -> list[str]:
    """Lines broken between words to fit the width."""
    if width is None:
        return lines
    out = []
    for line in lines:
        current = ""
        for word in line.split(" "):
            if current and len(current) + 1 + len(word) > width:
                out.append(current)
                current = f"  {word}"
            else:
                current = f"{current} {word}" if current else word
        out.append(current)
    return out


def _csv(keys: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> str:
    return "".join(",".join(_csv_cell(str(cell)) for cell in row) + "\n" for row in [keys, *rows])


def _csv_cell(text: str) -> str:
    text = printable(text)
    if text.startswith(_FORMULA) and not text.lstrip("+-").replace(".", "", 1).isdigit():
        text = "'" + text  # a spreadsheet would compute it
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text


def _json(pairs: list[tuple[str, object]]) -> str:
    """One object over several lines, keys in the order given (sorted), rows one a line."""
    return "{\n" + ",\n".join(f" {_json_value(key)}: {_json_value(value)}" for key, value in pairs) + "\n}\n"


def _json_rows(keys: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> list[dict[str, object]]:
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return [{keys[i]: row[i] for i in order} for row in rows]


def _json_value(value: object) -> str:
    """JSON of text, integers, and lists and objects of them; the json module is asked (and loaded) for rare text only."""
    if isinstance(value, str):
        if value.isascii() and value.isprintable() and '"' not in value and "\\" not in value:
            return f'"{value}"'
        import json

        return json.dumps(value)
    if isinstance(value, list):
        if not value:
            return "[]"
        return "[\n" + ",\n".join(f"  {_json_value(item)}" for item in value) + "\n ]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_json_value(str(key))}: {_json_value(item)}" for key, item in sorted(value.items())) + "}"
    assert isinstance(value, int)
    return str(value)
