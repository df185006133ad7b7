"""An ELF file as the process saw it: memory at link addresses with relocations applied, and sections by name.

pyelftools reads headers and sections; this module adds what it does not: a view by address, and R_*_RELATIVE relocations, for
in a position-independent executable most of Go's type data is zero until they are applied. Knows no Go. A plain file is
mapped, not read.
"""

import bisect
import contextlib
import io
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile

from leakhunt.decode.decompress import decompress
from leakhunt.errors import DecodeError

MAGIC = b"\x7fELF"
MAX_BINARY_BYTES = 4 << 30  # far beyond any Go binary; refuses a disk image given by mistake
MAX_SECTION_BYTES = 2 << 30  # of a decompressed debug section
_GIVE = "give the binary as it was built"
_SYMBOL = np.dtype([("name", "<u4"), ("info", "u1"), ("other", "u1"), ("section", "<u2"), ("value", "<i8"), ("size", "<i8")])
_RELATIVE = {"EM_X86_64": 8, "EM_AARCH64": 1027}
# What pyelftools raises on files that are not what they claim, beside its own two.
_BROKEN = (ELFError, ConstructError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, UnicodeError)


@dataclass(frozen=True, slots=True)
class _Segment:
    """Memory from link address `start` on: the bytes `low` to `high` of `memory`."""

    start: int
    memory: bytes | mmap.mmap | bytearray
    low: int
    high: int

    def find(self, pattern: bytes, offset: int, end: int | None = None) -> int:
        """Where in the segment `pattern` stands first between two offsets, -1 for nowhere."""
        stop = self.high if end is None else min(self.low + end, self.high)
        at = self.memory.find(pattern, self.low + offset, stop)
        return at - self.low if at >= 0 else -1

    def bytes_at(self, offset: int, count: int) -> bytes | None:
        """`count` bytes, None where the segment ends before."""
        at = self.low + offset
        return bytes(self.memory[at : at + count]) if at + count <= self.high else None


class ElfImage:
    """One executable. All reads are checked: outside the image they raise DecodeError with the link address."""

    def __init__(self, data: bytes | mmap.mmap, source: str) -> None:
        self.source = source
        if data[:4] != MAGIC:
            raise DecodeError(source, 0, f"not an ELF executable{_what(data[:4])}; give the Linux binary that ran")
        try:
            stream = io.BytesIO(data) if isinstance(data, bytes) else cast(IO[bytes], data)
            self._load(ELFFile(stream), data)
        except _BROKEN as error:
            raise DecodeError(source, None, f"broken ELF file ({type(error).__name__}); {_GIVE}") from None

    def _load(self, elf: Any, data: bytes | mmap.mmap) -> None:
        if elf.elfclass != 64 or not elf.little_endian:
            raise DecodeError(self.source, None, "not a 64-bit little-endian ELF file; only those can be read")
        self.machine: str = elf["e_machine"]
        self._sections = {section.name: section for section in elf.iter_sections()}
        self.is_relocatable = elf["e_type"] == "ET_DYN"
        self._segments: list[_Segment] = []
        for segment in elf.iter_segments():
            if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]:
                low, high = min(segment["p_offset"], len(data)), min(segment["p_offset"] + segment["p_filesz"], len(data))
                if self.is_relocatable:
                    self._segments.append(_Segment(segment["p_vaddr"], bytearray(data[low:high]), 0, high - low))
                else:
                    self._segments.append(_Segment(segment["p_vaddr"], data, low, high))
        self._segments.sort(key=lambda part: part.start)
        self._starts = [part.start for part in self._segments]
        if self.is_relocatable:
            self._relocate()

    def _relocate(self) -> None:
        kind = _RELATIVE.get(self.machine)
        for section in self._sections.values():
            if section["sh_type"] != "SHT_RELA":
                continue
            table = np.frombuffer(section.data(), np.dtype("<i8"))
            table = table[: len(table) // 3 * 3].reshape(-1, 3)
            table = table[(table[:, 1] & 0xFFFFFFFF) == kind]
            for part in self._segments:
                inside = table[(table[:, 0] >= part.start) & (table[:, 0] <= part.start + part.high - 8)]
                view = np.frombuffer(part.memory, np.uint8)
                for byte in range(8):
                    view[inside[:, 0] - part.start + byte] = (inside[:, 2] >> (8 * byte)) & 0xFF

    def section(self, name: str) -> bytes | None:
        """Bytes of a section, decompressed; None where there is none (or it has no bytes in the file)."""
        section = self._sections.get(name)
        if section is None or section["sh_type"] == "SHT_NOBITS":
            return None
        if section.data_size > MAX_SECTION_BYTES:
            raise DecodeError(self.source, None, f"section {name} claims {section.data_size:,} bytes; {_GIVE}")
        with contextlib.suppress(*_BROKEN):
            data: bytes = section.data()
            return data
        raise DecodeError(self.source, None, f"section {name} cannot be read; {_GIVE}")

    def section_address(self, name: str) -> int | None:
        """Link address of a section, None where there is none."""
        section = self._sections.get(name)
        return None if section is None else int(section["sh_addr"])

    def symbols(self, kind: str) -> list[tuple[str, int, int]]:
        """Name, address and size of the symbols of a kind (`STT_OBJECT`), empty where the table was stripped."""
        table = self._sections.get(".symtab")
        if table is None:
            return []
        wanted = {"STT_OBJECT": 1, "STT_FUNC": 2}[kind]
        try:
            entries, names = table.data(), self._sections[".strtab"].data()
        except _BROKEN:
            return []
        rows = np.frombuffer(entries[: len(entries) // _SYMBOL.itemsize * _SYMBOL.itemsize], _SYMBOL)
        rows = rows[(rows["info"] & 15) == wanted]
        columns = rows["name"].tolist(), rows["value"].tolist(), rows["size"].tolist()
        return [(_text(names, at), value, size) for at, value, size in zip(*columns, strict=True)]

    def find(self, pattern: bytes, alignment: int = 8) -> list[int]:
        """Link addresses, multiples of `alignment`, at which `pattern` stands. At most a thousand."""
        found: list[int] = []
        for part in self._segments:
            at = part.find(pattern, 0)
            while at >= 0 and len(found) < 1000:
                if (part.start + at) % alignment == 0:
                    found.append(part.start + at)
                at = part.find(pattern, at + 1)
        return found

    def bytes_at(self, address: int, count: int) -> bytes:
        """`count` bytes at a link address."""
        i = bisect.bisect_right(self._starts, address) - 1
        if i >= 0 and count >= 0:
            found = self._segments[i].bytes_at(address - self._starts[i], count)
            if found is not None:
                return found
        raise DecodeError(self.source, None, f"address {address:#x} lies outside the binary; it may be damaged")

    def text_at(self, address: int, limit: int = 1 << 16) -> str:
        """The NUL-terminated text at a link address."""
        i = bisect.bisect_right(self._starts, address) - 1
        offset = address - self._starts[i] if i >= 0 else 0
        end = self._segments[i].find(b"\0", offset, offset + limit) if i >= 0 else -1
        text = self._segments[i].bytes_at(offset, end - offset) if end >= 0 else None
        if text is None:
            raise DecodeError(self.source, None, f"no text at address {address:#x}; the binary may be damaged")
        return text.decode("utf-8", "surrogateescape")


def read_image(path: str) -> ElfImage:
    """The executable at `path`, plain, gzip or zstd."""
    file = Path(path)
    try:
        if not file.is_file():
            raise DecodeError(path, None, "no such file; give the Go executable that the process ran")
        if file.stat().st_size > MAX_BINARY_BYTES:
            raise DecodeError(path, None, "over 4 GiB, too large for an executable; give the one that the process ran")
        with file.open("rb") as opened:
            if opened.read(len(MAGIC)) == MAGIC:
                return ElfImage(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ), path)
        return ElfImage(decompress(file.read_bytes(), path), path)
    except OSError as error:
        raise DecodeError(path, None, f"cannot be read: {error.strerror}") from None


def _text(table: bytes, at: int) -> str:
    end = table.find(b"\0", at)
    return table[at : end if end >= 0 else len(table)].decode("utf-8", "surrogateescape")


def _what(magic: bytes) -> str:
    if magic[:2] == b"MZ":
        return " but a Windows one"
    if magic in (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe"):
        return " but a macOS one"
    return ""
