"""Goroutine profiles to numbers: how many goroutines stand at each stack, snapshot by snapshot.

Pure functions on the model. Growth of a count says that goroutines pile up; the absence of a stack says that something
that should run (a cache's janitor) does not. What either means is the detectors' affair.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from leakhunt.measure.significance import kendall_tail
from leakhunt.model.profile import Profile
from leakhunt.model.site import AllocationSite, Frame, normalise, receiver
from leakhunt.thresholds import (
    GOROUTINE_GROWTH,
    GOROUTINE_RATIO,
    PILE_UP_LATE_SHARE,
    PILE_UP_P,
    STOPPED_PROFILES,
    STOPPED_SHARE,
)


@dataclass(frozen=True, slots=True)
class GoroutineStack:
    """One stack, leaf first, and the goroutines that stood there in each profile of the series."""

    frames: tuple[Frame, ...]
    counts: tuple[int, ...]

    @property
    def growth(self) -> int:
        """Goroutines gained from the first profile to the last."""
        return self.counts[-1] - self.counts[0] if self.counts else 0

    @property
    def multiplies(self) -> bool:
        """Whether many more stand there at the end."""
        return self.growth >= GOROUTINE_GROWTH and self.counts[-1] >= GOROUTINE_RATIO * self.counts[0]

    @property
    def has_stopped(self) -> bool:
        """Whether of many that came hardly one came in the last quarter: these are counts, and no samples."""
        if len(self.counts) < STOPPED_PROFILES or not self.multiplies:
            return False
        late = self.counts[-1] - self.counts[-1 - len(self.counts) // 4]
        return abs(late) <= STOPPED_SHARE * self.growth and STOPPED_SHARE * self.growth >= 1

    @property
    def piles_up(self) -> bool:
        """Whether many more stand there, in a rising order that is no chance, a good part of them since half of the time."""
        if not self.multiplies:
            return False
        late = self.counts[-1] - self.counts[len(self.counts) // 2]
        return kendall_tail(np.array(self.counts, dtype=np.float64)) <= PILE_UP_P and late >= PILE_UP_LATE_SHARE * self.growth

    @property
    def place(self) -> Frame:
        """Where to say that they stand: the innermost function outside the standard library, else the one they began with."""
        site = AllocationSite(self.frames)
        return site.leaf if site.own_functions or not self.frames else self.frames[-1]

    def calls(self, function_part: str) -> bool:
        """Whether any function on the stack contains `function_part`."""
        return any(function_part in frame.function for frame in self.frames)


@dataclass(frozen=True)
class GoroutineSeries:
    """Goroutine profiles of one process in order of time: `times_ns` and every stack met, largest last count first. `source`
    is what they are called: where there are none, heap dumps list goroutines too."""

    times_ns: tuple[int, ...] = ()
    stacks: tuple[GoroutineStack, ...] = ()
    source: str = "goroutine profiles"

    @property
    def totals(self) -> tuple[int, ...]:
        """Goroutines in all, in each profile."""
        return tuple(sum(stack.counts[i] for stack in self.stacks) for i in range(len(self.times_ns)))

    @cached_property
    def by_own_functions(self) -> tuple[GoroutineStack, ...]:
        """Stacks that pass through the same functions outside the standard library as one, with the frames of the largest:
        where in a library they wait is the moment's. Those without such functions stay apart."""
        merged: dict[tuple[str, ...] | Stack, GoroutineStack] = {}
        for stack in self.stacks:
            key = AllocationSite(stack.frames).own_functions or stack.frames
            known = merged.get(key)
            counts = stack.counts if known is None else tuple(map(sum, zip(known.counts, stack.counts, strict=True)))
            merged[key] = GoroutineStack(stack.frames if known is None else known.frames, counts)
        return tuple(merged.values())

    @cached_property
    def rising(self) -> tuple[GoroutineStack, ...]:
        """Where many more goroutines stand at the end, and more still come."""
        return tuple(stack for stack in self.by_own_functions if stack.multiplies and not stack.has_stopped)

    @cached_property
    def stopped(self) -> tuple[GoroutineStack, ...]:
        """Where many came, and no more do."""
        return tuple(stack for stack in self.by_own_functions if stack.has_stopped)

    @cached_property
    def piles(self) -> tuple[GoroutineStack, ...]:
        """Where goroutines pile up, the fastest first."""
        return tuple(sorted((stack for stack in self.by_own_functions if stack.piles_up), key=lambda stack: -stack.growth))

    def count(self, function_part: str) -> tuple[int, ...]:
        """Goroutines with `function_part` on their stack, in each profile."""
        matching = [stack for stack in self.stacks if stack.calls(function_part)]
        return tuple(sum(stack.counts[i] for stack in matching) for i in range(len(self.times_ns)))


Stack = tuple[Frame, ...]


def stack_counts(profile: Profile) -> dict[Stack, int]:
    """Goroutines at each stack of one goroutine profile; frames with their lines, generic arguments normalised.

    Cost is linear in the profile; equal stacks (labels apart) are added.
    """
    names = [normalise(name) for name in profile.function_names]
    lines: list[tuple[Frame, ...]] = []
    for location in range(len(profile.line_offsets) - 1):
        frames = []
        for line in range(profile.line_offsets[location], profile.line_offsets[location + 1]):
            function = profile.line_functions[line]
            if function >= 0:
                frames.append(Frame(names[function], profile.function_files[function], profile.line_numbers[line]))
        lines.append(tuple(frames))
    width = len(profile.sample_types)
    counts: dict[Stack, int] = {}
    for sample in range(profile.samples):
        start, end = profile.stack_offsets[sample], profile.stack_offsets[sample + 1]
        stack = tuple(frame for i in range(start, end) for frame in lines[profile.stack_locations[i]])
        counts[stack] = counts.get(stack, 0) + profile.values[sample * width]
    return counts


def goroutine_series(snapshots: Iterable[tuple[int, dict[Stack, int]]], source: str = "goroutine profiles") -> GoroutineSeries:
    """A series from (time_ns, counts by stack) in any order; equal times keep the order given."""
    ordered = sorted(snapshots, key=lambda snapshot: snapshot[0])
    stacks = dict.fromkeys(stack for _, counts in ordered for stack in counts)
    rows = [GoroutineStack(stack, tuple(counts.get(stack, 0) for _, counts in ordered)) for stack in stacks]
    rows.sort(key=lambda row: -row.counts[-1])
    return GoroutineSeries(tuple(time_ns for time_ns, _ in ordered), tuple(rows), source)


def standing(stacks: Sequence[GoroutineStack], sites: Iterable[AllocationSite]) -> GoroutineStack | None:
    """The first of `stacks` on which one of the sites' own functions stands, else one with a method of the same type, else one
    that a function on the sites' stacks began: its own (`main.Open.func1`), or one of the standard library
    (`os/signal.NotifyContext.func1`)."""
    sites = list(sites)
    functions = {function for site in sites for function in site.own_functions if function != "main.main"}
    types = {receiver(function) for function in functions} - {""}
    own = [(stack, set(AllocationSite(stack.frames).own_functions)) for stack in stacks]
    by_function = (stack for stack, calls in own if calls & functions)
    by_type = (stack for stack, calls in own if {receiver(function) for function in calls} & types)
    called = {frame.function for site in sites if site.own_functions for frame in site.frames}
    begun = (stack for stack, calls in own if stack.frames and _beginner(stack, calls) in called)
    return next(by_function, None) or next(by_type, None) or next(begun, None)


def _beginner(stack: GoroutineStack, own_functions: set[str]) -> str:
    """The function that began a goroutine with a literal of its own: `os/signal.NotifyContext` of `...NotifyContext.func1`; of
    one that runs functions outside the standard library, by the outermost of these (sync.WaitGroup.Go may begin it)."""
    outward = (frame.function for frame in reversed(stack.frames) if not own_functions or frame.function in own_functions)
    function, literal, _ = next(outward).partition(".func")
    return function if literal else ""
