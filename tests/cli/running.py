"""Runs the command line as a user would: a process of its own, with its output and exit code."""

import os
import subprocess
import sys
from pathlib import Path

LEAKHUNT = [sys.executable, "-c", "from leakhunt.cli import main; main()"]
ENVIRONMENT = {
    **os.environ,
    "NO_COLOR": "1",
    "COLUMNS": "100",
    "PYTHONPATH": str(Path(__file__).resolve().parent.parent.parent),
}


def leakhunt(*arguments: str, cwd: Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs it to its end, within two minutes."""
    return subprocess.run(
        [*LEAKHUNT, *arguments],
        cwd=cwd, env=ENVIRONMENT | (environment or {}), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def started(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    """Starts it and returns at once; its output is in pipes."""
    return subprocess.Popen(
        [*LEAKHUNT, *arguments], cwd=cwd, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
