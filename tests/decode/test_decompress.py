"""Gzip and zstd as Go reads gzip: members in a row are one stream, and what is damaged, cut off or not the end is refused."""

import gzip
import random

import pytest
import zstandard

from leakhunt.decode.decompress import decompress
from leakhunt.errors import DecodeError

# Below and above the size from which isal does the work.
CONTENTS = [b"profile " * 100, random.Random(1).randbytes(300_000)]


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


@pytest.mark.parametrize("content", CONTENTS, ids=["small", "large"])
@pytest.mark.parametrize("compress", [gzip.compress, zstd], ids=["gzip", "zstd"])
class TestBoth:
    def test_one_stream_and_several_in_a_row(self, content: bytes, compress: object) -> None:
        packed = compress(content)  # type: ignore[operator]
        assert decompress(packed, "x") == content
        assert decompress(packed + packed + packed, "x") == content * 3

    def test_cut_off_anywhere(self, content: bytes, compress: object) -> None:
        packed = compress(content)  # type: ignore[operator]
        for length in {5, len(packed) // 2, len(packed) - 9, len(packed) - 1}:
            with pytest.raises(DecodeError, match=r"is cut off|is damaged"):
                decompress(packed[:length], "x")

    def test_followed_by_something_else(self, content: bytes, compress: object) -> None:
        with pytest.raises(DecodeError, match=r"is damaged|is cut off"):
            decompress(compress(content) + b"garbage at the end", "x")  # type: ignore[operator]


@pytest.mark.parametrize("content", CONTENTS, ids=["small", "large"])
@pytest.mark.parametrize("place", [-8, -1], ids=["checksum", "length"])
def test_a_gzip_checksum_or_length_that_is_wrong(content: bytes, place: int) -> None:
    packed = bytearray(gzip.compress(content))
    packed[place] ^= 0x55
    with pytest.raises(DecodeError, match="is damaged"):
        decompress(bytes(packed), "x")


def test_what_is_not_compressed_is_left_alone() -> None:
    content = b"\x0a\x00plain"
    assert decompress(content, "x") is content
