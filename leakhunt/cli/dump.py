"""`leakhunt dump ...`: heap dumps, from runtime/debug.WriteHeapDump. One function a command; answers are made in
`leakhunt.heaps` and shown by `leakhunt.reports.answers`."""

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from leakhunt.heaps.view import HeapView
    from leakhunt.model.answer import Answer

dump = typer.Typer(
    name="dump",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Heap dumps: who holds the heap. See docs/heap-dumps.md for how to take one, and what taking one can do.",
)

_File = Annotated[str, typer.Argument(metavar="DUMP", help="A file from debug.WriteHeapDump: plain, gzip or zstd.")]
_Binary = Annotated[
    str | None,
    typer.Option("--binary", metavar="EXE", help="The executable that the process ran, stripped or not: types, fields, names."),
]
_Raw = Annotated[bool, typer.Option("--raw", help="With --binary: show the plumbing of maps, channels, lists and sync.Map.")]
_Most = Annotated[int, typer.Option("-n", min=1, metavar="N", help="Rows to show.")]
_Format = Annotated[
    Literal["table", "csv", "json"], typer.Option("--format", help="How to print the answer; csv has its first table.")
]

_M_MMAP_THRESHOLD, _LARGE_BYTES = -3, 128 << 10  # malloc.h; glibc's own first value
_WAITING_BYTES = 64 << 20  # a second of work, about


@dump.command()
def summary(file: _File, binary: _Binary = None, raw: _Raw = False, n: _Most = 8, format: _Format = "table") -> None:
    """What is in a dump, how far it can be trusted, and who holds it."""
    from leakhunt.heaps.answers import summary as answer

    _print_answer([file], binary, raw, format, lambda views: answer(next(views), n))


@dump.command()
def types(
    file: _File,
    binary: _Binary = None,
    raw: _Raw = False,
    sort: Annotated[Literal["bytes", "objects", "retained"], typer.Option("--sort", help="What to sort by.")] = "bytes",
    n: _Most = 30,
    format: _Format = "table",
) -> None:
    """Objects by type: bytes, count, and what they retain."""
    from leakhunt.heaps.answers import types as answer

    _print_answer([file], binary, raw, format, lambda views: answer(next(views), n, sort))


@dump.command()
def roots(file: _File, binary: _Binary = None, raw: _Raw = False, n: _Most = 30, format: _Format = "table") -> None:
    """GC roots by what they reach and retain: globals, stacks, finalizers."""
    from leakhunt.heaps.answers import roots as answer

    _print_answer([file], binary, raw, format, lambda views: answer(next(views), n))


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
    place = _address(address) if address is not None else 0
    matches = _pattern("--type" if type is not None else "--site", type or site or "")

    def answer(views: "Iterator[HeapView]") -> "Answer":
        view = next(views)
        if address is not None:
            found = answers.path_of_object(view, place)
            if found is None:
                raise ConfigError("--address", f"{address} lies in no object of this dump")
            return found
        if type is not None:
            objects = answers.objects_of_types(view, matches)
            return answers.paths_of_objects(view, objects, f"types that match {type}", n or 5)
        if site is not None:
            objects = answers.objects_of_sites(view, matches)
            return answers.paths_of_objects(view, objects, f"sites that match {site}", n or 5)
        return answers.tree(view, n or 40)

    _print_answer([file], binary, raw, format, answer)


@dump.command()
def dominators(file: _File, binary: _Binary = None, raw: _Raw = False, n: _Most = 30, format: _Format = "table") -> None:
    """What would go if a root or an object were gone: the dominator tree."""
    from leakhunt.heaps.answers import dominators as answer

    _print_answer([file], binary, raw, format, lambda views: answer(next(views), n))


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
    _print_answer(files, binary, raw, format, lambda views: answer(views, n))


@dump.command()
def expiry(file: _File, binary: _Binary = None, raw: _Raw = False, n: _Most = 20, format: _Format = "table") -> None:
    """Entries of caches past their time, caps that are not kept, unused room in maps, arrays behind short slices."""
    from leakhunt.heaps.census import expiry as answer

    _print_answer([file], binary, raw, format, lambda views: answer(next(views), n))


@dump.command()
def strip(
    file: _File,
    output: Annotated[str, typer.Argument(metavar="OUTPUT", help="The file to write.")],
    binary: _Binary = None,
) -> None:
    """Write a small file to share: graph, sizes, types and sites, none of the contents. Every command but expiry reads it."""
    from leakhunt.cli.publish import write_atomically
    from leakhunt.decode.stripped import write_stripped
    from leakhunt.heaps.view import open_heap

    _give_back_memory()
    with _waiting([file]):
        view = open_heap(file, binary=binary)
        stripped = write_stripped(view.graph, view.naming)
        write_atomically(output, stripped)
    typer.echo(f"{output}: {len(stripped):,} bytes, {view.graph.objects:,} objects, no contents")


def _print_answer(
    files: list[str], binary: str | None, raw: bool, format: str, make: "Callable[[Iterator[HeapView]], Answer]"
) -> None:
    """Makes the answer of the dumps, each opened when it is asked for, and prints it."""
    from leakhunt.cli.terminal import columns
    from leakhunt.heaps.view import open_heap
    from leakhunt.reports.answers import RENDERERS

    _give_back_memory()
    with _waiting(files):
        answer = make(open_heap(file, binary=binary, raw=raw) for file in files)
    sys.stdout.write(RENDERERS[format](answer, columns()))


def _give_back_memory() -> None:
    """Makes glibc give every large array back to the system when it is freed.

    It does so to begin with, but raises the size from which it does to that of the largest array freed so far, and the smaller
    ones then leave holes: 10 of 125 MiB with a million objects. Nothing where there is another C library.
    """
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


@contextmanager
def _waiting(files: list[str]) -> "Iterator[None]":
    """A line on stderr while large dumps are worked on, where stderr is a terminal."""
    size = sum(os.path.getsize(file) for file in files if os.path.isfile(file))
    if size < _WAITING_BYTES or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    from leakhunt.printable import printable
    from leakhunt.units import format_bytes

    named = printable(files[0]) if len(files) == 1 else f"{len(files)} dumps"
    with Console(stderr=True).status(f"reading {named}, {format_bytes(size)}", spinner="line"):
        yield


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
