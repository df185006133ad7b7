"""Writes docs/reference.md from the code: every command's help, every detector's manual, and every threshold.

`python -m tests.reference`; a test holds the page to the code.
"""

import ast
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer

from leakhunt import thresholds
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


def threshold_rows() -> list[str]:
    """A table for each section of leakhunt/thresholds.py, as its comments divide it: name, value, why."""
    source = Path(thresholds.__file__).read_text(encoding="utf-8")
    titles = {number: line[2:] for number, line in enumerate(source.splitlines(), 1) if line.startswith("# ")}
    body = ast.parse(source).body
    lines: list[str] = []
    for value, why in pairwise(body):
        match value, why:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=str(text))):
                for number in sorted(number for number in titles if number < value.lineno):
                    lines += ["", f"### {titles.pop(number)}", "", "| | value | why |", "|---|---|---|"]
                lines.append(f"| `{name}` | {_value(getattr(thresholds, name))} | {_cell(text)} |")
    return lines


def _value(value: Any) -> str:
    return (
        ", ".join(map(_value, value))
        if isinstance(value, tuple)
        else f"{value:.3g}"
        if isinstance(value, float)
        else f"{value:,}"
    )


def page() -> str:
    """The whole page."""
    text = ["# Reference", "", "Written from the code by `python -m tests.reference`; do not edit.", "", "## Commands", ""]
    for path, command in commands(typer.main.get_command(app)):
        text += section(path, command)
    text += ["## Detectors", "", "`leakhunt explain NAME` prints the same.", ""]
    for detector in DETECTORS:
        text += [f"### {detector_name(detector)}", "", f"Pattern: `{detector.PATTERN}`", "", "```text"]
        text += [(detector.__doc__ or "").strip(), "```", ""]
    text += ["## Thresholds", "", "Every number that decides a verdict: `leakhunt/thresholds.py`.", *threshold_rows()]
    return "\n".join(text).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
