"""A pprof profile in protobuf form to a Profile. The scanning is the kernel's (leakhunt.kernels.wire)."""

from __future__ import annotations

from types import SimpleNamespace

from leakhunt.errors import DecodeError
from leakhunt.kernels.wire import scan
from leakhunt.model.profile import Mapping, Profile, ProfileKind, ValueType

HEAP_SAMPLE_TYPES = ("alloc_objects", "alloc_space", "inuse_objects", "inuse_space")
_UINT64 = 0xFFFF_FFFF_FFFF_FFFF
_DROP_FRAMES, _KEEP_FRAMES, _TIME_NS, _DURATION_NS, _PERIOD, _DEFAULT = 7, 8, 9, 10, 12, 14


def decode(data: bytes, source: str) -> Profile:
    """The profile in `data`, which is not compressed. Raises DecodeError where Go's own reader would refuse it.

    Cost: linear in the input. Shares no memory with `data`."""
    try:
        columns = scan(data)
    except ValueError as error:
        reason, offset = (*error.args, None)[:2]
        raise DecodeError(source, offset, f"is not a readable pprof profile: {reason}") from None
    text = _Strings(data, columns)
    sample_types = tuple(ValueType(text[kind], text[unit]) for kind, unit in columns.sample_types)
    period_type = ValueType(text[columns.period_type[0]], text[columns.period_type[1]])
    scalars = columns.scalars
    strings = columns.function_strings
    return Profile(
        source=source,
        kind=kind_of(sample_types),
        sample_types=sample_types,
        default_sample_type=text[scalars[_DEFAULT]],
        values=columns.values,
        stack_offsets=columns.stack_offsets,
        stack_locations=columns.stack_locations,
        block_bytes=columns.block_bytes,
        line_offsets=columns.line_offsets,
        line_functions=columns.line_functions,
        line_numbers=columns.line_numbers,
        location_addresses=columns.location_addresses,
        location_mappings=columns.location_mappings,
        function_names=[text[i] for i in strings[0::2]],
        function_files=[text[i] for i in strings[1::2]],
        mappings=_mappings(columns, text),
        period=scalars[_PERIOD],
        period_type=period_type,
        time_ns=scalars[_TIME_NS],
        duration_ns=scalars[_DURATION_NS],
        drop_frames=text[scalars[_DROP_FRAMES]],
        keep_frames=text[scalars[_KEEP_FRAMES]],
        comments=tuple(text[i] for i in columns.comments),
    )


def kind_of(sample_types: tuple[ValueType, ...]) -> ProfileKind:
    """What a profile with these sample types measures."""
    names = [value_type.type for value_type in sample_types]
    if set(names) & set(HEAP_SAMPLE_TYPES) or names == ["objects", "space"]:  # the latter from text without alloc columns
        return ProfileKind.HEAP
    if names == ["goroutine"]:
        return ProfileKind.GOROUTINE
    if names == ["goroutineleak"]:
        return ProfileKind.GOROUTINE_LEAK
    return ProfileKind.OTHER


def refusal(profile: Profile) -> str | None:
    """Why leakhunt does not read `profile`, as a sentence without its subject; None where it does."""
    names = [value_type.type for value_type in profile.sample_types]
    if profile.kind == ProfileKind.OTHER:
        if "cpu" in names or profile.period_type.type == "cpu":
            return "is a CPU profile: it says where time goes, not memory; fetch /debug/pprof/heap instead"
        if "contentions" in names or "delay" in names:
            return "is a mutex or block profile: it says where goroutines wait, not what is in memory; fetch /debug/pprof/heap"
        shown = ", ".join(name for name in names if name)[:100] or "nothing it names"
        return f"is a profile of {shown}, not of Go's heap or goroutines; fetch /debug/pprof/heap instead"
    files = [file for file in profile.function_files if file and not file.startswith("<")]
    if files and not any(file.endswith((".go", ".s")) for file in files):
        return f"is a profile of a program that is not Go (its source files are like {files[0][-60:]}); leakhunt reads Go's"
    return None


class _Strings:
    """The string table, decoded on demand."""

    __slots__ = ("_data", "_ends", "_starts")

    def __init__(self, data: bytes, columns: SimpleNamespace) -> None:
        self._data, self._starts, self._ends = data, columns.string_starts, columns.string_ends

    def __getitem__(self, index: int) -> str:
        return self._data[self._starts[index] : self._ends[index]].decode("utf-8", "surrogateescape")


def _mappings(columns: SimpleNamespace, text: _Strings) -> tuple[Mapping, ...]:
    mappings = []
    for i in range(0, len(columns.mapping_numbers), 5):
        start, limit, offset, file, build_id = columns.mapping_numbers[i : i + 5]
        mappings.append(Mapping(text[file], text[build_id], start & _UINT64, limit & _UINT64, offset & _UINT64))
    return tuple(mappings)
