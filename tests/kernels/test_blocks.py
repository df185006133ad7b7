"""Finding blocks by address, and edges, against slower twins."""

import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.kernels import blocks as kernel


@st.composite
def blocks(draw: st.DrawFn, step: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Blocks that do not overlap, some near each other, some far apart."""
    at, addresses, sizes = 0xC000000000, [], []
    for _ in range(draw(st.integers(0, 30))):
        at += draw(st.sampled_from([0, step, 8 * step, 512, 8192, 1 << 20, 1 << 26, 1 << 27]))
        size = step * draw(st.integers(1, 70))
        addresses.append(at)
        sizes.append(size)
        at += size
    return np.array(addresses, np.int64), np.array(sizes, np.int64)


@given(blocks(), st.data(), st.booleans())
def test_index_finds_what_a_linear_search_finds(
    columns: tuple[np.ndarray, np.ndarray], data: st.DataObject, halves: bool
) -> None:
    addresses, sizes = columns
    index = kernel.Index(addresses, sizes, halves)
    edges = [a + d for a, s in zip(addresses.tolist(), sizes.tolist(), strict=True) for d in (-1, 0, 1, s - 1, s)]
    probes = [
        0,
        -1,
        1 << 47,
        -(1 << 63),
        *edges,
        *data.draw(st.lists(st.integers(0xC000000000, 0xC000000000 + (1 << 30)), max_size=20)),
    ]
    found = np.empty(len(probes), np.int32)
    index.resolve(np.array(probes, np.int64), found)
    expected = [next((i for i in range(len(addresses)) if addresses[i] <= p < addresses[i] + sizes[i]), -1) for p in probes]
    assert found.tolist() == expected


def test_oddly_aligned_and_scattered_blocks_are_found_too() -> None:
    scattered = np.arange(40, dtype=np.int64) << 40
    for addresses, sizes in (
        (np.array([3, 9, 12], np.int64), np.array([4, 2, 1], np.int64)),
        (scattered, np.full(40, 8, np.int64)),
    ):
        found = np.empty(len(addresses), np.int32)
        kernel.Index(addresses, sizes).resolve(addresses + sizes - 1, found)
        assert found.tolist() == list(range(len(addresses)))


def test_overlapping_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="begins before"):
        kernel.Index(np.array([0, 8], np.int64), np.array([16, 8], np.int64))


def test_edges_refuses_pointers_outside_their_block() -> None:
    index = kernel.Index(np.array([64], np.int64), np.array([16], np.int64))
    for pairs, reason in (
        (b"\x01\x10\x00", "outside its block"),
        (b"\x01\x04\x00", "outside its block"),
        (b"\x01\x80", "leaves the data"),
        (b"\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x00", "leaves the data"),
        (b"", "leaves the data"),
    ):
        starts, shapes = np.empty(2, np.int32), np.empty(1, np.int32)
        with pytest.raises(ValueError, match=reason):
            kernel.edges(bytes(16) + pairs, index, array.array("q", [0]), 512, 1 << 62, starts, shapes)


@given(st.data())
def test_pointers_into_equals_its_slow_twin(data: st.DataObject) -> None:
    """Words of random regions that lead into a block, and whether they are listed."""
    addresses, sizes = np.array([64, 96, 4096], np.int64), np.array([16, 32, 64], np.int64)
    index = kernel.Index(addresses, sizes)
    contents, offsets, lengths, lists, expected = b"", [], [], [], []
    for region in range(data.draw(st.integers(0, 4))):
        values = data.draw(st.lists(st.sampled_from([0, 64, 72, 80, 100, 128, 4100, 4160, 1 << 50]), max_size=6))
        named = data.draw(st.permutations(range(len(values)))) if values else []
        named = named[: data.draw(st.integers(0, len(named)))]
        offsets.append(len(contents))
        lengths.append(8 * len(values))
        contents += b"".join(value.to_bytes(8, "little") for value in values)
        lists.append(len(contents))
        contents += b"".join(bytes([1, 8 * word]) for word in named) + b"\0"
        for word, value in enumerate(values):
            block = next((i for i in range(3) if addresses[i] <= value < addresses[i] + sizes[i]), -1)
            if block >= 0:
                expected.append((region, word, block, int(word in named)))
    columns = kernel.pointers_into(contents, index, *(np.array(column, np.int64) for column in (offsets, lengths, lists)))
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected


@pytest.mark.parametrize(
    ("contents", "offset", "size", "list_at", "reason"),
    [
        (bytes(8), 0, 8, 8, "list leaves"),
        (bytes(8) + b"\x01\x08\x00", 0, 8, 8, "outside its block"),
        (bytes(8) + b"\x01\x04\x00", 0, 8, 8, "outside its block"),
        (bytes(8), 0, 16, 0, "region leaves"),
        (bytes(8), -1, 8, 0, "region leaves"),
        (bytes(8), 0, 8, -1, "region leaves"),
    ],
)
def test_pointers_into_refuses_what_leaves_the_data(contents: bytes, offset: int, size: int, list_at: int, reason: str) -> None:
    index = kernel.Index(np.array([64], np.int64), np.array([16], np.int64))
    with pytest.raises(ValueError, match=reason):
        kernel.pointers_into(contents, index, *(np.array([value], np.int64) for value in (offset, size, list_at)))


@given(st.lists(st.lists(st.sampled_from([0, 7, 40, 41, 99, 1 << 40]), min_size=1, max_size=6), max_size=6), st.data())
def test_edges_after_keys_equals_its_slow_twin(values: list[list[int]], data: st.DataObject) -> None:
    """Words of random blocks that stand behind one of some keys."""
    keys = sorted(data.draw(st.sets(st.sampled_from([7, 41, 99]))))
    contents, offsets, starts, expected = bytes(5), [], [0], []
    words: list[int] = []
    for block in values:
        offsets.append(len(contents))
        contents += b"".join(value.to_bytes(8, "little") for value in block)
        for word in data.draw(st.sets(st.integers(0, len(block) - 1))):
            if word and block[word - 1] in keys:
                expected.append((len(words), keys.index(block[word - 1])))
            words.append(word)
        starts.append(len(words))
    columns = np.array(offsets, np.int64), np.array(starts, np.int32), np.array(words, np.int32), np.array(keys, np.int64)
    edges, numbers = kernel.edges_after_keys(contents, *columns)
    assert list(zip(edges.tolist(), numbers.tolist(), strict=True)) == expected


def test_of_a_block_that_was_written_in_part_the_pointers_that_are_there_are_found() -> None:
    """A block of 40 bytes by a writer that writes no more than 16 at once."""
    index = kernel.Index(np.array([64], np.int64), np.array([40], np.int64))
    contents = (64).to_bytes(8, "little") * 2 + b"\x01\x00\x01\x08\x01\x10\x01\x20\x00"
    starts, shapes = np.empty(2, np.int32), np.empty(1, np.int32)
    targets, words, _ = kernel.edges(contents, index, array.array("q", [0]), 512, 16, starts, shapes)
    assert (targets.tolist(), words.tolist(), starts.tolist()) == ([0, 0], [0, 1], [0, 2])
