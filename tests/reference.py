"""Writes docs/reference.md from the code: every command's help and every detector's manual.

`python -m tests.reference`; a test holds the page to the code.
"""

from pathlib import Path
from typing import Any

import typer

from leakhunt.cli.app import app
from leakhunt.detectors import DETECTORS, detector_name

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference.md"


def commands(command: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every command with the words that call it, groups followed into."""
    below = getattr(command, "commands", None)
    if not below:
        return [(path, command)]
    return [found for name, each in below.items() for found in commands(each, (*path, name))]


def section(path: tuple[str, ...], command: Any) -> list[str]:
    """One command: what it does, and a row for each argument and option."""
    lines = [f"### leakhunt {' '.join(path)}", "", *(command.help or "").strip().splitlines(), ""]
    rows = [
        f"| {_spelled(param)} | {_cell(getattr(param, 'help', '') or '')} |" for param in command.params if param.name != "help"
    ]
    return [*lines, "| | |", "|---|---|", *rows, ""] if rows else lines


def _spelled(param: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts)) if param.param_type_name == "option" else ""
    metavar = _cell(param.metavar or param.name.upper())
    if not names:
        return f"`{metavar}`"
    default = "" if param.default in (None, False, "", [], ()) or callable(param.default) else f", default `{param.default}`"
    return names + ("" if getattr(param, "is_flag", False) else f" `{metavar}`") + default


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def page() -> str:
    """The whole page."""
    text = ["# Reference", "", "Written from the code by `python -m tests.reference`; do not edit.", "", "## Commands", ""]
    for path, command in commands(typer.main.get_command(app)):
        text += section(path, command)
    text += ["## Detectors", "", "`leakhunt explain NAME` prints the same.", ""]
    for detector in DETECTORS:
        text += [f"### {detector_name(detector)}", "", f"Pattern: `{detector.PATTERN}`", "", "```text"]
        text += [(detector.__doc__ or "").strip(), "```", ""]
    return "\n".join(text).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
