"""From inputs to a report: what `hunt` and `check` share. What becomes of the report is `leakhunt.cli.publish`."""

import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from leakhunt.cli.inputs import Fetch, fetch_anonymously, sources_of
from leakhunt.config import Settings
from leakhunt.errors import DecodeError
from leakhunt.evidence import Source, gather
from leakhunt.hunt import hunt

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


def _memstats_beside(sources: Sequence[Source]) -> Iterator[tuple[int, dict[str, int]]]:
    """What a capture noted of the process in the folders of `sources`; nothing where they lie in several folders, which
    may be several processes."""
    folders = {source.path.parent for source in sources if source.path is not None}
    if len(folders) == 1:
        from leakhunt.capture.record import records_in

        yield from ((record.time_ns, record.memstats) for record in records_in(folders.pop()) if record.memstats)


def _with_progress(sources: Sequence[Source]) -> Iterable[Source]:
    """`sources`, with a progress bar on stderr where that is a terminal and there are enough to wait for."""
    if len(sources) < 20 or not sys.stderr.isatty():
        return sources
    from rich.console import Console
    from rich.progress import track

    return track(sources, description="reading", console=Console(stderr=True), transient=True)
