"""`leakhunt hunt`: load everything, print the report."""

from typing import Annotated

import typer

from leakhunt.cli.connection import (
    DEFAULT_DISTANCE,
    BasicOption,
    BearerOption,
    CaOption,
    CertOption,
    DistanceOption,
    HeaderOption,
    KeyOption,
    connection_from,
    fetch_with,
)


def hunt(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files, folders, globs, - or http(s) URLs.")],
    limit: Annotated[str | None, typer.Option(metavar="SIZE", help="The process's memory limit: 2GiB.")] = None,
    warmup: Annotated[int | None, typer.Option(min=0, metavar="N", help="Drop the first N snapshots.")] = None,
    focus: Annotated[str | None, typer.Option(metavar="REGEX", help="Only stacks with a function that matches.")] = None,
    ignore: Annotated[str | None, typer.Option(metavar="REGEX", help="No stacks with a function that matches.")] = None,
    lines: Annotated[bool, typer.Option("--lines", help="Tell sites apart by line, not by function.")] = False,
    format: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="FORMAT", help="terminal, markdown, html, json, sarif or junit; repeatable."),
    ] = None,
    output: Annotated[
        list[str] | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where the format of the same position goes; repeatable."),
    ] = None,
    distance: DistanceOption = DEFAULT_DISTANCE,
    header: HeaderOption = None,
    bearer: BearerOption = "",
    basic: BasicOption = "",
    cacert: CaOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
) -> None:
    """Say what grows in a series of heap profiles, how surely, and whether it is a leak. Exits 0 whatever the verdict.

    Inputs are told by content, never by name: heap and goroutine profiles (protobuf or text; gzip, zstd or plain). What
    cannot be read is named in the report, with the reason; if nothing can be read, the exit code is 2. A URL of a service
    with net/http/pprof is asked for two snapshots, each after a collection: enough for candidates, never for a verdict.
    """
    from leakhunt.cli.investigate import investigate, write_reports
    from leakhunt.cli.settings import settings_from

    settings = settings_from(limit=limit, warmup=warmup, focus=focus, ignore=ignore, granularity="line" if lines else None)
    connection = connection_from(header, bearer, basic, cacert, cert, key)
    report = investigate(inputs, settings, fetch_with(connection, distance))
    write_reports(report, format or [], output or [])
