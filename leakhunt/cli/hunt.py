"""`leakhunt hunt`: load everything, print the report."""

from typing import Annotated

import typer

from leakhunt.cli import connection as c
from leakhunt.cli.source_options import EscapeOption, SourceOption, SourceUrlOption


def hunt(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files, folders, globs, - or http(s) URLs.")],
    limit: Annotated[str | None, typer.Option(metavar="SIZE", help="The process's memory limit: 2GiB.")] = None,
    warmup: Annotated[int | None, typer.Option(min=0, metavar="N", help="Drop the first N snapshots.")] = None,
    focus: Annotated[str | None, typer.Option(metavar="REGEX", help="Only stacks with a function that matches.")] = None,
    ignore: Annotated[str | None, typer.Option(metavar="REGEX", help="No stacks with a function that matches.")] = None,
    lines: Annotated[bool, typer.Option("--lines", help="Tell sites apart by line, not by function.")] = False,
    baseline: Annotated[str | None, typer.Option(metavar="FILE", help="Accepted leaks: mark new, known and worse.")] = None,
    format: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="FORMAT", help="terminal, markdown, html, json, sarif or junit; repeatable."),
    ] = None,
    output: Annotated[
        list[str] | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where the format of the same position goes; repeatable."),
    ] = None,
    trim_path: Annotated[str, typer.Option(metavar="PREFIX", help="Take this off source paths.")] = "",
    escape: EscapeOption = None,
    source: SourceOption = None,
    source_url: SourceUrlOption = "",
    header: c.HeaderOption = None,
    bearer: c.BearerOption = "",
    basic: c.BasicOption = "",
    cacert: c.CaOption = None,
    cert: c.CertOption = None,
    key: c.KeyOption = None,
    timeout: c.TimeoutOption = c.DEFAULT_TIMEOUT,
    retries: c.RetriesOption = c.DEFAULT_RETRIES,
    distance: c.DistanceOption = c.DEFAULT_DISTANCE,
) -> None:
    """Say what grows in a series of heap profiles, how surely, and whether it is a leak. Exits 0 whatever the verdict.

    Inputs are told by content, never by name: heap and goroutine profiles (protobuf or text; gzip, zstd or plain). A URL
    is fetched twice. What cannot be read is named in the report, with the reason; if nothing can be read, the exit code
    is 2.
    """
    from leakhunt.cli.investigate import against_baseline, investigate, write_reports
    from leakhunt.cli.settings import settings_from
    from leakhunt.cli.source_options import with_source

    granularity = "line" if lines else None
    settings = settings_from(limit=limit, warmup=warmup, focus=focus, ignore=ignore, baseline=baseline, granularity=granularity)
    fetch = c.fetch_with(c.connection_from(header, bearer, basic, cacert, cert, key, timeout, retries), distance)
    report = against_baseline(investigate(inputs, settings, fetch), settings.baseline)
    write_reports(with_source(report, escape, source, source_url), format or [], output or [], trim_path)
