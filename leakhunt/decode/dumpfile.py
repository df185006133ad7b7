"""Opens heap dumps: plain files are mapped, gzip and zstd go through a temporary file that has no name.

A dump holds every secret that its process held, so the temporary file is readable by nobody else and gone when closed. It
is bounded by the disk, and only what begins as a dump is decompressed past its first block. Reading what is in the bytes is
`leakhunt.decode.heapdump`.
"""

import io
import mmap
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from leakhunt.decode.decompress import GZIP_MAGIC, ZSTD_MAGIC
from leakhunt.decode.heapdump import MAGIC, read_dump
from leakhunt.decode.stripped import MAGIC as STRIPPED_MAGIC
from leakhunt.errors import DecodeError
from leakhunt.model.heap import HeapDump

BLOCK_BYTES = 1 << 20
MAX_DECOMPRESSED_BYTES = 256 << 30
DISK_SHARE = 2  # at most one part in this many of the free space of the temporary folder
# Dumps of real programs shrink to a tenth or a thirtieth; one of zeroed buffers can do better, and can be unpacked by hand.
MAX_RATIO = 200
RATIO_FREE_BYTES = 1 << 30
CUT_OFF = "the compressed stream has no end: it was cut off"


def open_dump(path: str | Path, progress: Callable[[int], None] | None = None) -> HeapDump:
    """The dump in a file, or in standard input (`-`). Raises DecodeError where it cannot be opened or is not a dump."""
    source = str(path)
    try:
        with open(0 if source == "-" else path, "rb", closefd=source != "-") as file:
            modified_ns = os.fstat(file.fileno()).st_mtime_ns
            contents, notes = _contents(file, source)
    except OSError as error:
        raise DecodeError(source, None, f"cannot be read: {error.strerror}") from None
    return read_dump(contents, source, modified_ns, progress, notes)


def is_dump_file(path: str | Path) -> bool:
    """Whether a file is a heap dump, compressed or not, by its first bytes. False where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return _reader(file).read(len(MAGIC)) == MAGIC
    except (OSError, EOFError):  # BadGzipFile is an OSError
        return False
    except _damage():
        return False


def is_stripped_file(path: str | Path) -> bool:
    """Whether a file is a stripped dump, by its first bytes. False where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(len(STRIPPED_MAGIC)) == STRIPPED_MAGIC
    except OSError:
        return False


def _contents(file: io.BufferedReader, source: str) -> tuple[memoryview, tuple[str, ...]]:
    """The decompressed bytes, mapped, and what is to be said about them."""
    if file.peek(len(MAGIC)).startswith(MAGIC) and stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)), ()
    about = os.fstat(file.fileno())
    return _spooled(_reader(file), source, about.st_size if stat.S_ISREG(about.st_mode) else 0)


def _reader(file: io.BufferedReader) -> IO[bytes]:
    """A reader of what `file` decompresses to, or `file` itself. It gives no more than it is asked for."""
    head = file.peek(len(ZSTD_MAGIC))
    if head.startswith(GZIP_MAGIC):
        from isal import igzip

        return cast(IO[bytes], igzip.IGzipFile(fileobj=file, mode="rb"))  # type: ignore[no-untyped-call]
    if head.startswith(ZSTD_MAGIC):
        import zstandard

        reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file, read_across_frames=True)
        return cast(IO[bytes], reader)
    return file


def _spooled(reader: IO[bytes], source: str, compressed_bytes: int) -> tuple[memoryview, tuple[str, ...]]:
    """Everything in `reader`, in a nameless temporary file. `compressed_bytes`: size of what it reads, 0 for unknown."""
    room = min(MAX_DECOMPRESSED_BYTES, shutil.disk_usage(tempfile.gettempdir()).free // DISK_SHARE)
    limit = min(room, max(RATIO_FREE_BYTES, MAX_RATIO * compressed_bytes)) if compressed_bytes else room
    size, notes = 0, []
    with tempfile.TemporaryFile() as spool:
        while True:
            try:
                block = reader.read(BLOCK_BYTES)
            except EOFError:
                notes.append(CUT_OFF)
                break
            except _damage() as error:
                raise DecodeError(source, None, f"is damaged: {error}") from None
            if not block:
                break
            if size == 0 and not block.startswith(MAGIC):
                raise DecodeError(source, 0, "not a Go heap dump: it does not begin with 'go1.7 heap dump'")
            size += len(block)
            if size > limit:
                cure = "unpack it by hand if you trust it" if limit < room else "free the disk or set TMPDIR"
                raise DecodeError(source, None, f"is refused: it decompresses to more than {limit} bytes; {cure}")
            spool.write(block)
        spool.flush()
        if not size:
            raise DecodeError(source, None, "is empty")
        return memoryview(mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ)), tuple(notes)


def _damage() -> tuple[type[Exception], ...]:
    """What the decompressors raise for bytes that are not theirs."""
    import gzip

    import zstandard
    from isal import isal_zlib

    return gzip.BadGzipFile, zstandard.ZstdError, cast(type[Exception], isal_zlib.IsalError)
