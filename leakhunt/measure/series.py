"""A series from profiles that come one at a time: sites by snapshots, in order of time, split where the process changed.

Streams: a profile is folded into its sites' numbers and let go. What the numbers mean is `leakhunt.measure.trend`.
"""

import itertools

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.segments import restart_reason
from leakhunt.measure.sites import Granularity, SiteTable
from leakhunt.measure.snapshot import (
    ALLOC_BYTES,
    ALLOC_OBJECTS,
    ALLOC_SAMPLES,
    INUSE_BYTES,
    INUSE_OBJECTS,
    INUSE_SAMPLES,
    Column,
    Snapshot,
    fold,
)
from leakhunt.measure.timeline import in_time, without_repetitions
from leakhunt.model.profile import Profile
from leakhunt.model.series import Series, longest_segment
from leakhunt.thresholds import MIXED_PROCESSES_SHARE
from leakhunt.units import format_bytes

_NO_BLOCKS = np.empty((0, 4), dtype=np.int64)


class SeriesBuilder:
    """Collects the profiles of one process: `add` them in any order, then `finish` once.

    `granularity` says what a site is ("function" or "line"), `warmup` how many of the first snapshots (in time) to leave out.
    Memory: some 32 bytes a site and snapshot until `finish`, 48 in the Series, whatever the profiles weigh.
    """

    def __init__(self, granularity: Granularity = "function", warmup: int = 0) -> None:
        self._granularity = granularity
        self._warmup = warmup
        self._table = SiteTable(granularity)
        self._snapshots: list[Snapshot] = []
        self._source_of_digest: dict[str, str] = {}
        self._notes: list[str] = []
        self._last_ns = -1
        self._last_blocks = _NO_BLOCKS

    def __len__(self) -> int:
        return len(self._snapshots)

    def add(self, profile: Profile, order: int | None = None) -> str | None:
        """Fold `profile` in. Returns None, or the sentence that says why it was refused as evidence.

        `order` places a profile that does not say when it was taken (default: the order of calls). Raises MismatchError for
        what is no snapshot of a heap: another kind of profile, or a difference of two."""
        snapshot, blocks = fold(profile, self._table, len(self._snapshots) if order is None else order)
        digest = snapshot.digest
        if digest in self._source_of_digest:
            reason = f"{profile.source}: same content as {self._source_of_digest[digest]}, no new evidence"
            self._notes.append(reason)
            return reason
        self._source_of_digest[digest] = profile.source
        self._snapshots.append(snapshot)
        if profile.time_ns >= self._last_ns:
            self._last_ns, self._last_blocks = profile.time_ns, blocks
        return None

    def forget(self, source: str) -> None:
        """Let go of the snapshot from `source`; its sites stay in the table. For watching without end in bounded memory."""
        self._snapshots = [snapshot for snapshot in self._snapshots if snapshot.source != source]
        self._source_of_digest = {digest: name for digest, name in self._source_of_digest.items() if name != source}

    def current(self) -> Series:
        """The series so far; the builder goes on. O(sites * snapshots)."""
        return self._series(keep=True)

    def finish(self) -> Series:
        """The series of all profiles added; the builder is empty afterwards. O(sites * snapshots)."""
        return self._series(keep=False)

    def _series(self, keep: bool) -> Series:
        snapshots, times_ns, notes = in_time(self._snapshots)
        if not keep:
            self._snapshots = []  # so that each is freed as soon as its numbers are in the arrays
        notes = self._notes + notes
        if self._warmup and snapshots:
            dropped = min(self._warmup, len(snapshots))
            notes.append(f"warm-up: the first {dropped} of {len(snapshots)} snapshots are left out")
            snapshots, times_ns = snapshots[dropped:], times_ns[dropped:]
        snapshots, times_ns, repeated = without_repetitions(snapshots, times_ns)
        notes += repeated
        starts, reasons = _segments(snapshots)
        notes += _doubts(snapshots, starts, reasons, self._granularity)
        segment = longest_segment(starts, len(snapshots))
        period_bytes = snapshots[segment.start].period_bytes if snapshots else 0
        sources = tuple(s.source for s in snapshots)
        build_ids = tuple(s.build_id for s in snapshots)
        exact = all(s.exact for s in snapshots)
        order = _site_order(snapshots, self._table.keys)
        columns = _dense(snapshots, order)
        blocks = _blocks_in_order(self._last_blocks, order)
        sites = self._table.sites
        return Series(
            sites=tuple(sites[i] for i in order),
            times_ns=times_ns,
            sources=sources,
            inuse_bytes=columns[INUSE_BYTES],
            inuse_objects=columns[INUSE_OBJECTS],
            alloc_bytes=columns[ALLOC_BYTES],
            alloc_objects=columns[ALLOC_OBJECTS],
            inuse_samples=columns[INUSE_SAMPLES],
            alloc_samples=columns[ALLOC_SAMPLES],
            sample_bytes=_sample_bytes(columns, segment, period_bytes),
            segment_starts=starts,
            segment_reasons=reasons,
            period_bytes=period_bytes,
            build_ids=build_ids,
            exact_counts=exact,
            notes=tuple(notes),
            blocks=blocks,
        )


def _blocks_in_order(blocks: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """`blocks` [S, 4] of one profile with equal sites and sizes added, sites renumbered by `order`, sorted."""
    position = np.empty(len(order), dtype=np.int64)
    position[order] = np.arange(len(order))
    keys, where = np.unique(np.column_stack([position[blocks[:, 0]], blocks[:, 1]]), axis=0, return_inverse=True)
    sums = np.zeros((len(keys), 2), dtype=np.int64)
    np.add.at(sums, where.reshape(-1), blocks[:, 2:])
    merged = np.column_stack([keys, sums])
    return merged[merged[:, 1] > 0]


def _segments(snapshots: list[Snapshot]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Where segments begin, and why."""
    starts, reasons = [0], [""]
    for i, (before, after) in enumerate(itertools.pairwise(snapshots), start=1):
        if before.period_bytes != after.period_bytes:
            reason = f"sampling period: {format_bytes(before.period_bytes)} became {format_bytes(after.period_bytes)}"
        elif before.build_id and after.build_id and before.build_id != after.build_id:
            reason = f"build: {_short(before.build_id, after.build_id)} became {_short(after.build_id, before.build_id)}"
        else:
            reason = restart_reason(before.counters, after.counters)
        if reason:
            starts.append(i)
            reasons.append(reason)
    return (tuple(starts), tuple(reasons)) if snapshots else ((), ())


def _short(build_id: str, other: str) -> str:
    """A build id short enough to read: its beginning, or its end where the beginnings agree (Windows builds carry paths)."""
    if build_id[:16] != other[:16]:
        return build_id[:16]
    return build_id if len(build_id) <= 40 else f"...{build_id[-40:]}"


def _doubts(
    snapshots: list[Snapshot], starts: tuple[int, ...], reasons: tuple[str, ...], granularity: Granularity
) -> list[str]:
    """Notes on what the snapshots are and how they differ."""
    notes = [f"from {snapshots[start].source} on: {reason}" for start, reason in zip(starts[1:], reasons[1:], strict=True)]
    if len(snapshots) > 3 and len(starts) - 1 > MIXED_PROCESSES_SHARE * (len(snapshots) - 1):
        notes.append("so many restarts suggest that these are profiles of several processes: give one process's at a time")
    if granularity == "line" and any(reason.startswith("build") for reason in reasons):
        notes.append("sites by line do not match across builds: use function granularity to follow them")
    if any(not s.exact for s in snapshots):
        notes.append("some profiles were merged or rewritten (sample counts are not whole): counts are estimates")
    asking = sum(s.asks_gc for s in snapshots)
    if 0 < asking < len(snapshots):
        notes.append(f"{asking} of {len(snapshots)} snapshots forced a collection (gc=1), the others lag to the last one")
    forced = [s.forced_gcs for s in snapshots if s.forced_gcs is not None]
    steps = [later > earlier for earlier, later in itertools.pairwise(forced)]
    if any(steps) and not all(steps) and not asking:
        notes.append(f"a collection was forced before {sum(steps)} of {len(steps)} snapshots, the others lag to the last one")
    return notes


def _site_order(snapshots: list[Snapshot], keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Sites by first snapshot that has them, then by key; sites that only dropped snapshots had come last."""
    first = np.full(len(keys), len(snapshots), dtype=np.int64)
    for i in range(len(snapshots) - 1, -1, -1):
        for column in snapshots[i].columns:
            first[np.flatnonzero(column)] = i
    return np.lexsort((keys, first))


def _dense(snapshots: list[Snapshot], order: NDArray[np.int64]) -> list[Column]:
    """Six [K, N] arrays, filled a snapshot at a time from the end while the snapshots are let go."""
    position = np.empty(len(order), dtype=np.int64)
    position[order] = np.arange(len(order))
    types = (np.int64, np.int64, np.int64, np.int64, np.float64, np.float64)
    by_snapshot = [np.zeros((len(snapshots), len(order)), dtype=dtype) for dtype in types]
    while snapshots:
        snapshot = snapshots.pop()
        for rows, column in zip(by_snapshot, snapshot.columns, strict=True):
            rows[len(snapshots), position[: len(column)]] = column
    return [rows.T for rows in by_snapshot]


def _sample_bytes(columns: list[Column], segment: slice, period_bytes: int) -> NDArray[np.float64]:
    """Per site: bytes that one sampled object stands for, of those in use over the segment, else of those allocated."""
    result = np.full(len(columns[0]), float(max(period_bytes, 1)))
    for values, counts in ((ALLOC_BYTES, ALLOC_SAMPLES), (INUSE_BYTES, INUSE_SAMPLES)):
        total_bytes = columns[values][:, segment].sum(axis=1, dtype=np.float64)
        total_counts = columns[counts][:, segment].sum(axis=1, dtype=np.float64)
        held = (total_counts > 0) & (total_bytes > 0)
        result[held] = total_bytes[held] / total_counts[held]
    return result
