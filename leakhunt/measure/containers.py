"""What container a site's block sizes betray: Go's maps and growing slices allocate in sizes that little else has.

Heap profiles hide the runtime's frames at the leaf, so a map's tables, a slice's backing array and an ordinary object
allocated in one function are one site. Their sizes tell them apart, and the cumulative columns remember the sizes of blocks
that are long gone. Pure functions on `Series.blocks`; what a container means is the detectors' affair.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.sampling import sampling_probability
from leakhunt.model.series import Series
from leakhunt.thresholds import (
    LADDER_APPEND_RATIO,
    LADDER_BYTES,
    LADDER_DOUBLING,
    LADDER_RUNGS,
    LADDER_SKIPS_BELOW_BYTES,
    MIN_MAP_TABLES,
    ONE_CONTAINER,
    TABLES_OUTGROWN_SHARE,
)

# internal/runtime/maps (go1.24 on): a full table has 128 groups of 8 slots with one control word each; a slot is key and
# elem with padding. 16 B to 256 B a slot covers maps of strings, pointers, integers and small structs.
_TABLE_GROUPS = 128
_SLOTS = range(16, 264, 8)
_PAGE_BYTES = 8192
_LARGE_BYTES = 32 << 10  # above it a block is whole pages (runtime/sizeclasses.go)
# runtime/sizeclasses.go (go1.27), those that a full table or one of half its size can fall into.
_SIZE_CLASSES = (9472, 9728, 10240, 10880, 12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264, 28672, 32768)


def _block_size(size: int) -> int:
    """Size of the block that the allocator gives for `size` bytes."""
    if size > _LARGE_BYTES:
        return -(-size // _PAGE_BYTES) * _PAGE_BYTES
    return next(each for each in _SIZE_CLASSES if each >= size)


def _table_size(slot: int, groups: int) -> int:
    return _block_size(groups * (8 + 8 * slot))


# Each size of a full table with the sizes that it may have been made of: a table of half the size is doubled, and a full one is
# split into two of its own size (internal/runtime/maps/table.go, rehash).
FULL_TABLE_BYTES = {
    full: frozenset(
        {full, *(_table_size(slot, _TABLE_GROUPS // 2) for slot in _SLOTS if _table_size(slot, _TABLE_GROUPS) == full)}
    )
    for full in {_table_size(slot, _TABLE_GROUPS) for slot in _SLOTS}
}


def blocks_of(series: Series, *sites: int) -> NDArray[np.int64]:
    """int64[B, 3]: block size, objects in use, objects allocated since the start, by size; of one site, or of several added."""
    spans = [np.searchsorted(series.blocks[:, 0], [site, site + 1]) for site in sites]
    rows = np.concatenate([series.blocks[first:last, 1:] for first, last in spans])
    if len(sites) == 1:
        return rows
    sizes, at = np.unique(rows[:, 0], return_inverse=True)
    added = np.zeros((len(sizes), 3), dtype=np.int64)
    added[:, 0] = sizes
    np.add.at(added[:, 1:], at, rows[:, 1:])
    return added


def map_tables(series: Series, site: int) -> int:
    """Full swiss map tables (Go 1.24 on) in use at `site`, estimated; 0 for none.

    Two or more of a size are counted: a single block of such a size may be anything. Above 32 KiB a block is whole pages and
    every size is that of some table: there two must have been sampled, which a single array never is, and the tables that
    they were made of must have been freed at the same site, as kept buffers never are."""
    blocks = {int(size): (int(inuse), int(allocated)) for size, inuse, allocated in blocks_of(series, site)}
    found = 0
    for size, (inuse, _) in blocks.items():
        before = [blocks[each] for each in FULL_TABLE_BYTES.get(size, ()) if each in blocks]
        freed = sum(allocated - still for still, allocated in before)
        if _are_tables(series, size, inuse) and (size <= _LARGE_BYTES or freed >= TABLES_OUTGROWN_SHARE * inuse):
            found += inuse
    return found


def _are_tables(series: Series, size: int, count: int) -> bool:
    sampled = count * float(sampling_probability(float(size), series.period_bytes)) if size > _LARGE_BYTES else float(count)
    return size in FULL_TABLE_BYTES and sampled > MIN_MAP_TABLES - 0.5  # whole numbers, divided by their probability and cut


def lone_block(series: Series, site: int) -> int:
    """Size of the one block of LADDER_BYTES and more in use at `site`; 0 for none, or where several were sampled."""
    blocks = blocks_of(series, site)
    large = blocks[(blocks[:, 0] >= LADDER_BYTES) & (blocks[:, 1] > 0)]
    sampled = large[:, 1] * sampling_probability(large[:, 0].astype(np.float64), series.period_bytes)
    return int(large[0, 0]) if len(large) == 1 and sampled[0] < MIN_MAP_TABLES - 0.5 else 0


def made_map_tables(series: Series, site: int) -> bool:
    """Whether full map tables were ever allocated at `site`, in use or outgrown since. A backing array on its way up passes
    the same sizes, and one sample of it stands for twenty: beside a ladder only tables in use count, as above 32 KiB."""
    small = [(int(size), int(count)) for size, _, count in blocks_of(series, site) if size <= _LARGE_BYTES]
    made = any(_are_tables(series, size, count) for size, count in small)
    return map_tables(series, site) > 0 or (made and not ladder(series, site))


def grew_once(series: Series, rungs: tuple[int, ...], *sites: int) -> bool:
    """Whether each rung of a ladder was allocated a few times at most: one container that grew, and not a function that grows
    a new one in each call, as io.ReadAll does."""
    blocks = blocks_of(series, *sites)
    sampled = blocks[:, 2] * sampling_probability(blocks[:, 0].astype(np.float64), series.period_bytes)
    allocated = {int(size): float(count) for size, count in zip(blocks[:, 0], sampled, strict=True)}
    return all(allocated.get(rung, 0.0) <= ONE_CONTAINER for rung in rungs)


def ladder(series: Series, *sites: int) -> tuple[int, ...]:
    """The rising sizes of a backing array that was outgrown again and again: one block in use, the smaller ones freed.
    Empty where the sites together have no such row of at least three sizes."""
    large = [row for row in blocks_of(series, *sites) if row[0] >= LADDER_BYTES]
    sizes = [int(row[0]) for row in large]
    rungs: list[int] = []
    for i, size in enumerate(sizes):
        if rungs and not LADDER_APPEND_RATIO[0] <= size / rungs[-1] <= LADDER_APPEND_RATIO[1] * _skipped(sizes, i):
            rungs = []
        rungs.append(size)
    if len(rungs) < LADDER_RUNGS:
        return ()
    inuse = {int(row[0]): int(row[1]) for row in large}
    held = sum(inuse[rung] > 0 for rung in rungs[:-1])
    return tuple(rungs) if inuse[rungs[-1]] > 0 and held <= len(rungs) // 3 else ()


def outgrown(series: Series, site: int, stacks: Sequence[int]) -> tuple[int, ...]:
    """The ladder at `site`; or that of its function along all its `stacks` (see `functions.by_leaf`), where one array grows in
    it whoever calls."""
    own = ladder(series, site)
    if own:
        return own
    rungs = ladder(series, *stacks)
    return rungs if grew_once(series, rungs, *stacks) else ()


def _skipped(sizes: list[int], i: int) -> float:
    """Rungs below a sampling period are missed now and then: allow one missing step among small sizes."""
    return 2.0 if sizes[i] < LADDER_SKIPS_BELOW_BYTES else 1.0


def doubles(rungs: tuple[int, ...]) -> bool:
    """Whether a ladder doubles at each rung, as the bucket array of a map before Go 1.24 does; appends slow to x1.25."""
    return all(LADDER_DOUBLING[0] <= b / a <= LADDER_DOUBLING[1] for a, b in pairwise(rungs))
