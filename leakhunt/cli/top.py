"""`leakhunt top`: one profile by function or line."""

from typing import Annotated, Literal

import typer

from leakhunt.cli.source_options import EscapeOption, SourceOption, check_line_options, print_lines
from leakhunt.cli.tables import DEFAULT_ROWS, TableOptions, run_top

SampleIndex = Annotated[
    str | None,
    typer.Option("--sample-index", help="What to show: inuse_space, inuse_objects, alloc_space, alloc_objects, or a number."),
]
Cum = Annotated[bool, typer.Option("--cum", help="Sort by what functions hold together with everything they call.")]
Rows = Annotated[int, typer.Option("-n", min=0, help="Rows to show, 0 for all.")]
Lines = Annotated[bool, typer.Option("--lines", help="A row for each line instead of each function.")]
Unit = Annotated[
    Literal["auto", "B", "KiB", "MiB", "GiB"],
    typer.Option("--unit", help="Unit of bytes in tables and CSV (JSON: whole bytes)."),
]


def top(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A heap or goroutine profile, or - for standard input.")],
    sample_index: SampleIndex = None,
    cum: Cum = False,
    rows: Rows = DEFAULT_ROWS,
    lines: Lines = False,
    format: Annotated[Literal["table", "csv", "json"], typer.Option("--format", help="How to write the rows.")] = "table",
    unit: Unit = "auto",
    escape: EscapeOption = None,
    source: SourceOption = None,
) -> None:
    """Show what one profile holds, by function: flat (allocated there), cum (with everything called from there), and the
    95 % interval that sampling leaves."""
    check_line_options(format, [file], escape, source)
    run_top(file, TableOptions(sample_index, cum, rows, lines, format, unit))
    print_lines(file, None, sample_index, rows, escape, source)
