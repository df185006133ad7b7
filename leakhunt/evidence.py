"""A lazy, cached view of everything that was loaded; what detectors receive.

`gather` turns sources into Evidence: decodes each, streams profiles into the series, and records what became of every
input. What is asked of the Evidence (trends, groups) is computed once, when first asked. Judges nothing.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leakhunt import decode
from leakhunt.config import Settings
from leakhunt.decode.dumpfile import is_dump_file, is_stripped_file
from leakhunt.errors import ConfigError, DecodeError, MismatchError
from leakhunt.graph.containers import Key as ContainerPath
from leakhunt.graph.containers import sole_container
from leakhunt.graph.growth import PathGrowth, Stay, stay_of
from leakhunt.graph.join import with_counts_before
from leakhunt.graph.unreached import hidden_holder
from leakhunt.heaps.series import growth_between, in_order
from leakhunt.heaps.view import HeapView, open_heap
from leakhunt.measure.cogrowth import by_near_function, meeting
from leakhunt.measure.course import Course, course_of
from leakhunt.measure.goroutines import GoroutineSeries, Stack, goroutine_series, stack_counts
from leakhunt.measure.groups import Basis, Group, find_groups, part
from leakhunt.measure.ledger import Ledger, newest_ledger
from leakhunt.measure.series import SeriesBuilder
from leakhunt.measure.trend import Trends, analyse
from leakhunt.model.census import ExpiryCensus, InternTable, MapUse, PinnedSlack
from leakhunt.model.finding import Input, Retention
from leakhunt.model.gctrace import GcTrace
from leakhunt.model.profile import Profile, ProfileKind
from leakhunt.model.series import Series
from leakhunt.model.site import AllocationSite
from leakhunt.thresholds import (
    ALPHA,
    DUMPS_PROVE_P,
    EXPIRED_PROVES_SHARE,
    MIN_GROWTH_BYTES,
    MIN_SNAPSHOTS,
    OUTGROWN_BYTES_SHARE,
    PART_SHARE,
    SLACK_SHARE,
    SLOWED_SHARE,
    SWISS_MAPS_SINCE,
)


@dataclass(frozen=True, slots=True)
class Source:
    """One input: its name as the user gave it, its path where it is a file, and how to get its bytes."""

    name: str
    path: Path | None
    read: Callable[[], bytes]


MemStatsAt = tuple[int, Mapping[str, int]]  # nanoseconds since 1970, Go's field names


@dataclass(frozen=True)
class Evidence:
    """What was loaded, and what follows from it, computed when first asked.

    series       the heap profiles as sites x snapshots (may have no snapshot)
    goroutines   counts by stack in each goroutine profile
    leaked       the same of goroutineleak profiles
    inputs       every input in the order given, skipped ones with the reason
    settings     what the user set
    memstats     the runtime's MemStats and when they were taken, from text profiles and from captures
    dumps        heap dumps of the same process, in order of time
    gc_traces    gctrace logs
    """

    series: Series
    goroutines: GoroutineSeries = field(default_factory=GoroutineSeries)
    leaked: GoroutineSeries = field(default_factory=GoroutineSeries)
    inputs: tuple[Input, ...] = ()
    settings: Settings = field(default_factory=Settings)
    memstats: tuple[MemStatsAt, ...] = ()
    dumps: tuple[HeapView, ...] = ()
    gc_traces: tuple[GcTrace, ...] = ()

    @property
    def snapshots(self) -> int:
        """Heap profiles in the longest segment: what trends are judged on."""
        segment = self.series.longest_segment
        return int(segment.stop - segment.start)

    @cached_property
    def trends(self) -> Trends:
        """Trends of all sites."""
        return analyse(self.series)

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
            first, last = in_order(self.dumps)[0], in_order(self.dumps)[-1]
            objects = np.concatenate([last.sites.objects_of(self.series.sites[site], by_line) for site in group.sites])
            hidden = hidden_holder(
                (first.graph, first.paths, first.naming), (last.graph, last.paths, last.naming), np.unique(objects)
            )
            if hidden is not None:
                return hidden
        for view in reversed(self.dumps):
            found = view.retention_of([self.series.sites[site] for site in group.sites], by_line)
            if found is not None:
                first = in_order(self.dumps)[0]
                return found if first is view or self._between_dumps is None else with_counts_before(found, first.paths)
        return None

    def stay(self, group: Group) -> Stay | None:
        """What became, between the first and the last dump, of the objects on the path that holds the group's."""
        retention, growth = self.retention(group), self._between_dumps
        return stay_of(growth, retention) if retention is not None and growth is not None else None

    def grew_after(self, group: Group, snapshot: int) -> bool:
        """Whether two dumps, both later than a snapshot of the segment, count more objects on the group's path in the last."""
        stay = self.stay(group)
        if stay is None or not stay.has_grown:
            return False
        return _collected_ns(in_order(self.dumps)[0]) >= int(self.series.times_ns[self.trends.segment.start + snapshot])

    @cached_property
    def _between_dumps(self) -> PathGrowth | None:
        if len(self.dumps) < 2:
            return None
        try:
            return growth_between(in_order(self.dumps))
        except MismatchError:  # dumps of two processes: each still says who holds what
            return None

    def census(self, group: Group) -> ExpiryCensus | None:
        """Entries by their expiry in the container that holds the group's objects, by the newest dump that has contents."""
        retention = self.retention(group)
        if retention is None:
            return None
        for view in reversed(self.dumps):
            held = {(retention.root.name, step.type) for step in retention.path}
            found = [each for each in view.expiry if (each.place.root_name, each.place.owner_type) in held]
            if found:
                return max(found, key=lambda each: each.entries)
        return None

    def held_types(self, group: Group) -> tuple[tuple[str, str], ...]:
        """(import path of the package, name) of the types on the group's retention path that have one."""
        retention = self.retention(group)
        known = {name: package for view in self.dumps for name, package in view.packages.items()}
        names = [step.type for step in retention.path] if retention is not None else []
        return tuple((known[name], name) for name in names if name in known)

    def capped(self, group: Group) -> MapUse | None:
        """The maps that hold the group's objects, where a field of their owner limits them: the same in all dumps."""
        retention = self.retention(group)
        held = {(retention.root.name, step.type) for step in retention.path} if retention is not None else set()
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
        retention = self.retention(group)
        held = {(retention.root.name, step.type) for step in retention.path} if retention is not None else set()
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

    def course(self, group: Group) -> Course:
        """The history of a group over the longest segment."""
        if group.sites not in self._courses:
            self._courses[group.sites] = course_of(self.series, group.sites)
        return self._courses[group.sites]

    @cached_property
    def _courses(self) -> dict[tuple[int, ...], Course]:
        return {}

    @cached_property
    def ledger(self) -> Ledger | None:
        """Where the newest process's memory is, None without MemStats."""
        return newest_ledger(self.memstats)

    @cached_property
    def total_bytes(self) -> tuple[int, ...]:
        """In-use bytes of the whole heap at each snapshot."""
        return tuple(int(total) for total in self.series.inuse_bytes.sum(axis=0))

    @cached_property
    def in_focus(self) -> NDArray[np.bool_]:
        """bool[K]: sites that `--focus` and `--ignore` leave in."""
        focus, ignore = _pattern("--focus", self.settings.focus), _pattern("--ignore", self.settings.ignore)
        return np.array(
            [
                (focus is None or any(focus(frame.function) for frame in site.frames))
                and (ignore is None or not any(ignore(frame.function) for frame in site.frames))
                for site in self.series.sites
            ],
            dtype=bool,
        )

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """What deserves a word, the growing first. Growth that is likely and no more counts as growth where a dump proves that
        what the site holds is past its time, or two that it grew."""
        groups = find_groups(self.series, self.trends, self.in_focus)
        if not self.dumps or self.snapshots < MIN_SNAPSHOTS:
            return groups
        groups = tuple(each for group in groups for each in self._by_container(group))
        likely = [g for g in groups if not g.grows and (self._grew_between_dumps(g) or self._holds_expired(g))]
        rest = tuple(group for group in groups if group not in likely)
        return (*(replace(group, basis=Basis.PROVED) for group in likely), *rest)

    def _by_container(self, group: Group) -> list[Group]:
        """A growing group in parts, where the newest dump shows that containers of their own hold them: two leaks of one
        function. What has no such container, or too little growth to be a leak, stays with the largest part."""
        if not group.grows or len(group.sites) < 2:
            return [group]
        view, by_line = in_order(self.dumps)[-1], self.settings.granularity == "line"
        parts: dict[ContainerPath | None, list[int]] = {}
        for site in group.sites:
            objects = view.sites.objects_of(self.series.sites[site], by_line)
            parts.setdefault(sole_container(view.paths, view.dominators, objects), []).append(site)
        grown = {key: float(self.trends.grown_bytes[sites].sum()) for key, sites in parts.items()}
        whole = float(self.trends.grown_bytes[list(group.sites)].sum())
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
        rose = float(self.trends.grown_bytes[list(group.sites)].sum()) >= MIN_GROWTH_BYTES
        if rose and self.outgrown(group):
            return True
        stay = self.stay(group) if rose and group.trend.p <= DUMPS_PROVE_P else None
        return stay is not None and stay.has_grown

    def slowed(self, group: Group) -> float | None:
        """How fast the group's path grew between the dumps, over how fast it had grown from the first snapshot to the first
        dump; None where that is not known, or not below SLOWED_SHARE. Dumps count it, profiles say only how much was there at
        the start."""
        stay, segment = self.stay(group), self.trends.segment
        if stay is None or not stay.kept_all:
            return None
        times = self.series.times_ns[segment].astype(np.float64)
        first_ns, last_ns = (float(_collected_ns(view)) for view in (in_order(self.dumps)[0], in_order(self.dumps)[-1]))
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
        last = retention.path[-1] if retention is not None and retention.path else None
        if last is None or last.objects != 1 or last.type != "[]uint8" or not last.bytes_before:
            return False
        return last.bytes - last.bytes_before >= max(MIN_GROWTH_BYTES, OUTGROWN_BYTES_SHARE * last.bytes_before)

    @property
    def growing_groups(self) -> tuple[Group, ...]:
        """The groups that grow significantly; with too few snapshots to tell, those that grew at all."""
        return tuple(group for group in self.groups if group.grows)

    @cached_property
    def go_at_least(self) -> tuple[int, int]:
        """The oldest Go version that can have written these profiles, told by paths and functions; (0, 0) where unknown."""
        best = (0, 0)
        for site in self.series.sites:
            for frame in site.frames:
                if frame.function.startswith(("internal/sync.", "internal/runtime/maps.")):
                    best = max(best, SWISS_MAPS_SINCE)
                elif (match := _GO_VERSION.search(frame.file)) is not None:
                    best = max(best, (int(match[1]), int(match[2])))
        return best

    def company(self, group: Group) -> tuple[AllocationSite, ...]:
        """The group's sites, then those near them: allocating on behalf of the same function, however little, and holding
        something at the end. They do not prove growth, but tell what the growing objects are put into."""
        return tuple(self.series.sites[i] for i in (*group.sites, *self.near(group)))

    def near(self, group: Group) -> tuple[int, ...]:
        """The sites near the group's of `company`, as indices into the series."""
        if group not in self._near:
            met = meeting(self.series.sites[group.seed], self._held_by_function)
            self._near[group] = tuple(sorted(met - set(group.sites)))
        return self._near[group]

    @cached_property
    def _near(self) -> dict[Group, tuple[int, ...]]:
        return {}

    @cached_property
    def _held_by_function(self) -> Mapping[str, list[tuple[int, int]]]:
        """Sites that hold something at the end, by the functions near their leaves."""
        held = np.flatnonzero(self.series.inuse_samples[:, self.trends.segment.stop - 1] > 0)
        return by_near_function(self.series.sites, [int(i) for i in held])

    def freed_share(self, group: Group) -> float:
        """Share of the sampled objects allocated in the window at the group's sites that were freed in it, 0 for none."""
        sites, segment = list(group.sites), self.trends.segment
        allocated = self.series.alloc_samples[sites, segment.stop - 1] - self.series.alloc_samples[sites, segment.start]
        return float(self.trends.freed_samples[sites].sum() / max(1.0, float(allocated.sum())))

    @cached_property
    def grown_objects(self) -> NDArray[np.float64]:
        """float64[K]: objects gained over the longest segment."""
        segment = self.series.longest_segment
        objects = self.series.inuse_objects
        return (objects[:, segment.stop - 1] - objects[:, segment.start]).astype(np.float64)


# GOROOT of downloaded toolchains and of many images: .../toolchain@v0.0.1-go1.27.3.linux-amd64/src, /usr/local/go1.22.5/src
_GO_VERSION = re.compile(r"\bgo(\d+)\.(\d+)(?:\.\d+)?(?:[./][\w-]+)*/src/")


def gather(sources: Iterable[Source], settings: Settings, memstats: Iterable[MemStatsAt] = ()) -> Evidence:
    """Reads every source once, in order, and lets go of its bytes. An input that cannot be read or used is recorded with
    the reason; the others go on. `memstats` are those that captures wrote beside the profiles. Memory: the site table and
    the largest single input."""
    memory = list(memstats)
    builder = SeriesBuilder(granularity=settings.granularity, warmup=settings.warmup)
    goroutines: list[tuple[int, dict[Stack, int]]] = []
    leaked: list[tuple[int, dict[Stack, int]]] = []
    dumps: list[HeapView] = []
    gc_traces: list[GcTrace] = []
    inputs = []
    for source in sources:
        digest, data = "", b""
        try:
            if source.path is not None and (is_dump_file(source.path) or is_stripped_file(source.path)):
                digest = _file_digest(source.path)
                dumps.append(open_heap(source.path, binary=settings.binary or None))
                inputs.append(_dump_input(source, digest, dumps[-1]))
                continue
            data = source.read()
            digest = hashlib.sha256(data).hexdigest()
            profile = decode.load(data, source.name)
            skipped = None
            if profile.memstats and profile.time_ns:
                memory.append((profile.time_ns, profile.memstats))
            if profile.kind is ProfileKind.HEAP:
                skipped = builder.add(profile, sha256=digest)
            elif profile.kind is ProfileKind.GOROUTINE:
                goroutines.append((profile.time_ns, stack_counts(profile)))
            else:
                leaked.append((profile.time_ns, stack_counts(profile)))
            inputs.append(_input(source, digest, profile, skipped))
        except (DecodeError, MismatchError) as error:
            trace = decode.load_gctrace(data, source.name) if isinstance(error, DecodeError) else None
            if trace is not None:
                gc_traces.append(trace)
                inputs.append(Input(source.name, "other", digest, 0, 0, ""))
                continue
            reason = error.reason if isinstance(error, MismatchError) else str(error).removeprefix(f"{source.name}: ")
            inputs.append(Input(source.name, "other", digest, 0, 0, "", reason))
    dumps.sort(key=_collected_ns)
    return Evidence(
        builder.finish(),
        goroutine_series(goroutines) if goroutines else _goroutines_of(dumps),
        goroutine_series(leaked),
        tuple(inputs),
        settings,
        tuple(memory),
        tuple(dumps),
        tuple(gc_traces),
    )


def _goroutines_of(dumps: Sequence[HeapView]) -> GoroutineSeries:
    """What heap dumps list of goroutines, where no goroutine profile was given."""
    return goroutine_series(((_collected_ns(view), view.goroutine_stacks) for view in dumps), "heap dumps")


def _dump_input(source: Source, digest: str, view: HeapView) -> Input:
    return Input(source.name, "heapdump", digest, _collected_ns(view), 0, "")


def _collected_ns(view: HeapView) -> int:
    """When the dump's last collection was: the only clock a dump has, a lower bound of when it was taken."""
    return view.graph.process.last_gc_ns


def _file_digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _input(source: Source, digest: str, profile: Profile, skipped: str | None) -> Input:
    kind = str(profile.kind)
    return Input(source.name, kind, digest, profile.time_ns, profile.period, profile.build_id, skipped)


def _pattern(flag: str, regex: str) -> Callable[[str], object] | None:
    """A search function for an RE2 pattern (Go's own syntax; linear time), None for no pattern."""
    if not regex:
        return None
    import re2

    options = re2.Options()
    options.log_errors = False  # it would write its own lines to stderr
    try:
        search = re2.compile(regex.encode(), options).search
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise ConfigError(flag, f"{regex!r} is not a regular expression (RE2 syntax): {reason}") from None
    return lambda name: search(name.encode("utf-8", "surrogateescape"))
