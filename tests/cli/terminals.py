"""A real terminal for the tests: tmux, in a server of its own, without anybody's configuration."""

import contextlib
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.running import ENVIRONMENT, LEAKHUNT


class Terminal:
    """One window of tmux with a shell in it."""

    def __init__(self, socket: Path, columns: int, lines: int, cwd: Path) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        # "ready" is written in two parts, so that the typed line is not taken for the prompt.
        shell = "PS1='rea''dy> ' exec bash --norc --noprofile -i"
        environment = {**ENVIRONMENT, "TERM": "xterm-256color"}
        environment.pop("COLUMNS")
        environment.pop("NO_COLOR")
        subprocess.run(
            [*self._tmux, "new-session", "-d", "-x", str(columns), "-y", str(lines), "-c", str(cwd), shell],
            env=environment, check=True, timeout=20,
        )  # fmt: skip
        self.await_text("ready>")

    def run(self, *arguments: str) -> None:
        """Types a leakhunt command, and one that shows its exit code."""
        self.type(f"{shlex.join([*LEAKHUNT, *arguments])}; echo exit''code=$?\n")

    def type(self, text: str) -> None:
        """Types `text`; a line feed is Enter."""
        for part in text.splitlines(keepends=True):
            subprocess.run([*self._tmux, "send-keys", "-l", part.rstrip("\n")], check=True, timeout=20)
            if part.endswith("\n"):
                subprocess.run([*self._tmux, "send-keys", "Enter"], check=True, timeout=20)

    def screen(self) -> list[str]:
        """The lines that a person sees now."""
        done = subprocess.run([*self._tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True, timeout=20)
        return done.stdout.split("\n")[:-1]

    def ask(self, question: str) -> str:
        """What tmux says of the window: `#{alternate_on}`, `#{cursor_flag}`."""
        done = subprocess.run(
            [*self._tmux, "display-message", "-p", question], capture_output=True, text=True, check=True, timeout=20
        )
        return done.stdout.strip()

    def resize(self, columns: int, lines: int) -> None:
        """Makes the window another size, as a person does with the mouse."""
        subprocess.run([*self._tmux, "resize-window", "-x", str(columns), "-y", str(lines)], check=True, timeout=20)

    def await_screen(self, wanted: Callable[[list[str]], bool], seconds: float = 40) -> list[str]:
        """The screen as soon as it is as `wanted`."""
        deadline = time.monotonic() + seconds
        while not wanted(screen := self.screen()):
            assert time.monotonic() < deadline, "\n".join(screen)
            time.sleep(0.1)
        return screen

    def await_text(self, text: str, seconds: float = 40) -> list[str]:
        """The screen as soon as `text` stands on it."""
        return self.await_screen(lambda screen: any(text in line for line in screen), seconds)

    def close(self) -> None:
        """Ends the window and tmux."""
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True, timeout=20)


@contextlib.contextmanager
def terminal(columns: int, lines: int, cwd: Path) -> Iterator[Terminal]:
    """A terminal of that size, or a skipped test."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    opened = Terminal(cwd / ".tmux", columns, lines, cwd)
    try:
        yield opened
    finally:
        opened.close()
