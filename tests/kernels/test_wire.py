"""The wire kernel by itself: every shape the wire format allows, and where what it refuses is. Whole profiles are held to
protobuf and to Go in tests/decode."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.kernels.wire import scan
from tests.bench.make import field, varint

TYPES = field(1, b"\x08\x01\x10\x02")
STRINGS = b"".join(field(6, text) for text in (b"", b"space", b"bytes"))


def location(number: int, *more: bytes) -> bytes:
    return field(4, b"\x08" + varint(number) + b"".join(more))


def test_fields_in_any_order_and_unknown_ones_are_read_over() -> None:
    unknown = varint(99 << 3) + varint(7) + varint(98 << 3 | 1) + bytes(8) + varint(97 << 3 | 5) + bytes(4) + field(96, b"xyz")
    sample = unknown + field(2, b"\x05") + unknown + field(1, b"\x02\x01")
    columns = scan(unknown + STRINGS + field(2, sample) + location(1, unknown) + b"\x60\x09" + TYPES + location(2) + unknown)
    assert columns.values.tolist() == [5]
    assert columns.stack_locations.tolist() == [1, 0]
    assert columns.scalars[12] == 9
    assert columns.sample_types == [(1, 2)]


def test_a_sample_may_give_its_numbers_in_pieces() -> None:
    sample = field(1, b"\x01") + b"\x08\x02" + field(2, b"") + field(1, b"\x03\x01") + b"\x10\x07"
    columns = scan(TYPES + STRINGS + field(2, sample) + location(1) + location(2) + location(3))
    assert columns.stack_locations.tolist() == [0, 1, 2, 0]
    assert columns.values.tolist() == [7]


@given(st.lists(st.integers(1, (1 << 64) - 1), min_size=1, max_size=30, unique=True), st.data())
def test_ids_of_any_kind_become_positions(ids: list[int], data: st.DataObject) -> None:
    stack = data.draw(st.lists(st.sampled_from(ids), max_size=40))
    sample = field(1, b"".join(map(varint, stack))) + field(2, b"\x01")
    columns = scan(TYPES + STRINGS + field(2, sample) + b"".join(map(location, ids)))
    assert columns.stack_locations.tolist() == [ids.index(number) for number in stack]


@given(st.integers(0, (1 << 64) - 1))
def test_numbers_have_up_to_ten_bytes(number: int) -> None:
    signed = number - (1 << 64) if number >> 63 else number
    groups = [number >> 7 * i & 127 for i in range(10)]
    long = bytes([*(group | 128 for group in groups[:9]), groups[9]])
    for encoded in (varint(number), long):
        columns = scan(TYPES + STRINGS + field(2, field(2, encoded)))
        assert columns.values.tolist() == [signed]


def test_the_size_is_the_first_number_labelled_bytes() -> None:
    def label(key: int, number: int, text: int = 0) -> bytes:
        return field(3, b"\x08" + varint(key) + b"\x10" + varint(text) + b"\x18" + varint(number))

    sample = label(1, 5) + label(2, 0, text=1) + label(2, 48) + label(2, 64) + field(2, b"\x01")
    assert scan(TYPES + field(2, sample) + STRINGS).block_bytes.tolist() == [48]


@pytest.mark.parametrize(
    ("data", "reason", "offset"),
    [
        (TYPES + b"\x12", "a number is cut off", 7),
        (TYPES + b"\x12\x05\x08", "a field declares 5 bytes where 1 are left", 6),
        (TYPES + b"\x60" + b"\xff" * 11, "a number has more than ten bytes", 7),
        (TYPES + b"\x0b", "wire type 3 is not in use", 6),
        (TYPES + b"\x61\x00", "a fixed-size field is cut off", 6),
        (TYPES + b"\x10\x01", "field 2 has wire type 0 where 2 belongs", 8),
        (TYPES + b"\x22\x00", "a location without an id", 8),
        (TYPES + STRINGS + field(2, b"\x10\x01\x10\x02"), "sample 0 has 2 values where there are 1 sample types", 28),
        (TYPES, "there is no string table", None),
        (TYPES + field(6, b"x"), "the first string is not empty", None),
        (TYPES + field(6, b""), "string 1 is used, and there are 1", None),
        (TYPES + STRINGS + location(1) + location(2) + location(1), "two locations have the id 1", None),
        (TYPES + STRINGS + b"\x48\x05\x48\x06", "two profiles follow each other in it", None),
        (STRINGS + field(2, b""), "it has samples and no sample type", None),
    ],
)
def test_what_is_refused_is_named_with_its_place(data: bytes, reason: str, offset: int | None) -> None:
    with pytest.raises(ValueError, match=reason) as refusal:
        scan(data)
    assert refusal.value.args == ((reason,) if offset is None else (reason, offset))
