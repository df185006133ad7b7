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
from leakhunt.heaps.view import HeapView, open_heap
from leakhunt.measure.cogrowth import by_near_function, equal, meeting
from leakhunt.measure.course import Course, course_of
from leakhunt.measure.functions import by_leaf
from leakhunt.measure.goroutines import GoroutineSeries, GoroutineStack, Stack, goroutine_series, stack_counts, standing
from leakhunt.measure.groups import Basis, Group, find_groups, join
from leakhunt.measure.ledger import Ledger, newest_ledger
from leakhunt.measure.series import SeriesBuilder
from leakhunt.measure.trend import analyse_sum
from leakhunt.model.finding import Input
from leakhunt.model.gctrace import GcTrace
from leakhunt.model.profile import Profile, ProfileKind
from leakhunt.model.series import Series, Trend
from leakhunt.model.site import AllocationSite
from leakhunt.profiles_and_dumps import ProfilesAndDumps, collected_ns
from leakhunt.thresholds import MIN_GROWTH_BYTES, MIN_SNAPSHOTS, OTHERS_PROVE_P, SWISS_MAPS_SINCE


@dataclass(frozen=True, slots=True)
class Source:
    """One input: its name as the user gave it, its path where it is a file, and how to get its bytes."""

    name: str
    path: Path | None
    read: Callable[[], bytes]


MemStatsAt = tuple[int, Mapping[str, int]]  # nanoseconds since 1970, Go's field names


@dataclass(frozen=True)
class Evidence(ProfilesAndDumps):
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
    def heap_trend(self) -> Trend:
        """The trend of all sites in focus taken as one."""
        return analyse_sum(self.series, np.flatnonzero(self.in_focus).tolist())

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """What deserves a word, the growing first. Growth that is likely and no more counts as growth where a dump proves that
        what the site holds is past its time, or two that it grew, or goroutine profiles that its goroutines pile up."""
        groups = find_groups(self.series, self.trends, self.in_focus)
        if self.snapshots < MIN_SNAPSHOTS:
            return groups
        return self._with_goroutines(self.with_dumps(groups) if self.dumps else groups)

    def _with_goroutines(self, groups: tuple[Group, ...]) -> tuple[Group, ...]:
        """The groups; of those that rose and may be chance, those at whose functions goroutines pile up are taken to grow:
        with a group that grows by as many objects as there are more goroutines, what each was given, else by themselves."""
        growing = [group for group in groups if group.grows]
        of_growing = [self.series.sites[site] for group in growing for site in group.sites]
        piles = [stack for stack in self.goroutines.piles if standing([stack], of_growing) is None]
        chosen = dict.fromkeys(groups)
        for group in groups:
            if group.grows or group.trend.p > OTHERS_PROVE_P or self.grown_bytes(group) < MIN_GROWTH_BYTES:
                continue
            pile = standing(piles, (self.series.sites[site] for site in group.sites))
            if pile is None:
                continue
            given = next((each for each in growing if each in chosen and self._one_for_each(each, pile)), None)
            del chosen[group]
            if given is None:
                chosen = {replace(group, basis=Basis.GOROUTINES): None} | chosen
            else:
                chosen = {join(self.series, given, group) if each is given else each: None for each in chosen}
        return tuple(chosen)

    def _one_for_each(self, group: Group, pile: GoroutineStack) -> bool:
        """Whether the group gained as many objects as there are more goroutines, as far as its samples can tell."""
        segment, seed = self.trends.segment, group.seed
        samples = self.series.inuse_samples[seed, segment.stop - 1] - self.series.inuse_samples[seed, segment.start]
        gained = float(self.grown_objects[seed])
        return samples > 0 and equal(gained, pile.growth, gained / float(samples) ** 0.5)

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
        something at a snapshot. They do not prove growth, but tell what the growing objects are put into."""
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
        """Sites that held something at a snapshot, by the functions near their leaves."""
        held = np.flatnonzero(self.series.inuse_samples[:, self.trends.segment].max(axis=1, initial=0) > 0)
        return by_near_function(self.series.sites, [int(i) for i in held])

    @cached_property
    def by_leaf(self) -> Mapping[str, list[int]]:
        """The sites of each leaf function, as indices into the series."""
        return by_leaf(self.series.sites)

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
                skipped = builder.add(profile)
            elif profile.kind is ProfileKind.GOROUTINE:
                goroutines.append((profile.time_ns, stack_counts(profile)))
            else:
                leaked.append((profile.time_ns, stack_counts(profile)))
            inputs.append(_input(source, digest, profile, skipped))
        except (DecodeError, MismatchError) as error:
            trace = decode.load_gctrace(data, source.name)
            if trace is not None:
                gc_traces.append(trace)
                inputs.append(Input(source.name, "other", digest, 0, 0, ""))
                continue
            reason = error.reason if isinstance(error, MismatchError) else str(error).removeprefix(f"{source.name}: ")
            inputs.append(Input(source.name, "other", digest, 0, 0, "", reason))
    dumps.sort(key=collected_ns)
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
    return goroutine_series(((collected_ns(view), view.goroutine_stacks) for view in dumps), "heap dumps")


def _dump_input(source: Source, digest: str, view: HeapView) -> Input:
    return Input(source.name, "heapdump", digest, collected_ns(view), 0, "")


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
        search = re2.compile(regex.encode("utf-8", "surrogateescape"), options).search
    except re2.error as error:
        reason = error.args[0].decode()
        raise ConfigError(flag, f"{regex!r} is not a regular expression (RE2 syntax): {reason}") from None
    return lambda name: search(name.encode("utf-8", "surrogateescape"))
