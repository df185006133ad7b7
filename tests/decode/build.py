"""Profiles for tests: small ones by hand, any ones by hypothesis."""

from array import array
from itertools import accumulate, chain

from hypothesis import strategies as st

from leakhunt.model.profile import Mapping, Profile, ProfileKind, ValueType

HEAP_TYPES = tuple(
    ValueType(name, "bytes" if name.endswith("space") else "count")
    for name in ("alloc_objects", "alloc_space", "inuse_objects", "inuse_space")
)
Location = tuple[int, int, list[tuple[int, int]]]  # address, mapping (-1 none), (function (-1 none), line) innermost first
Sample = tuple[list[int], list[int], int]  # locations leaf first, values, block size


def make_profile(
    samples: list[Sample],
    locations: list[Location],
    functions: list[tuple[str, str]],
    *,
    sample_types: tuple[ValueType, ...] = HEAP_TYPES,
    mappings: tuple[Mapping, ...] = (),
    kind: ProfileKind = ProfileKind.HEAP,
    period: int = 524288,
    time_ns: int = 0,
    drop_frames: str = "",
    keep_frames: str = "",
    comments: tuple[str, ...] = (),
    default_sample_type: str = "",
    duration_ns: int = 0,
) -> Profile:
    lines = [line for _, _, lines in locations for line in lines]
    return Profile(
        source="made",
        kind=kind,
        sample_types=sample_types,
        default_sample_type=default_sample_type,
        values=column(chain.from_iterable(values for _, values, _ in samples)),
        stack_offsets=column(accumulate((len(stack) for stack, _, _ in samples), initial=0)),
        stack_locations=column(chain.from_iterable(stack for stack, _, _ in samples)),
        block_bytes=column(block for _, _, block in samples),
        line_offsets=column(accumulate((len(lines) for _, _, lines in locations), initial=0)),
        line_functions=column(function for function, _ in lines),
        line_numbers=column(line for _, line in lines),
        location_addresses=column(address for address, _, _ in locations),
        location_mappings=column(mapping for _, mapping, _ in locations),
        function_names=[name for name, _ in functions],
        function_files=[file for _, file in functions],
        mappings=mappings,
        period=period,
        period_type=ValueType("space", "bytes"),
        time_ns=time_ns,
        duration_ns=duration_ns,
        drop_frames=drop_frames,
        keep_frames=keep_frames,
        comments=comments,
    )


def column(numbers: object) -> memoryview:
    return memoryview(array("q", numbers))  # type: ignore[arg-type]


INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
# Text as a string table may hold it: bytes that are not UTF-8 show as lone surrogates.
TEXT = st.binary(max_size=12).map(lambda data: data.decode("utf-8", "surrogateescape"))


@st.composite
def profiles(
    draw: st.DrawFn, values: st.SearchStrategy[int] = INT64, sample_types: tuple[ValueType, ...] | None = None
) -> Profile:
    """Any profile that the model can hold, with up to a few of everything."""
    if sample_types is None:
        sample_types = tuple(draw(st.lists(st.builds(ValueType, TEXT, TEXT), min_size=1, max_size=4)))
    mappings = draw(st.lists(st.builds(Mapping, TEXT, TEXT, *[st.integers(0, (1 << 64) - 1)] * 3), max_size=3))
    functions = draw(st.lists(st.tuples(TEXT, TEXT), max_size=5))
    line = st.tuples(st.integers(-1, len(functions) - 1), INT64)
    location = st.tuples(INT64, st.integers(-1, len(mappings) - 1), st.lists(line, max_size=3))
    locations = draw(st.lists(location, max_size=6))
    stack = st.lists(st.integers(0, len(locations) - 1), max_size=5) if locations else st.just([])
    row = st.lists(values, min_size=len(sample_types), max_size=len(sample_types))
    samples = draw(st.lists(st.tuples(stack, row, st.integers(0, 1 << 40)), max_size=6))
    from leakhunt.decode.pprof import kind_of

    return make_profile(
        samples,
        locations,
        functions,
        sample_types=sample_types,
        mappings=tuple(mappings),
        kind=kind_of(sample_types),
        period=draw(INT64),
        time_ns=draw(INT64),
        duration_ns=draw(INT64),
        drop_frames=draw(TEXT),
        keep_frames=draw(TEXT),
        comments=tuple(draw(st.lists(TEXT, max_size=2))),
        default_sample_type=draw(TEXT),
    )
