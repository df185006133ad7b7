"""One pprof profile as columns, in pprof's own terms (github.com/google/pprof/proto/profile.proto).

Holds what was decoded and nothing derived; `leakhunt.decode` fills it, `leakhunt.measure` reads it. Columns are
memoryviews of int64 (format "q") over memory that the decoder owns: `numpy.asarray(column)` shares it without a copy, and
a command that shows one profile need not load numpy at all. For the same reason the classes are plain ones: `dataclasses`
and `enum` take longer to import than a profile of 5 000 samples takes to read.
"""

from __future__ import annotations

from collections.abc import Sequence


class ProfileKind(str):
    """What a profile measures, told by its sample types and period type, never by its name. Equal to its own text."""

    __slots__ = ()
    HEAP: ProfileKind
    GOROUTINE: ProfileKind
    GOROUTINE_LEAK: ProfileKind
    OTHER: ProfileKind


ProfileKind.HEAP = ProfileKind("heap")
ProfileKind.GOROUTINE = ProfileKind("goroutine")
ProfileKind.GOROUTINE_LEAK = ProfileKind("goroutineleak")
ProfileKind.OTHER = ProfileKind("other")


class _Record:
    """Equality and repr by `__slots__`, which the subclasses fill in `__init__` and do not change afterwards."""

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Record) and type(self) is type(other) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(tuple(self._fields().values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._fields().items())})"

    def _fields(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__slots__}


class ValueType(_Record):
    """One column of a profile's samples: `inuse_space` in `bytes`."""

    __slots__ = ("type", "unit")

    def __init__(self, type: str, unit: str) -> None:
        self.type = type
        self.unit = unit


class Mapping(_Record):
    """A mapped binary. Two profiles come from the same build when their first mappings' build ids agree."""

    __slots__ = ("build_id", "file", "limit", "offset", "start")

    def __init__(self, file: str, build_id: str, start: int = 0, limit: int = 0, offset: int = 0) -> None:
        self.file = file
        self.build_id = build_id
        self.start = start
        self.limit = limit
        self.offset = offset


class Profile(_Record):
    """One profile, checked: every id it holds is an index that exists.

    With S samples, T sample types, L locations, N lines and F functions:

    values             int64[S * T], sample by sample: `values[s * T + t]`
    stack_offsets      int64[S + 1]; sample s has the locations `stack_locations[stack_offsets[s]:stack_offsets[s + 1]]`
    stack_locations    int64[...], location indices, leaf first
    block_bytes        int64[S], the numeric label `bytes` (a heap sample's object size), 0 where there is none
    line_offsets       int64[L + 1]; location l has the lines `line_offsets[l]` to `line_offsets[l + 1]`, innermost
                       inlined call first
    line_functions     int64[N], function indices, -1 where the location's line names no function
    line_numbers       int64[N], 1-based source lines, 0 where unknown
    location_addresses int64[L], program counters (uint64 bits), 0 where unknown
    location_mappings  int64[L], indices into `mappings`, -1 where unknown
    function_names, function_files   F strings; bytes that are not UTF-8 are kept as lone surrogates (surrogateescape)
    period             mean `period_type` units between samples; for heap profiles, bytes (524 288 by default)
    time_ns            when it was taken, nanoseconds since 1970, 0 where unknown
    memstats           the `# Name = value` lines of a text profile (`heap?debug=1`), empty for protobuf
    notes              doubts of the decoder, each a sentence
    """

    __slots__ = (
        "block_bytes",
        "comments",
        "default_sample_type",
        "drop_frames",
        "duration_ns",
        "function_files",
        "function_names",
        "keep_frames",
        "kind",
        "line_functions",
        "line_numbers",
        "line_offsets",
        "location_addresses",
        "location_mappings",
        "mappings",
        "memstats",
        "notes",
        "period",
        "period_type",
        "sample_types",
        "source",
        "stack_locations",
        "stack_offsets",
        "time_ns",
        "values",
    )

    def __init__(
        self,
        *,
        source: str,
        kind: ProfileKind,
        sample_types: tuple[ValueType, ...],
        default_sample_type: str,
        values: memoryview,
        stack_offsets: memoryview,
        stack_locations: memoryview,
        block_bytes: memoryview,
        line_offsets: memoryview,
        line_functions: memoryview,
        line_numbers: memoryview,
        location_addresses: memoryview,
        location_mappings: memoryview,
        function_names: Sequence[str],
        function_files: Sequence[str],
        mappings: tuple[Mapping, ...],
        period: int,
        period_type: ValueType,
        time_ns: int,
        duration_ns: int = 0,
        drop_frames: str = "",
        keep_frames: str = "",
        comments: tuple[str, ...] = (),
        memstats: dict[str, int] | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.source = source
        self.kind = kind
        self.sample_types = sample_types
        self.default_sample_type = default_sample_type
        self.values = values
        self.stack_offsets = stack_offsets
        self.stack_locations = stack_locations
        self.block_bytes = block_bytes
        self.line_offsets = line_offsets
        self.line_functions = line_functions
        self.line_numbers = line_numbers
        self.location_addresses = location_addresses
        self.location_mappings = location_mappings
        self.function_names = function_names
        self.function_files = function_files
        self.mappings = mappings
        self.period = period
        self.period_type = period_type
        self.time_ns = time_ns
        self.duration_ns = duration_ns
        self.drop_frames = drop_frames
        self.keep_frames = keep_frames
        self.comments = comments
        self.memstats = {} if memstats is None else memstats
        self.notes = notes

    __hash__ = None  # type: ignore[assignment]  # its columns are mutable buffers

    @property
    def samples(self) -> int:
        """Number of samples, S."""
        return len(self.stack_offsets) - 1

    @property
    def build_id(self) -> str:
        """The main binary's build id, "" where the profile has none."""
        return self.mappings[0].build_id if self.mappings else ""

    def index_of(self, sample_type: str) -> int | None:
        """Column of `sample_type` (`inuse_space`), None where the profile has no such column."""
        return next((i for i, value_type in enumerate(self.sample_types) if value_type.type == sample_type), None)
