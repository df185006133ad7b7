"""`leakhunt escape`: the heap-allocating lines of a package, ranked by a profile's bytes."""

from typing import Annotated, Literal

import typer

from leakhunt.cli.source_options import EscapeOption, SourceOption


def escape(
    profile: Annotated[str | None, typer.Argument(metavar="[PROFILE]", help="A heap profile to rank the lines by.")] = None,
    escape: EscapeOption = None,
    source: SourceOption = None,
    package: Annotated[str, typer.Option(metavar="PATH", help="Only this package and those below it.")] = "",
    sample_index: Annotated[
        str, typer.Option(metavar="NAME", help="inuse_space, inuse_objects, alloc_space or alloc_objects.")
    ] = "inuse_space",
    rows: Annotated[int, typer.Option("-n", min=0, help="Rows to show, 0 for all.")] = 20,
    format: Annotated[Literal["table", "json"], typer.Option("--format", help="How to write the rows.")] = "table",
) -> None:
    """Say why Go code allocates on the heap: the compiler's escape analysis, line by line, largest first.

    The compiler's word comes from --escape (go build -gcflags=-m=2 ./... 2> escape.txt) or from building --source. With a
    PROFILE each line carries the bytes it holds; -gcflags=all=-m=2 takes in the dependencies.
    """
    from leakhunt.cli.source_options import open_source
    from leakhunt.cli.terminal import columns
    from leakhunt.decode import load, read_file
    from leakhunt.errors import ConfigError
    from leakhunt.reports.escape_table import render_json, render_table
    from leakhunt.source.ranking import rank, sites_of

    if not escape and not source:
        raise ConfigError("escape", "give --escape FILE (go build -gcflags=-m=2 ./... 2> escape.txt) or --source DIR")
    loaded = load(read_file(profile), profile) if profile else None
    log, _, notes = open_source(escape, source, sites_of(loaded) if loaded else ())
    if log is None:
        raise ConfigError("--source", notes[0])
    ranking = rank(log, loaded, sample_index, package)
    typer.echo(render_json(ranking, rows) if format == "json" else render_table(ranking, rows, columns()), nl=False)
