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
        starts, shapes = np.empty(2, np.int64), np.empty(1, np.int32)
        with pytest.raises(ValueError, match=reason):
            kernel.edges(bytes(16) + pairs, index, array.array("q", [0]), 512, starts, shapes)
