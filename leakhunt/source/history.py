"""Who changed a line last and who owns its file: `git blame`, and CODEOWNERS as GitHub and GitLab read it.

Runs `git` with the repository's own hooks and helpers switched off and a time limit; anything git cannot answer is an
empty answer, since a report is complete without it.
"""

import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from leakhunt.units import NS_PER_SECOND

GIT_TIMEOUT_SECONDS = 20.0  # a report waits no longer for a line of history
MAX_CODEOWNERS_BYTES = 3 << 20  # GitHub's own limit
_LAST_SECOND = 253_402_300_799  # of the year 9999, the last that a date can have
_CODEOWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")


@dataclass(frozen=True, slots=True)
class LastChange:
    """The commit that last touched a line. `commit` is "" for a line not committed yet; `time_ns` when it was written."""

    commit: str
    author: str
    time_ns: int
    summary: str

    def sentence(self) -> str:
        """One line for a report."""
        if not self.commit:
            return "this line is not committed yet"
        date = datetime.fromtimestamp(self.time_ns // NS_PER_SECOND, UTC).date().isoformat()
        return f"last changed {date} by {self.author} in {self.commit[:12]}: {self.summary}"


def last_change(root: Path, path: str, line: int) -> LastChange | None:
    """`git blame` of one line; None where `root` is no repository, the file is not tracked, or git is not there."""
    said = _git(root, "blame", "--porcelain", "-L", f"{line},{line}", "--", path)
    if not said:
        return None
    fields = dict(part.split(" ", 1) for part in said.splitlines()[1:] if " " in part and not part.startswith("\t"))
    commit = said.split(" ", 1)[0]
    if set(commit) == {"0"}:
        return LastChange("", "", 0, "")
    written = fields.get("author-time", "")
    seconds = min(int(written[:12]), _LAST_SECOND) if written.isdecimal() else 0
    return LastChange(commit, fields.get("author", "unknown"), seconds * NS_PER_SECOND, fields.get("summary", ""))


def revision(root: Path) -> str:
    """The commit checked out, with `+dirty` where files differ from it; "" outside a repository."""
    commit = _git(root, "rev-parse", "HEAD").strip()
    return commit + ("+dirty" if commit and _git(root, "status", "--porcelain", "--untracked-files=no").strip() else "")


def owners(root: Path, path: str) -> tuple[str, ...]:
    """Owners of `path` by the last matching line of the repository's CODEOWNERS; empty where none matches."""
    base, full = _top(root), path_in_repository(root, path)
    for name in _CODEOWNERS:
        rules = _codeowners(base / name)
        if rules is not None:
            return next((who for pattern, who in reversed(rules) if pattern.fullmatch(full)), ())
    return ()


def path_in_repository(root: Path, path: str) -> str:
    """`path`, which is relative to `root`, relative to the top of the repository that `root` lies in."""
    top = _top(root)
    inside = root.resolve().is_relative_to(top)
    return (root.resolve().relative_to(top) / path).as_posix() if inside else path


def _top(root: Path) -> Path:
    return Path(_git(root, "rev-parse", "--show-toplevel").strip() or root).resolve()


@lru_cache(maxsize=16)
def _codeowners(file: Path) -> tuple[tuple[Any, tuple[str, ...]], ...] | None:
    try:
        if file.stat().st_size > MAX_CODEOWNERS_BYTES:
            return None
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    rules = []
    default: tuple[str, ...] = ()
    for line in text.splitlines():
        words = re.sub(r"(?:^|\s)#.*", "", line).strip()
        section = re.fullmatch(r"\^?\[[^\]]*\](?:\[\d+\])?\s*(.*)", words)  # GitLab: [Section] @default-owners
        if section:
            default = tuple(section[1].split())
            continue
        if words:
            pattern, *who = re.split(r"(?<!\\)\s+", words)
            rules.append((owner_pattern(pattern.replace("\\ ", " ")), tuple(who) or default))
    return tuple(rules)


def owner_pattern(glob: str) -> Any:
    """A CODEOWNERS pattern as a regular expression over repository paths.

    As gitignore, but `docs/*` does not reach into subfolders (docs.github.com, "About code owners"): that is why this is
    not a gitignore library. RE2, because `*a*a*a...` would take a backtracking matcher for ever.
    """
    import re2

    anchored = "/" in glob.rstrip("/")
    folder = glob.endswith("/")
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob.strip("/"))
    words = {"**/": "(?:[^/]+/)*?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    body = "".join(words.get(part, re.escape(part)) for part in parts)
    below = "/.*" if folder else "" if glob.endswith("*") and anchored else "(?:/.*)?"
    return re2.compile("(?s)" + ("" if anchored else "(?:.*/)?") + body + below)


@lru_cache(maxsize=4096)
def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-C", str(root), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=GIT_TIMEOUT_SECONDS, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
