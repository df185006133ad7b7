"""Gzip and zstd to plain bytes, with a cap on what may come out.

Content decides. Gzip is read as Go reads it: several members in a row are one stream, and a stream that is cut off, or
followed by what is not gzip, is an error.
"""

from __future__ import annotations

from leakhunt.errors import DecodeError

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MAX_DECOMPRESSED_BYTES = 512 << 20  # a profile of a million samples has 70 MB
# No real profile of 148 public ones comes near: gzip shrinks them to a half or a sixth, synthetic ones to a thirtieth, text
# with a thousand equal goroutines to a seventieth. Deflate ends at 1032. Small results may have any ratio.
MAX_RATIO = 100
RATIO_FREE_BYTES = 64 << 20
_MAX_WINDOW_BYTES = 1 << 27  # what zstd itself allows without --long
# zstd cannot be told how much may come out at once. A block of 128 KiB takes at least 4 bytes, so a piece makes 32 MiB at most.
_ZSTD_PIECE_BYTES = 1 << 10
_PIECE_BYTES = 1 << 18  # of compressed input; the ratio is looked at after each
# Below this the standard library's slower inflate is done before isal is loaded (0.5 ms for 64 KiB, 1 ms to import).
_ISAL_FROM_BYTES = 64 << 10


def decompress(data: bytes, source: str) -> bytes:
    """`data` itself, or what it decompresses to. Raises DecodeError when damaged, cut off, or growing as no profile does.

    Memory: the result twice for a moment, and the result is refused before it grows past the caps."""
    if data.startswith(GZIP_MAGIC):
        return _gunzip(data, source)
    if data.startswith(ZSTD_MAGIC):
        return _unzstd(data, source)
    return data


class _Pieces:
    """What came out so far, held against the caps."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.parts: list[bytes] = []
        self.size = 0

    @property
    def room(self) -> int:
        """Bytes that may still come, and one more to tell that there are too many."""
        return MAX_DECOMPRESSED_BYTES - self.size + 1

    def add(self, part: bytes, consumed: int) -> None:
        """Takes `part`, which the first `consumed` bytes of input have made the last of the result."""
        self.parts.append(part)
        self.size += len(part)
        if self.size > MAX_DECOMPRESSED_BYTES or (self.size > RATIO_FREE_BYTES and self.size > MAX_RATIO * consumed):
            reason = f"is refused: {consumed} bytes of it decompress to more than {self.size}, which no profile does"
            raise DecodeError(self._source, None, reason)

    def joined(self) -> bytes:
        """All of it."""
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)


def _gunzip(data: bytes, source: str) -> bytes:
    if len(data) < _ISAL_FROM_BYTES:
        import zlib as library

        failure: type[Exception] = library.error
    else:
        from isal import isal_zlib as library  # type: ignore[no-redef]

        failure = library.error
    pieces, at = _Pieces(source), 0
    while at < len(data):
        stream = library.decompressobj(wbits=31)
        while not stream.eof:
            piece = data[at : at + _PIECE_BYTES]
            if not piece:
                raise DecodeError(source, None, "is cut off: its gzip stream has no end; fetch it again")
            try:
                part = stream.decompress(piece, pieces.room)
            except failure as error:
                raise DecodeError(source, None, f"is damaged: gzip says {error}") from None
            at += len(piece) - len(stream.unused_data)
            pieces.add(part, at)
    return pieces.joined()


def _unzstd(data: bytes, source: str) -> bytes:
    import zstandard

    pieces, at = _Pieces(source), 0
    while at < len(data):
        stream = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES).decompressobj()
        while not stream.eof:
            piece = data[at : at + _ZSTD_PIECE_BYTES]
            if not piece:
                raise DecodeError(source, None, "is cut off: its zstd stream has no end; fetch it again")
            try:
                part = stream.decompress(piece)
            except zstandard.ZstdError as error:
                raise DecodeError(source, None, f"is damaged: zstd says {error}") from None
            at += len(piece) - len(stream.unused_data)
            pieces.add(part, at)
    return pieces.joined()
