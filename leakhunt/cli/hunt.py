"""`leakhunt hunt`: load everything, print the report."""

from typing import Annotated

import typer

from leakhunt.cli import connection as c
from leakhunt.cli.report_options import (
    BaselineOption,
    FormatOption,
    OutputOption,
    RedactMapOption,
    RedactOption,
    TrimPathOption,
)
from leakhunt.cli.source_options import BinaryOption, EscapeOption, SourceOption, SourceUrlOption


def hunt(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files, folders, globs, - or http(s) URLs.")],
    binary: BinaryOption = None,
    limit: Annotated[str | None, typer.Option(metavar="SIZE", help="The process's memory limit: 2GiB.")] = None,
    warmup: Annotated[int | None, typer.Option(min=0, metavar="N", help="Drop the first N snapshots.")] = None,
    focus: Annotated[str | None, typer.Option(metavar="REGEX", help="Only stacks with a function that matches.")] = None,
    ignore: Annotated[str | None, typer.Option(metavar="REGEX", help="No stacks with a function that matches.")] = None,
    lines: Annotated[bool, typer.Option("--lines", help="Tell sites apart by line, not by function.")] = False,
    baseline: BaselineOption = None,
    format: FormatOption = None,
    output: OutputOption = None,
    trim_path: TrimPathOption = None,
    redact: RedactOption = "none",
    redact_map: RedactMapOption = None,
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
    from leakhunt.cli.investigate import investigate
    from leakhunt.cli.publish import Publication, against_baseline, default_trim_path, redacted
    from leakhunt.cli.settings import settings_from
    from leakhunt.cli.source_options import with_source

    granularity = "line" if lines else None
    settings = settings_from(
        limit=limit, binary=binary, warmup=warmup, focus=focus, ignore=ignore, baseline=baseline, granularity=granularity
    )
    publication = Publication(format or [], output or [], trim_path or default_trim_path())
    fetch = c.fetch_with(c.connection_from(header, bearer, basic, cacert, cert, key, timeout, retries), distance)
    report = against_baseline(investigate(inputs, settings, fetch), settings.baseline)
    report = redacted(with_source(report, escape, source, source_url), redact, redact_map)
    publication.write(report)
