"""What `top` and `diff` do, whoever read the arguments: the fast reader (fast.py) or typer (top.py, diff.py).

Nothing here or below loads typer, rich, numpy or protobuf for a table; `diff --format pprof` alone needs protobuf.
"""

from __future__ import annotations

import os
import sys

from leakhunt.decode import load, read_file, read_stream

TYPE_CHECKING = False  # typing takes 3 ms to import
if TYPE_CHECKING:
    from leakhunt.model.profile import Profile

DEFAULT_ROWS = 20


class TableOptions:
    """The flags that `top` and `diff` share, with their defaults."""

    __slots__ = ("by_cum", "by_line", "format", "rows", "sample_index", "unit")

    def __init__(
        self,
        sample_index: str | None = None,
        by_cum: bool = False,
        rows: int = DEFAULT_ROWS,
        by_line: bool = False,
        format: str = "table",
        unit: str = "auto",
    ) -> None:
        self.sample_index = sample_index
        self.by_cum = by_cum
        self.rows = rows
        self.by_line = by_line
        self.format = format
        self.unit = unit


def run_top(path: str, options: TableOptions) -> None:
    """Prints the table of one profile, or of one heap dump by type."""
    from leakhunt.errors import DecodeError
    from leakhunt.measure.flat import flat_table
    from leakhunt.reports.tables import render_top

    if _begins_as_dump(path):
        _run_top_of_dump(path, options)
        return
    try:
        profile = load(_read(path), path)
    except DecodeError:
        from leakhunt.decode.dumpfile import is_dump_file

        if path == "-" or not is_dump_file(path):
            raise
        _run_top_of_dump(path, options)
        return
    table = flat_table(profile, options.sample_index, options.by_cum, options.rows, options.by_line)
    _write(render_top(table, options.format, _width(), options.unit))


def _run_top_of_dump(path: str, options: TableOptions) -> None:
    """By type: `--cum` sorts by what objects retain, `--sample-index inuse_objects` by how many there are."""
    from leakhunt.cli.terminal import columns
    from leakhunt.errors import ConfigError
    from leakhunt.heaps.answers import types
    from leakhunt.heaps.view import open_heap
    from leakhunt.reports.answers import RENDERERS

    orders = {None: "bytes", "inuse_space": "bytes", "inuse_objects": "objects"}
    if options.sample_index not in orders:
        raise ConfigError(
            "--sample-index", f"{options.sample_index!r} is not in a heap dump; it has inuse_space and inuse_objects"
        )
    order = "retained" if options.by_cum else orders[options.sample_index]
    view = open_heap(path)
    answer = types(view, options.rows or len(view.naming.type_names), order)
    _write(RENDERERS[options.format](answer, _width() or columns()))


def _begins_as_dump(path: str) -> bool:
    """Whether a file is a plain or a stripped heap dump; they may be too large to be read whole."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(16) in (b"go1.7 heap dump\n", b"leakhunt heap 1\n")
    except OSError:
        return False


def run_diff(base_path: str, new_path: str, options: TableOptions) -> None:
    """Prints the table of the differences of two profiles, or writes them as a profile of their own."""
    base, new = load(_read(base_path), base_path), load(_read(new_path), new_path)
    if options.format == "pprof":
        from leakhunt.decode.encode import encode_gzip
        from leakhunt.measure.subtract import subtract

        sys.stdout.buffer.write(encode_gzip(subtract(base, new)))
        sys.stdout.buffer.flush()
        return
    if options.format == "folded":
        _write_folded(base, new, options.sample_index)
        return
    from leakhunt.measure.diff import diff_table
    from leakhunt.reports.tables import render_diff

    table = diff_table(base, new, options.sample_index, options.by_cum, options.rows, options.by_line)
    _write(render_diff(table, options.format, _width(), options.unit))


def _write_folded(base: Profile, new: Profile, sample_index: str | None) -> None:
    """Prints what grew as folded stacks, and on stderr what shrank, for which that format has no place."""
    from leakhunt.measure.flat import sample_column
    from leakhunt.measure.subtract import subtract
    from leakhunt.reports.folded import render_folded
    from leakhunt.units import format_bytes, format_count

    difference = subtract(base, new)
    column = sample_column(difference, sample_index)
    text, shrunk = render_folded(difference, column)
    _write(text)
    if shrunk:
        amount = format_bytes(-shrunk) if difference.sample_types[column].unit == "bytes" else format_count(-shrunk)
        print(f"leakhunt: {amount} that shrank is left out; folded stacks have no negative values", file=sys.stderr)


def _read(path: str) -> bytes:
    return read_stream(sys.stdin.buffer, "standard input") if path == "-" else read_file(path)


def _write(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()


def _width() -> int | None:
    """Columns of the terminal; None where the output goes elsewhere, and lines may be as long as they are."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None
