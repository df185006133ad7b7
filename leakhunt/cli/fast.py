"""Reads well-formed `top` and `diff` command lines without typer, which takes longer to load than most profiles to show.

Takes only what it is sure of; help, errors, completion and everything else go to the typer application, whose functions for
these commands call the same code. tests/cli/test_fast.py holds the two readers together, flag by flag.
"""

from __future__ import annotations

from leakhunt.cli.tables import TableOptions, run_diff, run_top

FILES = {"top": 1, "diff": 2}
FORMATS = {"top": ("table", "csv", "json"), "diff": ("table", "csv", "json", "pprof", "folded")}
UNITS = ("auto", "B", "KiB", "MiB", "GiB")
_MAX_ROWS_DIGITS = 9


def run(arguments: list[str]) -> bool:
    """Runs the command and returns True, or returns False (having done nothing) where typer must read `arguments`."""
    parsed = parse(arguments)
    if parsed is None:
        return False
    command, files, options = parsed
    if command == "top":
        run_top(files[0], options)
    else:
        run_diff(files[0], files[1], options)
    return True


def parse(arguments: list[str]) -> tuple[str, list[str], TableOptions] | None:
    """Command, files and options; None for whatever is not plain."""
    if not arguments or arguments[0] not in FILES:
        return None
    command, files, options = arguments[0], [], TableOptions()
    words = iter(arguments[1:])
    for word in words:
        if word == "--cum":
            options.by_cum = True
        elif word == "--lines":
            options.by_line = True
        elif word.startswith("-") and word != "-":
            name, equals, value = word.partition("=")
            if not equals:
                value = next(words, "")
            if not value or value.startswith("-") or not _set(options, command, name, bool(equals), value):
                return None
        else:
            files.append(word)
    return (command, files, options) if len(files) == FILES[command] else None


def _set(options: TableOptions, command: str, name: str, joined: bool, value: str) -> bool:
    if name == "-n" and not joined and value.isascii() and value.isdigit() and len(value) <= _MAX_ROWS_DIGITS:
        options.rows = int(value)
    elif name == "--sample-index":
        options.sample_index = value
    elif name == "--format" and value in FORMATS[command]:
        options.format = value
    elif name == "--unit" and value in UNITS:
        options.unit = value
    else:
        return False
    return True
