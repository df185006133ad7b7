"""Writes small heap dumps of any shape, record by record, for tests. The real ones come from real programs."""

import struct
from collections.abc import Iterable, Sequence

MAGIC = b"go1.7 heap dump\n"
MEMSTATS_INTEGERS = 24 + 256 + 1
HEAP_ALLOC, HEAP_OBJECTS, LAST_GC = 6, 11, 22


def uvarint(value: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def ints(*values: int) -> bytes:
    return b"".join(uvarint(value) for value in values)


def memory(data: bytes | str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    return uvarint(len(data)) + data


def pointers(offsets: Iterable[int]) -> bytes:
    return b"".join(ints(1, offset) for offset in offsets) + b"\0"


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}Q", *values)


def params(version: str = "go1.27.3", big_endian: int = 0, pointer_bytes: int = 8) -> bytes:
    return ints(6, big_endian, pointer_bytes, 0xC000000000, 0xC004000000) + memory("amd64") + memory(version) + ints(2)


def type_(address: int, size: int, name: str) -> bytes:
    return ints(3, address, size) + memory(name) + ints(1)


def itab(address: int, type_address: int) -> bytes:
    return ints(8, address, type_address)


def object_(address: int, data: bytes, offsets: Iterable[int] = ()) -> bytes:
    return ints(1, address) + memory(data) + pointers(offsets)


def goroutine(goid: int, stack_pointer: int, status: int = 4, wait_reason: str = "chan receive", system: bool = False) -> bytes:
    begin = ints(4, 0xC000001000 + goid * 512, stack_pointer, goid, 0x401000, status, int(system), 0, 0)
    return begin + memory(wait_reason) + ints(0, 0, 0, 0)


def frame(stack_pointer: int, depth: int, data: bytes, function: str, offsets: Iterable[int] = ()) -> bytes:
    begin = ints(5, stack_pointer, depth, 0) + memory(data) + ints(0x402000, 0x402010, 0x402010)
    return begin + memory(function) + pointers(offsets)


def segment(tag: int, address: int, data: bytes, offsets: Iterable[int] = ()) -> bytes:
    return ints(tag, address) + memory(data) + pointers(offsets)


def finalizer(object_address: int, closure: int = 0x500000, queued: bool = False) -> bytes:
    return ints(11 if queued else 7, object_address, closure, 0x403000, 0x600000, 0x600040)


def memstats(objects: int, size_bytes: int, last_gc_ns: int = 0) -> bytes:
    row = [0] * MEMSTATS_INTEGERS
    row[HEAP_OBJECTS], row[HEAP_ALLOC], row[LAST_GC] = objects, size_bytes, last_gc_ns
    return ints(10, *row)


def bucket(address: int, size: int, stack: Sequence[tuple[str, str, int]], allocs: int = 1, frees: int = 0) -> bytes:
    frames = b"".join(memory(function) + memory(file) + ints(line) for function, file, line in stack)
    return ints(16, address, size, len(stack)) + frames + ints(allocs, frees)


def sample(object_address: int, bucket_address: int) -> bytes:
    return ints(17, object_address, bucket_address)


def dump(*records: bytes, version: str = "go1.27.3", ended: bool = True) -> bytes:
    """A whole dump: header, parameters, `records`, end."""
    return MAGIC + params(version) + b"".join(records) + (b"\0" if ended else b"")
