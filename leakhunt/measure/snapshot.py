"""One profile folded into its sites' numbers: all that a series keeps of it.

Checks that it is a snapshot at all; a difference or a span has no place in a series.
"""

import hashlib
import mmap
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakhunt.errors import MismatchError
from leakhunt.measure.sampling import infer_period, raw_counts
from leakhunt.measure.segments import Counters
from leakhunt.measure.sites import SiteTable
from leakhunt.model.profile import Profile, ProfileKind
from leakhunt.units import NS_PER_SECOND, format_duration

Column = NDArray[Any]  # int64, int32 or float64

INUSE_BYTES, INUSE_OBJECTS, ALLOC_BYTES, ALLOC_OBJECTS, INUSE_SAMPLES, ALLOC_SAMPLES = range(6)

_COLUMNS = ("inuse_space", "inuse_objects", "alloc_space", "alloc_objects")
_SHORT_NAMES = {"inuse_space": "space", "inuse_objects": "objects"}  # of tools that know no cumulative columns
_LATEST_NS = 1 << 62  # in the year 2116; a later time is none, and would overflow when another is put after it
_MOST_HELD = 1 << 62  # bytes or objects; int64 holds no sum of two more
_OWN_MAPPING_BYTES = 1 << 16
_A_SERIES = "a series of heap profiles"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is kept of one profile.

    columns      six over the sites known by then (INUSE_BYTES and so on), each in the smallest type that holds it
    order        where the caller places it among others without a time
    time_ns      0 where unknown
    forced_gcs   collections forced so far, None where the profile does not say
    asks_gc      whether its name says that fetching it forced a collection
    idle_sites   whether it lists sites with nothing in use
    exact        whether its counts are the runtime's own
    """

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
        """For telling restarts."""
        return Counters(self.columns[ALLOC_SAMPLES].astype(np.float64), self.idle_sites, self.exact)

    @property
    def digest(self) -> str:
        """Of the numbers, the time and the build: equal for the same snapshot however it was written to a file."""
        digest = hashlib.blake2b(f"{self.time_ns} {self.period_bytes} {self.build_id}".encode(), digest_size=16)
        for column in self.columns:
            filled = np.flatnonzero(column)
            digest.update(filled.tobytes())
            digest.update(column[filled].tobytes())
        return digest.hexdigest()

    def repeats(self, other: "Snapshot") -> bool:
        """Whether all numbers agree."""
        return self.period_bytes == other.period_bytes and all(map(_same, self.columns, other.columns))


def fold(profile: Profile, table: SiteTable, order: int) -> tuple[Snapshot, NDArray[np.int64]]:
    """`profile` over the sites of `table`, and int64[S, 4] of its samples: site, block size, objects in use, and allocated.

    Raises MismatchError where it is no snapshot of a heap; `table` has no new sites then."""
    if profile.kind is not ProfileKind.HEAP:
        raise MismatchError(profile.source, _A_SERIES, f"this is a {profile.kind} profile")
    if profile.duration_ns > 0:
        span = format_duration(profile.duration_ns / NS_PER_SECOND)
        reason = f"it shows a span of {span}, not a moment: fetch /debug/pprof/heap without seconds="
        raise MismatchError(profile.source, _A_SERIES, reason)
    values = np.asarray(profile.values).reshape(profile.samples, len(profile.sample_types))
    by_sample: list[Column] = [_column(profile, values, name) for name in _COLUMNS]
    for column in by_sample:
        if (column < 0).any():
            raise MismatchError(profile.source, _A_SERIES, "it has negative values: a difference, not a snapshot")
        if column.sum(dtype=np.float64) > _MOST_HELD:
            raise MismatchError(profile.source, _A_SERIES, "its values are beyond what a process can hold")
    sites = table.intern(profile)
    blocks = np.asarray(profile.block_bytes)
    period = profile.period if profile.period > 0 else infer_period(by_sample[0], by_sample[1], blocks)
    inuse = raw_counts(by_sample[INUSE_BYTES], by_sample[INUSE_OBJECTS], blocks, period)
    alloc = raw_counts(by_sample[ALLOC_BYTES], by_sample[ALLOC_OBJECTS], blocks, period)
    by_sample += [inuse.counts, alloc.counts]
    columns = _returnable(tuple(_smallest(_sum_by_site(sites, column, len(table))) for column in by_sample))
    snapshot = Snapshot(
        source=profile.source,
        order=order,
        time_ns=profile.time_ns if 0 < profile.time_ns < _LATEST_NS else 0,
        period_bytes=period,
        build_id=profile.build_id,
        forced_gcs=profile.memstats.get("NumForcedGC"),
        asks_gc="gc=1" in profile.source,
        idle_sites=bool(((columns[ALLOC_SAMPLES] > 0) & (columns[INUSE_SAMPLES] == 0)).any()),
        exact=inuse.exact and alloc.exact,
        columns=columns,
    )
    return snapshot, np.column_stack([sites, blocks, by_sample[INUSE_OBJECTS], by_sample[ALLOC_OBJECTS]])


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


def _same(a: Column, b: Column) -> bool:
    """Whether two columns agree, the sites that only one of them knows being 0 there."""
    shared = min(len(a), len(b))
    return bool((a[:shared] == b[:shared]).all()) and not a[shared:].any() and not b[shared:].any()
