"""The walker on bytes that are not what they claim: it raises ValueError, and reads nothing outside."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakhunt.decode.dwarfentries import DwarfEntries, _abbreviations
from leakhunt.decode.godwarf import GoDwarf
from leakhunt.errors import DecodeError
from leakhunt.kernels import dwarf
from tests.specimens import specimen


@given(st.binary(max_size=300), st.binary(max_size=120))
@settings(max_examples=300, deadline=None)
def test_any_bytes_raise_only_the_decoders_error(info: bytes, abbrev: bytes) -> None:
    header = (len(info) + 7).to_bytes(4, "little") + b"\x04\0" + bytes(4) + b"\x08"
    sections = {"info": header + info, "abbrev": abbrev, "str": b"", "line_str": b"", "addr": b"", "loc": b"", "loclists": b""}
    try:
        found = GoDwarf(sections, "bytes", 0, 1)
        found.variables()
        found.locals_at(1)
    except DecodeError:
        pass


@given(st.integers(0, 2**31), st.binary(min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_a_damaged_section_raises_only_the_decoders_error(go: str, at: int, junk: bytes) -> None:
    from leakhunt.decode.elfimage import read_image

    image = read_image(specimen().binary)
    names = "info abbrev str line_str addr loc loclists".split()
    sections = {name: image.section(f".debug_{name}") or b"" for name in names}
    target = "abbrev" if at % 2 else "info"
    data = bytearray(sections[target])
    data[at % len(data) : at % len(data) + len(junk)] = junk
    try:
        found = GoDwarf(sections | {target: bytes(data)}, "damaged", 0, 1 << 40)
        for variable in found.variables()[:50]:
            found.type(variable.type_id)
    except DecodeError:
        pass


def test_every_truncation_of_a_unit_is_refused() -> None:
    abbrev = bytes([1, 0x11, 1, 0x03, 0x08, 0x11, 0x01, 0, 0, 2, 0x34, 0, 0x03, 0x08, 0x49, 0x13, 0x02, 0x18, 0, 0, 0])
    body = b"\x01main\0" + (0x1000).to_bytes(8, "little") + b"\x02x\0" + (7).to_bytes(4, "little") + b"\x02\x91\x08" + b"\0"
    tables = _abbreviations(abbrev, 0)
    rows = np.empty((2, dwarf.COLUMNS), np.int64)
    assert dwarf.walk_unit(body, 0, 0, len(body), 4, 4, 8, *tables, True, rows, 0) == 2
    assert rows[1, [0, 1, 2, 5]].tolist() == [14, 0x34, 0, 7]
    for end in range(1, len(body) - 1):
        if end == 14:
            continue  # a unit of one entry, which ends where it should
        with pytest.raises(ValueError, match="debugging information"):
            dwarf.walk_unit(body, 0, 0, end, 4, 4, 8, *tables, True, rows, 0)
    with pytest.raises(ValueError, match="more entries"):
        dwarf.walk_unit(body, 0, 0, len(body), 4, 4, 8, *tables, True, rows[:1], 0)


def test_units_of_unknown_versions_are_refused() -> None:
    with pytest.raises(DecodeError, match="version 9"):
        DwarfEntries(b"\x10\0\0\0\x09\0" + bytes(14), b"", "x")
