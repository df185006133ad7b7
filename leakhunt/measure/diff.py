"""What changed between two profiles, by function or line, and how sure that is.

Values are those of `go tool pprof -top -diff_base`: new less base, by the same nodes as leakhunt.measure.flat. An object
that was sampled stays sampled while it lives, so where both profiles are of one process, only what came and went in between is
uncertain, and the cumulative columns bound how much that was. Where they are not (a counter fell, or there is no cumulative
column), the errors of both profiles count. Loads no numpy.
"""

from __future__ import annotations

from leakhunt.errors import MismatchError
from leakhunt.kernels.flat import column_totals
from leakhunt.measure.flat import Nodes, Summed, sample_column, without_dropped_frames
from leakhunt.measure.interval import Moments, difference_interval
from leakhunt.model.profile import Profile, ProfileKind
from leakhunt.model.table import DiffRow, DiffTable


def diff_table(
    base: Profile,
    new: Profile,
    sample_index: str | None = None,
    by_cum: bool = False,
    limit: int = 0,
    by_line: bool = False,
) -> DiffTable:
    """The `limit` largest differences (0: all). Raises MismatchError where the two measure different things, ConfigError for
    an unknown sample index. Swapping the profiles negates every delta and mirrors every interval."""
    notes = mismatches(base, new)
    column = sample_column(new, sample_index)
    base, new = without_dropped_frames(base), without_dropped_frames(new)
    nodes = Nodes(by_line)
    sums = _Both(base, new, column, nodes, by_cum)
    names = list(nodes.index)
    changed = [i for i in range(len(names)) if sums.value("base", i) != sums.value("new", i)]
    deltas = {i: sums.value("new", i) - sums.value("base", i) for i in changed}
    changed.sort(key=lambda i: (-abs(deltas[i]), names[i]))
    shown = changed[:limit] if limit else changed
    places = {} if by_line else {**sums.of_base.places(base, shown), **sums.of_new.places(new, shown)}
    same_process = sums.direction()
    if base.kind == ProfileKind.HEAP and not same_process:
        notes = (*notes, "the profiles are not of one process run (a cumulative counter fell): errors are wider")
    rows = []
    for i in shown:
        node = (names[i][0], *places[i]) if i in places else names[i]
        low, high = sums.bounds(i, same_process)
        rows.append(DiffRow(node, sums.value("base", i), sums.value("new", i), low, high))
    return DiffTable(
        base_source=base.source,
        new_source=new.source,
        base_total=column_totals(base.values, len(base.sample_types))[column],
        new_total=column_totals(new.values, len(new.sample_types))[column],
        sample_index=new.sample_types[column].type,
        unit=new.sample_types[column].unit,
        rows=rows,
        row_count=len(changed),
        notes=notes,
    )


def mismatches(base: Profile, new: Profile) -> tuple[str, ...]:
    """Sentences on what makes the two less comparable. Raises MismatchError where they cannot be compared at all."""
    if base.kind != new.kind:
        raise MismatchError(base.source, new.source, f"one is a {base.kind} profile, the other a {new.kind} profile")
    if base.sample_types != new.sample_types:
        types = [", ".join(value_type.type for value_type in profile.sample_types) for profile in (base, new)]
        raise MismatchError(base.source, new.source, f"their sample types differ: {types[0]} and {types[1]}")
    notes = []
    if base.kind == ProfileKind.HEAP and base.period != new.period:
        notes.append(f"sampling periods differ ({base.period} and {new.period} bytes): each profile is as exact as its own")
    if base.build_id and new.build_id and base.build_id != new.build_id:
        notes.append("the profiles are of different builds: lines may have moved, functions are matched by name")
    if 0 < new.time_ns < base.time_ns:
        notes.append("the new profile was taken before the base")
    return tuple(notes)


class _Both:
    """The sums of both profiles by the same nodes, with those of the cumulative column where there is one."""

    def __init__(self, base: Profile, new: Profile, column: int, nodes: Nodes, by_cum: bool) -> None:
        self._by_cum = by_cum
        self._rounding = base.samples + new.samples  # the runtime cuts each sample's values to integers
        name = new.sample_types[column].type
        allocated = new.index_of(name.replace("inuse_", "alloc_")) if name.startswith(("inuse_", "alloc_")) else None
        self._cumulative = allocated == column
        self.of_base, self.of_new = Summed(base, column, nodes, by_cum), Summed(new, column, nodes, by_cum)
        if allocated is None or new.kind != ProfileKind.HEAP or base.period != new.period:
            self._allocated = None
        elif self._cumulative:
            self._allocated = (self.of_base, self.of_new)
        else:
            self._allocated = (Summed(base, allocated, nodes, by_cum), Summed(new, allocated, nodes, by_cum))

    def value(self, which: str, node: int) -> int:
        """Flat or cumulative value of `node` in "base" or "new", 0 where it has none."""
        return self._moments(self.of_base if which == "base" else self.of_new, node)[0]

    def _moments(self, summed: Summed, node: int) -> Moments:
        values = summed.sums.cum if self._by_cum else summed.sums.flat
        if node >= len(values):
            return 0, 0.0, 0.0
        return values[node], summed.sums.first[node], summed.sums.second[node]

    def direction(self) -> int:
        """1 where nothing speaks against `new` being of the same process as `base`, later: no node has a cumulative value
        that fell, or that gained less than what is in use. -1 the other way round; 0 where neither or both hold."""
        if self._allocated is None:
            return 0
        before, after = self._allocated
        nodes = range(max(len(before.sums.flat), len(after.sums.flat)))
        allocated = [self._moments(after, i)[0] - self._moments(before, i)[0] for i in nodes]
        kept = [self._moments(self.of_new, i)[0] - self._moments(self.of_base, i)[0] for i in nodes]
        cut = self._rounding
        later = all(step >= max(change - cut, 0) for step, change in zip(allocated, kept, strict=True))
        earlier = all(step <= min(change + cut, 0) for step, change in zip(allocated, kept, strict=True))
        return later - earlier

    def bounds(self, node: int, direction: int) -> tuple[int, int]:
        """95 % interval of the difference at `node`."""
        base, new = self._moments(self.of_base, node), self._moments(self.of_new, node)
        if direction == 0 or self._allocated is None:
            return difference_interval(new[0] - base[0], new, base)
        if direction < 0:
            low, high = self._later_bounds(node, new, base, (self._allocated[1], self._allocated[0]))
            return -high, -low
        return self._later_bounds(node, base, new, self._allocated)

    def _later_bounds(self, node: int, base: Moments, new: Moments, allocated: tuple[Summed, Summed]) -> tuple[int, int]:
        """What came is at most what was allocated in between, and at most all of `new`; what went is the rest of the
        difference. Objects that came and went in between count for neither."""
        before, after = self._moments(allocated[0], node), self._moments(allocated[1], node)
        gained = (max(after[0] - before[0], 0), max(after[1] - before[1], 0.0), max(after[2] - before[2], 0.0))
        estimate = new[0] - base[0]
        if self._cumulative:
            return difference_interval(estimate, gained, None)
        if gained[1] >= new[1]:
            return difference_interval(estimate, new, base)
        lost = (
            max(gained[0] - estimate, 0),
            max(gained[1] - (new[1] - base[1]), 0.0),
            max(gained[2] - (new[2] - base[2]), 0.0),
        )
        return difference_interval(estimate, gained, lost)
