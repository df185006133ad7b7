"""Bytes to model: tells what an input is and reads it. The only place that knows file formats.

`load` is the door for profiles. Importing this package loads no format's module; each comes with the first input that
needs it.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing takes 3 ms to import

if TYPE_CHECKING:
    from typing import IO

    from leakhunt.errors import DecodeError
    from leakhunt.model.gctrace import GcTrace
    from leakhunt.model.profile import Profile

MAX_INPUT_BYTES = 1 << 30  # of a compressed or text profile file; the largest of 148 public ones has 0.4 MB
MAX_TEXT_BYTES = 256 << 20  # text costs some ten times its size in memory; a million goroutine stacks have this much
MAX_TEXT_LINES = 20_000_000  # which those million goroutines have
_READ_BYTES = 16 << 20  # at a time: a read reserves what it asks for, however small the file
# What protobuf profiles begin with: field 1, sample_type (pprof), 11, period_type (Go's heap) or 9, time_nanos (its others).
_PROTOBUF_FIRST = (b"\n", b"Z", b"H")


def load(data: bytes, source: str) -> Profile:
    """The profile in `data`: protobuf or text, gzip or zstd or plain, told by its content. `source` names it in errors.

    Raises DecodeError, saying what the input is and what to fetch instead, for whatever is not a heap, goroutine or
    goroutine leak profile. Memory is bounded by the decompressed size, which is capped (leakhunt.decode.decompress).
    """
    from leakhunt.decode import pprof
    from leakhunt.decode.decompress import decompress
    from leakhunt.errors import DecodeError

    data = decompress(data, source)
    if data.startswith(_PROTOBUF_FIRST):
        try:
            profile = pprof.decode(data, source)
        except DecodeError as error:
            profile = _load_other(data, source, error)
    else:
        profile = _load_other(data, source, None)
    reason = pprof.refusal(profile)
    if reason is not None:
        raise DecodeError(source, None, reason)
    return profile


def load_gctrace(data: bytes, source: str) -> GcTrace | None:
    """The collections that `data`, which is no profile, tells of; None where it is no gctrace log either."""
    from leakhunt.decode.decompress import decompress
    from leakhunt.decode.gctrace import is_gctrace, parse_gctrace
    from leakhunt.errors import DecodeError

    try:
        data = decompress(data, source)
        return parse_gctrace(data, source) if is_gctrace(data) else None
    except DecodeError:
        return None


def _load_other(data: bytes, source: str, failure: DecodeError | None) -> Profile:
    """Whatever does not begin as every known writer begins a protobuf profile, or could not be read as one."""
    from leakhunt.decode import pprof, sniff
    from leakhunt.errors import DecodeError

    reason = sniff.refusal(data)
    if reason is not None:
        raise DecodeError(source, None, reason)
    found = sniff.sniff(data)
    if found == sniff.Format.PROTOBUF:
        if failure is not None:
            raise failure
        return pprof.decode(data, source)
    if len(data) > MAX_TEXT_BYTES or data.count(b"\n") > MAX_TEXT_LINES:
        reason = f"is text of more than {MAX_TEXT_BYTES} bytes or {MAX_TEXT_LINES} lines; fetch it without ?debug="
        raise DecodeError(source, None, reason)
    from leakhunt.decode import text

    if found == sniff.Format.HEAP_TEXT:
        return text.decode_heap(data, source)
    if found == sniff.Format.GOROUTINE_TEXT:
        return text.decode_goroutines(data, source)
    return text.decode_stacks(data, source)


def read_file(path: str, limit_bytes: int = MAX_INPUT_BYTES) -> bytes:
    """Contents of the file `path`. Raises DecodeError where it cannot be read, is a folder, or exceeds `limit_bytes`."""
    from leakhunt.errors import DecodeError

    try:
        with open(path, "rb", buffering=0) as file:
            return read_stream(file, path, limit_bytes)
    except OSError as error:
        raise DecodeError(path, None, f"cannot be read: {error.strerror or error}") from None


def read_stream(stream: IO[bytes], name: str, limit_bytes: int = MAX_INPUT_BYTES) -> bytes:
    """The rest of `stream`, called `name` in the DecodeError that is raised where it exceeds `limit_bytes`."""
    from leakhunt.errors import DecodeError

    chunks, left = [], limit_bytes + 1
    while left > 0 and (chunk := stream.read(min(left, _READ_BYTES))):
        chunks.append(chunk)
        left -= len(chunk)
    if left <= 0:
        raise DecodeError(name, None, f"is larger than {limit_bytes} bytes; a profile is not")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
