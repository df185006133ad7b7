"""What profiles and heap dumps of one process say together: who holds what a group's sites allocated, and whether that grew.

Profiles say which sites grow, dumps who holds what they allocated: they meet in the allocation site. `leakhunt.evidence` is all
that was loaded; this is the part of it that needs dumps. Everything is computed once, when first asked.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

import numpy as np

from leakhunt.config import Settings
from leakhunt.errors import MismatchError
from leakhunt.graph.containers import Key as ContainerPath
from leakhunt.graph.containers import sole_container
from leakhunt.graph.growth import PathGrowth, Stay, stay_of
from leakhunt.graph.join import with_counts_before
from leakhunt.graph.unreached import hidden_holder
from leakhunt.heaps.series import growth_between
from leakhunt.heaps.view import HeapView
from leakhunt.measure.groups import Basis, Group, part
from leakhunt.measure.trend import Trends, analyse
from leakhunt.model.census import ExpiryCensus, InternTable, MapUse, PinnedSlack
from leakhunt.model.finding import Retention
from leakhunt.model.heap import Int64
from leakhunt.model.series import Series
from leakhunt.thresholds import (
    ALPHA,
    EXPIRED_PROVES_SHARE,
    MIN_GROWTH_BYTES,
    OTHERS_PROVE_P,
    OUTGROWN_BYTES_SHARE,
    PART_SHARE,
    SLACK_SHARE,
    SLOWED_SHARE,
)


class ProfilesAndDumps:
    """The questions that detectors ask about a group where there are dumps; without any, each has its answer for that.

    series      the heap profiles as sites x snapshots
    settings    what the user set
    dumps       heap dumps of the same process, in order of time
    """

    series: Series
    settings: Settings
    dumps: tuple[HeapView, ...]

    @cached_property
    def trends(self) -> Trends:
        """Trends of all sites."""
        return analyse(self.series)

    def grown_bytes(self, group: Group) -> float:
        """In-use bytes that the group's sites gained over the longest segment."""
        return float(self.trends.grown_bytes[list(group.sites)].sum())

    def retention(self, group: Group) -> Retention | None:
        """Who holds what the group's sites allocated, by the newest dump in which a sampled object of theirs is reached; where
        there are two dumps of the process, with what the path held in the first."""
        if group.sites not in self._retentions:
            self._retentions[group.sites] = self._retention(group)
        return self._retentions[group.sites]

    @cached_property
    def _retentions(self) -> dict[tuple[int, ...], Retention | None]:
        return {}

    def _retention(self, group: Group) -> Retention | None:
        by_line = self.settings.granularity == "line"
        if self._between_dumps is not None:
            first, last = self.dumps[0], self.dumps[-1]
            objects = np.concatenate([last.sites.objects_of(self.series.sites[site], by_line) for site in group.sites])
            hidden = hidden_holder(
                (first.graph, first.paths, first.naming), (last.graph, last.paths, last.naming), np.unique(objects)
            )
            if hidden is not None:
                return hidden
        sites = [self.series.sites[site] for site in group.sites]
        for view in reversed(self.dumps):
            found = view.retention_of(sites, by_line, self._gained if view is self.dumps[-1] else None)
            if found is not None:
                alone = view is self.dumps[0] or self._between_dumps is None
                return found if alone else with_counts_before(found, self.dumps[0].paths)
        return None

    @cached_property
    def _gained(self) -> Int64 | None:
        """int64[objects of the last dump]: by how many objects the path of each grew since the first; None with one dump."""
        growth = self._between_dumps
        if growth is None:
            return None
        gains = np.append(growth.objects[:, -1] - growth.objects[:, 0], 0)  # the last is for unreached objects
        return np.asarray(gains[growth.node_of_last])

    def stay(self, group: Group) -> Stay | None:
        """What became, between the first and the last dump, of the objects on the path that holds the group's."""
        if group.sites not in self._stays:
            retention, growth = self.retention(group), self._between_dumps
            self._stays[group.sites] = None if retention is None or growth is None else stay_of(growth, retention)
        return self._stays[group.sites]

    @cached_property
    def _stays(self) -> dict[tuple[int, ...], Stay | None]:
        return {}

    def grew_after(self, group: Group, snapshot: int) -> bool:
        """Whether two dumps, both later than a snapshot of the segment, count more objects on the group's path in the last."""
        stay = self.stay(group)
        if stay is None or not stay.has_grown:
            return False
        return collected_ns(self.dumps[0]) >= int(self.series.times_ns[self.trends.segment.start + snapshot])

    @cached_property
    def _between_dumps(self) -> PathGrowth | None:
        if len(self.dumps) < 2:
            return None
        try:
            return growth_between(self.dumps)
        except MismatchError:  # dumps of two processes: each still says who holds what
            return None

    def census(self, group: Group) -> ExpiryCensus | None:
        """Entries by their expiry in the container that holds the group's objects, by the newest dump that has contents."""
        held = self._places(group)
        for view in reversed(self.dumps) if held else ():
            found = [each for each in view.expiry if (each.place.root_name, each.place.owner_type) in held]
            if found:
                return max(found, key=lambda each: each.entries)
        return None

    def _places(self, group: Group) -> set[tuple[str, str]]:
        """(root, type) of each step of the group's retention path: how what a census counts is found on it."""
        retention = self.retention(group)
        return {(retention.root.name, step.type) for step in retention.path} if retention is not None else set()

    def held_types(self, group: Group) -> tuple[tuple[str, str], ...]:
        """(import path of the package, name) of the types on the group's retention path that have one."""
        retention = self.retention(group)
        known = {name: package for view in self.dumps for name, package in view.packages.items()}
        names = [step.type for step in retention.path] if retention is not None else []
        return tuple((known[name], name) for name in names if name in known)

    def capped(self, group: Group) -> MapUse | None:
        """The maps that hold the group's objects, where a field of their owner limits them: the same in all dumps."""
        held = self._places(group)
        found = [
            [use for use in view.maps if use.cap_field and (use.place.root_name, use.place.owner_type) in held]
            for view in self.dumps
        ]
        if not found or not all(found):
            return None
        largest = [max(uses, key=lambda use: use.entries) for uses in found]
        return largest[-1] if len({(use.cap_field, use.cap) for use in largest}) == 1 else None

    def interned(self, group: Group) -> InternTable | None:
        """The map from string to string on the group's retention path."""
        held = self._places(group)
        found = (each for view in reversed(self.dumps) for each in view.interned)
        return next((each for each in found if (each.place.root_name, each.map_type) in held), None)

    def slack(self, group: Group) -> PinnedSlack | None:
        """Long arrays behind short slices that are at least half of what the path of the group's objects holds."""
        retention = self.retention(group)
        if retention is None:
            return None
        for view in reversed(self.dumps):
            for slack in view.slack:
                if slack.place.root_name == retention.root.name and slack.bytes >= SLACK_SHARE * retention.retained_bytes:
                    return slack
        return None

    def with_dumps(self, groups: Iterable[Group]) -> tuple[Group, ...]:
        """Groups as dumps show them: in parts by their containers, and what they prove to grow first."""
        parts = [each for group in groups for each in self._by_container(group)]
        likely = [g for g in parts if not g.grows and (self._grew_between_dumps(g) or self._holds_expired(g))]
        return (*(replace(group, basis=Basis.PROVED) for group in likely), *(group for group in parts if group not in likely))

    def _by_container(self, group: Group) -> list[Group]:
        """A growing group in parts, where the newest dump shows that containers of their own hold them: two leaks of one
        function. What has no such container, or too little growth to be a leak, stays with the largest part."""
        if not group.grows or len(group.sites) < 2:
            return [group]
        view, by_line = self.dumps[-1], self.settings.granularity == "line"
        parts: dict[ContainerPath | None, list[int]] = {}
        for site in group.sites:
            objects = view.sites.objects_of(self.series.sites[site], by_line)
            parts.setdefault(sole_container(view.paths, view.dominators, objects), []).append(site)
        grown = {key: float(self.trends.grown_bytes[sites].sum()) for key, sites in parts.items()}
        whole = self.grown_bytes(group)
        known = [key for key in parts if key is not None and grown[key] >= max(MIN_GROWTH_BYTES, PART_SHARE * whole)]
        if len(known) < 2:
            return [group]
        largest = max(known, key=grown.__getitem__)
        for key in [key for key in parts if key not in known]:
            parts[largest] += parts.pop(key)
        return [
            part(self.series, group, tuple(sorted(parts[key], key=lambda i: (-float(self.trends.grown_bytes[i]), i))))
            for key in known
        ]

    def _holds_expired(self, group: Group) -> bool:
        census = self.census(group) if group.trend.p <= ALPHA else None
        return census is not None and census.expired >= EXPIRED_PROVES_SHARE * max(census.with_expiry, 1)

    def _grew_between_dumps(self, group: Group) -> bool:
        """Whether the path of what rose in profiles grew between the dumps, which count every object."""
        rose = self.grown_bytes(group) >= MIN_GROWTH_BYTES
        if rose and self.outgrown(group):
            return True
        stay = self.stay(group) if rose and group.trend.p <= OTHERS_PROVE_P else None
        return stay is not None and stay.has_grown

    def slowed(self, group: Group) -> float | None:
        """How fast the group's path grew between the dumps, over how fast it had grown from the first snapshot to the first
        dump; None where that is not known, or not below SLOWED_SHARE. Dumps count it, profiles say only how much was there at
        the start."""
        stay, segment = self.stay(group), self.trends.segment
        if stay is None or not stay.kept_all:
            return None
        times = self.series.times_ns[segment].astype(np.float64)
        first_ns, last_ns = (float(collected_ns(view)) for view in (self.dumps[0], self.dumps[-1]))
        inuse = self.series.inuse_bytes[list(group.sites), segment].sum(axis=0).astype(np.float64)
        at_dump = float(np.interp(first_ns, times, inuse))
        if not times[0] < first_ns < last_ns or at_dump <= inuse[0]:
            return None
        before = stay.first_objects * (1 - inuse[0] / at_dump) / (first_ns - times[0])
        ratio = (stay.last_objects - stay.first_objects) / (last_ns - first_ns) / before
        return float(ratio) if ratio < SLOWED_SHARE else None

    def outgrown(self, group: Group) -> bool:
        """Whether the group's path ends at one array of bytes that was replaced by a much larger one between the dumps."""
        retention = self.retention(group)
        if retention is None or (gained := buffer_gained_bytes(retention)) == 0:
            return False
        return gained >= max(MIN_GROWTH_BYTES, OUTGROWN_BYTES_SHARE * (retention.path[-1].bytes - gained))


def buffer_gained_bytes(retention: Retention) -> int:
    """By how much the one array of bytes at the end of a path is larger in the last dump than in the first; 0 for others."""
    last = retention.path[-1] if retention.path else None
    if last is None or last.objects != 1 or last.type != "[]uint8" or not last.bytes_before:
        return 0
    return max(0, last.bytes - last.bytes_before)


def collected_ns(view: HeapView) -> int:
    """When the dump's last collection was: the only clock a dump has, a lower bound of when it was taken."""
    return view.graph.process.last_gc_ns
