"""From a report to its readers: against the baseline, redacted, and written to files, standard output or GitHub Actions."""

import json
import os
import secrets
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from leakhunt import __version__
from leakhunt.errors import ConfigError
from leakhunt.reports import FORMATS, RenderOptions, render

if TYPE_CHECKING:
    from leakhunt.model.finding import Report

_SUFFIXES = {
    ".md": "markdown",
    ".html": "html",
    ".json": "json",
    ".sarif": "sarif",
    ".xml": "junit",
    ".csv": "csv",
    ".txt": "terminal",
}
_MAP_SCHEMA = "leakhunt.redaction/1"
_SALT_BYTES = 16


def against_baseline(report: "Report", path: str, update: bool = False) -> "Report":
    """`report` with each case marked new, known or worse by the baseline file at `path`, "" for none. `update` writes the
    file first so that it accepts what was found. Raises ConfigError for a file that cannot be read or understood."""
    if not path:
        return report
    from leakhunt.baseline import compare, parse_baseline
    from leakhunt.baseline import update as updated

    today = _today()
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        if not update:
            raise ConfigError("--baseline", f"{path}: there is no such file; --update-baseline makes it") from None
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("--baseline", f"{path}: cannot be read: {error}") from None
    comparison = compare(report, parse_baseline(text, path), today)
    if update:
        text = updated(text, comparison, today, path)
        write_atomically(path, text, "--update-baseline")
        comparison = compare(report, parse_baseline(text, path), today)
    return comparison.report


def _today() -> date:
    """The day by which accepted leaks expire; SOURCE_DATE_EPOCH (reproducible-builds.org) stands in for the clock."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    now = datetime.fromtimestamp(int(epoch), UTC) if epoch.isdecimal() else datetime.now(UTC)
    return now.date()


def redacted(report: "Report", level: str, map_path: str | None) -> "Report":
    """`report` at redaction `level`; the salt and the names are kept in the file `map_path` if one is given, which only
    its owner can read. Raises ConfigError for an unknown level and a file that is not such a map."""
    from leakhunt.reports.redact import Redaction, redact

    if level not in list(Redaction):
        raise ConfigError("--redact", f"is none, names or full, not {level!r}")
    if level == Redaction.NONE:
        return report
    salt, names = _read_map(map_path) if map_path and os.path.exists(map_path) else (secrets.token_bytes(_SALT_BYTES), {})
    report, new_names = redact(report, Redaction(level), salt)
    if map_path:
        document = {"schema": _MAP_SCHEMA, "salt": salt.hex(), "names": {**names, **new_names}}
        write_atomically(map_path, json.dumps(document, indent=1, sort_keys=True) + "\n", "--redact-map", mode=0o600)
    return report


def _read_map(path: str) -> tuple[bytes, dict[str, str]]:
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        if document["schema"] != _MAP_SCHEMA:
            raise ValueError
        return bytes.fromhex(document["salt"]), dict(document["names"])
    except OSError as error:
        raise ConfigError("--redact-map", f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError("--redact-map", f"{path}: exists and is not a map of names; name another file") from None


class Publication:
    """Where a report goes: each of `formats` to the file of the same position in `outputs`, the rest to standard output.

    Standard output gets `default` when nothing at all is asked for, or with `always_told` when nothing is asked for there.
    In GitHub Actions annotations and the step's summary are written too where a gate `decided`. Raises ConfigError for a
    format that does not exist before any work is done.
    """

    def __init__(
        self,
        formats: Sequence[str],
        outputs: Sequence[str],
        trim_path: Sequence[str] = (),
        default: str = "terminal",
        always_told: bool = False,
    ) -> None:
        wanted = wanted_formats(formats, outputs)
        self._wanted = [*wanted, default] if not wanted or (always_told and len(wanted) <= len(outputs)) else wanted
        self._outputs = outputs
        self._options = RenderOptions(trim_path=tuple(trim_path), version=__version__)
        self._for_github = False

    @property
    def readable(self) -> bool:
        """Whether standard output is for people: a machine's format must stand alone there."""
        return set(self._wanted[len(self._outputs) :]) <= {"short", "terminal"}

    def decided(self, tolerated: Mapping[str, str], strict: bool) -> "Publication":
        """With what a gate decided: fingerprints that it tolerates with the reasons, and whether suspects fail."""
        self._options = replace(self._options, tolerated=tolerated, strict=strict)
        self._for_github = in_github_actions()
        return self

    def write(self, report: "Report") -> None:
        """Renders everything, then writes it. Raises ConfigError for a file that cannot be written."""
        texts = [
            render(name, report, self._options if position < len(self._outputs) else _for_terminal(self._options))
            for position, name in enumerate(self._wanted)
        ]
        for position, text in enumerate(texts):
            if position < len(self._outputs):
                write_atomically(self._outputs[position], text)
            else:
                _print(text)
        if self._for_github:
            _tell_github(report, self._options, self.readable)


def _print(text: str) -> None:
    """Writes to standard output; what its encoding lacks (blocks of a sparkline on an ASCII terminal) shows as `?`."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    sys.stdout.write(text)


def wanted_formats(formats: Sequence[str], outputs: Sequence[str]) -> list[str]:
    """The format of each output, then those for standard output. Raises ConfigError for one that does not exist."""
    wanted = list(formats)
    for output in outputs[len(formats) :]:
        suffix = os.path.splitext(output)[1]
        if suffix not in _SUFFIXES:
            raise ConfigError("-o", f"{output}: cannot tell the format by its name; give --format {'|'.join(FORMATS)}")
        wanted.append(_SUFFIXES[suffix])
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown:
        raise ConfigError("--format", f"{unknown[0]!r} is not a format; choose one of {', '.join(FORMATS)}")
    return wanted


def write_atomically(path: str, content: str | bytes, flag: str = "-o", mode: int = 0o666) -> None:
    """Writes `content` (text as UTF-8) to `path` whole or not at all. Raises ConfigError, naming `flag`, where it cannot."""
    try:
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=".leakhunt-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode("utf-8") if isinstance(content, str) else content)
            os.chmod(temporary, mode & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise ConfigError(flag, f"{path}: cannot be written: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _for_terminal(options: RenderOptions) -> RenderOptions:
    """Width and colour of standard output; COLUMNS overrides the width, NO_COLOR (when not empty) takes the colour away."""
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() and int(columns) > 0 else 0
    if not width:
        width = os.get_terminal_size().columns if sys.stdout.isatty() else 100
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return replace(options, width=max(40, width), colour=colour)


def in_github_actions() -> bool:
    """Whether this runs as a step of a GitHub workflow."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def default_trim_path() -> list[str]:
    """In GitHub Actions, the checkout and, for binaries built with -trimpath, its module path; nothing elsewhere."""
    workspace = os.environ.get("GITHUB_WORKSPACE", "")
    if not in_github_actions() or not workspace:
        return []
    try:
        lines = (Path(workspace) / "go.mod").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    return [workspace, *(line.split()[1] for line in lines[:50] if line.startswith("module ") and len(line.split()) > 1)]


def _tell_github(report: "Report", options: RenderOptions, readable_stdout: bool) -> None:
    """Annotations, on standard output unless that carries a machine's format (the runner reads both), and the Markdown
    report as the step's summary."""
    stream = sys.stdout if readable_stdout else sys.stderr
    stream.write(render("github", report, options))
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        try:
            with open(summary, "a", encoding="utf-8") as file:
                file.write(render("markdown", report, options) + "\n")
        except OSError as error:
            print(f"leakhunt: the step summary {summary} cannot be written: {error.strerror}", file=sys.stderr)
