"""Names of a Go program's variables, and their types, from its debugging information (DWARF 4 to Go 1.24, DWARF 5 from 1.25).

The entries are rows (`leakhunt.decode.dwarfentries`); what a question needs is decoded from them. Types that have an abi.Type
are given by its address, so that DWARF and the runtime agree on what is what; the others (the anonymous struct of a global, a
type that only lives on stacks) are built from their entries.
"""

import bisect
import re
import struct
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from leakhunt.decode import dwarfentries as dwarf
from leakhunt.model.gotype import Capture, Field, GoType, Kind, Local, Variable

_VARIABLE, _PARAMETER, _MEMBER, _SUBRANGE = 0x34, 0x05, 0x0D, 0x21
_POINTER, _STRUCT, _ARRAY, _TYPEDEF, _BASE, _SUBROUTINE = 0x0F, 0x13, 0x01, 0x16, 0x24, 0x15
_INLINED, _BLOCK = 0x1D, 0x0B
_CODE_BYTES = 8  # the address of its code, at the start of a closure
_WRAPPER = re.compile(r"\.(defer|go)wrap\d+$")
_ADDR, _ADDRX, _FBREG, _CALL_FRAME_CFA, _PIECE = 0x03, 0xA1, 0x91, 0x9C, 0x93
_IMPORT_PATH = re.compile(r"[\w.~-]+/(?=[\w.~-])")
_MAX_LOCATION_ENTRIES = 4096


class GoDwarf:
    """The debugging information of one binary. `slide` is added to every address that is given out."""

    def __init__(self, sections: dict[str, bytes], source: str, types: int, end_types: int) -> None:
        self.source = source
        self.slide = 0
        self._sections = sections
        self._entries = dwarf.DwarfEntries(sections["info"], sections["abbrev"], source)
        self._number = self._entries.number
        self._types: dict[int, GoType | None] = {}
        # DW_AT_go_runtime_type is an offset from runtime.types in what was seen (1.21 to 1.27) but for a stray address.
        self._types_base, self._types_bytes = types, end_types - types

    def _name(self, row: int) -> str:
        at, section = self._number(row, dwarf.NAME), self._number(row, dwarf.NAME_SECTION)
        if at < 0 or section < 0:
            origin = self._entries.row_at(self._number(row, dwarf.ORIGIN)) if self._number(row, dwarf.ORIGIN) >= 0 else -1
            return self._name(origin) if origin >= 0 and self._number(origin, dwarf.ORIGIN) < 0 else ""
        data = self._sections[("info", "str", "line_str")[section]]
        end = data.find(b"\0", at, at + (1 << 16))
        return data[at:end].decode("utf-8", "surrogateescape") if end >= 0 else ""

    def _address(self, row: int, value: int, is_index: bool) -> int:
        """A link address, fetched from .debug_addr where `value` is an index of `row`'s unit."""
        if not is_index:
            return value
        base = self._number(self._entries.unit_of(row), dwarf.ADDRESS_BASE)
        at = max(base, 0) + 8 * value
        data = self._sections["addr"]
        return struct.unpack_from("<q", data, at)[0] if 0 <= at <= len(data) - 8 else 0

    # Variables.

    def variables(self) -> list[Variable]:
        """Global variables that have a name and an address."""
        found = []
        rows = self._entries.rows[: self._entries.outside]
        picked = np.flatnonzero((self._entries.tags == _VARIABLE) & (rows[:, dwarf.LOCATION_LENGTH] > 0))
        info = self._sections["info"]
        for row in picked.tolist():
            at, length = self._number(row, dwarf.LOCATION), self._number(row, dwarf.LOCATION_LENGTH)
            expression = info[at : at + length]
            if expression[0] == _ADDR and length == 9:
                (address,) = struct.unpack_from("<q", expression, 1)
            elif expression[0] == _ADDRX and expression[-1] < 128:
                address = self._address(row, dwarf.leb(expression, 1)[0], True)
            else:
                continue
            name = self._name(row)
            if not address or not name:
                continue
            type_id = self._type_id(self._number(row, dwarf.TYPE))
            found.append(Variable(name, address + self.slide, self._type_size(self._number(row, dwarf.TYPE)), type_id))
        return found

    @cached_property
    def _functions(self) -> tuple[list[int], list[int], list[int]]:
        """Low and high address and row of every function that has code, in order of address."""
        rows = self._entries.rows[: self._entries.outside]
        has_code = (rows[:, dwarf.LOW] >= 0) & (rows[:, dwarf.HIGH] >= 0)
        picked = np.flatnonzero((self._entries.tags == dwarf.SUBPROGRAM) & has_code)
        spans = []
        for row in picked.tolist():
            low = self._address(row, self._number(row, dwarf.LOW), self._number(row, dwarf.ADDRESS_INDEX) == 1)
            high = self._number(row, dwarf.HIGH)
            spans.append((low, low + high if self._number(row, dwarf.HIGH_IS_LENGTH) == 1 else high, row))
        spans.sort()
        return [low for low, _, _ in spans], [high for _, high, _ in spans], [row for _, _, row in spans]

    def _function_row(self, pc: int) -> int:
        lows, highs, rows = self._functions
        i = bisect.bisect_right(lows, pc - self.slide) - 1
        return rows[i] if i >= 0 and pc - self.slide < highs[i] else -1

    def _variables_of(self, function: int) -> Iterator[int]:
        """Rows of parameters and local variables, those of blocks and inlined calls included."""
        stack = [function]
        while stack:
            for child in self._entries.children(stack.pop()):
                tag = self._number(child, dwarf.TAG)
                if tag in (_VARIABLE, _PARAMETER):
                    yield child
                elif tag in (_BLOCK, _INLINED):
                    stack.append(child)

    def locals_at(self, pc: int) -> list[Local]:
        """Variables of the function at `pc` that lie in its frame there; those in registers are not among them.

        Frames that wait in a call are asked at pc - 1, inside the call, as Go's own tracebacks are. There the compiler still
        has arguments in the registers that they were passed in, which the call may overwrite; what it says lies in memory
        right after the call, at pc, lay there all the time.
        """
        function = self._function_row(pc - 1)
        found = []
        for row in self._variables_of(function) if function >= 0 else ():
            name = self._name(row)
            type_offset = self._variable_type(row)
            if not name or type_offset < 0:
                continue
            type_id = self._type_id(type_offset)
            places = self._places(row, pc - 1 - self.slide) or self._places(row, pc - self.slide)
            found += [Local(name, type_id, *place) for place in places]
        return found

    def captures_of(self, entry: int) -> list[Capture]:
        """What the closure whose code begins at `entry` captures."""
        function = self._function_row(entry)
        found = []
        for row in self._entries.children(function) if function >= 0 else ():
            offset = self._number(row, dwarf.CLOSURE)
            if offset >= 0 and self._variable_type(row) >= 0:
                name = self._name(row)
                type_id = self._type_id(self._variable_type(row))
                found.append(Capture(name.removeprefix("&"), type_id, offset))
        return found or (self._handed_on(function) if function >= 0 else [])

    def _handed_on(self, function: int) -> list[Capture]:
        """What the wrapper of a deferred call or of a go statement captures: it does nothing but make that call, so where it is
        inlined its parameters are the captures, in order, behind the code (cmd/compile, walk/order.go wrapCall). The compiler
        says nothing of them by itself."""
        inlined = [row for row in self._entries.children(function) if self._number(row, dwarf.TAG) == _INLINED]
        if not _WRAPPER.search(self._name(function)) or not inlined:
            return []
        callee = self._entries.row_at(self._number(inlined[0], dwarf.ORIGIN))
        found, offset = [], _CODE_BYTES
        for row in self._entries.children(callee) if callee >= 0 else ():
            name = self._name(row)
            if self._number(row, dwarf.TAG) != _PARAMETER or name.startswith("~") or name == "err":
                continue  # no parameter, or a result
            type_offset = self._variable_type(row)
            size = self._type_size(type_offset) if type_offset >= 0 else 0
            if size <= 0:
                return []
            alignment = min(size & -size, _CODE_BYTES)
            offset = -(-offset // alignment) * alignment
            found.append(Capture(name, self._type_id(type_offset), offset))
            offset += size
        return found

    def _variable_type(self, row: int) -> int:
        offset = self._number(row, dwarf.TYPE)
        origin = self._number(row, dwarf.ORIGIN) if offset < 0 else -1
        origin = self._entries.row_at(origin) if origin >= 0 else -1
        return self._number(origin, dwarf.TYPE) if origin >= 0 else offset

    def _places(self, row: int, pc: int) -> list[tuple[int, int, int]]:
        """(offset from the canonical frame address, offset in the variable, bytes) of the parts that are in memory."""
        at, length = self._number(row, dwarf.LOCATION), self._number(row, dwarf.LOCATION_LENGTH)
        if at < 0:
            return []
        info = self._sections["info"]
        if length >= 0:
            return _frame_places(info[at : at + length])
        try:
            lists = self._list_v5(row, at, length == -2) if self._sections["loclists"] else self._list_v4(row, at)
            for low, high, expression in lists:
                if low <= pc < high:
                    return _frame_places(expression)
        except (struct.error, IndexError, ValueError):
            pass  # a broken list names nothing; the frame's pointers are still there
        return []

    def _list_v4(self, row: int, at: int) -> Iterator[tuple[int, int, bytes]]:
        data = self._sections["loc"]
        unit = self._entries.unit_of(row)
        base = self._address(unit, self._number(unit, dwarf.LOW), self._number(unit, dwarf.ADDRESS_INDEX) == 1)
        for _ in range(_MAX_LOCATION_ENTRIES):
            low, high = struct.unpack_from("<QQ", data, at)
            at += 16
            if low == 0 and high == 0:
                return
            if low == (1 << 64) - 1:
                base = high
                continue
            (length,) = struct.unpack_from("<H", data, at)
            yield low + base, high + base, data[at + 2 : at + 2 + length]
            at += 2 + length

    def _list_v5(self, row: int, at: int, is_index: bool) -> Iterator[tuple[int, int, bytes]]:
        data = self._sections["loclists"]
        unit = self._entries.unit_of(row)
        if is_index:
            base = self._number(unit, dwarf.LISTS_BASE)
            at = base + struct.unpack_from("<I", data, base + 4 * at)[0]
        low_pc = self._number(unit, dwarf.LOW)
        base = self._address(unit, low_pc, self._number(unit, dwarf.ADDRESS_INDEX) == 1) if low_pc >= 0 else 0
        for _ in range(_MAX_LOCATION_ENTRIES):
            kind, at = data[at], at + 1
            if kind == 0:  # DW_LLE_end_of_list
                return
            low = high = 0
            if kind in (1, 2, 3, 4):
                first, at = dwarf.leb(data, at)
                if kind == 1:  # base_addressx
                    base = self._address(row, first, True)
                    continue
                if kind == 4:  # offset_pair
                    second, at = dwarf.leb(data, at)
                    low, high = base + first, base + second
                else:  # startx_endx, startx_length
                    second, at = dwarf.leb(data, at)
                    low = self._address(row, first, True)
                    high = self._address(row, second, True) if kind == 2 else low + second
            elif kind == 5:  # default_location
                low, high = 0, 1 << 63
            elif kind == 6:  # base_address
                (base,) = struct.unpack_from("<q", data, at)
                at += 8
                continue
            elif kind == 7:  # start_end
                low, high = struct.unpack_from("<qq", data, at)
                at += 16
            elif kind == 8:  # start_length
                (low,) = struct.unpack_from("<q", data, at)
                length, at = dwarf.leb(data, at + 8)
                high = low + length
            else:
                return
            length, at = dwarf.leb(data, at)
            yield low, high, data[at : at + length]
            at += length

    # Types.

    def _runtime_type(self, row: int) -> int:
        value = self._number(row, dwarf.RUNTIME_TYPE)
        if value <= 0:
            return 0
        return value + self.slide + (self._types_base if value < self._types_bytes else 0)

    def _type_id(self, offset: int) -> int:
        """Id of the type whose entry is at `offset`: its abi.Type's address, else the entry's negative offset."""
        row = self._entries.row_at(offset)
        return (self._runtime_type(row) or -offset) if row >= 0 else 0

    def _type_size(self, offset: int) -> int:
        for _ in range(64):
            row = self._entries.row_at(offset)
            if row < 0:
                return 0
            if self._number(row, dwarf.SIZE) >= 0:
                return self._number(row, dwarf.SIZE)
            if self._number(row, dwarf.TAG) == _POINTER:
                return 8
            offset = self._number(row, dwarf.TYPE)
        return 0

    def type(self, type_id: int) -> GoType | None:
        """The type whose entry is at -`type_id`."""
        if type_id not in self._types:
            row = self._entries.row_at(-type_id)
            self._types[type_id] = self._read_type(row, type_id, 64) if row >= 0 else None
        return self._types[type_id]

    def _children(self, row: int, tag: int) -> list[int]:
        return [child for child in self._entries.children(row) if self._number(child, dwarf.TAG) == tag]

    def _read_type(self, row: int, type_id: int, depth: int) -> GoType | None:
        tag = self._number(row, dwarf.TAG)
        kind_number = self._number(row, dwarf.KIND)
        kind = Kind(kind_number) if 0 < kind_number <= Kind.UNSAFE_POINTER else Kind.INVALID
        # The runtime's names carry the last element of an import path, DWARF's the whole path.
        full = self._name(row)
        name, size = _IMPORT_PATH.sub("", full), self._type_size(self._number(row, dwarf.OFFSET))
        package = full.split("[", 1)[0].rpartition(".")[0] if full[:1].isalpha() and " " not in full.split("[", 1)[0] else ""
        common: dict[str, Any] = {"id": type_id, "name": name, "size_bytes": size, "package_path": package}
        if kind in (Kind.INTERFACE, Kind.STRING, Kind.FUNC, Kind.UNSAFE_POINTER):
            return GoType(kind=kind, is_direct=kind in (Kind.FUNC, Kind.UNSAFE_POINTER), **common)
        if kind in (Kind.SLICE, Kind.CHAN, Kind.MAP):
            # A map without an abi.Type has no group type that could be laid over its memory; its elements stay unknown.
            element, key = (self._type_id(self._number(row, column)) for column in (dwarf.ELEMENT, dwarf.KEY))
            return GoType(kind=kind, element=element, key=key, **common)
        if tag == _POINTER:
            return GoType(kind=Kind.POINTER, element=self._type_id(self._number(row, dwarf.TYPE)), is_direct=True, **common)
        if tag == _STRUCT:
            fields = tuple(
                Field(self._name(m), self._type_id(self._number(m, dwarf.TYPE)), max(self._number(m, dwarf.AT), 0))
                for m in self._children(row, _MEMBER)
            )
            return GoType(kind=Kind.STRUCT, fields=fields, **common)
        if tag == _ARRAY:
            counts = [self._number(child, dwarf.SIZE) for child in self._children(row, _SUBRANGE)]
            length = max(counts[0], 0) if counts else 0
            return GoType(kind=Kind.ARRAY, element=self._type_id(self._number(row, dwarf.TYPE)), length=length, **common)
        if tag == _TYPEDEF and depth > 0:
            target = self._entries.row_at(self._number(row, dwarf.TYPE))
            inner = self._read_type(target, type_id, depth - 1) if target >= 0 else None
            if inner is not None:
                return GoType(
                    **{f: getattr(inner, f) for f in GoType.__slots__} | {"name": name or inner.name, "package_path": package}
                )
            return None
        return GoType(kind=kind, **common) if tag in (_BASE, _SUBROUTINE) else None


def _frame_places(expression: bytes) -> list[tuple[int, int, int]]:
    """The parts of a location expression that are fbreg or call-frame-address plus nothing, piece by piece."""
    places = []
    at = piece = 0
    pending: int | None = None
    try:
        while at < len(expression):
            operation, at = expression[at], at + 1
            if operation == _FBREG:
                pending, at = dwarf.leb(expression, at, signed=True)
            elif operation == _CALL_FRAME_CFA:
                pending = 0
            elif operation == 0x11 and pending == 0:  # DW_OP_consts, then plus
                pending, at = dwarf.leb(expression, at, signed=True)
            elif operation == 0x22:  # DW_OP_plus
                continue
            elif operation == _PIECE:
                size, at = dwarf.leb(expression, at)
                if pending is not None:
                    places.append((pending, piece, size))
                pending, piece = None, piece + size
            elif 0x50 <= operation <= 0x6F:  # a register
                pending = None
            elif operation == 0x90:  # DW_OP_regx
                _, at = dwarf.leb(expression, at)
                pending = None
            else:
                return places
    except (IndexError, ValueError):
        return places
    if pending is not None:
        places.append((pending, piece, 0))
    return places
