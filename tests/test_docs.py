"""The documentation runs: every command shown in README.md and docs/ is executed, and what is shown is what it prints.

In a ```console block, a line `$ leakhunt ...` (or `$ .venv/bin/leakhunt ...`) is a command, run in a folder in which
`fixtures` and `docs` stand as in the project; a trailing `# exits N` states an exit code other than 0. The lines below it
are its output: each must be there, in order; a line `...` stands for any number of lines. A command shown without output
must only run. Blocks that need a running service are run by the tests of `capture`, and say so with ```console server.

LEAKHUNT_UPDATE_DOCS=1 writes the real output over what is shown, up to the number of lines shown.
"""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_EXITS = re.compile(r"\s+# exits (\d)$")
_TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Shown:
    """One command as a page shows it."""

    page: str
    command: str
    exits: int
    output: tuple[str, ...]


def _shown() -> list[Shown]:
    commands = []
    for page in PAGES:
        for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                exits = _EXITS.search(command)
                commands.append(
                    Shown(
                        page.relative_to(ROOT).as_posix(),
                        _EXITS.sub("", command),
                        int(exits[1]) if exits else 0,
                        tuple(line.rstrip() for line in output.rstrip("\n").split("\n") if output.strip()),
                    )
                )
    return commands


def _matches(shown: tuple[str, ...], printed: list[str]) -> str | None:
    """None where `shown` is what was printed; else the first line that is not there."""
    at, gap = 0, False
    for line in shown:
        if line.strip() in ("...", "…"):
            gap = True
            continue
        found = next((i for i in range(at, len(printed)) if printed[i] == line), None) if gap else at
        if found is None or found >= len(printed) or printed[found] != line:
            return line
        at, gap = found + 1, False
    return None


@pytest.mark.parametrize("shown", _shown(), ids=lambda shown: f"{shown.page}: {shown.command}"[:100])
def test_command(shown: Shown, tmp_path: Path) -> None:
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    words = shlex.split(shown.command)
    redirect = Path(os.devnull)
    if ">" in words:
        at = words.index(">")
        redirect, words = tmp_path / words[at + 1], words[:at]
    assert words[0].endswith("leakhunt"), f"{shown.page} shows a command that no test can run: {shown.command}"
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    environment.pop("GITHUB_ACTIONS", None)
    done = subprocess.run(
        [sys.executable, "-c", "from leakhunt.cli import main; main()", *words[1:]],
        cwd=tmp_path, env=environment, capture_output=True, timeout=_TIMEOUT_SECONDS, check=False,
    )  # fmt: skip
    redirect.write_bytes(done.stdout)
    out, told = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    assert done.returncode == shown.exits, told
    printed = [line.rstrip() for line in (out + told).splitlines()]
    if os.environ.get("LEAKHUNT_UPDATE_DOCS") and shown.output:
        page = ROOT / shown.page
        old = "\n".join(shown.output)
        new = "\n".join([*printed[: len(shown.output)], *(["..."] if len(printed) > len(shown.output) else [])])
        page.write_text(page.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
        return
    missing = _matches(shown.output, printed)
    assert missing is None, f"{shown.page} shows {missing!r}, which is not printed there:\n{out}{told}"
