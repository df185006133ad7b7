"""The typer application: lists the commands, each of which lives in the module named after it."""

from typing import Annotated

import typer

from leakhunt import __version__
from leakhunt.cli.bench import bench
from leakhunt.cli.builds import builds
from leakhunt.cli.capture import capture
from leakhunt.cli.check import check
from leakhunt.cli.diff import diff
from leakhunt.cli.dump import dump
from leakhunt.cli.escape import escape
from leakhunt.cli.explain import explain
from leakhunt.cli.hunt import hunt
from leakhunt.cli.top import top
from leakhunt.cli.watch import watch

app = typer.Typer(
    name="leakhunt",
    no_args_is_help=True,
    help="A memory-leak detective for Go.",
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # joins the lines of a paragraph, and leaves [check] and the like alone
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"leakhunt {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A memory-leak detective for Go: what grows in its heap, how surely, and why."""


app.command()(hunt)
app.command()(check)
app.command()(diff)
app.command()(top)
app.command()(capture)
app.command()(watch)
app.command()(escape)
app.command()(bench)
app.command()(builds)
app.command()(explain)
app.add_typer(dump)
