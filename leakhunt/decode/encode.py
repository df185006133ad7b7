"""A Profile to bytes that `go tool pprof` opens. Writing goes through the protobuf module: it is rare, and small."""

from __future__ import annotations

import gzip

from leakhunt.decode import profile_pb2 as pb
from leakhunt.model.profile import Profile, ValueType

_UINT64 = 0xFFFF_FFFF_FFFF_FFFF


def encode(profile: Profile) -> bytes:
    """`profile` in protobuf form, not compressed. Decoding gives the same profile, but for its source, memstats and notes.

    Cost: linear, with Python work for each sample and frame. The same profile gives the same bytes."""
    strings = _Strings()
    out = pb.Profile()
    for value_type in profile.sample_types:
        out.sample_type.append(_value_type(value_type, strings))
    label = strings("bytes") if any(profile.block_bytes) else 0
    width = len(profile.sample_types)
    for sample in range(profile.samples):
        stack = profile.stack_locations[profile.stack_offsets[sample] : profile.stack_offsets[sample + 1]]
        message = out.sample.add()
        message.location_id.extend([location + 1 for location in stack])
        message.value.extend(profile.values[sample * width : (sample + 1) * width].tolist())
        if profile.block_bytes[sample]:
            message.label.add(key=label, num=profile.block_bytes[sample])
    for i, mapping in enumerate(profile.mappings, 1):
        out.mapping.add(
            id=i, memory_start=mapping.start, memory_limit=mapping.limit, file_offset=mapping.offset,
            filename=strings(mapping.file), build_id=strings(mapping.build_id),
            has_functions=bool(profile.function_names),
        )  # fmt: skip
    for i, (mapping_index, address) in enumerate(zip(profile.location_mappings, profile.location_addresses, strict=True)):
        location = out.location.add(id=i + 1, mapping_id=mapping_index + 1, address=address & _UINT64)
        for line in range(profile.line_offsets[i], profile.line_offsets[i + 1]):
            location.line.add(function_id=profile.line_functions[line] + 1, line=profile.line_numbers[line])
    for i, (name, file) in enumerate(zip(profile.function_names, profile.function_files, strict=True), 1):
        out.function.add(id=i, name=strings(name), system_name=strings(name), filename=strings(file))
    out.drop_frames, out.keep_frames = strings(profile.drop_frames), strings(profile.keep_frames)
    out.time_nanos, out.duration_nanos = profile.time_ns, profile.duration_ns
    out.period_type.CopyFrom(_value_type(profile.period_type, strings))
    out.period = profile.period
    out.comment.extend([strings(comment) for comment in profile.comments])
    out.default_sample_type = strings(profile.default_sample_type)
    out.string_table.extend(strings.table)
    return bytes(out.SerializeToString(deterministic=True))


def encode_gzip(profile: Profile) -> bytes:
    """`encode`, compressed as Go writes profiles; the same profile gives the same bytes."""
    return gzip.compress(encode(profile), mtime=0)


class _Strings:
    """The string table: indices for texts, in order of first use, "" first."""

    def __init__(self) -> None:
        self._index = {"": 0}

    def __call__(self, text: str) -> int:
        return self._index.setdefault(text, len(self._index))

    @property
    def table(self) -> list[bytes]:
        """The texts as bytes; lone surrogates are the bytes that were not UTF-8."""
        return [text.encode("utf-8", "surrogateescape") for text in self._index]


def _value_type(value_type: ValueType, strings: _Strings) -> pb.ValueType:
    return pb.ValueType(type=strings(value_type.type), unit=strings(value_type.unit))
