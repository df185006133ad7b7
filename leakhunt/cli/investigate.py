"""From inputs to a report: what `hunt` and `check` share. What becomes of the report is `leakhunt.cli.publish`."""

import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from leakhunt.cli.inputs import Fetch, fetch_anonymously, sources_of
from leakhunt.config import Settings
from leakhunt.errors import DecodeError
from leakhunt.evidence import Source, gather
from leakhunt.hunt import hunt

if TYPE_CHECKING:
    from leakhunt.capture.record import Record
    from leakhunt.model.finding import Report


def investigate(inputs: Sequence[str], settings: Settings, fetch: Fetch = fetch_anonymously) -> "Report":
    """The report on `inputs`, URLs fetched by `fetch`. Raises DecodeError where not one of them could be used."""
    sources = sources_of(inputs, fetch)
    records = _records_beside(sources)
    memstats = [(record.time_ns, record.memstats) for record in records if record.memstats]
    evidence = gather(_with_progress(sources), settings, memstats)
    if all(entry.skipped is not None for entry in evidence.inputs):
        first = evidence.inputs[0]
        more = f" (and {len(evidence.inputs) - 1} more inputs, none of them usable)" if len(evidence.inputs) > 1 else ""
        raise DecodeError(first.path, None, f"{first.skipped}{more}")
    report = hunt(evidence, command=shlex.join(["leakhunt", *sys.argv[1:]]))
    return replace(report, notes=report.notes + _notes_on(records))


def _records_beside(sources: Sequence[Source]) -> "list[Record]":
    """What a capture noted beside the files of `sources`; nothing where they lie in several folders, which may be several
    processes."""
    paths = [source.path for source in sources if source.path is not None]
    folders, names = {path.parent for path in paths}, {path.name for path in paths}
    if len(folders) != 1:
        return []
    from leakhunt.capture.record import records_in

    return [record for record in records_in(folders.pop()) if any(stored.name in names for stored in record.files)]


def _notes_on(records: "Sequence[Record]") -> tuple[str, ...]:
    """Doubts that only the capture knows of."""
    asking = sum(record.gc for record in records)
    if not 0 < asking < len(records):
        return ()
    return (f"{asking} of {len(records)} snapshots forced a collection (capture --gc), the others lag to the last one",)


def _with_progress(sources: Sequence[Source]) -> Iterable[Source]:
    """`sources`, with a progress bar on stderr where that is a terminal and there are enough to wait for."""
    if len(sources) < 20 or not sys.stderr.isatty():
        return sources
    from rich.console import Console
    from rich.progress import track

    return track(sources, description="reading", console=Console(stderr=True), transient=True)
