"""What sampling does to a heap profile, undone: raw sample counts.

The runtime samples an allocation of S bytes with probability p = 1 - exp(-S / R), R being the mean bytes between samples
(`runtime.MemProfileRate`, the profile's `period`), and writes count / p and bytes / p, each cut to an integer
(runtime/pprof/protomem.go, scaleHeapSample, Go 1.26). The cut of the bytes is worth less than one sample, so the raw count
comes back exactly from them; from the objects it does not (about one in nine is off by one).
Vectorised over samples. Which site a sample belongs to is `leakhunt.measure.sites`, how sure a shown value is
`leakhunt.measure.interval`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leakhunt.thresholds import INTEGER_SHARE, INTEGER_TOLERANCE

DEFAULT_PERIOD_BYTES = 512 * 1024  # runtime.MemProfileRate unless the program sets it


class RawCounts(NamedTuple):
    """counts  float64[S], sampled objects, integral where `exact`
    scales    float64[S], bytes that one sampled object stands for, S / p
    exact     whether the counts are the runtime's own, else estimates of them
    """

    counts: NDArray[np.float64]
    scales: NDArray[np.float64]
    exact: bool


def sampling_probability(block_bytes: NDArray[np.float64] | float, period_bytes: int) -> NDArray[np.float64]:
    """Probability that an object of `block_bytes` is sampled; 1 at a period of 1 (or 0), where every object is."""
    sizes = np.asarray(block_bytes, dtype=np.float64)
    if period_bytes <= 1:
        return np.ones_like(sizes)
    return -np.expm1(-np.maximum(sizes, 0.0) / period_bytes)


def raw_counts(
    space: NDArray[np.int64], objects: NDArray[np.int64], block_bytes: NDArray[np.int64], period_bytes: int
) -> RawCounts:
    """Raw sample counts of samples with `space` bytes in `objects` objects of `block_bytes` each (0 where the label is lost).

    A sample without a label takes the mean object of the sample for its size. O(S)."""
    space_f = space.astype(np.float64)
    labelled = block_bytes > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(objects != 0, space_f / np.where(objects != 0, objects, 1), float(max(period_bytes, 1)))
    sizes = np.maximum(np.where(labelled, block_bytes, np.abs(mean)), 1.0)
    scales = sizes / sampling_probability(sizes, period_bytes)
    counts = space_f / scales
    held = space != 0
    whole = np.rint(counts)
    near = (np.abs(counts - whole) <= INTEGER_TOLERANCE + 1e-9 * np.abs(counts)) & (whole != 0)
    exact = bool(labelled[held].all() and near[held].mean() >= INTEGER_SHARE) if held.any() else True
    return RawCounts(whole if exact else counts, scales, exact)


def infer_period(space: NDArray[np.int64], objects: NDArray[np.int64], block_bytes: NDArray[np.int64]) -> int:
    """The period of a profile that does not say: 1 where every count is integral unscaled, else the runtime's default."""
    if raw_counts(space, objects, block_bytes, DEFAULT_PERIOD_BYTES).exact and (block_bytes > 0).any():
        return DEFAULT_PERIOD_BYTES
    return 1 if raw_counts(space, objects, block_bytes, 1).exact else DEFAULT_PERIOD_BYTES
