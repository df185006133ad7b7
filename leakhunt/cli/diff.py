"""`leakhunt diff`: what changed from one profile to another."""

from typing import Annotated, Literal

import typer

from leakhunt.cli.source_options import EscapeOption, SourceOption, check_line_options, print_lines
from leakhunt.cli.tables import DEFAULT_ROWS, TableOptions, run_diff
from leakhunt.cli.top import Cum, Lines, Rows, SampleIndex, Unit


def diff(
    base: Annotated[str, typer.Argument(metavar="BASE", help="The earlier profile.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The later profile.")],
    sample_index: SampleIndex = None,
    cum: Cum = False,
    rows: Rows = DEFAULT_ROWS,
    lines: Lines = False,
    format: Annotated[
        Literal["table", "csv", "json", "pprof", "folded"],
        typer.Option("--format", help="How to write the rows; pprof is for go tool pprof, folded (what grew) for speedscope."),
    ] = "table",
    unit: Unit = "auto",
    escape: EscapeOption = None,
    source: SourceOption = None,
) -> None:
    """Show what changed between two profiles, by function, with the 95 % interval of each change."""
    check_line_options(format, [base, new], escape, source)
    run_diff(base, new, TableOptions(sample_index, cum, rows, lines, format, unit))
    print_lines(new, base, sample_index, rows, escape, source)
