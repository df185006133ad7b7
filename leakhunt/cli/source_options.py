"""The options `--escape`, `--source`, `--source-url` and `--binary`, the same on every command that shows sites."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from leakhunt.model.escape import CompilerLog
    from leakhunt.model.finding import Report
    from leakhunt.model.site import AllocationSite
    from leakhunt.source.tree import SourceTree

EscapeOption = Annotated[
    str | None,
    typer.Option(
        "--escape", metavar="FILE",
        help="Compiler diagnostics (go build -gcflags=-m=2, or a -json=0,DIR folder): say why each site allocates on the heap.",
    ),
]  # fmt: skip
SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source", metavar="DIR",
        help="Go source: quote the lines, say who changed them and who owns them; builds it with go for --escape's answer.",
    ),
]  # fmt: skip
BinaryOption = Annotated[
    str | None,
    typer.Option(
        "--binary", metavar="EXE",
        help="The executable that wrote the heap dumps, stripped or not: Go types, fields and variables, and expired entries.",
    ),
]  # fmt: skip
SourceUrlOption = Annotated[
    str,
    typer.Option(
        "--source-url", metavar="URL",
        help="Link each site: https://github.com/org/repo/blob/{commit}/{path}#L{line}",
    ),
]  # fmt: skip


def open_source(
    escape: str | None, source: str | None, sites: "Iterable[AllocationSite]"
) -> "tuple[CompilerLog | None, SourceTree | None, list[str]]":
    """The compiler's log and the tree that the options name, and notes about what could not be had.

    Without `--escape` the tree is built, with the packages of `sites`; a tree that does not build is a note, since its lines
    can still be shown. Raises DecodeError for a log that cannot be read, ConfigError for a tree that is no folder."""
    from pathlib import Path

    from leakhunt.decode.escape import load_compiler_log
    from leakhunt.errors import ConfigError
    from leakhunt.model.site import package_of
    from leakhunt.source.toolchain import build_tree
    from leakhunt.source.tree import SourceTree

    tree = SourceTree(Path(source)) if source else None
    if escape:
        return load_compiler_log(Path(escape)), tree, []
    if tree is None:
        return None, None, []
    try:
        return build_tree(tree, {package_of(site.leaf.function) for site in sites}), tree, []
    except ConfigError as error:
        return None, tree, [f"no escape analysis: {error.reason}"]


def with_source(report: "Report", escape: str | None, source: str | None, source_url: str) -> "Report":
    """`report` with notes on the source of each case. Raises ConfigError and DecodeError for options that cannot be used."""
    if not (escape or source or source_url):
        return report
    from dataclasses import replace

    from leakhunt.source.annotate import annotate, check_url_template

    check_url_template(source_url)
    log, tree, notes = open_source(escape, source, [case.site for case in report.cases])
    report = annotate(report, log, tree, source_url)
    return replace(report, notes=(*report.notes, *notes))


LINES_SHOWN = 10


def print_lines(
    new: str, base: str | None, sample_index: str | None, rows: int, escape: str | None, source: str | None
) -> None:
    """Prints, below the table of `top` or `diff`, the lines of user code that allocate most (or changed most) with what the
    compiler and the source tree say of them. Does nothing where neither option was given."""
    if not (escape or source):
        return
    from leakhunt.decode import load, read_file
    from leakhunt.measure.flat import sample_column
    from leakhunt.reports.escape_table import render_lines
    from leakhunt.source.ranking import annotated_lines, sites_of

    profile = load(read_file(new), new)
    before = load(read_file(base), base) if base else None
    log, tree, notes = open_source(escape, source, sites_of(profile))
    name = profile.sample_types[sample_column(profile, sample_index)].type
    lines, unit = annotated_lines(profile, before, name, min(rows or LINES_SHOWN, LINES_SHOWN), log, tree)
    shown = [(line.leaf, line.value, line.notes) for line in lines]
    typer.echo(render_lines(shown, unit, signed=before is not None, notes=notes), nl=False)


def check_line_options(format: str, paths: "Iterable[str]", escape: str | None, source: str | None) -> None:
    """Raises ConfigError where `--escape` or `--source` cannot be answered: in another format than a table, or of standard
    input, which can be read but once."""
    from leakhunt.errors import ConfigError

    if (escape or source) and format != "table":
        raise ConfigError("--escape, --source", "stand below a table; for scripts: leakhunt escape PROFILE --format json")
    if (escape or source) and "-" in paths:
        raise ConfigError("--escape, --source", "need a file, not standard input")
