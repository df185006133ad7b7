"""Asks the Go toolchain for its escape analysis: one `go build` of a source tree with `-gcflags=-m=2`.

The build's results go nowhere (`-o` to the null device) but Go's build cache, from which a second run replays the same
diagnostics. Reading them is `leakhunt.decode.escape`.
"""

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from leakhunt.decode.escape import load_compiler_log
from leakhunt.errors import ConfigError, DecodeError
from leakhunt.model.escape import CompilerLog
from leakhunt.printable import printable
from leakhunt.source.tree import SourceTree

BUILD_TIMEOUT_SECONDS = 900.0  # a cold build of the standard library and one small module took 28 s on two cores
MAX_MODULES_BUILT = 5
_LEVEL = "-m=2"


def build_and_explain(root: Path, packages: Iterable[str] = (), pattern: str = "./...") -> CompilerLog:
    """The compiler's log of `pattern` in `root`, and of those of `packages` (import paths) that it depends on.

    Raises ConfigError when there is no `go`, no package, or the build fails.
    """
    go = shutil.which("go")
    if go is None:
        raise ConfigError(
            "--source", "no go command on PATH; build elsewhere with -gcflags=-m=2 and give the output to --escape"
        )
    flags = [f"-gcflags={_LEVEL}", *(f"-gcflags={package}={_LEVEL}" for package in sorted(set(packages)) if _safe(package))]
    command = [go, "build", "-o", os.devnull, *flags, "--", pattern]
    with tempfile.TemporaryDirectory(prefix="leakhunt-") as scratch:
        log = Path(scratch) / "escape.txt"
        with log.open("wb") as stream:
            try:
                done = subprocess.run(
                    command, cwd=root, stdout=subprocess.DEVNULL, stderr=stream, stdin=subprocess.DEVNULL,
                    timeout=BUILD_TIMEOUT_SECONDS, check=False,
                )  # fmt: skip
            except subprocess.TimeoutExpired as error:
                raise ConfigError("--source", f"go build in {root} took longer than {BUILD_TIMEOUT_SECONDS:.0f} s") from error
            except OSError as error:
                raise ConfigError("--source", f"go build in {root} could not start: {error.strerror}") from error
        if done.returncode != 0:
            raise ConfigError("--source", f"go build in {root} failed: {_first_complaint(log)}")
        try:
            read = load_compiler_log(log)
        except DecodeError as error:
            raise ConfigError("--source", f"go build in {root} said nothing about escape analysis") from error
    return replace(read, source=f"go build in {root}")


def build_tree(tree: SourceTree, packages: Iterable[str] = ()) -> CompilerLog:
    """The compiler's log of a tree: of its root module or workspace, else of the modules below it that hold `packages`.

    Raises ConfigError as `build_and_explain` does, and where a tree without a module at its root has too many below it."""
    wanted = set(packages)
    if any((tree.root / name).is_file() for name in ("go.mod", "go.work")) or not tree.modules:
        return build_and_explain(tree.root, wanted)
    holding = [folder for name, folder in tree.modules if any(p == name or p.startswith(f"{name}/") for p in wanted)]
    folders = holding or [folder for _, folder in tree.modules]
    if len(folders) > MAX_MODULES_BUILT:
        raise ConfigError("--source", f"{tree.root} holds {len(folders)} modules; name the folder of one of them")
    logs = [build_and_explain(folder, wanted) for folder in folders]
    return CompilerLog(
        f"go build in {len(logs)} module{'s' * (len(logs) > 1)} of {tree.root}",
        tuple(diagnostic for log in logs for diagnostic in log.diagnostics),
        dict(sum((Counter(log.counts) for log in logs), Counter())),
        tuple(line for log in logs for line in log.unknown),
        logs[0].go_version,
        frozenset().union(*(log.map_writes for log in logs)),
        tuple(leak for log in logs for leak in log.leaks),
    )


def _safe(package: str) -> bool:
    """Whether an import path from a profile can stand in a flag: no option, no pattern, no blank."""
    return (
        bool(package) and package[0].isalnum() and not any(c.isspace() or c in "=,*\"'" or not c.isprintable() for c in package)
    )


def _first_complaint(log: Path) -> str:
    with log.open(encoding="utf-8", errors="replace") as stream:
        complaints = [line.strip() for line in stream if not line.startswith("#") and not _is_diagnostic(line)]
    return printable("; ".join(complaints[:2]) or "it gave no reason", limit=400)


def _is_diagnostic(line: str) -> bool:
    return any(words in line for words in ("escape", "inline", "inlining", "leak", "moved to heap", "flow: ", "    from "))
