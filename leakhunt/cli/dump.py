"""`leakhunt dump ...`: heap dumps, from runtime/debug.WriteHeapDump. One function a command; answers are made in
`leakhunt.heaps` and shown by `leakhunt.reports.answers`."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from leakhunt.heaps.view import HeapView
    from leakhunt.model.answer import Answer

dump = typer.Typer(
    name="dump",
    no_args_is_help=True,
    help="Heap dumps: who holds the heap. See docs/heap-dumps.md for how to take one, and what taking one can do.",
)

_File = Annotated[str, typer.Argument(metavar="DUMP", help="A file from debug.WriteHeapDump: plain, gzip or zstd.")]
_Binary = Annotated[
    str | None,
    typer.Option("--binary", metavar="EXE", help="The executable that the process ran, stripped or not: types, fields, names."),
]
_Raw = Annotated[bool, typer.Option("--raw", help="With --binary: show the plumbing of maps, channels, lists and sync.Map.")]
_Most = Annotated[int, typer.Option("-n", min=1, metavar="N", help="Rows to show.")]
_Format = Annotated[Literal["table", "json"], typer.Option("--format", help="How to print the answer.")]


@dump.command()
def summary(file: _File, binary: _Binary = None, raw: _Raw = False, n: _Most = 8, format: _Format = "table") -> None:
    """What is in a dump, how far it can be trusted, and who holds it."""
    from leakhunt.heaps.answers import summary as answer

    _show(answer(_open(file, binary, raw), n), format)


@dump.command()
def types(file: _File, binary: _Binary = None, raw: _Raw = False, n: _Most = 30, format: _Format = "table") -> None:
    """Objects by type: bytes, count, and what they retain."""
    from leakhunt.heaps.answers import types as answer

    _show(answer(_open(file, binary, raw), n), format)


@dump.command()
def roots(file: _File, binary: _Binary = None, raw: _Raw = False, n: _Most = 30, format: _Format = "table") -> None:
    """GC roots by what they reach and retain: globals, stacks, finalizers."""
    from leakhunt.heaps.answers import roots as answer

    _show(answer(_open(file, binary, raw), n), format)


@dump.command()
def path(
    file: _File,
    address: Annotated[str | None, typer.Option(metavar="ADDRESS", help="The object at 0xc000123456.")] = None,
    type: Annotated[str | None, typer.Option(metavar="REGEX", help="Objects of types that match.")] = None,
    site: Annotated[
        str | None, typer.Option(metavar="REGEX", help="Sampled objects allocated in functions that match.")
    ] = None,
    binary: _Binary = None,
    raw: _Raw = False,
    n: Annotated[int | None, typer.Option("-n", min=1, metavar="N", help="Rows, or paths, to show.")] = None,
    format: _Format = "table",
) -> None:
    """Who holds what: the heaviest retention paths, or those of one object, one type, or one allocation site."""
    from leakhunt.errors import ConfigError
    from leakhunt.heaps import answers

    if sum(option is not None for option in (address, type, site)) > 1:
        raise ConfigError("dump path", "give one of --address, --type and --site")
    view = _open(file, binary, raw)
    if address is not None:
        found = answers.path_of_object(view, _address(address))
        if found is None:
            raise ConfigError("--address", f"{address} lies in no object of this dump")
        _show(found, format)
    elif type is not None:
        objects = answers.objects_of_types(view, _pattern("--type", type))
        _show(answers.paths_of_objects(view, objects, f"types that match {type}", n or 5), format)
    elif site is not None:
        objects = answers.objects_of_sites(view, _pattern("--site", site))
        _show(answers.paths_of_objects(view, objects, f"sites that match {site}", n or 5), format)
    else:
        _show(answers.tree(view, n or 40), format)


@dump.command()
def dominators(file: _File, binary: _Binary = None, raw: _Raw = False, n: _Most = 30, format: _Format = "table") -> None:
    """What would go if a root or an object were gone: the dominator tree."""
    from leakhunt.heaps.answers import dominators as answer

    _show(answer(_open(file, binary, raw), n), format)


@dump.command()
def diff(
    files: Annotated[list[str], typer.Argument(metavar="DUMP...", help="Two dumps of one process, or more.")],
    binary: _Binary = None,
    raw: _Raw = False,
    n: _Most = 10,
    format: _Format = "table",
) -> None:
    """Which retention path grows between dumps of one process, and what became of the objects of the first."""
    from leakhunt.errors import ConfigError
    from leakhunt.heaps.series import diff as answer

    if len(files) < 2:
        raise ConfigError("dump diff", "give at least two dumps of one process")
    _show(answer([_open(file, binary, raw) for file in files], n), format)


@dump.command()
def expiry(file: _File, binary: _Binary = None, raw: _Raw = False, n: _Most = 20, format: _Format = "table") -> None:
    """Entries of caches past their time, caps that are not kept, unused room in maps, arrays behind short slices."""
    from leakhunt.heaps.census import expiry as answer

    _show(answer(_open(file, binary, raw), n), format)


@dump.command()
def strip(
    file: _File,
    output: Annotated[str, typer.Argument(metavar="OUTPUT", help="The file to write.")],
    binary: _Binary = None,
) -> None:
    """Write a small file to share: graph, sizes, types and sites, none of the contents. Every command but expiry reads it."""
    from leakhunt.cli.publish import write_atomically
    from leakhunt.decode.stripped import write_stripped

    view = _open(file, binary)
    stripped = write_stripped(view.graph, view.naming if view.naming.typed_bytes else None)
    write_atomically(output, stripped)
    typer.echo(f"{output}: {len(stripped):,} bytes, {view.graph.objects:,} objects, no contents")


def _open(file: str, binary: str | None = None, raw: bool = False) -> "HeapView":
    from leakhunt.heaps.view import open_heap

    return open_heap(file, binary=binary, raw=raw)


def _show(answer: "Answer", format: str) -> None:
    from leakhunt.cli.terminal import columns
    from leakhunt.reports.answers import render_json, render_text

    sys.stdout.write(render_json(answer) if format == "json" else render_text(answer, columns()))


def _address(text: str) -> int:
    from leakhunt.errors import ConfigError

    try:
        return int(text, 16)
    except ValueError:
        raise ConfigError("--address", f"{text!r} is not an address; write for example 0xc000123456") from None


def _pattern(flag: str, regex: str) -> "Callable[[str], object]":
    import re2

    from leakhunt.errors import ConfigError

    options = re2.Options()
    options.log_errors = False
    try:
        search = re2.compile(regex.encode(), options).search
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
        raise ConfigError(flag, f"{regex!r} is not a regular expression (RE2 syntax): {reason}") from None
    return lambda name: search(name.encode("utf-8", "surrogateescape"))
