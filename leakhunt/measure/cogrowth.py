"""Which sites grow as one: a cache's item, key, value and expiry time are one leak seen at four sites.

Takes a series and the sites that grow significantly (seeds), gives groups of site indices. Sites that ride along are often
too small to be significant alone: at the default sampling period, 30 000 cache items of 64 B are four samples. What a group
means is the detectors' affair.

Two sites belong together when one function outside the standard library calls both within a few frames, and either their
objects grow in equal number (within the sampling error of both; where no container is known, a few of one for each of the
other will do: a request with two headers), or both fill one container, or one is the container that the
other's objects go into: it gains far fewer, larger objects, and its leaf function is on the other's stack, or it is one
backing array that is outgrown. So do two that the standard library allocates by itself, in goroutines that begin alike, and
such a one with a few objects of the program's for each of its own: a server's connection and what a handler keeps for it. Two
that each fill a container of their own are two leaks, however equally they grow: one request may add a user to a map and a
line to a log. Cost O(S * K * F) for S seeds, K sites that grew and F compared frames.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.containers import grew_once, made_map_tables, outgrown
from leakhunt.measure.functions import by_leaf, near_functions
from leakhunt.model.series import Series
from leakhunt.model.site import AllocationSite
from leakhunt.thresholds import (
    CONTAINER_RATIO,
    EQUAL_SHARE,
    EQUAL_STANDARD_ERRORS,
    MEETING_DISTANCE,
    MEETING_NEARER,
    MIN_MAP_TABLES,
    OBJECTS_A_GOROUTINE,
    OBJECTS_AN_OPERATION,
    RIDER_FREED_SHARE,
)


def growth_groups(
    series: Series,
    seeds: Iterable[int],
    grown_objects: NDArray[np.float64],
    freed_samples: NDArray[np.float64],
    may_ride: NDArray[np.bool_] | None = None,
    of_each: int = OBJECTS_AN_OPERATION,
) -> tuple[tuple[int, ...], ...]:
    """Groups of sites that grow as one, each around at least one of `seeds`; every seed is in exactly one.

    grown_objects   float64[K], objects gained by each site over the longest segment
    freed_samples   float64[K], sampled objects freed over it
    may_ride        bool[K], sites that may join a seed, all of them unless given
    of_each         how many objects of one seed may go with each of another's
    returns         groups of site indices; within a group and between groups, the largest growth in bytes first
    """
    segment = series.longest_segment
    gained_bytes = series.inuse_bytes[:, segment.stop - 1] - series.inuse_bytes[:, segment.start]
    allocated = series.alloc_samples[:, segment.stop - 1] - series.alloc_samples[:, segment.start]
    rising = gained_bytes > 0
    steady = rising & (freed_samples <= RIDER_FREED_SHARE * allocated)
    errors = _standard_errors(series, grown_objects)

    def largest_first(site: int) -> tuple[int, int]:
        return -int(gained_bytes[site]), site

    containers = _Containers(series)
    waiting = sorted((int(seed) for seed in seeds), key=largest_first)
    riders = set(np.flatnonzero(rising if may_ride is None else rising & may_ride).tolist()) - set(waiting)
    groups: list[list[int]] = []
    while waiting:
        group = [waiting.pop(0)]
        filled = containers.filled_by(group[0])
        for site in [*waiting, *sorted(riders, key=largest_first)]:
            if site in waiting and _for_each_connection(series, group[0], site, grown_objects, errors):
                group.append(site)
                continue
            if not meet(series.sites[group[0]], series.sites[site]):
                continue
            other = containers.filled_by(site)
            if filled and other and filled != other:
                continue
            most = of_each if site in waiting and not (filled or other) else 1
            as_many = _as_many(grown_objects[[group[0], site]], errors[[group[0], site]], most)
            one = bool(filled and other) or _of_one_goroutine(series.sites[group[0]], series.sites[site])
            if (
                (as_many and (steady[site] or site in waiting))
                or (one and site in waiting)
                or _is_container(series, group[0], site, grown_objects, containers)
            ):
                group.append(site)
                filled = filled or other
        waiting = [site for site in waiting if site not in group]
        riders -= set(group)
        groups.append(sorted(group, key=largest_first))
    return tuple(tuple(group) for group in groups)


class _Containers:
    """Which sites allocate a container. Many seeds meet the same site; it is looked at once."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._stacks = by_leaf(series.sites)
        self._gained_samples = _gained_samples(series)
        self._arrays: dict[int, bool] = {}
        self._fillers: dict[int, str] = {}

    def is_backing_array(self, site: int) -> bool:
        """Whether one array is outgrown again and again at the site, or in its function along several stacks."""
        if site not in self._arrays:
            rungs = outgrown(self._series, site, self._stacks[self._series.sites[site].leaf.function])
            self._arrays[site] = bool(rungs) and grew_once(self._series, rungs, site)
        return self._arrays[site]

    def filled_by(self, site: int) -> str:
        """Type (or package, of a plain function) in whose function a map or slice grows at the site, or in the function that
        calls the site's; "" where none does."""
        if site not in self._fillers:
            sites, own = self._series.sites, _near(self._series.sites[site])[:2]
            caller = next(iter(own[1:]), "")
            if self._made_at(site):
                self._fillers[site] = _owner(sites[site].leaf.function)
            else:
                grows = any(self._made_at(each) for each in self._stacks.get(caller, ()))
                self._fillers[site] = _owner(caller) if grows else ""
        return self._fillers[site]

    def grows_at(self, site: int) -> bool:
        """Whether a map's tables or a backing array are allocated at the site, with two samples gained: one may be anything."""
        return bool(self._gained_samples[site] >= MIN_MAP_TABLES) and self._made_at(site)

    def _made_at(self, site: int) -> bool:
        return made_map_tables(self._series, site) or self.is_backing_array(site)


def _owner(function: str) -> str:
    """`cart.(*Store)` of its method, `cart` of a plain function in it."""
    return function.removesuffix("[...]").rpartition(".")[0]


def _as_many(gained: NDArray[np.float64], errors: NDArray[np.float64], most: int) -> bool:
    """Whether two sites gained as many objects, or one of them up to `most` for each of the other's. float64[2] each."""
    few, many = np.argsort(gained, kind="stable").tolist()
    pairs = ((times * gained[few], np.hypot(times * errors[few], errors[many])) for times in range(1, most + 1))
    return any(equal(float(some), float(gained[many]), float(error)) for some, error in pairs)


def equal(a: float, b: float, error: float) -> bool:
    """Whether two numbers of objects gained are the same, as far as samples can tell; `error` is their difference's standard
    error."""
    return abs(a - b) <= EQUAL_STANDARD_ERRORS * error + EQUAL_SHARE * max(a, b)


def _standard_errors(series: Series, grown_objects: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[K]: standard error of each site's growth in objects; n sampled objects gained give growth / sqrt(n)."""
    return np.asarray(np.abs(grown_objects) / np.sqrt(np.maximum(np.abs(_gained_samples(series)), 1.0)), dtype=np.float64)


def _gained_samples(series: Series) -> NDArray[np.float64]:
    """float64[K]: sampled objects gained by each site over the longest segment."""
    segment = series.longest_segment
    return np.asarray(series.inuse_samples[:, segment.stop - 1] - series.inuse_samples[:, segment.start], dtype=np.float64)


def meet(a: AllocationSite, b: AllocationSite) -> bool:
    """Whether one function outside the standard library calls both near their leaves; of stacks without such functions, whether
    their goroutines begin with the same."""
    depth = {function: i for i, function in reversed(list(enumerate(_near(a))))}
    return any(function in depth and _close(depth[function], j) for j, function in enumerate(_near(b)))


def _of_one_goroutine(a: AllocationSite, b: AllocationSite) -> bool:
    """Whether the standard library alone allocates both, in a goroutine of its own: a connection's buffers, which may differ in
    number."""
    return not a.own_functions and not b.own_functions and meet(a, b)


def _for_each_connection(
    series: Series, a: int, b: int, grown_objects: NDArray[np.float64], errors: NDArray[np.float64]
) -> bool:
    """Whether the standard library alone allocates at one of two sites, and the program, in goroutines that begin alike, a few
    objects at the other for each of those: what a handler made for each connection that is kept."""
    of_library, of_program = (b, a) if series.sites[a].own_functions else (a, b)
    one, other = series.sites[of_library], series.sites[of_program]
    if one.own_functions or not other.own_functions or grown_objects[of_library] > grown_objects[of_program]:
        return False
    begin_alike = bool(one.frames) and one.frames[-1].function == other.frames[-1].function
    pair = [of_library, of_program]
    return begin_alike and _as_many(grown_objects[pair], errors[pair], round(OBJECTS_A_GOROUTINE[1]))


def _close(a: int, b: int) -> bool:
    """Whether two stacks meet that are so far from a function of both."""
    return a + b <= MEETING_DISTANCE and min(a, b) <= MEETING_NEARER


def by_near_function(sites: Sequence[AllocationSite], of: Iterable[int]) -> dict[str, list[tuple[int, int]]]:
    """For each function near the leaf of any of the sites `of`: (its distance from the leaf, site) pairs."""
    index: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for site in of:
        for distance, function in enumerate(_near(sites[site])):
            index[function].append((distance, site))
    return index


def meeting(seed: AllocationSite, index: Mapping[str, list[tuple[int, int]]]) -> set[int]:
    """The sites of `index` that `meet` the seed, without looking at the others."""
    return {
        site
        for distance, function in enumerate(_near(seed))
        for other_distance, site in index.get(function, ())
        if _close(distance, other_distance)
    }


def _near(site: AllocationSite) -> list[str]:
    return near_functions(site, MEETING_DISTANCE + 1) or [frame.function for frame in site.frames[-1:]]


def _is_container(series: Series, a: int, b: int, grown_objects: NDArray[np.float64], containers: _Containers) -> bool:
    """Whether one site is the table or backing array that the objects of the other are put into: by who makes them, who calls
    whom, or its row of sizes."""
    few, many = (a, b) if grown_objects[a] < grown_objects[b] else (b, a)
    if grown_objects[few] * CONTAINER_RATIO > grown_objects[many]:
        return False
    called = series.sites[few].leaf.function in _near(series.sites[many])
    puts_in = series.sites[many].leaf.function in _near(series.sites[few])[1:] and containers.grows_at(few)
    return called or puts_in or _siblings(series, few, many) or containers.is_backing_array(few)


def _siblings(series: Series, few: int, many: int) -> bool:
    """Whether the caller of one leaf function is the caller of the other: `record` appends what `snapshotOf` made."""
    callers = [_near(series.sites[site])[1:2] for site in (few, many)]
    return bool(callers[0]) and callers[0] == callers[1]
