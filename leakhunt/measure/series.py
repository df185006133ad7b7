"""A series from profiles that come one at a time: sites by snapshots, in order of time, split where the process changed.

Streams: a profile is folded into its sites' numbers and let go. What the numbers mean is `leakhunt.measure.trend`.
"""

import hashlib
import itertools
import mmap
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakhunt.errors import MismatchError
from leakhunt.measure.sampling import infer_period, raw_counts
from leakhunt.measure.segments import MIXED_PROCESSES_SHARE, Counters, restart_reason
from leakhunt.measure.sites import Granularity, SiteTable
from leakhunt.model.profile import Profile, ProfileKind
from leakhunt.model.series import Series, longest_segment
from leakhunt.units import NS_PER_HOUR, NS_PER_SECOND, format_bytes, format_duration

Column = NDArray[Any]  # int64, int32 or float64

_COLUMNS = ("inuse_space", "inuse_objects", "alloc_space", "alloc_objects")
_SHORT_NAMES = {"inuse_space": "space", "inuse_objects": "objects"}  # of tools that know no cumulative columns
_LATEST_NS = 1 << 62  # in the year 2116; a later time is none, and would overflow when another is put after it
_MOST_HELD = 1 << 62  # bytes or objects; int64 holds no sum of two more
_A_SERIES = "a series of heap profiles"
_OWN_MAPPING_BYTES = 1 << 16
_NO_BLOCKS = np.empty((0, 4), dtype=np.int64)
_INUSE_BYTES, _INUSE_OBJECTS, _ALLOC_BYTES, _ALLOC_OBJECTS, _INUSE_SAMPLES, _ALLOC_SAMPLES = range(6)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What is kept of one profile: six columns over the sites known by then, each in the smallest type that holds it."""

    source: str
    order: int
    time_ns: int
    period_bytes: int
    build_id: str
    forced_gcs: int | None
    asks_gc: bool
    idle_sites: bool
    exact: bool
    columns: tuple[Column, ...]

    @property
    def counters(self) -> Counters:
        return Counters(self.columns[_ALLOC_SAMPLES].astype(np.float64), self.idle_sites, self.exact)


class SeriesBuilder:
    """Collects the profiles of one process: `add` them in any order, then `finish` once.

    `granularity` says what a site is ("function" or "line"), `warmup` how many of the first snapshots (in time) to leave out.
    Memory: some 32 bytes a site and snapshot until `finish`, 48 in the Series, whatever the profiles weigh.
    """

    def __init__(self, granularity: Granularity = "function", warmup: int = 0) -> None:
        self._granularity = granularity
        self._warmup = warmup
        self._table = SiteTable(granularity)
        self._snapshots: list[_Snapshot] = []
        self._source_of_digest: dict[str, str] = {}
        self._notes: list[str] = []
        self._last_ns = -1
        self._last_blocks = _NO_BLOCKS

    def __len__(self) -> int:
        return len(self._snapshots)

    def add(self, profile: Profile, sha256: str = "", order: int | None = None) -> str | None:
        """Fold `profile` in. Returns None, or the sentence that says why it was refused as evidence.

        `sha256` names the input's content where the caller knows it; the numbers are compared in any case. `order` places a
        profile that does not say when it was taken (default: the order of calls). Raises MismatchError for what is no
        snapshot of a heap: another kind of profile, or a difference of two."""
        if profile.kind is not ProfileKind.HEAP:
            raise MismatchError(profile.source, _A_SERIES, f"this is a {profile.kind} profile")
        snapshot = self._fold(profile, len(self._snapshots) if order is None else order)
        digests = {digest for digest in (sha256, _digest(snapshot)) if digest}
        for digest in digests & self._source_of_digest.keys():
            reason = f"{profile.source}: same content as {self._source_of_digest[digest]}, no new evidence"
            self._notes.append(reason)
            return reason
        self._source_of_digest.update(dict.fromkeys(digests, profile.source))
        self._snapshots.append(snapshot)
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
        snapshots, times_ns, notes = _in_time(self._snapshots)
        if not keep:
            self._snapshots = []  # so that each is freed as soon as its numbers are in the arrays
        notes = self._notes + notes
        if self._warmup and snapshots:
            dropped = min(self._warmup, len(snapshots))
            notes.append(f"warm-up: the first {dropped} of {len(snapshots)} snapshots are left out")
            snapshots, times_ns = snapshots[dropped:], times_ns[dropped:]
        snapshots, times_ns, repeated = _without_repetitions(snapshots, times_ns)
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
            inuse_bytes=columns[_INUSE_BYTES],
            inuse_objects=columns[_INUSE_OBJECTS],
            alloc_bytes=columns[_ALLOC_BYTES],
            alloc_objects=columns[_ALLOC_OBJECTS],
            inuse_samples=columns[_INUSE_SAMPLES],
            alloc_samples=columns[_ALLOC_SAMPLES],
            sample_bytes=_sample_bytes(columns, segment, period_bytes),
            segment_starts=starts,
            segment_reasons=reasons,
            period_bytes=period_bytes,
            build_ids=build_ids,
            exact_counts=exact,
            notes=tuple(notes),
            blocks=blocks,
        )

    def _fold(self, profile: Profile, order: int) -> _Snapshot:
        """The six columns of `profile` over the sites."""
        samples = profile.samples
        values = np.asarray(profile.values).reshape(samples, len(profile.sample_types))
        by_sample: list[Column] = [_column(profile, values, name) for name in _COLUMNS]
        if profile.duration_ns > 0:
            span = format_duration(profile.duration_ns / NS_PER_SECOND)
            reason = f"it shows a span of {span}, not a moment: fetch /debug/pprof/heap without seconds="
            raise MismatchError(profile.source, _A_SERIES, reason)
        for column in by_sample:
            if (column < 0).any():
                raise MismatchError(profile.source, _A_SERIES, "it has negative values: a difference, not a snapshot")
            if column.sum(dtype=np.float64) > _MOST_HELD:
                raise MismatchError(profile.source, _A_SERIES, "its values are beyond what a process can hold")
        sites = self._table.intern(profile)
        blocks = np.asarray(profile.block_bytes)
        period = profile.period if profile.period > 0 else infer_period(by_sample[0], by_sample[1], blocks)
        inuse = raw_counts(by_sample[0], by_sample[1], blocks, period)
        alloc = raw_counts(by_sample[2], by_sample[3], blocks, period)
        by_sample += [inuse.counts, alloc.counts]
        if profile.time_ns >= self._last_ns:
            self._last_ns = profile.time_ns
            self._last_blocks = np.column_stack([sites, blocks, by_sample[_INUSE_OBJECTS], by_sample[_ALLOC_OBJECTS]])
        columns = _returnable(tuple(_smallest(_sum_by_site(sites, column, len(self._table))) for column in by_sample))
        inuse_samples, alloc_samples = columns[_INUSE_SAMPLES], columns[_ALLOC_SAMPLES]
        return _Snapshot(
            source=profile.source,
            order=order,
            time_ns=profile.time_ns if 0 < profile.time_ns < _LATEST_NS else 0,
            period_bytes=period,
            build_id=profile.build_id,
            forced_gcs=profile.memstats.get("NumForcedGC"),
            asks_gc="gc=1" in profile.source,
            idle_sites=bool(((alloc_samples > 0) & (inuse_samples == 0)).any()),
            exact=inuse.exact and alloc.exact,
            columns=columns,
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


def _column(profile: Profile, values: NDArray[np.int64], name: str) -> NDArray[np.int64]:
    """One column by sample, zeros where the profile has none."""
    index = profile.index_of(name)
    if index is None:
        index = profile.index_of(_SHORT_NAMES.get(name, name))
    return np.zeros(len(values), dtype=np.int64) if index is None else values[:, index]


def _sum_by_site(sites: NDArray[np.int64], values: Column, count: int) -> Column:
    """Sums of `values` by site, exact for integers."""
    sums = np.zeros(count, dtype=values.dtype)
    np.add.at(sums, sites, values)
    return sums


def _smallest(values: Column) -> Column:
    """The same numbers in int32 where they are whole and fit: a third less memory for a long series."""
    if len(values) == 0 or (float(np.abs(values).max()) < 2**31 and bool((values == np.rint(values)).all())):
        return values.astype(np.int32)
    return values


def _returnable(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The same columns in a memory mapping of their own: freed, it goes back to the system at once, where small blocks of the
    heap would stay until the last of a thousand snapshots is let go (measured: 120 MB of 430 at 1 000 x 5 000)."""
    sizes = [(column.nbytes + 7) // 8 * 8 for column in columns]
    if sum(sizes) < _OWN_MAPPING_BYTES:
        return columns
    mapping, offset = mmap.mmap(-1, sum(sizes)), 0
    moved = []
    for column, size in zip(columns, sizes, strict=True):
        moved.append(np.frombuffer(mapping, dtype=column.dtype, count=len(column), offset=offset))
        moved[-1][:] = column
        offset += size
    return tuple(moved)


def _digest(snapshot: _Snapshot) -> str:
    """Of the numbers, the time and the build: equal for the same snapshot however it was written to a file."""
    digest = hashlib.blake2b(f"{snapshot.time_ns} {snapshot.period_bytes} {snapshot.build_id}".encode(), digest_size=16)
    for column in snapshot.columns:
        filled = np.flatnonzero(column)
        digest.update(filled.tobytes())
        digest.update(column[filled].tobytes())
    return digest.hexdigest()


def _in_time(snapshots: list[_Snapshot]) -> tuple[list[_Snapshot], NDArray[np.int64], list[str]]:
    """Snapshots in order of time, their strictly increasing times, and notes on times that had to be made up."""
    if not snapshots:
        return [], np.empty(0, dtype=np.int64), []
    untimed = sum(s.time_ns == 0 for s in snapshots)
    notes = []
    if untimed == len(snapshots):
        ordered = sorted(snapshots, key=lambda s: s.order)
        if len(ordered) > 1:
            notes.append("no snapshot says when it was taken: one hour between each is assumed, in the order given")
        return ordered, np.arange(1, len(ordered) + 1) * NS_PER_HOUR, notes
    if untimed:
        notes.append(f"{untimed} of {len(snapshots)} snapshots do not say when they were taken: placed by the order given")
    ordered = sorted(snapshots, key=lambda s: s.order)
    times = _fill_times([s.time_ns for s in ordered])
    ranks = sorted(range(len(ordered)), key=lambda i: (times[i], ordered[i].order))
    times_ns = np.array([times[i] for i in ranks], dtype=np.int64)
    equal = int((np.diff(times_ns) == 0).sum())
    if equal:
        notes.append(f"{equal + 1} or more snapshots carry the same time: kept in the order given, a nanosecond apart")
        for i in range(1, len(times_ns)):
            times_ns[i] = max(times_ns[i], times_ns[i - 1] + 1)
    return [ordered[i] for i in ranks], times_ns, notes


def _without_repetitions(
    snapshots: list[_Snapshot], times_ns: NDArray[np.int64]
) -> tuple[list[_Snapshot], NDArray[np.int64], list[str]]:
    """Snapshots without those that repeat the one before number by number, and a note on each.

    A profile shows the last completed collection: until the next one, fetching it again is no new observation. Counted as one,
    repetitions strengthened the drift test in four of ten simulated leaks."""
    kept, notes = list(range(min(len(snapshots), 1))), []
    for i in range(1, len(snapshots)):
        before, after = snapshots[kept[-1]], snapshots[i]
        if before.period_bytes == after.period_bytes and all(map(_same, before.columns, after.columns)):
            notes.append(f"{after.source}: same numbers as {before.source}, no collection between them: no new evidence")
        else:
            kept.append(i)
    return [snapshots[i] for i in kept], times_ns[kept], notes


def _same(a: Column, b: Column) -> bool:
    """Whether two columns agree, the sites that only one of them knows being 0 there."""
    shared = min(len(a), len(b))
    return bool((a[:shared] == b[:shared]).all()) and not a[shared:].any() and not b[shared:].any()


def _fill_times(times: list[int]) -> list[int]:
    """Unknown times (0) put between, before or after their known neighbours in the list."""
    known = [i for i, time in enumerate(times) if time > 0]
    steps = [times[b] - times[a] for a, b in itertools.pairwise(known)]
    step = max(abs(sorted(steps)[len(steps) // 2]), 1) if steps else NS_PER_HOUR
    filled = [time if time > 0 else round(np.interp(i, known, [times[k] for k in known])) for i, time in enumerate(times)]
    for i in range(known[0] - 1, -1, -1):
        filled[i] = max(filled[i + 1] - step, 1)
    for i in range(known[-1] + 1, len(times)):
        filled[i] = filled[i - 1] + step
    return filled


def _segments(snapshots: list[_Snapshot]) -> tuple[tuple[int, ...], tuple[str, ...]]:
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
    snapshots: list[_Snapshot], starts: tuple[int, ...], reasons: tuple[str, ...], granularity: Granularity
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


def _site_order(snapshots: list[_Snapshot], keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Sites by first snapshot that has them, then by key; sites that only dropped snapshots had come last."""
    first = np.full(len(keys), len(snapshots), dtype=np.int64)
    for i in range(len(snapshots) - 1, -1, -1):
        for column in snapshots[i].columns:
            first[np.flatnonzero(column)] = i
    return np.lexsort((keys, first))


def _dense(snapshots: list[_Snapshot], order: NDArray[np.int64]) -> list[Column]:
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
    for values, counts in ((_ALLOC_BYTES, _ALLOC_SAMPLES), (_INUSE_BYTES, _INUSE_SAMPLES)):
        total_bytes = columns[values][:, segment].sum(axis=1, dtype=np.float64)
        total_counts = columns[counts][:, segment].sum(axis=1, dtype=np.float64)
        held = (total_counts > 0) & (total_bytes > 0)
        result[held] = total_bytes[held] / total_counts[held]
    return result
