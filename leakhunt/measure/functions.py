"""A series by function instead of by stack: what a function allocates by itself and through what it calls.

A leak is often spread over many stacks, each too thin to be seen: a metric child allocated by six functions of its library
through two callers. Their sum under the function that calls them all is what grows. `by_function` makes a coarser series,
which the same statistics judge; which stacks rise in it is for the caller.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from leakhunt.model.series import Series
from leakhunt.model.site import AllocationSite, Frame, is_runtime
from leakhunt.thresholds import FUNCTION_FRAMES

_Number = TypeVar("_Number", bound=np.generic)


def near_functions(site: AllocationSite, most: int = FUNCTION_FRAMES) -> list[str]:
    """The first functions of a stack, leaf first, that are not the standard library's."""
    return list(site.own_functions[:most])


def _standard_functions(site: AllocationSite) -> list[str]:
    """The first functions of a stack that is the standard library's throughout, as that of a goroutine which dials."""
    return [frame.function for frame in site.frames[:FUNCTION_FRAMES] if not is_runtime(frame.function)]


def by_leaf(sites: Sequence[AllocationSite]) -> dict[str, list[int]]:
    """The sites of each leaf function: the stacks along which it is called. O(K)."""
    index: dict[str, list[int]] = defaultdict(list)
    for i, site in enumerate(sites):
        index[site.leaf.function].append(i)
    return dict(index)


def by_function(series: Series) -> tuple[Series, Mapping[int, NDArray[np.intp]]]:
    """`series` summed by function, and for each of its sites the sites of `series` in it.

    Only functions over at least two stacks, and no two over the same stacks (the innermost stands for them). A stack counts
    once a function. alloc_objects is left 0. O(K * FUNCTION_FRAMES + F * N) for K sites, F functions and N snapshots.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for index, site in enumerate(series.sites):
        for function in dict.fromkeys(near_functions(site) or _standard_functions(site)):
            members[function].append(index)
    chosen: dict[tuple[int, ...], str] = {}
    for function, sites in members.items():
        if len(sites) > 1:
            chosen.setdefault(tuple(sites), function)
    rows = [np.array(sites, dtype=np.intp) for sites in chosen]

    def summed(values: NDArray[_Number]) -> NDArray[_Number]:
        return np.array([values[row].sum(axis=0) for row in rows], dtype=values.dtype).reshape(len(rows), series.snapshots)

    samples = summed(series.inuse_samples)
    held, counts = summed(series.inuse_bytes).sum(axis=1, dtype=np.float64), samples.sum(axis=1, dtype=np.float64)
    coarse = replace(
        series,
        sites=tuple(AllocationSite((Frame(function),)) for function in chosen.values()),
        inuse_bytes=summed(series.inuse_bytes),
        inuse_objects=summed(series.inuse_objects),
        alloc_bytes=summed(series.alloc_bytes),
        alloc_objects=np.broadcast_to(np.int64(0), samples.shape),  # no statistic asks for it: a sixth of the memory
        inuse_samples=samples,
        alloc_samples=summed(series.alloc_samples),
        sample_bytes=np.where(counts > 0, held / np.maximum(counts, 1.0), float(max(series.period_bytes, 1))),
        blocks=np.empty((0, 4), dtype=np.int64),
    )
    return coarse, dict(enumerate(rows))
