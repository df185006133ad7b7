"""From what the user typed to sources: files, folders, globs, `-` for standard input, and http(s) URLs.

Finds and opens; what an input is, is told by its content later. A folder is searched all the way down, hidden files and
the JSON and TOML files that stand beside profiles apart.
"""

import glob
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from leakhunt.decode import read_file
from leakhunt.errors import DecodeError
from leakhunt.evidence import Source

# Files that captures and people put beside profiles; named explicitly they are still read (and refused with a reason).
_BESIDE_PROFILES = (".json", ".toml", ".md", ".txt~", ".sh", ".log")
_HOST_AND_PORT = re.compile(r"[\w.-]+:\d+(/.*)?\Z")
_GLOB_CHARACTERS = frozenset("*?[")


Fetch = Callable[[str], list[tuple[str, bytes]]]


def fetch_anonymously(url: str) -> list[tuple[str, bytes]]:
    """(name, bytes) of what `url` serves, asked without credentials."""
    from leakhunt.capture.connection import Connection
    from leakhunt.cli.connection import fetch_with

    return fetch_with(Connection())(url)


def sources_of(arguments: Iterable[str], fetch: Fetch = fetch_anonymously) -> list[Source]:
    """Sources for `arguments`, in order, each file once; URLs are fetched at once. Raises DecodeError for a path that does
    not exist, a pattern that matches nothing, and a folder without files; CaptureError for a URL."""
    seen: set[str] = set()
    sources = []
    for argument in arguments:
        for source in _expand(argument, fetch):
            identity = os.path.realpath(source.path) if source.path else source.name
            if identity not in seen:
                seen.add(identity)
                sources.append(source)
    return sources


def is_url(argument: str) -> bool:
    """Whether `argument` is to be fetched."""
    return argument.startswith(("http://", "https://"))


def _expand(argument: str, fetch: Fetch) -> Iterator[Source]:
    if argument == "-":
        yield Source("-", None, sys.stdin.buffer.read)
        return
    if is_url(argument):
        for name, data in fetch(argument):
            yield Source(name, None, partial(bytes, data))
        return
    if os.path.isdir(argument):
        paths = sorted(files_below(argument))
        if not paths:
            raise DecodeError(argument, None, "the folder holds no files; give a folder of profiles")
        yield from map(_file, paths)
    elif os.path.lexists(argument):
        yield _file(argument)
    elif _GLOB_CHARACTERS & set(argument):
        matches = sorted(path for path in glob.glob(argument, recursive=True) if not os.path.isdir(path))
        if not matches:
            raise DecodeError(argument, None, "the pattern matches no file")
        yield from map(_file, matches)
    else:
        hint = f"; a service is written http://{argument}" if _HOST_AND_PORT.match(argument) else ""
        raise DecodeError(argument, None, f"no such file or folder{hint}")


def files_below(folder: str) -> Iterator[str]:
    """Paths of the files in `folder`, all the way down, that may be profiles; in no particular order."""
    for directory, names, files in os.walk(folder):
        names[:] = [name for name in names if not name.startswith(".")]
        for name in files:
            path = os.path.join(directory, name)
            if not name.startswith(".") and not name.endswith(_BESIDE_PROFILES) and stat.S_ISREG(os.stat(path).st_mode):
                yield path


def _file(path: str) -> Source:
    return Source(path, Path(path), partial(read_file, path))
