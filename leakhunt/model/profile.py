"""One pprof profile as columns, in pprof's own terms (github.com/google/pprof/proto/profile.proto).

Holds what was decoded and nothing derived; `leakhunt.decode` fills it, `leakhunt.measure` reads it. Columns are
memoryviews of int64 (format "q") over memory that the decoder owns: `numpy.asarray(column)` shares it without a copy, and
a command that shows one profile need not load numpy at all.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class ProfileKind(StrEnum):
    """What a profile measures, told by its sample types and period type, never by its name."""

    HEAP = "heap"
    GOROUTINE = "goroutine"
    GOROUTINE_LEAK = "goroutineleak"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ValueType:
    """One column of a profile's samples: `inuse_space` in `bytes`."""

    type: str
    unit: str


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapped binary. Two profiles come from the same build when their first mappings' build ids agree."""

    file: str
    build_id: str
    start: int = 0
    limit: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
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

    source: str
    kind: ProfileKind
    sample_types: tuple[ValueType, ...]
    default_sample_type: str
    values: memoryview
    stack_offsets: memoryview
    stack_locations: memoryview
    block_bytes: memoryview
    line_offsets: memoryview
    line_functions: memoryview
    line_numbers: memoryview
    location_addresses: memoryview
    location_mappings: memoryview
    function_names: list[str]
    function_files: list[str]
    mappings: tuple[Mapping, ...]
    period: int
    period_type: ValueType
    time_ns: int
    duration_ns: int = 0
    drop_frames: str = ""
    keep_frames: str = ""
    comments: tuple[str, ...] = ()
    memstats: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

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
