"""One profile to a table of its functions or lines: flat, cumulative, and how sure the numbers are.

Flat and cum are those of `go tool pprof -top` (internal/graph/graph.go, Go 1.26): the leaf's function holds a sample's value
flat, each function on the stack once in cum; functions of one name are one, frames without a function go by their
binary. Loads no numpy: this is the fast path of `leakhunt top`, and the loop is the kernel's.
"""

from __future__ import annotations

from leakhunt.errors import ConfigError
from leakhunt.kernels.flat import aggregate, column_totals, frames_by_function, int64_column, largest_frames
from leakhunt.measure.interval import interval
from leakhunt.model.profile import Profile, ProfileKind
from leakhunt.model.table import FlatRow, FlatTable, Node

_PAIRS = (("alloc_objects", "alloc_space"), ("inuse_objects", "inuse_space"), ("objects", "space"))


def flat_table(
    profile: Profile, sample_index: str | None = None, by_cum: bool = False, limit: int = 0, by_line: bool = False
) -> FlatTable:
    """The `limit` largest rows (0: all) by the magnitude of flat, or of cum. Raises ConfigError for an unknown sample index.

    Cost: one step a frame of a stack in the kernel, one a location in Python."""
    column = sample_column(profile, sample_index)
    profile = without_dropped_frames(profile)
    nodes = Nodes(by_line)
    summed = Summed(profile, column, nodes, by_cum)
    sums = summed.sums
    ranked = sums.cum if by_cum else sums.flat
    names = list(nodes.index)
    filled = [i for i, value in enumerate(ranked) if value or sums.cum[i]]
    filled.sort(key=lambda i: (-abs(ranked[i]), names[i]))
    shown = filled[:limit] if limit else filled
    places = {} if by_line else summed.places(profile, shown)
    rows = []
    for i in shown:
        node = (names[i][0], *places[i]) if i in places else names[i]
        rows.append(FlatRow(node, sums.flat[i], sums.cum[i], *interval(ranked[i], sums.first[i], sums.second[i])))
    totals = column_totals(profile.values, len(profile.sample_types))
    return FlatTable(
        source=profile.source,
        sample_index=profile.sample_types[column].type,
        unit=profile.sample_types[column].unit,
        total=totals[column],
        totals={value_type.type: total for value_type, total in zip(profile.sample_types, totals, strict=True)},
        samples=profile.samples,
        period=profile.period if profile.kind == ProfileKind.HEAP else 0,
        rows=rows,
        row_count=len(filled),
        by_cum=by_cum,
    )


def without_dropped_frames(profile: Profile) -> Profile:
    """`profile`, pruned where it asks for it; Go's own do not, and need not load what prunes."""
    if not profile.drop_frames:
        return profile
    from leakhunt.measure.prune import pruned

    return pruned(profile)


def sample_column(profile: Profile, sample_index: str | None) -> int:
    """The column that pprof would take (profile/index.go): by name, with inuse_ left out where the profile knows none, or by
    number; without one the profile's default, else its last."""
    names = [value_type.type for value_type in profile.sample_types]
    if not names:
        raise ConfigError("--sample-index", f"{profile.source} has no sample types")
    if not sample_index:
        return names.index(profile.default_sample_type) if profile.default_sample_type in names else len(names) - 1
    if sample_index.isascii() and sample_index.isdigit() and int(sample_index) < len(names):
        return int(sample_index)
    for name in (sample_index, sample_index.removeprefix("inuse_")):
        if name in names:
            return names.index(name)
    raise ConfigError("--sample-index", f"{sample_index!r} is none of {', '.join(names)}")


def pair_of(profile: Profile, column: int) -> tuple[int, int]:
    """The columns of objects and bytes that `column` is one of, -1 for what the profile does not have."""
    name = profile.sample_types[column].type
    for pair in _PAIRS:
        if name in pair and profile.kind == ProfileKind.HEAP:
            objects, space = (profile.index_of(part) for part in pair)
            return (-1 if objects is None else objects, -1 if space is None else space)
    return -1, -1


class Nodes:
    """Numbers for functions or lines, in order of first appearance, shared by the profiles of one table."""

    def __init__(self, by_line: bool) -> None:
        self.by_line = by_line
        self.index: dict[Node, int] = {}

    def of_frames(self, profile: Profile) -> tuple[memoryview, memoryview]:
        """Frame offsets by location and the node of each frame: the lines of `profile`, and one for each location without."""
        index = self.index
        binaries = [self._named(_binary(mapping.file), "", 0) for mapping in profile.mappings]
        binaries.append(self._named("<unknown>", "", 0))  # what -1 picks
        location_nodes = int64_column([binaries[mapping] for mapping in profile.location_mappings])
        if self.by_line:
            return self._of_lines(profile, location_nodes)
        names = profile.function_names
        function_nodes = int64_column([index.setdefault((name, "", 0), len(index)) if name else -1 for name in names])
        return frames_by_function(profile.line_offsets, profile.line_functions, function_nodes, location_nodes)

    def _of_lines(self, profile: Profile, location_nodes: memoryview) -> tuple[memoryview, memoryview]:
        offsets, functions, numbers = profile.line_offsets, profile.line_functions, profile.line_numbers
        names, files = profile.function_names, profile.function_files
        frame_offsets, frame_nodes = [0], []
        for location, without in enumerate(location_nodes):
            for line in range(offsets[location], offsets[location + 1]):
                function = functions[line]
                named = function >= 0 and names[function]
                frame_nodes.append(self._named(names[function], files[function], numbers[line]) if named else without)
            if offsets[location] == offsets[location + 1]:
                frame_nodes.append(without)
            frame_offsets.append(len(frame_nodes))
        return int64_column(frame_offsets), int64_column(frame_nodes)

    def _named(self, name: str, file: str, line: int) -> int:
        return self.index.setdefault((name, file, line), len(self.index))


class Summed:
    """The sums of one column of one profile by node, and where each node's frames are."""

    __slots__ = ("frame_nodes", "frame_offsets", "sums")

    def __init__(self, profile: Profile, column: int, nodes: Nodes, of_cum: bool) -> None:
        self.frame_offsets, self.frame_nodes = nodes.of_frames(profile)
        self.sums = aggregate(
            profile.values,
            len(profile.sample_types),
            column,
            profile.block_bytes,
            *pair_of(profile, column),
            profile.period,
            profile.stack_offsets,
            profile.stack_locations,
            self.frame_offsets,
            self.frame_nodes,
            len(nodes.index),
            of_cum,
        )

    def places(self, profile: Profile, shown: list[int]) -> dict[int, tuple[str, int]]:
        """(file, line) of each node shown: of the location through which most of its flat value came."""
        largest = largest_frames(self.frame_nodes, self.sums.frame_flat, len(self.sums.flat))
        places = {}
        for node in shown:
            frame = largest[node] if node < len(largest) else -1
            if frame >= 0:
                location = self._location_of(frame)
                line = profile.line_offsets[location] + frame - self.frame_offsets[location]
                if line < profile.line_offsets[location + 1] and profile.line_functions[line] >= 0:
                    places[node] = (profile.function_files[profile.line_functions[line]], profile.line_numbers[line])
        return places

    def _location_of(self, frame: int) -> int:
        """The location whose frames `frame` is among: a binary search."""
        low, high = 0, len(self.frame_offsets) - 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.frame_offsets[middle] <= frame else (low, middle)
        return low


def _binary(path: str) -> str:
    base = path.rpartition("/")[2]
    return f"[{base}]" if base else "<unknown>"
