"""`leakhunt check`: the hunt as a gate for CI."""

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


def check(
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="INPUT...", help="Files, folders, globs, - or http(s) URLs.")
    ] = None,
    bench: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="OLD NEW", help="Also (or only) fail on benchmarks that allocate more in NEW than in OLD."),
    ] = None,
    min_growth: Annotated[
        str | None, typer.Option(metavar="RATE", help="Let leaks pass that grow more slowly: 100KiB/h.")
    ] = None,
    baseline: BaselineOption = None,
    update_baseline: Annotated[
        bool, typer.Option("--update-baseline", help="Write the baseline so that it accepts what was found.")
    ] = False,
    strict: Annotated[bool | None, typer.Option("--strict", help="A suspect fails too, and inconclusive never passes.")] = None,
    allow_inconclusive: Annotated[
        bool | None, typer.Option("--allow-inconclusive", help="Exit 0 instead of 3 where the evidence does not decide.")
    ] = None,
    limit: Annotated[str | None, typer.Option(metavar="SIZE", help="The process's memory limit: 2GiB.")] = None,
    warmup: Annotated[int | None, typer.Option(min=0, metavar="N", help="Drop the first N snapshots.")] = None,
    focus: Annotated[str | None, typer.Option(metavar="REGEX", help="Only stacks with a function that matches.")] = None,
    ignore: Annotated[str | None, typer.Option(metavar="REGEX", help="No stacks with a function that matches.")] = None,
    binary: BinaryOption = None,
    lines: Annotated[bool, typer.Option("--lines", help="Tell sites apart by line, not by function.")] = False,
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
    """Fail a build on a leak and on nothing else.

    Exit codes: 0 no leak, on enough evidence; 1 a leak that neither the baseline nor --min-growth excuses; 2 usage, or no
    input that can be read; 3 inconclusive, or nothing measured. Thresholds may stand in leakhunt.toml, section [check]. In
    GitHub Actions the findings also become annotations, and the Markdown report the step's summary.
    """
    from leakhunt.cli.investigate import investigate
    from leakhunt.cli.publish import Publication, against_baseline, default_trim_path, redacted
    from leakhunt.cli.settings import settings_from
    from leakhunt.cli.source_options import with_source
    from leakhunt.errors import ConfigError
    from leakhunt.gate import decide, gravest

    settings = settings_from(
        limit=limit, min_growth=min_growth, warmup=warmup, focus=focus, ignore=ignore, baseline=baseline, strict=strict,
        allow_inconclusive=allow_inconclusive, granularity="line" if lines else None, binary=binary,
    )  # fmt: skip
    if not inputs and not bench:
        raise ConfigError("INPUT", "nothing to check; name profiles, or benchmarks with --bench OLD NEW")
    if update_baseline and not settings.baseline:
        raise ConfigError("--update-baseline", "needs to know which file: give --baseline FILE")
    publication = Publication(format or [], output or [], trim_path or default_trim_path(), "short", always_told=True)
    codes = [_bench_code(bench, settings.allow_inconclusive and not settings.strict)] if bench else []
    if inputs:
        fetch = c.fetch_with(c.connection_from(header, bearer, basic, cacert, cert, key, timeout, retries), distance)
        report = with_source(investigate(inputs, settings, fetch), escape, source, source_url)
        report = against_baseline(report, settings.baseline, update_baseline)
        decision = decide(report, settings.min_growth_bytes_per_hour, settings.strict, settings.allow_inconclusive)
        publication.decided(decision.tolerated, settings.strict).write(redacted(report, redact, redact_map))
        typer.echo(f"check: {decision.reason} (exit {decision.exit_code})", err=not publication.readable)
        codes.append(decision.exit_code)
    raise typer.Exit(gravest(codes))


def _bench_code(bench: tuple[str, str], allow_inconclusive: bool) -> int:
    """Prints what the benchmarks say and returns their exit code."""
    from leakhunt.cli.bench import check_benchmarks
    from leakhunt.gate import FAILS, PASSES, UNDECIDED

    verdict = check_benchmarks(*bench)
    return {"leak": FAILS, "inconclusive": PASSES if allow_inconclusive else UNDECIDED}.get(verdict, PASSES)
