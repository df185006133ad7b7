"""Which sites grow as one: a cache's item, key, value and expiry time are one leak seen at four sites.

Takes a series and its trends, gives groups of site indices. What a group means is the detectors' affair.

Two growing sites belong together when a function of the user's calls both within a few frames, and either their objects
grow in equal number (within the sampling error of both), or one of the two is the container that the other's caller
fills (its objects grow far more slowly than its bytes). Cost O(G^2 * F) for G growing sites and F compared frames.
"""

import numpy as np
from numpy.typing import NDArray

from leakhunt.model.series import Series
from leakhunt.model.site import AllocationSite, is_standard

# How far from the leaf two stacks may meet. Item, key and value of a cache meet where the user calls the cache; through
# a loader (gcache: Get, getWithLoader, load, Do, call, func1) that is seven frames from the item's allocation.
MEETING_FRAMES = 8
# Growth in objects counts as equal within this many standard errors plus this share: sizes of 16 B beside 1 KiB are
# sampled so differently that the error carries nearly all of it.
EQUAL_STANDARD_ERRORS = 3.0
EQUAL_SHARE = 0.10


def growth_groups(
    series: Series, growing: NDArray[np.intp], growth_objects: NDArray[np.float64]
) -> tuple[tuple[int, ...], ...]:
    """Partition of `growing` (indices of sites) into groups that grow as one.

    growth_objects  float64[K], objects gained by each site of the series over the tested segment
    returns         groups of site indices; within a group and between groups, the largest growth in bytes first
    """
    segment = series.longest_segment
    gained_bytes = series.inuse_bytes[:, segment.stop - 1] - series.inuse_bytes[:, segment.start]
    errors = _standard_errors(series, growing, growth_objects)
    order = sorted((int(i) for i in growing), key=lambda i: (-int(gained_bytes[i]), i))
    parent = {i: i for i in order}

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for position, a in enumerate(order):
        for b in order[position + 1 :]:
            if find(a) == find(b) or not _meet(series.sites[a], series.sites[b]):
                continue
            gap = abs(growth_objects[a] - growth_objects[b])
            allowed = EQUAL_STANDARD_ERRORS * float(np.hypot(errors[a], errors[b]))
            allowed += EQUAL_SHARE * float(max(growth_objects[a], growth_objects[b]))
            if gap <= allowed or _is_container(series, a, b, growth_objects):
                parent[find(b)] = find(a)
    groups: dict[int, list[int]] = {}
    for i in order:
        groups.setdefault(find(i), []).append(i)
    return tuple(tuple(group) for group in groups.values())


def _standard_errors(series: Series, growing: NDArray[np.intp], growth_objects: NDArray[np.float64]) -> dict[int, float]:
    """Standard error of each site's growth in objects: with n sampled objects gained, about growth / sqrt(n)."""
    segment = series.longest_segment
    gained = series.inuse_samples[:, segment.stop - 1] + series.inuse_samples[:, segment.start]
    objects = series.inuse_objects[:, segment.stop - 1] + series.inuse_objects[:, segment.start]
    errors = {}
    for i in growing:
        samples = max(float(gained[i]), 1.0)
        errors[int(i)] = float(objects[i]) / samples * np.sqrt(samples)
    return errors


def _meet(a: AllocationSite, b: AllocationSite) -> bool:
    """Whether a function outside the standard library calls both within MEETING_FRAMES of their leaves."""
    near = {f.function for f in a.frames[:MEETING_FRAMES] if not is_standard(f.function)}
    return any(f.function in near for f in b.frames[:MEETING_FRAMES])


def _is_container(series: Series, a: int, b: int, growth_objects: NDArray[np.float64]) -> bool:
    """Whether one site's leaf function is on the other's stack and gains few, large objects: the table or backing array
    that the other's objects are put into."""
    few, many = (a, b) if growth_objects[a] < growth_objects[b] else (b, a)
    if growth_objects[few] * 8 > growth_objects[many]:
        return False
    function = series.sites[few].leaf.function
    return any(frame.function == function for frame in series.sites[many].frames[:MEETING_FRAMES])
