"""`leakhunt bench`: benchmark results summarised, compared, and joined to the sites that allocate; and `check --bench`."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from leakhunt.cli.source_options import EscapeOption, SourceOption

if TYPE_CHECKING:
    from leakhunt.model.benchmark import Benchmarks

_SITES_SHOWN = 5
_LEAST_SHARE = 0.01


def bench(
    old: Annotated[
        str, typer.Argument(metavar="OLD", help="Output of go test -bench (text or -json), or - for standard input.")
    ],
    new: Annotated[str | None, typer.Argument(metavar="[NEW]", help="A second one to compare with.")] = None,
    memprofile: Annotated[
        str | None, typer.Option(metavar="FILE", help="The last run's -memprofile: which lines allocate.")
    ] = None,
    escape: EscapeOption = None,
    source: SourceOption = None,
    format: Annotated[Literal["table", "json"], typer.Option("--format", help="How to write a comparison.")] = "table",
) -> None:
    """Summarise benchmark results, or compare two sets of them: medians, intervals, and a test that is corrected for many.

    The figures are benchstat's; the interval of the change is added. With --memprofile (and --escape) it says which lines
    allocate and why. To fail a build on more memory per operation: leakhunt check --bench OLD NEW.
    """
    from leakhunt.errors import ConfigError
    from leakhunt.measure.benchstat import compare, summarise
    from leakhunt.reports.bench_table import render_json, render_one, render_table

    before = _read(old)
    after = _read(new) if new is not None else None
    sites = _sites(memprofile, escape, source, after or before) if memprofile else None
    if after is not None:
        compared = compare(before, after)
        if not compared.comparisons:
            raise ConfigError("bench", f"no benchmark is in both files; {old} has {_names(before)}, {new} has {_names(after)}")
        typer.echo(render_json(compared) if format == "json" else render_table(compared, sites), nl=False)
    elif format == "json":
        raise ConfigError("--format", "json is for a comparison; give OLD and NEW")
    else:
        summaries = {
            (key.name, key.unit): summarise(values, exact=key.unit in before.exact) for key, values in before.samples.items()
        }
        typer.echo(render_one(before, summaries, sites), nl=False)


def check_benchmarks(old: str, new: str) -> str:
    """Prints the gate's answer on two files and returns its verdict: leak, inconclusive or clean."""
    from leakhunt.measure.benchgate import gate
    from leakhunt.measure.benchstat import compare
    from leakhunt.reports.bench_table import render_gate

    result = gate(compare(_read(old), _read(new)))
    typer.echo(render_gate(result.verdict, result.risen, result.unsure, result.reasons), nl=False)
    return result.verdict


def _read(path: str) -> "Benchmarks":
    import sys

    from leakhunt.decode import read_file
    from leakhunt.decode.gobench import parse_benchmarks

    data = sys.stdin.buffer.read() if path == "-" else read_file(path)
    return parse_benchmarks(data, path)


def _names(benchmarks: "Benchmarks") -> str:
    names = list(dict.fromkeys(f"{key.package}.{key.name}".lstrip(".") for key in benchmarks.samples))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _sites(memprofile: str, escape: str | None, source: str | None, measured: "Benchmarks") -> list[str]:
    """Lines that say which source lines allocate below each benchmark, and why where a compiler's log is given."""
    from leakhunt.cli.source_options import open_source
    from leakhunt.decode import load, read_file
    from leakhunt.reports.bench_table import format_value
    from leakhunt.source.escapes import EscapeIndex, summary
    from leakhunt.source.memprofile import allocations_by_benchmark

    by_benchmark = allocations_by_benchmark(load(read_file(memprofile), memprofile))
    log, _, notes = open_source(escape, source, [s.site for sites in by_benchmark.values() for s in sites])
    index = EscapeIndex(log) if log else None
    lines = [f"allocated, by {memprofile}"]
    for name, sites in by_benchmark.items():
        runs = [key for key in measured.samples if key.unit == "B/op" and key.name.split("/")[0].rsplit("-", 1)[0] == name]
        subs = len(runs) > 1 or any("/" in key.name for key in runs)
        lines.append(f"  {name}{' (its sub-benchmarks together)' if subs else ''}")
        shown = [entry for entry in sites[:_SITES_SHOWN] if entry.bytes_share >= _LEAST_SHARE]
        for entry in shown or sites[:1]:
            leaf = entry.site.leaf
            bytes_per_op = measured.samples[runs[0]][0] * entry.bytes_share if len(runs) == 1 and not subs else None
            amount = f"{format_value(bytes_per_op, 'B/op')}/op, " if bytes_per_op is not None else ""
            lines.append(
                f"    {100 * entry.bytes_share:5.1f}%  {amount}{100 * entry.objects_share:.1f}% of objects  "
                f"{leaf.file}:{leaf.line}  {leaf.function}"
            )
            if index:
                lines += [f"            {why}" for why in summary(index, index.explain(entry.site))]
    return lines + [f"note: {note}" for note in notes]
