"""Gzip and zstd to plain bytes, with a cap on what may come out.

Content decides. Gzip is read as Go reads it: several members in a row are one stream, and a stream that is cut off, or
followed by what is not gzip, is an error.
"""

from __future__ import annotations

from leakhunt.errors import DecodeError

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MAX_DECOMPRESSED_BYTES = 1 << 30
# No real profile of 148 public ones comes near: gzip shrinks them to a half or a sixth, synthetic ones to a thirtieth.
# Deflate ends at 1032. Small inputs may have any ratio: what they can become is small.
MAX_RATIO = 200
RATIO_FREE_BYTES = 64 << 20
# Below this the standard library's slower inflate is done before isal is loaded (0.5 ms for 64 KiB, 1 ms to import).
_ISAL_FROM_BYTES = 64 << 10


def decompress(data: bytes, source: str) -> bytes:
    """`data` itself, or what it decompresses to. Raises DecodeError when damaged or when it would grow past the cap."""
    if data.startswith(GZIP_MAGIC):
        return _gunzip(data, source)
    if data.startswith(ZSTD_MAGIC):
        return _unzstd(data, source)
    return data


def _cap(data: bytes) -> int:
    return min(MAX_DECOMPRESSED_BYTES, max(RATIO_FREE_BYTES, MAX_RATIO * len(data)))


def _too_large(source: str, cap: int) -> DecodeError:
    return DecodeError(source, None, f"is refused: it decompresses to more than {cap} bytes, which no profile of its size does")


def _gunzip(data: bytes, source: str) -> bytes:
    if len(data) < _ISAL_FROM_BYTES:
        import zlib as library

        failure: type[Exception] = library.error
    else:
        from isal import isal_zlib as library  # type: ignore[no-redef]

        failure = library.error
    cap, parts, left = _cap(data), [], data
    room = cap + 1
    while left:
        stream = library.decompressobj(wbits=31)
        try:
            parts.append(stream.decompress(left, room))
        except failure as error:
            raise DecodeError(source, None, f"is damaged: gzip says {error}") from None
        room -= len(parts[-1])
        if room <= 0:
            raise _too_large(source, cap)
        if not stream.eof:
            raise DecodeError(source, None, "is cut off: its gzip stream has no end; fetch it again")
        left = stream.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _unzstd(data: bytes, source: str) -> bytes:
    import zstandard

    cap, parts, left = _cap(data), [], data
    size = 0
    while left:
        stream = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
        try:
            for start in range(0, len(left), 1 << 17):
                parts.append(stream.decompress(left[start : start + (1 << 17)]))
                size += len(parts[-1])
                if size > cap:
                    raise _too_large(source, cap)
                if stream.eof:
                    break
        except zstandard.ZstdError as error:
            raise DecodeError(source, None, f"is damaged: zstd says {error}") from None
        if not stream.eof:
            raise DecodeError(source, None, "is cut off: its zstd stream has no end; fetch it again")
        left = stream.unused_data + left[start + (1 << 17) :]
    return b"".join(parts)
