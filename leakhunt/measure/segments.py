"""Where one process ends and the next begins: restarts, other sampling periods and other builds split a series.

Cumulative counters of one process never fall, so a fall is a restart; sampled counters do not fall either, as they count
samples that were taken. Pure functions over cumulative counts, two snapshots at a time.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leakhunt.thresholds import RESTART_SIGMAS
from leakhunt.units import format_count


class Counters(NamedTuple):
    """What `restart_reason` compares. alloc_samples float64[k], cumulative raw counts by site (the first k, the others 0);
    idle_sites: whether the profile lists sites with nothing in use, as Go's own do; exact: counts are the runtime's own."""

    alloc_samples: NDArray[np.float64]
    idle_sites: bool
    exact: bool


def restart_reason(before: Counters, after: Counters) -> str:
    """Why the process restarted between two snapshots, "" if it did not. O(sites).

    The total fell, or a site's own counter did: a process that allocates faster than its predecessor hides the first, never
    the second. A site that is absent afterwards counts as fallen only where the profile lists idle sites at all."""
    earlier, later = before.alloc_samples, np.zeros(len(before.alloc_samples))
    shared = min(len(earlier), len(after.alloc_samples))
    later[:shared] = after.alloc_samples[:shared]
    tolerance = 0.5 if before.exact and after.exact else 0.5 + RESTART_SIGMAS * np.sqrt(earlier + later)
    fell = earlier - later > tolerance
    if not after.idle_sites:
        fell &= later > 0
    total_before, total_after = float(earlier.sum()), float(after.alloc_samples.sum())
    if not fell.any():
        return ""
    if total_after < total_before:
        return (
            f"restart: sampled allocations since process start fell from {format_count(total_before)}"
            f" to {format_count(total_after)}"
        )
    fallen, known = format_count(int(fell.sum())), format_count(int((earlier > 0).sum()))
    return f"restart: the allocation counter fell at {fallen} of {known} sites"
