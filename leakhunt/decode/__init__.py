"""Bytes to model: tells what an input is and reads it. The only place that knows file formats.

`load` is the door for profiles. Importing this package loads no format's module; each comes with the first input that
needs it.
"""

from __future__ import annotations

from leakhunt.model.profile import Profile

MAX_INPUT_BYTES = 1 << 30  # of a compressed or text profile file; the largest of 148 public ones has 0.4 MB


def load(data: bytes, source: str) -> Profile:
    """The profile in `data`: protobuf or text, gzip or zstd or plain, told by its content. `source` names it in errors.

    Raises DecodeError, saying what the input is and what to fetch instead, for whatever is not a heap, goroutine or
    goroutine leak profile. Memory is bounded by the decompressed size, which is capped (leakhunt.decode.decompress).
    """
    from leakhunt.decode.decompress import decompress
    from leakhunt.decode.pprof import decode

    return decode(decompress(data, source), source)


def read_file(path: str, limit_bytes: int = MAX_INPUT_BYTES) -> bytes:
    """Contents of the file `path`. Raises DecodeError where it cannot be read, is a folder, or exceeds `limit_bytes`."""
    from leakhunt.errors import DecodeError

    try:
        with open(path, "rb", buffering=0) as file:
            chunks, left = [], limit_bytes + 1
            while left > 0 and (chunk := file.read(left)):
                chunks.append(chunk)
                left -= len(chunk)
    except OSError as error:
        raise DecodeError(path, None, f"cannot be read: {error.strerror or error}") from None
    if left <= 0:
        raise DecodeError(path, None, f"is larger than {limit_bytes} bytes; a profile is not")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
