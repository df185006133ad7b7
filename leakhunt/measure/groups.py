"""Which sites deserve a word, and which of them are one: sites that grow, their company, and what only looks like growth.

A site may grow significantly by itself; or a function does whose stacks are each too thin to be seen; or one block is
outgrown again and again, which no count of objects shows. Whatever rides along joins the group (`cogrowth`). Then come
sites that people would point at. Whether any of this is a leak is for the detectors.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.cogrowth import growth_groups
from leakhunt.measure.containers import grew_once, ladder
from leakhunt.measure.course import course_of
from leakhunt.measure.functions import by_function
from leakhunt.measure.shape import plateau
from leakhunt.measure.trend import Trends, analyse, analyse_sum
from leakhunt.model.series import Series, Trend
from leakhunt.thresholds import (
    ALPHA,
    CHANCE_MOST_SAMPLES,
    CHANCE_Q,
    CONSPICUOUS_LARGEST,
    CONSPICUOUS_MOST,
    CONSPICUOUS_PEAK_BYTES,
    CONSPICUOUS_RATIO,
    CONVICTING_Q,
    HEAP_SHARE,
    LAST_HALF_ALPHA,
    MIN_GROWTH_BYTES,
    MIN_SNAPSHOTS,
    OBJECTS_AN_OPERATION,
    OUTGROWN_RATIO,
    OUTGROWN_RUNGS,
    SURE_LAST_HALF_P,
    SURE_Q,
    WIDER_Q_RATIO,
)


class Basis(StrEnum):
    """What makes a group worth a word."""

    SITE = "site"  # one of its sites grows significantly by itself
    AS_EVER = "as ever"  # it grows significantly, and its objects live no longer than before: load, or a cache that fills
    FUNCTION = "function"  # the sum of the stacks under one function does, more surely than any of them
    OUTGROWN = "outgrown"  # one block that is replaced by a larger one again and again
    HEAP = "heap"  # the heap as a whole grows surely, and this is the largest part of its growth
    PROVED = "proved"  # its growth alone is not sure, and heap dumps prove that it grew, or should be gone
    GOROUTINES = "goroutines"  # its growth alone is not sure, and the goroutines that it is allocated for pile up
    ROSE = "rose"  # it rose between too few snapshots to tell
    CONSPICUOUS = "conspicuous"  # it does not grow significantly; people would point at it all the same


@dataclass(frozen=True, slots=True)
class Group:
    """Sites (indices into the series) that grow as one, the one that grew most first.

    `trend` is of their sum, with the p, q and last_half_p of what made them a group; `function` is the function whose sum
    grows, "" where a site does so by itself.
    """

    sites: tuple[int, ...]
    basis: Basis
    trend: Trend
    function: str = ""

    @property
    def seed(self) -> int:
        """The site that grew most."""
        return self.sites[0]

    @property
    def grows(self) -> bool:
        """Whether its growth is beyond chance, or cannot be told from it for want of snapshots."""
        return self.basis is not Basis.CONSPICUOUS

    @property
    def is_doubtful(self) -> bool:
        """Whether its growth is significant, and either by few samples and no more than one expects now and then where nothing
        grows, or such that its last half alone does not show it."""
        weak = self.trend.q > CHANCE_Q and self.trend.samples < CHANCE_MOST_SAMPLES
        rests = self.trend.q > SURE_Q and self.trend.last_half_p > LAST_HALF_ALPHA
        return (weak or rests) and self.basis in (Basis.SITE, Basis.FUNCTION)


def growing(trends: Trends) -> NDArray[np.bool_]:
    """bool[K]: what grows by the trend test, and what grows so surely over the whole window that its last half, which has a
    third of the power, may be less sure."""
    return np.asarray(trends.growing | _may_rest(trends, SURE_Q), dtype=np.bool_)


def _may_rest(trends: Trends, q: float) -> NDArray[np.bool_]:
    """bool[K]: what grows over the whole window, at level `q`, and more likely than not in its last half."""
    sure = trends.tested & (trends.q <= q) & (trends.last_half_p <= SURE_LAST_HALF_P)
    return np.asarray(sure & (trends.grown_bytes >= MIN_GROWTH_BYTES), dtype=np.bool_)


def find_groups(series: Series, trends: Trends, in_focus: NDArray[np.bool_]) -> tuple[Group, ...]:
    """Groups over the longest segment, disjoint; those that grow first, each kind by growth. in_focus is bool[K].

    O(S * K) for S significant sites and K sites, and the trends by function.
    """
    segment = trends.segment
    if segment.stop - segment.start < 2:
        return ()
    if segment.stop - segment.start < MIN_SNAPSHOTS:
        rose = in_focus & (trends.grown_bytes >= MIN_GROWTH_BYTES)
        return tuple(_site_groups(series, trends, rose, Basis.ROSE))
    functions = _functions(series)
    seeds = growing(trends) | trends.growing_as_ever
    found = _site_groups(series, trends, seeds & in_focus, Basis.SITE)
    explained = [_explained(trends, np.array(group.sites)) for group in found]
    as_ever = [_as_ever(trends, group) for group, excused in zip(found, explained, strict=True) if excused]
    groups = [_surer(trends, group, functions.growing) for group, excused in zip(found, explained, strict=True) if not excused]
    free = in_focus & ~_taken([*groups, *as_ever], len(in_focus))
    longer = [function for function in functions.growing if not _explained(trends, function.sites)]
    groups += _function_groups(longer, trends, free, _taken(groups, len(in_focus)))
    if all(group.trend.q > SURE_Q for group in groups):
        groups = _by_heap(series, trends, functions.all, in_focus) or groups
    taken = _taken(groups, len(in_focus))
    groups += [group for group in as_ever if not taken[list(group.sites)].any()]
    free &= ~_taken(groups, len(in_focus))
    doubtful = _site_groups(series, trends, _may_rest(trends, CONVICTING_Q) & free, Basis.SITE)
    groups += [group for group in doubtful if plateau(course_of(series, group.sites)) is None]
    free &= ~_taken(groups, len(in_focus))
    groups += _outgrown_groups(series, trends, free)
    free &= ~_taken(groups, len(in_focus))
    shown = sorted(np.flatnonzero(_conspicuous(series, segment) & free), key=lambda i: (-trends.grown_bytes[i], i))
    singles = [Group((int(i),), Basis.CONSPICUOUS, trends.of(int(i))) for i in shown[:CONSPICUOUS_MOST]]
    return (*groups, *singles)


def _taken(groups: list[Group], count: int) -> NDArray[np.bool_]:
    taken = np.zeros(count, dtype=bool)
    taken[[site for group in groups for site in group.sites]] = True
    return taken


def _site_groups(series: Series, trends: Trends, seeds: NDArray[np.bool_], basis: Basis) -> list[Group]:
    segment = trends.segment
    objects = series.inuse_objects
    grown_objects = (objects[:, segment.stop - 1] - objects[:, segment.start]).astype(np.float64)
    of_each = 1 if basis is Basis.ROSE else OBJECTS_AN_OPERATION  # where nothing is sure, the same number at least
    grouped = growth_groups(
        series, np.flatnonzero(seeds).tolist(), grown_objects, trends.freed_samples, ~trends.replaced, of_each
    )
    return [_summed(series, trends, sites, basis) for sites in grouped]


def _summed(series: Series, trends: Trends, sites: tuple[int, ...], basis: Basis) -> Group:
    """A group whose rate is that of the sum, and whose significance that of its most significant site."""
    best = trends.of(min(sites, key=lambda i: (float(trends.q[i]), float(trends.p[i]))))
    together = analyse_sum(series, sites) if len(sites) > 1 else best
    trend = replace(together, z=best.z, p=best.p, q=best.q, last_half_p=best.last_half_p, tested=best.tested)
    return Group(sites, basis, trend)


@dataclass(frozen=True, slots=True)
class _Function:
    """A function and the trend of its stacks together."""

    name: str
    sites: NDArray[np.intp]
    trend: Trend


class _Functions(NamedTuple):
    """All functions over several stacks, and those that grow; of nested ones the innermost first."""

    all: list[_Function]
    growing: list[_Function]


def _functions(series: Series) -> _Functions:
    coarse, members = by_function(series)
    if not coarse.sites:
        return _Functions([], [])
    trends, grows = (found := analyse(coarse)), growing(found)
    order = sorted(range(len(coarse.sites)), key=lambda i: (len(members[i]), float(trends.q[i]), i))
    functions = {i: _Function(coarse.sites[i].frames[0].function, members[i], trends.of(i)) for i in order}
    return _Functions(list(functions.values()), [functions[i] for i in order if grows[i]])


def _by_heap(series: Series, trends: Trends, functions: list[_Function], in_focus: NDArray[np.bool_]) -> list[Group]:
    """Where no part grows surely and the heap does: the part that makes up most of it, tested among the few that could.

    A gatekeeping procedure: the heap is one test, and only when it has passed are its large parts tested, corrected for
    their number (Bonferroni) and not for that of all sites."""
    heap = analyse_sum(series, np.flatnonzero(in_focus).tolist())
    if heap.p > SURE_Q or heap.last_half_p > SURE_LAST_HALF_P:
        return []
    grown = trends.grown_bytes * in_focus
    least = max(MIN_GROWTH_BYTES, HEAP_SHARE * float(grown.sum()))
    parts = [_Function("", np.array([i]), trends.of(int(i))) for i in np.flatnonzero(grown >= least)]
    parts += [part for part in functions if grown[part.sites].sum() >= least]
    parts = [part for part in parts if not _explained(trends, part.sites)]
    surest = min(parts, key=lambda part: (part.trend.p, len(part.sites)), default=None)
    if surest is None or surest.trend.p * len(parts) > ALPHA or surest.trend.last_half_p > SURE_LAST_HALF_P:
        return []
    rising = surest.sites[grown[surest.sites] > 0]
    sites = tuple(sorted(rising.tolist(), key=lambda i: (-grown[i], i)))
    return [Group(sites, Basis.HEAP, replace(surest.trend, q=surest.trend.p * len(parts)), surest.name)]


def _explained(trends: Trends, sites: NDArray[np.intp]) -> bool:
    """Whether most of what rises at `sites` does so at sites whose objects live no longer than before, or take the place of
    others: what explains the parts explains the sum."""
    grown = np.maximum(trends.grown_bytes[sites], 0.0)
    as_ever = trends.tested[sites] & (trends.p[sites] <= ALPHA) & ~trends.lengthening[sites]
    return bool(grown[as_ever | trends.replaced[sites]].sum() > grown.sum() / 2)


def _as_ever(trends: Trends, group: Group) -> Group:
    """A group of sites that grow so, with the significance of the rise."""
    explained = [site for site in group.sites if trends.tested[site] and not trends.lengthening[site]]
    surest = min(explained, key=lambda site: float(trends.rise_q[site]))
    rise = replace(trends.of(surest), q=float(trends.rise_q[surest]))
    same = ("z", "p", "q", "last_half_p", "tested", "lifetime_z", "expected_lifetime_z")
    return replace(group, basis=Basis.AS_EVER, trend=replace(group.trend, **{name: getattr(rise, name) for name in same}))


def join(series: Series, a: Group, b: Group) -> Group:
    """Two groups as one: the sites of both, the sum's rate, and the significance of the surer."""
    surer = min(a, b, key=lambda group: group.trend.q).trend
    grown = series.inuse_bytes[:, series.longest_segment.stop - 1] - series.inuse_bytes[:, series.longest_segment.start]
    sites = tuple(sorted((*a.sites, *b.sites), key=lambda i: (-int(grown[i]), i)))
    trend = replace(analyse_sum(series, sites), z=surer.z, p=surer.p, q=surer.q, last_half_p=surer.last_half_p)
    return replace(a, sites=sites, trend=trend)


def part(series: Series, group: Group, sites: tuple[int, ...]) -> Group:
    """Some sites of a group as a group: their own rate, and the significance of the whole."""
    whole = group.trend
    trend = replace(analyse_sum(series, sites), z=whole.z, p=whole.p, q=whole.q, last_half_p=whole.last_half_p)
    return replace(group, sites=sites, trend=trend)


def _surer(trends: Trends, group: Group, functions: list[_Function]) -> Group:
    """`group` with the significance of the innermost function around its first site, where that is greater."""
    around = next(
        (f for f in functions if group.seed in f.sites and f.trend.q < group.trend.q and _mostly(trends, group, f)), None
    )
    if around is None:
        return group
    trend = replace(group.trend, z=around.trend.z, p=around.trend.p, q=around.trend.q, last_half_p=around.trend.last_half_p)
    return replace(group, trend=trend, basis=Basis.FUNCTION, function=around.name)


def _mostly(trends: Trends, group: Group, function: _Function) -> bool:
    """Whether the group makes up most of what rises under the function: else it is surer by other leaks."""
    rising = np.maximum(trends.grown_bytes, 0.0)
    return bool(2 * rising[list(group.sites)].sum() >= rising[function.sites].sum())


def _function_groups(
    functions: list[_Function], trends: Trends, free: NDArray[np.bool_], taken: NDArray[np.bool_]
) -> list[Group]:
    """Functions that grow although no site in them does."""
    rising = free & (trends.grown_bytes > 0)
    groups: list[Group] = []
    for innermost in functions:
        if taken[innermost.sites].any() or not rising[innermost.sites].any():
            continue
        function = _wider(innermost, functions)
        chosen = sorted(function.sites[rising[function.sites]].tolist(), key=lambda i: (-trends.grown_bytes[i], i))
        groups.append(Group(tuple(chosen), Basis.FUNCTION, function.trend, function.name))
        taken = taken | np.isin(np.arange(len(taken)), function.sites)
    return groups


def _wider(function: _Function, functions: list[_Function]) -> _Function:
    """The function around `function` that is much surer to grow: then `function` is only a part of what does."""
    for other in functions:
        inside = len(other.sites) > len(function.sites) and np.isin(function.sites, other.sites).all()
        if inside and other.trend.q <= WIDER_Q_RATIO * function.trend.q:
            function = other
    return function


def _outgrown_groups(series: Series, trends: Trends, free: NDArray[np.bool_]) -> list[Group]:
    segment = trends.segment
    inuse = series.inuse_bytes[:, segment]
    middle = (inuse.shape[1] - 1) // 2  # an array filled at a steady rate is outgrown at t, 2 t, 4 t: no later than half-way
    risen = (inuse[:, -1] >= OUTGROWN_RATIO * inuse[:, 0]) & (inuse[:, -1] > inuse[:, middle])
    candidates = np.flatnonzero(free & risen & (trends.grown_bytes >= MIN_GROWTH_BYTES))
    groups = []
    for site in sorted(candidates.tolist(), key=lambda i: (-trends.grown_bytes[i], i)):
        rungs = ladder(series, site)
        if len(rungs) >= OUTGROWN_RUNGS and grew_once(series, rungs, site):
            groups.append(Group((site,), Basis.OUTGROWN, trends.of(site)))
    return groups


def _conspicuous(series: Series, segment: slice) -> NDArray[np.bool_]:
    """bool[K]: what a person would point at: +10 % and at least a MiB from first to last, a peak of as much that went away,
    or one of the largest sites."""
    inuse = series.inuse_bytes[:, segment]
    first, last = inuse[:, 0], inuse[:, -1]
    risen = (last - first >= MIN_GROWTH_BYTES) & (last > CONSPICUOUS_RATIO * first)
    peaked = inuse.max(axis=1) - np.minimum(first, last) >= CONSPICUOUS_PEAK_BYTES
    largest = np.zeros(len(inuse), dtype=bool)
    largest[np.argsort(-last, kind="stable")[:CONSPICUOUS_LARGEST]] = True
    return np.asarray(risen | peaked | (largest & (last >= MIN_GROWTH_BYTES)), dtype=np.bool_)
