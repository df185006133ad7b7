"""Reads from a Go executable what its runtime knows: types, itabs, functions, and by its debugging information variables.

Works on stripped binaries (`-s -w`) and on position-independent ones, since the runtime needs its type data to run. Layouts:
$GOROOT/src/internal/abi/{type,map*,iface}.go and $GOROOT/src/runtime/symtab.go of Go 1.21.13, 1.22.12, 1.23.12, 1.24.9, 1.25.5,
1.26.0 and 1.27.3, whose differences are: moduledata has a `typedesclen` before `etypes` (1.27); a map's `Bucket` became its
`Group` of slots (1.24) and MapType grew (1.27); DirectIface moved from the kind to the flags (1.26). Everything is read on
demand and remembered: opening a binary costs its headers and relocations.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from leakhunt.decode.elfimage import ElfImage, read_image
from leakhunt.decode.godwarf import GoDwarf
from leakhunt.errors import DecodeError, MismatchError
from leakhunt.model.gotype import Capture, Field, GoType, Kind, Local, Variable
from leakhunt.model.heap import DumpedType

OLDEST_MINOR, NEWEST_MINOR = 21, 27  # Go versions whose layouts were compared with the sources
PCLNTAB_MAGIC = b"\xf1\xff\xff\xff\x00\x00"  # Go 1.20 and later
PAGE_BYTES = 4096  # a load slide is a whole number of pages
_UNCOMMON, _EXTRA_STAR, _NAMED = 1, 2, 4
_DIRECT = 1 << 5
_MAX_FIELDS = 1 << 16
_MAX_NAME_BYTES = 1 << 16
# Words of runtime.moduledata, the same from Go 1.21 to 1.27.
_FUNCNAMETAB, _PCLNTABLE, _FTAB, _TEXT, _DATA, _BSS, _TYPES = 1, 13, 16, 22, 26, 28, 37


class GoBinary:
    """A Go executable, at the addresses at which it was linked plus `slide`. Implements `leakhunt.model.gotype.Program`."""

    def __init__(self, image: ElfImage) -> None:
        self.image = image
        self.source = image.source
        self.slide = 0
        self.notes: Sequence[str] = ()
        self.go_version = _version(image)
        match = re.match(r"go1\.(\d+)", self.go_version)
        self.minor = int(match[1]) if match else NEWEST_MINOR
        if self.minor < OLDEST_MINOR:
            raise DecodeError(self.source, None, f"built with {self.go_version}; binaries of Go 1.21 and later can be read")
        if self.minor > NEWEST_MINOR or not match:
            built = self.go_version or "an unknown Go"
            self.notes = (f"{self.source} was built with {built}: its layout is taken to be that of Go 1.27",)
        module = _module_data(image)
        self.text = module[_TEXT]
        self.data = (module[_DATA], module[_DATA + 1])
        self.bss = (module[_BSS], module[_BSS + 1])
        self.types = module[_TYPES]
        self.end_types = module[_TYPES + 2] if module[_TYPES + 1] < self.types else module[_TYPES + 1]
        self._names, self._function_table = module[_FUNCNAMETAB], module[_PCLNTABLE]
        self._function_entries = (module[_FTAB], module[_FTAB + 1])
        self._known: dict[int, GoType | None] = {}
        self._by_name: dict[str, int] = {}

    # The process.

    def load_at(
        self,
        dump: str,
        go_version: str,
        data: tuple[int, int] | None,
        itabs: NDArray[np.int64],
        types: Sequence[DumpedType] = (),
    ) -> None:
        """Take the addresses of the process that wrote `dump`.

        `data` is its data segment (address, bytes; None where the dump ends before it), `itabs` rows of (address, type),
        `types` its type records. Raises MismatchError where the binary is another's.
        """
        give = "give the binary of that very process"
        if go_version and self.go_version and go_version != self.go_version:
            reason = f"the binary was built with {self.go_version}, the dump was written by {go_version}; {give}"
            raise MismatchError(self.source, dump, reason)
        slide = data[0] - self.data[0] if data is not None else self._slide_by_types(types)
        if (data is not None and data[1] != self.data[1] - self.data[0]) or (slide and not self.image.is_relocatable):
            raise MismatchError(self.source, dump, f"their data segments differ; {give}")
        wrong = checked = 0
        for address, type_address in itabs.tolist():
            try:
                concrete = int.from_bytes(self.image.bytes_at(address - slide + 8, 8), "little")
            except DecodeError:
                continue  # an itab that was made at run time
            checked += 1
            wrong += concrete != type_address - slide
        if wrong or (len(itabs) and not checked):
            reason = f"{wrong or len(itabs)} of {checked or len(itabs)} itabs of the dump are not the binary's; {give}"
            raise MismatchError(self.source, dump, reason)
        self._move(slide)

    def _slide_by_types(self, types: Sequence[DumpedType]) -> int:
        """Where a position-independent binary lies, told by a type that both call by the same name; 0 for any other."""
        if not self.image.is_relocatable:
            return 0
        self._move(0)
        for dumped in types:
            name = dumped.name.rpartition("/")[2]
            found = self.type(self.type_named(name)) if name and not name.endswith(".") else None
            if found is not None and found.size_bytes == dumped.size_bytes and (dumped.address - found.id) % PAGE_BYTES == 0:
                return dumped.address - found.id
        return 0

    def _move(self, slide: int) -> None:
        if slide != self.slide:
            self._known.clear()
            self._by_name.clear()
        self.slide = slide
        if self.dwarf is not None:
            self.dwarf.slide = slide

    # Types.

    def type(self, type_id: int) -> GoType | None:
        """The type with this id, None where there is none."""
        if type_id < 0:
            return self.dwarf.type(type_id) if self.dwarf is not None else None
        if type_id not in self._known:
            found = None
            if self.types <= type_id - self.slide < self.end_types:
                try:
                    found = self._read_type(type_id - self.slide)
                except (DecodeError, struct.error):
                    found = None  # an address inside the type data at which no type begins
            self._known[type_id] = found
            if found is not None:
                self._by_name.setdefault(found.name, type_id)
        return self._known[type_id]

    def type_named(self, name: str) -> int:
        """Id of the type that the runtime calls `name`, 0 where the binary has none: the type whose name offset leads to it."""
        if name not in self._by_name:
            self._by_name[name] = next(self._types_named(name), 0)
        return self._by_name[name]

    def _types_named(self, name: str) -> Iterator[int]:
        for text in ("*" + name, name):  # stored with the star where the pointer type exists too
            raw = text.encode("utf-8", "surrogateescape")
            length = bytes([len(raw)]) if len(raw) < 128 else bytes([len(raw) & 127 | 128, len(raw) >> 7])
            for at in self.image.find(length + raw, 1):
                offset = at - 1 - self.types
                for use in self.image.find(struct.pack("<i", offset), 8) if 0 < offset < 1 << 31 else ():
                    found = self.type(use - 40 + self.slide)
                    if found is not None and found.name == name:
                        yield found.id

    def itab_type(self, address: int) -> int:
        """Id of the concrete type of the itab at `address`, 0 where there is none in the binary."""
        try:
            _, concrete = struct.unpack("<qq", self.image.bytes_at(address - self.slide, 16))
        except DecodeError:
            return 0
        return concrete + self.slide if self.types <= concrete < self.end_types else 0

    def _read_type(self, at: int) -> GoType:
        size, pointer_bytes, _, flags, align, _, kind_byte, _, _, name_at, _ = struct.unpack(
            "<qqIBBBBqqii", self.image.bytes_at(at, 48)
        )
        kind = kind_byte & 31
        if not 1 <= kind <= Kind.UNSAFE_POINTER or not 0 <= pointer_bytes <= size or align not in (1, 2, 4, 8) or at % 8:
            raise DecodeError(self.source, None, f"no type at {at:#x}")
        kind = Kind(kind)
        name = self._name(self.types + name_at)
        if flags & _EXTRA_STAR:
            name = name[1:]
        element = key = group = length = 0
        fields: tuple[Field, ...] = ()
        head = 48
        if kind in (Kind.POINTER, Kind.SLICE, Kind.CHAN, Kind.ARRAY):
            element = self._word(at + 48)
            head = {Kind.ARRAY: 72, Kind.CHAN: 64}.get(kind, 56)
            length = self._word(at + 64) if kind == Kind.ARRAY else 0
        elif kind == Kind.MAP:
            key, element, group = struct.unpack("<qqq", self.image.bytes_at(at + 48, 24))
            head = 136 if self.minor >= 27 else 112 if self.minor >= 24 and self._is_swiss(at) else 88
        elif kind == Kind.STRUCT:
            fields = self._fields(*struct.unpack("<qq", self.image.bytes_at(at + 56, 16)))
            head = 80
        elif kind == Kind.INTERFACE:
            head = 80
        elif kind == Kind.FUNC:
            head = 56
        package = ""
        if flags & _UNCOMMON and flags & _NAMED:
            package = self._name(self.types + struct.unpack("<i", self.image.bytes_at(at + head, 4))[0])
        return GoType(
            id=at + self.slide,
            kind=kind,
            name=name,
            size_bytes=size,
            pointer_bytes=pointer_bytes,
            is_direct=bool((kind_byte | flags) & _DIRECT),
            package_path=package,
            element=element and element + self.slide,
            key=key and key + self.slide,
            group=group and group + self.slide,
            length=length,
            fields=fields,
        )

    def _is_swiss(self, at: int) -> bool:
        """Whether the map type at `at` has groups of slots: Go 1.24 and 1.25 could be built without."""
        group = self._word(at + 64)
        return self._word(at + 80) == self._word(group)  # GroupSize; an old MapType has other numbers there

    def _fields(self, table: int, count: int) -> tuple[Field, ...]:
        if not 0 <= count <= _MAX_FIELDS:
            raise DecodeError(self.source, None, f"a struct with {count} fields")
        rows = struct.iter_unpack("<qqq", self.image.bytes_at(table, 24 * count)) if count else iter(())
        return tuple(Field(self._name(name), to + self.slide, offset) for name, to, offset in rows)

    def _name(self, at: int) -> str:
        """An abi.Name: flags, the length as a varint, the bytes."""
        length = shift = 0
        for i in range(1, 4):
            byte = self.image.bytes_at(at + i, 1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return self.image.bytes_at(at + i + 1, min(length, _MAX_NAME_BYTES)).decode("utf-8", "surrogateescape")
        raise DecodeError(self.source, None, f"no name at {at:#x}")

    def _word(self, at: int) -> int:
        return int.from_bytes(self.image.bytes_at(at, 8), "little", signed=True)

    # Functions.

    @cached_property
    def _entries(self) -> NDArray[np.uint32]:
        """uint32[F, 2]: each function's offset in the text and in the function table, in order."""
        start, count = self._function_entries
        try:
            return np.frombuffer(self.image.bytes_at(start, 8 * min(count, 1 << 26)), np.uint32).reshape(-1, 2)
        except DecodeError:
            return np.zeros((0, 2), np.uint32)

    def function_at(self, pc: int) -> tuple[str, int] | None:
        """Name and entry of the function that holds `pc`, from the table that every Go binary has."""
        offset = pc - self.slide - self.text
        table = self._entries
        i = int(np.searchsorted(table[:, 0], offset, "right")) - 1 if len(table) and 0 <= offset < 1 << 32 else -1
        if i < 0 or i >= len(table) - 1:  # the last entry marks the end
            return None
        try:
            entry, name_at = struct.unpack("<Ii", self.image.bytes_at(self._function_table + int(table[i, 1]), 8))
            return self.image.text_at(self._names + name_at), entry + self.text + self.slide
        except DecodeError:
            return None

    # Variables.

    @cached_property
    def dwarf(self) -> GoDwarf | None:
        """The debugging information, None for a stripped binary."""
        names = "info abbrev str line_str addr loc loclists".split()
        sections = {name: self.image.section(f".debug_{name}") for name in names}
        if not sections["info"] or not sections["abbrev"]:
            return None
        try:
            dwarf = GoDwarf({name: data or b"" for name, data in sections.items()}, self.source, self.types, self.end_types)
        except DecodeError as error:
            self.notes = (*self.notes, f"{error.source}: {error.reason}; names of variables are missing")
            return None
        dwarf.slide = self.slide
        return dwarf

    @property
    def has_debug_info(self) -> bool:
        """Whether variables can be named."""
        return self.dwarf is not None

    def variables(self) -> Sequence[Variable]:
        """The global variables, in order of address: by DWARF, else by the symbol table and without types."""
        known: dict[int, Variable] = {}
        for name, address, size in self.image.symbols("STT_OBJECT"):
            if size > 0 and address and not name.startswith(("type:", "go:", "runtime.gcbits", "$")):
                known[address] = Variable(name, address + self.slide, size, 0)
        if self.dwarf is not None:
            for variable in self.dwarf.variables():
                address = variable.address - self.slide
                size = variable.size_bytes or (known[address].size_bytes if address in known else 0)
                known[address] = Variable(variable.name, variable.address, size, variable.type_id)
        return [known[address] for address in sorted(known)]

    def locals_at(self, pc: int) -> Sequence[Local]:
        """The variables of the function at `pc` that lie in its frame there."""
        return self.dwarf.locals_at(pc) if self.dwarf is not None else ()

    def captures_of(self, entry: int) -> Sequence[Capture]:
        """What the closure whose code is at `entry` captures (Go 1.23 and later)."""
        return self.dwarf.captures_of(entry) if self.dwarf is not None else ()


def open_binary(path: str) -> GoBinary:
    """The Go executable at `path`. Raises DecodeError where it is none."""
    return GoBinary(read_image(path))


def _version(image: ElfImage) -> str:
    """The Go version string in .go.buildinfo (`go1.27.3`, `go1.26.0-X:nogreenteagc`), "" where there is none."""
    info = image.section(".go.buildinfo")
    if not info or not info.startswith(b"\xff Go buildinf:") or len(info) < 34 or not info[15] & 2:
        return ""
    length, at, shift = 0, 32, 0
    while at < len(info) and at < 35:
        length |= (info[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if info[at - 1] < 128:
            break
    return info[at : at + length].decode("utf-8", "replace")


def _module_data(image: ElfImage) -> tuple[int, ...]:
    """The first words of runtime.firstmoduledata: the only place that points to the table of functions and makes sense."""
    tables = [image.section_address(name) for name in (".gopclntab", ".data.rel.ro.gopclntab")]
    candidates = [address for address in tables if address] or image.find(PCLNTAB_MAGIC)
    for table in candidates:
        for at in image.find(struct.pack("<q", table)):
            try:
                words = struct.unpack("<40q", image.bytes_at(at, 320))
            except DecodeError:
                continue
            in_order = all(0 < words[i] <= words[i + 1] for i in (_TEXT, _DATA, _BSS))
            if in_order and words[_FTAB + 1] > 0 and words[_TYPES] > 0:
                return words
    raise DecodeError(image.source, None, "not a Go 1.21+ executable: it has no Go module data; give the binary that ran")
