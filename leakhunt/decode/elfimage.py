"""An ELF file as the process saw it: memory at link addresses with relocations applied, and sections by name.

pyelftools reads headers and sections; this module adds what it does not: a view by address, and R_*_RELATIVE relocations, for
in a position-independent executable most of Go's type data is zero until they are applied. Knows no Go.
"""

import bisect
import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile

from leakhunt.decode.decompress import decompress
from leakhunt.errors import DecodeError

MAX_BINARY_BYTES = 4 << 30  # far beyond any Go binary; refuses a disk image given by mistake
MAX_SECTION_BYTES = 2 << 30  # of a decompressed debug section
_GIVE = "give the binary as it was built"
_SYMBOL = np.dtype([("name", "<u4"), ("info", "u1"), ("other", "u1"), ("section", "<u2"), ("value", "<i8"), ("size", "<i8")])
_RELATIVE = {"EM_X86_64": 8, "EM_AARCH64": 1027}
# What pyelftools raises on files that are not what they claim, beside its own two.
_BROKEN = (ELFError, ConstructError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, UnicodeError)


class ElfImage:
    """One executable. All reads are checked: outside the image they raise DecodeError with the link address."""

    def __init__(self, data: bytes | memoryview, source: str) -> None:
        self.source = source
        if bytes(data[:4]) != b"\x7fELF":
            raise DecodeError(source, 0, f"not an ELF executable{_what(bytes(data[:4]))}; give the Linux binary that ran")
        try:
            self._elf = ELFFile(io.BytesIO(data))
            self._load(self._elf)
        except _BROKEN as error:
            raise DecodeError(source, None, f"broken ELF file ({type(error).__name__}); {_GIVE}") from None

    def _load(self, elf: Any) -> None:
        if elf.elfclass != 64 or not elf.little_endian:
            raise DecodeError(self.source, None, "not a 64-bit little-endian ELF file; only those can be read")
        self.machine: str = elf["e_machine"]
        self._sections = {section.name: section for section in elf.iter_sections()}
        stream: bytes = elf.stream.getbuffer()
        self.segments: list[tuple[int, bytearray]] = []
        for segment in elf.iter_segments():
            if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]:
                start = segment["p_offset"]
                self.segments.append((segment["p_vaddr"], bytearray(stream[start : start + segment["p_filesz"]])))
        self.segments.sort(key=lambda part: part[0])
        self._starts = [start for start, _ in self.segments]
        self.is_relocatable = elf["e_type"] == "ET_DYN"
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
            for start, memory in self.segments:
                inside = table[(table[:, 0] >= start) & (table[:, 0] <= start + len(memory) - 8)]
                view = np.frombuffer(memory, np.uint8)
                for byte in range(8):
                    view[inside[:, 0] - start + byte] = (inside[:, 2] >> (8 * byte)) & 0xFF

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
        for start, memory in self.segments:
            at = memory.find(pattern)
            while at >= 0 and len(found) < 1000:
                if (start + at) % alignment == 0:
                    found.append(start + at)
                at = memory.find(pattern, at + 1)
        return found

    def bytes_at(self, address: int, count: int) -> bytes:
        """`count` bytes at a link address."""
        i = bisect.bisect_right(self._starts, address) - 1
        if i >= 0 and count >= 0:
            start, memory = self.segments[i]
            if address - start + count <= len(memory):
                return bytes(memory[address - start : address - start + count])
        raise DecodeError(self.source, None, f"address {address:#x} lies outside the binary; it may be damaged")

    def text_at(self, address: int, limit: int = 1 << 16) -> str:
        """The NUL-terminated text at a link address."""
        i = bisect.bisect_right(self._starts, address) - 1
        start, memory = self.segments[i] if i >= 0 else (0, bytearray())
        end = memory.find(b"\0", address - start, address - start + limit) if 0 <= address - start < len(memory) else -1
        if end < 0:
            raise DecodeError(self.source, None, f"no text at address {address:#x}; the binary may be damaged")
        return memory[address - start : end].decode("utf-8", "surrogateescape")


def read_image(path: str) -> ElfImage:
    """The executable at `path`, plain, gzip or zstd."""
    file = Path(path)
    try:
        if not file.is_file():
            raise DecodeError(path, None, "no such file; give the Go executable that the process ran")
        if file.stat().st_size > MAX_BINARY_BYTES:
            raise DecodeError(path, None, "over 4 GiB, too large for an executable; give the one that the process ran")
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
