"""Commands of the documentation that need a running service (```console server) are run on real ones.

`localhost:6060` and `localhost:6061` are two session services, started for the tests on free ports. Time is compressed:
durations of `--every`, `--for` and `--distance` are a hundredth of what is shown, and so are the defaults.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from leakhunt.units import NS_PER_SECOND, parse_duration_ns
from tests.capture.conftest import sessions_binary
from tests.capture.servers import PASSWORD, Service
from tests.test_docs import _EXITS, ROOT, Shown, _matches

__all__ = ["sessions_binary"]
_BLOCK = re.compile(r"^```console server\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMPRESSION = 100
_DURATIONS = {"--every": "30s", "--distance": "30s", "--for": ""}


def _shown() -> list[Shown]:
    commands = []
    for page in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]):
        for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                exits = _EXITS.search(command)
                lines = tuple(output.rstrip("\n").split("\n")) if output.strip() else ()
                name = page.relative_to(ROOT).as_posix()
                commands.append(Shown(name, _EXITS.sub("", command), int(exits[1]) if exits else 0, lines))
    return commands


@pytest.fixture
def services(sessions_binary: Path) -> Iterator[tuple[Service, Service]]:
    started = []
    for _ in range(2):
        service = Service(sessions_binary, "-snapshots", "0")
        service.start()
        service.run("-snapshots", "0", "-visit", service.url)
        started.append(service)
    yield started[0], started[1]
    for service in started:
        service.stop()


def _compressed(words: list[str]) -> list[str]:
    """`words` with a hundredth of each duration, and of the defaults that the command has."""
    given = list(words)
    for flag, default in _DURATIONS.items():
        applies = flag in given or (default and (given[1] in {"capture", "watch"}) == (flag == "--every"))
        if not applies:
            continue
        shown = given[given.index(flag) + 1] if flag in given else default
        milliseconds = max(1, parse_duration_ns(shown) * 1000 // NS_PER_SECOND // _COMPRESSION)
        if flag in given:
            given[given.index(flag) + 1] = f"{milliseconds}ms"
        else:
            given += [flag, f"{milliseconds}ms"]
    return given


@pytest.mark.parametrize("shown", _shown(), ids=lambda shown: f"{shown.page}: {shown.command}"[:100])
def test_command(shown: Shown, services: tuple[Service, Service], tmp_path: Path) -> None:
    command = shown.command
    for port, service in zip((6060, 6061), services, strict=True):
        command = command.replace(f"localhost:{port}", f"127.0.0.1:{service.port}")
    words = _compressed(shlex.split(command))
    assert words[0] == "leakhunt"
    done = subprocess.run(
        [sys.executable, "-c", "from leakhunt.cli import main; main()", *words[1:]],
        cwd=tmp_path, env={**os.environ, "NO_COLOR": "1", "COLUMNS": "80", "PPROF_TOKEN": PASSWORD},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == shown.exits, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    names = {f"127.0.0.1_{service.port}": f"localhost_{port}" for port, service in zip((6060, 6061), services, strict=True)}
    printed = done.stdout
    for real, in_page in names.items():
        printed = printed.replace(real, in_page)
    lines = [re.sub(r"(snapshots in \S+, ).*", r"\1...", line) for line in printed.splitlines()]
    assert _matches(shown.output, lines) is None, f"{shown.page} shows {shown.output}, printed was:\n{printed}"
