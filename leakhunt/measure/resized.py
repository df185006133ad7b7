"""Same objects, bigger: growth of a site that holds a few large objects, each replaced by a larger one (a slice or a map that
grows, a buffer that is never cut back). The number of objects says nothing there, their bytes are known exactly.

Between two snapshots without a birth or a death nothing was observed anew; and only objects that were replaced can have
another size. So snapshots are thinned to generations, each after as many deaths as there are objects, and the sizes of the
generations tested for rising order by Kendall's S, whose null distribution is exact. O(n^3) for the few sites it is for.
"""

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.significance import kendall_tail
from leakhunt.thresholds import FEW_OBJECTS, LARGE_PERIODS

Floats = NDArray[np.float64]


def few_and_large(counts: Floats, sample_bytes: Floats, period_bytes: int) -> NDArray[np.bool_]:
    """bool[K]: sites of few large objects at every snapshot; counts [K, n], sample_bytes [K] the mean size of one."""
    return np.asarray(
        (counts.max(axis=1) <= FEW_OBJECTS) & (counts.min(axis=1) >= 1) & (sample_bytes >= LARGE_PERIODS * period_bytes)
    )


def resized_p(inuse_bytes: Floats, counts: Floats, born: Floats, died: Floats) -> tuple[float, float]:
    """p of rising bytes [n] over the generations, and over those of the last half; 1 where there are fewer than two."""
    chosen = _generations(counts, born, died)
    half = (len(inuse_bytes) - 1) / 2
    late = [i for i in chosen if i > half]
    return kendall_tail(inuse_bytes[chosen]), kendall_tail(inuse_bytes[[max(i for i in chosen if i <= half), *late]])


def _generations(counts: Floats, born: Floats, died: Floats) -> list[int]:
    """Indices of snapshots that share no object with the one before in the list."""
    chosen, replaced = [0], 0.0
    for i in range(1, len(counts)):
        replaced += died[i - 1]
        if replaced >= counts[chosen[-1]] and born[i - 1] + died[i - 1] > 0:
            chosen.append(i)
            replaced = 0.0
    return chosen
