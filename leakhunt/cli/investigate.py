"""What `hunt` and `check` share: from inputs to a report, and from a report to files and standard output."""

import os
import shlex
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from leakhunt import __version__
from leakhunt.cli.inputs import Fetch, fetch_anonymously, sources_of
from leakhunt.config import Settings
from leakhunt.errors import ConfigError, DecodeError
from leakhunt.evidence import Source, gather
from leakhunt.hunt import hunt
from leakhunt.reports import FORMATS, RenderOptions, render

if TYPE_CHECKING:
    from leakhunt.model.finding import Report


def investigate(inputs: Sequence[str], settings: Settings, fetch: Fetch = fetch_anonymously) -> "Report":
    """The report on `inputs`, URLs fetched by `fetch`. Raises DecodeError where not one of them could be used."""
    sources = sources_of(inputs, fetch)
    evidence = gather(_with_progress(sources), settings, _memstats_beside(sources))
    if all(entry.skipped is not None for entry in evidence.inputs):
        first = evidence.inputs[0]
        more = f" (and {len(evidence.inputs) - 1} more inputs, none of them usable)" if len(evidence.inputs) > 1 else ""
        raise DecodeError(first.path, None, f"{first.skipped}{more}")
    return hunt(evidence, command=shlex.join(["leakhunt", *sys.argv[1:]]))


def against_baseline(report: "Report", path: str) -> "Report":
    """`report` with each case marked new, known or worse by the baseline file at `path`, "" for none."""
    if not path:
        return report
    from datetime import UTC, datetime

    from leakhunt.baseline import compare, parse_baseline

    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("--baseline", f"{path}: cannot be read: {error}") from None
    return compare(report, parse_baseline(text, path), datetime.now(UTC).date()).report


def _memstats_beside(sources: Sequence[Source]) -> Iterator[tuple[int, dict[str, int]]]:
    """What a capture noted of the process in the folders of `sources`; nothing where they lie in several folders, which
    may be several processes."""
    folders = {source.path.parent for source in sources if source.path is not None}
    if len(folders) == 1:
        from leakhunt.capture.record import records_in

        yield from ((record.time_ns, record.memstats) for record in records_in(folders.pop()) if record.memstats)


_SUFFIXES = {
    ".md": "markdown",
    ".html": "html",
    ".json": "json",
    ".sarif": "sarif",
    ".xml": "junit",
    ".txt": "terminal",
}


def write_reports(report: "Report", formats: Sequence[str], outputs: Sequence[str], trim_path: str = "") -> None:
    """Renders `report` in each of `formats` to the file of the same position in `outputs`, and to standard output where
    there is none. An output without a format is told by its suffix. Raises ConfigError before anything is written."""
    wanted = list(formats)
    for output in outputs[len(formats) :]:
        suffix = os.path.splitext(output)[1]
        if suffix not in _SUFFIXES:
            raise ConfigError("-o", f"{output}: cannot tell the format by its name; give --format {'|'.join(FORMATS)}")
        wanted.append(_SUFFIXES[suffix])
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown:
        raise ConfigError("--format", f"{unknown[0]!r} is not a format; choose one of {', '.join(FORMATS)}")
    for position, name in enumerate(wanted or ["terminal"]):
        if position < len(outputs):
            write_atomically(outputs[position], render(name, report, RenderOptions(trim_path=trim_path, version=__version__)))
        else:
            sys.stdout.write(render(name, report, _terminal_options(trim_path)))


def write_atomically(path: str, content: str | bytes) -> None:
    """Writes `content` (text as UTF-8) to `path` whole or not at all. Raises ConfigError where the folder cannot be written."""
    try:
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=".leakhunt-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode("utf-8") if isinstance(content, str) else content)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise ConfigError("-o", f"{path}: cannot be written: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _terminal_options(trim_path: str) -> RenderOptions:
    """Width and colour of standard output; COLUMNS overrides the width, NO_COLOR (when not empty) takes the colour away."""
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() and int(columns) > 0 else 0
    if not width:
        width = os.get_terminal_size().columns if sys.stdout.isatty() else 100
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return RenderOptions(width=max(40, width), colour=colour, trim_path=trim_path, version=__version__)


def _with_progress(sources: Sequence[Source]) -> Iterable[Source]:
    """`sources`, with a progress bar on stderr where that is a terminal and there are enough to wait for."""
    if len(sources) < 20 or not sys.stderr.isatty():
        return sources
    from rich.console import Console
    from rich.progress import track

    return track(sources, description="reading", console=Console(stderr=True), transient=True)
