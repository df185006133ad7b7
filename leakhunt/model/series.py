"""A series: one process seen several times, as sites by snapshots.

Holds the numbers; how they are gathered is `leakhunt.measure.series`, what they say is `leakhunt.measure.trend`.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from leakhunt.model.site import AllocationSite


@dataclass(frozen=True, slots=True)
class Series:
    """N snapshots of K sites, in order of time.

    sites           K sites, in order of first appearance in time, then by a digest of their frames: the same order
                    whatever the order in which the profiles were read
    times_ns        int64[N], nanoseconds since 1970, strictly increasing
    sources         N input names
    inuse_bytes, inuse_objects, alloc_bytes, alloc_objects
                    int64[K, N] as the profiles give them (scaled by the runtime); alloc_* are cumulative since process start
    inuse_samples, alloc_samples
                    float64[K, N], raw counts of sampled objects, integral where `exact_counts` (see
                    leakhunt.measure.sampling); alloc_samples is cumulative too
    sample_bytes    float64[K], mean bytes that one sampled object of the site stands for (S / p, see sampling)
    segment_starts  snapshot indices at which a segment begins, first 0: a restart, another period or another build splits
    segment_reasons why each segment began, "" for the first
    period_bytes    mean bytes between samples in the longest segment
    build_ids       N build ids, "" where unknown
    exact_counts    False when a profile had lost its `bytes` labels (merged or rewritten): counts are estimates then
    notes           doubts about the whole series, each a sentence
    blocks          int64[M, 4], from the last profile: site, block size in bytes, objects of that size in use, and allocated
                    since the process started; sorted by site, then size. Empty where samples carry no size
    """

    sites: tuple[AllocationSite, ...]
    times_ns: NDArray[np.int64]
    sources: tuple[str, ...]
    inuse_bytes: NDArray[np.int64]
    inuse_objects: NDArray[np.int64]
    alloc_bytes: NDArray[np.int64]
    alloc_objects: NDArray[np.int64]
    inuse_samples: NDArray[np.float64]
    alloc_samples: NDArray[np.float64]
    sample_bytes: NDArray[np.float64]
    segment_starts: tuple[int, ...]
    segment_reasons: tuple[str, ...]
    period_bytes: int
    build_ids: tuple[str, ...]
    exact_counts: bool = True
    notes: tuple[str, ...] = ()
    blocks: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 4), dtype=np.int64))

    @property
    def snapshots(self) -> int:
        """N."""
        return len(self.times_ns)

    @property
    def longest_segment(self) -> slice:
        """The segment with the most snapshots, the later one on a tie: the one that trends are tested in."""
        return longest_segment(self.segment_starts, self.snapshots)


def longest_segment(segment_starts: tuple[int, ...], snapshots: int) -> slice:
    """Of the segments that begin at `segment_starts` in `snapshots` snapshots, the longest, the later one on a tie."""
    spans = zip(segment_starts, (*segment_starts[1:], snapshots), strict=False)
    start, end = max(spans, key=lambda span: (span[1] - span[0], span[0]), default=(0, 0))
    return slice(start, end)


@dataclass(frozen=True, slots=True)
class Trend:
    """What the longest segment of a series says about one site.

    bytes_per_hour, low, high   Theil-Sen rate of in-use bytes and its 95 % interval
    objects_per_hour            the same rate in objects
    z, p, q                     turnover-calibrated statistic, one-sided p, Benjamini-Hochberg q over the sites tested (p taken
                                as 1 where lifetimes as ever explain the growth)
    last_half_p                 the same test on the last half of the segment, the plateau guard (1.0 when too short)
    lifetime_z, expected_lifetime_z
                                how much longer objects came to live, in standard deviations, and how much that would be if all
                                net growth were a leak (0 where nothing died); see leakhunt.measure.lifetimes
    retention_ratio             (delta in-use) / (delta allocated) over the segment in bytes, nan when nothing was allocated
    freed_samples               sampled objects freed over the segment
    samples                     mean number of sampled objects in use
    snapshots                   snapshots in the segment
    tested                      False when the site could not be tested; `notes` says why
    """

    bytes_per_hour: float
    low: float
    high: float
    objects_per_hour: float
    z: float
    p: float
    q: float
    last_half_p: float
    retention_ratio: float
    freed_samples: float
    samples: float
    snapshots: int
    tested: bool
    notes: tuple[str, ...] = ()
    lifetime_z: float = 0.0
    expected_lifetime_z: float = 0.0
