"""A series on disk: one folder a target, files that appear whole or not at all, names that sort by time, a cap.

A snapshot taken at 03:14:59.123 UTC is

    20261125T031459.123Z_heap.pb.gz            as served
    20261125T031459.123Z_goroutine.pb.gz
    20261125T031459.123Z_goroutineleak.pb.gz   where served
    20261125T031459.123Z_snapshot.json         what is known beside: target, gc, MemStats, restart, checksums
"""

import contextlib
import hashlib
import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from leakhunt.capture import thinning
from leakhunt.capture.process import mark_of, restart_between, uncollected_between
from leakhunt.capture.record import SIDECAR_SUFFIX, Record, StoredFile, read_record
from leakhunt.capture.snapshot import Snapshot
from leakhunt.errors import CaptureError, ConfigError

_GZIP_MAGIC = b"\x1f\x8b"
_MILLISECOND_NS = 1_000_000
_STEM = re.compile(r"(\d{8}T\d{6}\.\d{3}Z)_(?:snapshot\.json|(?:heap|goroutine|goroutineleak)\.pb(?:\.gz)?)\Z")


class SeriesFolder:
    """The series of one target, open for writing. Continues a series that an earlier capture left there."""

    def __init__(self, root: Path, name: str, cap_bytes: int) -> None:
        self.path = root / name
        self._cap_bytes = cap_bytes
        self._previous: Record | None = None
        self._sizes: dict[str, int] = {}
        self.dropped = 0

    def open(self, target_url: str) -> None:
        """Makes the folder, removes what a killed capture left half-written, finds the newest snapshot to go on from.
        Raises ConfigError where the folder cannot be made or holds another target's series."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for partial in self.path.glob(".*.part"):
                if _STEM.match(partial.name[1 : -len(".part")]):
                    partial.unlink()
            names = sorted(entry.name for entry in self.path.iterdir())
        except OSError as error:
            raise ConfigError("-o", f"{self.path} cannot be used: {error.strerror or error}") from None
        for name in names:
            match = _STEM.match(name)
            if match:
                self._sizes[match[1]] = self._sizes.get(match[1], 0) + (self.path / name).stat().st_size
        newest = next((name for name in reversed(names) if name.endswith(SIDECAR_SUFFIX)), None)
        self._previous = None if newest is None else read_record(self.path / newest)
        if self._previous is not None and self._previous.target != target_url:
            raise ConfigError("-o", f"{self.path} holds snapshots of {self._previous.target}; give another folder")

    @property
    def snapshots(self) -> int:
        """How many snapshots the folder holds."""
        return len(self._sizes)

    @property
    def bytes(self) -> int:
        """What they take on disk."""
        return sum(self._sizes.values())

    def add(self, snapshot: Snapshot) -> Record:
        """Writes a snapshot, then thins the series to its cap. Raises CaptureError where the disk refuses; no part stays."""
        stem = self._free_stem(snapshot.time_ns)
        record = self._describe(snapshot, stem)
        written: list[Path] = []
        try:
            for fetched, stored in zip(snapshot.fetched, record.files, strict=True):
                written.append(write_atomically(self.path / stored.name, fetched.data))
            sidecar = record.to_json().encode("utf-8")
            written.append(write_atomically(self.path / f"{stem}{SIDECAR_SUFFIX}", sidecar))
        except OSError as error:
            for path in written:
                path.unlink(missing_ok=True)
            raise CaptureError(str(self.path), f"cannot be written: {error.strerror or error}") from None
        self._sizes[stem] = sum(stored.bytes for stored in record.files) + len(sidecar)
        self._previous = record
        self._thin()
        return record

    def _describe(self, snapshot: Snapshot, stem: str) -> Record:
        files = tuple(
            StoredFile(
                f"{stem}_{fetched.kind}.pb" + (".gz" if fetched.data[:2] == _GZIP_MAGIC else ""),
                fetched.kind,
                len(fetched.data),
                hashlib.sha256(fetched.data).hexdigest(),
                round(fetched.seconds, 3),
            )
            for fetched in snapshot.fetched
        )
        mark = mark_of(snapshot.heap, snapshot.memstats)
        record = Record(
            snapshot.target.base_url, snapshot.time_ns, snapshot.gc, files, snapshot.memstats, snapshot.missing, mark
        )
        before = self._previous
        if before is None:
            return record
        restarted = restart_between(before.mark, mark)
        notes = []
        if before.gc != snapshot.gc:
            notes.append("the snapshot before was taken " + ("without" if snapshot.gc else "after") + " a collection asked for")
        if not restarted and uncollected_between(before.mark, mark):
            notes.append("no collection ended since the snapshot before, so in-use values repeat; --gc asks for one")
        return replace(record, restarted=restarted, notes=tuple(notes))

    def _free_stem(self, time_ns: int) -> str:
        while (stem := _stem_of(time_ns)) in self._sizes:
            time_ns += _MILLISECOND_NS
        return stem

    def _thin(self) -> None:
        stems = sorted(self._sizes)
        times = [_time_of(stem) for stem in stems]
        for index in thinning.to_drop(times, [self._sizes[stem] for stem in stems], self._cap_bytes):
            stem = stems[index]
            for path in self.path.glob(f"{stem}_*"):
                if _STEM.match(path.name):
                    with contextlib.suppress(OSError):
                        path.unlink()
            del self._sizes[stem]
            self.dropped += 1


def write_atomically(path: Path, data: bytes) -> Path:
    """Writes `data` under a hidden name and renames it to `path` once it is on disk; leaves nothing when that fails."""
    partial = path.with_name(f".{path.name}.part")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return path


def _stem_of(time_ns: int) -> str:
    moment = datetime.fromtimestamp(time_ns // _MILLISECOND_NS / 1000, tz=UTC)
    return f"{moment:%Y%m%dT%H%M%S}.{time_ns // _MILLISECOND_NS % 1000:03d}Z"


def _time_of(stem: str) -> int:
    return round(datetime.strptime(stem, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC).timestamp() * 1000) * _MILLISECOND_NS
