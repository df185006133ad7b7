"""The tables of `top` and `diff`: rows by function or line, with exact totals. Plain classes for the same reason as in
leakhunt.model.profile."""

from __future__ import annotations

Node = tuple[str, str, int]  # function (or a name for its binary), file, line


class FlatRow:
    """One function or line of a profile. `file` and `line` of a function are where most of its flat value is; `low` and
    `high` are the 95 % interval of what the table is sorted by."""

    __slots__ = ("cum", "file", "flat", "function", "high", "line", "low")

    def __init__(self, node: Node, flat: int, cum: int, low: int, high: int) -> None:
        self.function, self.file, self.line = node
        self.flat = flat
        self.cum = cum
        self.low = low
        self.high = high


class FlatTable:
    """One profile by function or line.

    totals      exact sum of each sample type; `total` is that of `sample_index`
    rows        the largest by the magnitude of flat, or of cum where `by_cum`; `row_count` is how many there are in all
    samples, period    of the profile; period is 0 where nothing was sampled
    """

    __slots__ = ("by_cum", "period", "row_count", "rows", "sample_index", "samples", "source", "total", "totals", "unit")

    def __init__(
        self,
        *,
        source: str,
        sample_index: str,
        unit: str,
        total: int,
        totals: dict[str, int],
        samples: int,
        period: int,
        rows: list[FlatRow],
        row_count: int,
        by_cum: bool,
    ) -> None:
        self.source = source
        self.sample_index = sample_index
        self.unit = unit
        self.total = total
        self.totals = totals
        self.samples = samples
        self.period = period
        self.rows = rows
        self.row_count = row_count
        self.by_cum = by_cum


class DiffRow:
    """One function or line of two profiles: `delta` = `new` - `base`, with its 95 % interval `low` to `high`."""

    __slots__ = ("base", "delta", "file", "function", "high", "line", "low", "new")

    def __init__(self, node: Node, base: int, new: int, low: int, high: int) -> None:
        self.function, self.file, self.line = node
        self.base = base
        self.new = new
        self.delta = new - base
        self.low = low
        self.high = high


class DiffTable:
    """Two profiles by function or line: `rows` are those with the largest magnitude of `delta` (of flat values, or of
    cumulative ones), `row_count` is how many differ in all, `notes` are doubts about the comparison."""

    __slots__ = ("base_source", "base_total", "new_source", "new_total", "notes", "row_count", "rows", "sample_index", "unit")

    def __init__(
        self,
        *,
        base_source: str,
        new_source: str,
        base_total: int,
        new_total: int,
        sample_index: str,
        unit: str,
        rows: list[DiffRow],
        row_count: int,
        notes: tuple[str, ...],
    ) -> None:
        self.base_source = base_source
        self.new_source = new_source
        self.base_total = base_total
        self.new_total = new_total
        self.sample_index = sample_index
        self.unit = unit
        self.rows = rows
        self.row_count = row_count
        self.notes = notes
