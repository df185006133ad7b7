"""The metadata file of a snapshot: what is known about it beside its profiles.

Loads nothing heavy, so that a hunt can read the metadata without an HTTP client. The JSON's schema is `leakhunt.snapshot/1`;
keys are only ever added.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from leakhunt.capture.process import ProcessMark

SCHEMA = "leakhunt.snapshot/1"
SIDECAR_SUFFIX = "_snapshot.json"
MAX_SIDECAR_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a snapshot."""

    name: str
    kind: str
    bytes: int
    sha256: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Record:
    """The metadata file of a snapshot.

    restarted   why this must be another process than the snapshot before, "" where nothing says so
    notes       doubts, each a sentence
    """

    target: str
    time_ns: int
    gc: bool
    files: tuple[StoredFile, ...]
    memstats: dict[str, int]
    missing: dict[str, str]
    mark: ProcessMark
    restarted: str = ""
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Sorted keys, one trailing line feed."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, sort_keys=True, indent=1) + "\n"


def read_record(path: Path) -> Record | None:
    """The metadata in `path`, None where it is missing, foreign or damaged: metadata helps, it is never required."""
    try:
        with path.open("rb") as file:
            raw: dict[str, Any] = json.loads(file.read(MAX_SIDECAR_BYTES))
        if raw.pop("schema") != SCHEMA:
            return None
        return Record(
            target=str(raw["target"]),
            time_ns=int(raw["time_ns"]),
            gc=bool(raw["gc"]),
            files=tuple(StoredFile(**file) for file in raw["files"]),
            memstats={str(name): int(value) for name, value in raw["memstats"].items()},
            missing={str(kind): str(reason) for kind, reason in raw["missing"].items()},
            mark=ProcessMark(
                {str(name): int(value) for name, value in raw["mark"]["counters"].items()},
                int(raw["mark"]["alloc_bytes"]),
                str(raw["mark"]["build_id"]),
            ),
            restarted=str(raw["restarted"]),
            notes=tuple(str(note) for note in raw["notes"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def records_in(folder: Path) -> Iterator[Record]:
    """The metadata of all snapshots in `folder`, in order of their names."""
    for path in sorted(folder.glob("*" + SIDECAR_SUFFIX)):
        record = read_record(path)
        if record is not None:
            yield record
