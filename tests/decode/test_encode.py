"""Writing and reading are inverse, and Go reads what is written."""

import subprocess
import zlib
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leakhunt.decode import pprof, profile_pb2
from leakhunt.decode.encode import encode, encode_gzip
from leakhunt.errors import DecodeError
from leakhunt.model.profile import Profile
from tests.decode.build import INT64, make_profile, profiles


@given(profiles())
def test_decode_of_encode_is_identity(profile: Profile) -> None:
    assert pprof.decode(encode(profile), "made") == profile


@given(profiles(), st.data())
def test_a_truncated_profile_is_refused_or_smaller(profile: Profile, data: st.DataObject) -> None:
    encoded = encode(profile)
    read = decoded(encoded[: data.draw(st.integers(0, len(encoded)))])
    assert read is None or read.samples <= profile.samples


@given(profiles(), st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_profile_is_refused_or_read(profile: Profile, data: st.DataObject) -> None:
    encoded = bytearray(encode(profile))
    for _ in range(data.draw(st.integers(1, 4))):
        if encoded:
            encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    check(decoded(bytes(encoded)))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    check(decoded(data))


@given(st.lists(INT64, max_size=6), st.booleans(), st.booleans())
def test_packed_and_unpacked_numbers_are_the_same(values: list[int], pack_values: bool, pack_stack: bool) -> None:
    """The wire form by hand: protobuf itself writes packed only."""
    message = profile_pb2.Profile(string_table=[b"", b"space", b"bytes"])
    message.sample_type.extend([profile_pb2.ValueType(type=1, unit=2)] * len(values))
    message.location.add(id=9, address=1)
    message.location.add(id=300, address=2)
    sample = numbers(2, [value & (1 << 64) - 1 for value in values], pack_values) + numbers(1, [300, 9, 300], pack_stack)
    data = message.SerializeToString() + (b"\x12" + varint(len(sample)) + sample if values else b"")
    profile = pprof.decode(data, "by hand")
    assert list(profile.values) == values
    assert list(profile.stack_locations) == ([1, 0, 1] if values else [])


def test_go_reads_what_is_written(gopprof: str, tmp_path: Path) -> None:
    profile = make_profile(
        [([0, 1], [3, 300, 2, 200], 100), ([1], [1, 1 << 40, -1, -(1 << 40)], 1 << 40)],
        [(0x1000, -1, [(0, 7), (1, 8)]), (0x2000, -1, [(1, 9)])],
        [("main.leaf", "/src/leaf.go"), ("main.caller[...]", "/src/caller.go")],
        comments=("made by hand",),
    )
    path = tmp_path / "made.pb.gz"
    path.write_bytes(encode_gzip(profile))
    raw = subprocess.run([gopprof, "-raw", str(path)], capture_output=True, text=True, check=True).stdout
    assert "made by hand" in raw
    assert "          3        300          2        200: 1 2 \n                bytes:[100]" in raw
    assert "0x1000 M=1 main.leaf /src/leaf.go:7:0 s=0\n" in raw


def decoded(data: bytes) -> Profile | None:
    """The profile, or None where it is refused, in one line; any other exception fails the test."""
    try:
        return pprof.decode(data, "made")
    except DecodeError as error:
        line = str(error)
    assert "\n" not in line
    return None


def check(profile: Profile | None) -> None:
    """Every number of a profile that was read points to something that is there."""
    if profile is None:
        return
    locations, functions = len(profile.location_addresses), len(profile.function_names)
    assert len(profile.values) == profile.samples * len(profile.sample_types)
    assert list(profile.stack_offsets) == sorted(profile.stack_offsets)
    assert profile.stack_offsets[-1] == len(profile.stack_locations)
    assert all(0 <= location < locations for location in profile.stack_locations)
    assert profile.line_offsets[-1] == len(profile.line_functions) == len(profile.line_numbers)
    assert all(-1 <= function < functions for function in profile.line_functions)
    assert all(-1 <= mapping < len(profile.mappings) for mapping in profile.location_mappings)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def numbers(field: int, values: list[int], packed: bool) -> bytes:
    if packed:
        payload = b"".join(map(varint, values))
        return varint(field << 3 | 2) + varint(len(payload)) + payload
    return b"".join(varint(field << 3) + varint(value) for value in values)


def test_compressed_output_does_not_depend_on_the_time() -> None:
    profile = make_profile([([], [0, 0, 0, 1], 0)], [], [])
    assert encode_gzip(profile) == encode_gzip(profile)
    assert zlib.decompress(encode_gzip(profile), wbits=31) == encode(profile)
