"""The entries of a program's debugging information (DWARF 4 and 5) as rows of numbers, and the way from one to another.

`leakhunt.kernels.dwarf` walks them; what they mean is `leakhunt.decode.godwarf`. Two thirds of a Go program's entries are the
parameters and variables of its functions, and a question is about few functions: their rows are read when first asked for
(2.3 MiB of rows in place of 7.2 for a program of 2.6 MB). Rows of one program are numbered as they are read, those of
functions' bodies behind all others. Cost: one pass; 184 bytes an entry outside functions while the binary is open.
"""

import bisect
import struct
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from leakhunt.errors import DecodeError
from leakhunt.kernels import dwarf as kernel

SUBPROGRAM = 0x2E  # DW_TAG_subprogram
# Columns of a row, see the kernel.
OFFSET, TAG, PARENT, NAME, NAME_SECTION, TYPE, SIZE, AT, LOW, HIGH, HIGH_IS_LENGTH = range(11)
LOCATION, LOCATION_LENGTH, KIND, RUNTIME_TYPE, ELEMENT, KEY, ORIGIN, CLOSURE = range(11, 19)
ADDRESS_BASE, LISTS_BASE, ADDRESS_INDEX = range(19, 22)
_MAX_CHILDREN = 1 << 16

_Unit = tuple[int, int, int, int, int, int, int]


class DwarfEntries:
    """All entries of one `.debug_info`. `rows` has a row for each that has been read, in the kernel's columns.

    Raises DecodeError where the section is damaged.
    """

    def __init__(self, info: bytes, abbrev: bytes, source: str) -> None:
        self._info = info
        try:
            self._units = list(_units(info))
            self._tables = {at: _abbreviations(abbrev, at) for at in {unit[-1] for unit in self._units}}
            self.rows = self._walk(self._units, False)
        except (ValueError, OverflowError, IndexError, struct.error) as error:
            raise DecodeError(source, None, f"broken debugging information ({error})") from None
        self.outside = len(self.rows)  # rows of entries outside the bodies of functions; those of bodies follow
        self._read = self.outside
        self._offsets: NDArray[np.int64] = np.ascontiguousarray(self.rows[:, OFFSET])
        self.tags: NDArray[np.int64] = np.ascontiguousarray(self.rows[:, TAG])
        self._bodies: dict[int, dict[int, int]] = {}  # row of a function: rows of its body by offset
        self._below: dict[int, list[int]] = {}  # children of functions, and of what is in them

    def row_at(self, offset: int) -> int:
        """The row of the entry at `offset`, -1 where none begins."""
        i = int(np.searchsorted(self._offsets, offset, "right")) - 1
        if i < 0 or self._offsets[i] == offset:
            return i
        return self._body(i).get(offset, -1) if self.tags[i] == SUBPROGRAM else -1

    def number(self, row: int, column: int) -> int:
        """One number of a row, -1 where the entry has none."""
        return int(self.rows[row, column])

    def children(self, row: int) -> list[int]:
        """The rows below a row."""
        if row >= self.outside or self.tags[row] == SUBPROGRAM:
            if row < self.outside:
                self._body(row)
            return self._below.get(row, [])[:_MAX_CHILDREN]
        start, end = np.searchsorted(self._child_parents, [row, row + 1])
        rows: list[int] = self._child_rows[start : min(int(end), int(start) + _MAX_CHILDREN)].tolist()
        return rows

    def unit_of(self, row: int) -> int:
        """The row of the unit that a row belongs to."""
        while row >= self.outside:
            row = int(self.rows[row, PARENT])
        return int(self._unit_rows[np.searchsorted(self._unit_rows, row, "right") - 1])

    @cached_property
    def _child_rows(self) -> NDArray[np.int64]:
        return np.argsort(self.rows[: self.outside, PARENT], kind="stable")

    @cached_property
    def _child_parents(self) -> NDArray[np.int64]:
        return np.ascontiguousarray(self.rows[self._child_rows, PARENT])

    @cached_property
    def _unit_rows(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.rows[: self.outside, PARENT] < 0)

    def _body(self, function: int) -> dict[int, int]:
        """Rows of the body of the function at row `function`, by offset; read here the first time."""
        if function not in self._bodies:
            offset = int(self._offsets[function])
            unit = self._units[bisect.bisect_right(self._units, offset, key=lambda unit: unit[0]) - 1]
            body = self._walk([(unit[0], offset, *unit[2:])], True)[1:]
            first, self._read = self._read, self._read + len(body)
            if self._read > len(self.rows):
                grown = np.empty((self._read + self._read // 8, kernel.COLUMNS), np.int64)
                grown[:first] = self.rows[:first]
                self.rows = grown
            body[:, PARENT] = np.where(body[:, PARENT] > 0, body[:, PARENT] + first - 1, function)
            self.rows[first : self._read] = body
            for row, parent in enumerate(body[:, PARENT].tolist(), first):
                self._below.setdefault(parent, []).append(row)
            self._bodies[function] = {at: row for row, at in enumerate(body[:, OFFSET].tolist(), first)}
        return self._bodies[function]

    def _walk(self, units: list[_Unit], bodies: bool) -> NDArray[np.int64]:
        """Rows of the entries of some units, with or without those below functions."""
        nothing = np.empty((0, kernel.COLUMNS), np.int64)
        rows, total = nothing, 0
        for _ in range(2):  # the first time they are counted
            row = 0
            for unit, first, end, version, offset_bytes, address_bytes, table in units:
                form = version, offset_bytes, address_bytes
                row = kernel.walk_unit(self._info, unit, first, end, *form, *self._tables[table], bodies, rows, row)
            if not row:
                break
            rows = rows if total else np.empty((row, kernel.COLUMNS), np.int64)
            total = row
        return rows


def _units(info: bytes) -> Iterator[_Unit]:
    """(offset, first entry, end, version, offset bytes, address bytes, abbreviations' offset) of each unit."""
    at = 0
    while at + 4 <= len(info):
        unit = at
        (length,) = struct.unpack_from("<I", info, at)
        at, offset_bytes = at + 4, 4
        if length == 0xFFFFFFFF:
            (length,) = struct.unpack_from("<Q", info, at)
            at, offset_bytes = at + 8, 8
        end = at + length
        (version,) = struct.unpack_from("<H", info, at)
        if not 2 <= version <= 5 or end > len(info) or length == 0:
            raise ValueError(f"unit of version {version} at {unit:#x}")
        form = "<I" if offset_bytes == 4 else "<Q"
        if version >= 5:
            unit_type, address_bytes = info[at + 2], info[at + 3]
            (table,) = struct.unpack_from(form, info, at + 4)
            first = at + 4 + offset_bytes + (8 if unit_type in (4, 5) else 8 + offset_bytes if unit_type in (2, 6) else 0)
        else:
            (table,) = struct.unpack_from(form, info, at + 2)
            address_bytes = info[at + 2 + offset_bytes]
            first = at + 3 + offset_bytes
        yield unit, first, end, version, offset_bytes, address_bytes, table
        at = end


def _abbreviations(data: bytes, at: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A table of abbreviations, as the kernel takes it."""
    codes: dict[int, tuple[int, int, int, int]] = {}
    specifications: list[tuple[int, int, int]] = []
    while True:
        code, at = leb(data, at)
        if code == 0:
            break
        tag, at = leb(data, at)
        children, at = data[at], at + 1
        start = len(specifications)
        while True:
            attribute, at = leb(data, at)
            form, at = leb(data, at)
            if attribute == 0 and form == 0:
                break
            constant = 0
            if form == 0x21:
                constant, at = leb(data, at, signed=True)
            specifications.append((attribute, form, constant))
        codes[code] = (tag, children, start, len(specifications))
    if max(codes, default=0) > 2 * len(codes) + 1024:  # compilers number them densely; the kernel wants a table
        raise ValueError(f"abbreviation number {max(codes)}")
    table = np.zeros((max(codes, default=0) + 1, 4), np.int64)
    for code, row in codes.items():
        table[code] = row
    return table, np.array(specifications, np.int64).reshape(-1, 3)


def leb(data: bytes, at: int, signed: bool = False) -> tuple[int, int]:
    """The LEB128 number at byte `at`, and where it ends. Raises ValueError where it does not."""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("debugging information ends inside a number")
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    if signed and byte & 64:
        value -= 1 << shift
    return value, at
