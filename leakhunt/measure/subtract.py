"""The difference of two profiles as a profile of its own: what `go tool pprof` shows for new with base taken away."""

from __future__ import annotations

from array import array

from leakhunt.measure.diff import mismatches
from leakhunt.measure.flat import without_dropped_frames
from leakhunt.model.profile import Mapping, Profile


def subtract(base: Profile, new: Profile) -> Profile:
    """`new` less `base`: samples of one stack and block size are one, those with nothing left are gone.

    Locations meet when binary, address and lines agree. Time, comments and the like are those of `new`, the duration is the
    time between the two. Swapping the arguments negates every value. Raises MismatchError like `diff_table`.
    Cost: linear, with Python work for each sample and frame."""
    notes = mismatches(base, new)
    base, new = without_dropped_frames(base), without_dropped_frames(new)
    tables = _Tables()
    width = len(new.sample_types)
    sums: dict[tuple[tuple[int, ...], int], list[int]] = {}
    for profile, sign in ((new, 1), (base, -1)):
        locations = tables.locations_of(profile)
        for sample in range(profile.samples):
            start, end = profile.stack_offsets[sample], profile.stack_offsets[sample + 1]
            stack = tuple([locations[location] for location in profile.stack_locations[start:end]])
            row = sums.setdefault((stack, profile.block_bytes[sample]), [0] * width)
            for column in range(width):
                row[column] += sign * profile.values[sample * width + column]
    kept = {key: row for key, row in sums.items() if any(row)}
    stack_offsets = array("q", [0])
    for stack, _ in kept:
        stack_offsets.append(stack_offsets[-1] + len(stack))
    period = new.period if new.period == base.period else max(new.period, base.period)
    return Profile(
        source=f"{new.source} - {base.source}",
        kind=new.kind,
        sample_types=new.sample_types,
        default_sample_type=new.default_sample_type,
        values=_column([_wrapped(value) for row in kept.values() for value in row]),
        stack_offsets=memoryview(stack_offsets),
        stack_locations=_column([location for stack, _ in kept for location in stack]),
        block_bytes=_column([block for _, block in kept]),
        line_offsets=_column(tables.line_offsets),
        line_functions=_column([function for function, _ in tables.lines]),
        line_numbers=_column([line for _, line in tables.lines]),
        location_addresses=_column([address for _, address, _ in tables.locations]),
        location_mappings=_column([mapping for mapping, _, _ in tables.locations]),
        function_names=[name for name, _ in tables.functions],
        function_files=[file for _, file in tables.functions],
        mappings=tuple(tables.mappings),
        period=period,
        period_type=new.period_type,
        time_ns=new.time_ns,
        duration_ns=max(new.time_ns - base.time_ns, 0) if base.time_ns > 0 else 0,
        drop_frames=new.drop_frames,
        keep_frames=new.keep_frames,
        comments=new.comments,
        notes=notes,
    )


class _Tables:
    """Mappings, functions and locations of both profiles, each once, in order of first appearance."""

    def __init__(self) -> None:
        self.mappings: dict[Mapping, int] = {}
        self.functions: dict[tuple[str, str], int] = {}
        self.locations: dict[tuple[int, int, tuple[tuple[int, int], ...]], int] = {}

    def locations_of(self, profile: Profile) -> list[int]:
        """The new number of each location of `profile`."""
        mappings = [self.mappings.setdefault(mapping, len(self.mappings)) for mapping in profile.mappings]
        names = zip(profile.function_names, profile.function_files, strict=True)
        functions = [self.functions.setdefault(name, len(self.functions)) for name in names]
        numbers = []
        for location, address in enumerate(profile.location_addresses):
            lines = range(profile.line_offsets[location], profile.line_offsets[location + 1])
            ids = [profile.line_functions[line] for line in lines]
            frames = tuple(
                (functions[i] if i >= 0 else -1, profile.line_numbers[line]) for i, line in zip(ids, lines, strict=True)
            )
            mapping = profile.location_mappings[location]
            key = (mappings[mapping] if mapping >= 0 else -1, address, frames)
            numbers.append(self.locations.setdefault(key, len(self.locations)))
        return numbers

    @property
    def lines(self) -> list[tuple[int, int]]:
        """(function, line number) of all locations, one after the other."""
        return [line for _, _, lines in self.locations for line in lines]

    @property
    def line_offsets(self) -> list[int]:
        """Where the lines of each location begin, and the end."""
        offsets = [0]
        for _, _, lines in self.locations:
            offsets.append(offsets[-1] + len(lines))
        return offsets


def _wrapped(value: int) -> int:
    """To 64 bits, as Go's addition wraps."""
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


def _column(numbers: list[int]) -> memoryview:
    return memoryview(array("q", numbers))
