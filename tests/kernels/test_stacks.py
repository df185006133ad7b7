"""Stack hashes against a twin that compares the stacks themselves."""

import itertools
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.kernels.stacks import hash_stacks

# Locations 0..5 with these lines (key, skipped); location 2 has none.
LOCATIONS = [[(11, 0)], [(12, 1)], [], [(12, 1), (13, 0)], [(13, 0), (12, 1)], [(14, 1), (12, 1)]]
LOCATION_KEYS = [101, 102, 103, 104, 105, 106]


def identity(stack: list[int]) -> tuple[int, ...]:
    frames = [frame for location in stack for frame in (LOCATIONS[location] or [(LOCATION_KEYS[location], 0)])]
    kept = list(itertools.dropwhile(lambda frame: frame[1], frames)) or frames
    return tuple(key for key, _ in kept)


def hashes(stacks: list[list[int]]) -> list[int]:
    lines = [line for location in LOCATIONS for line in location]
    return list(
        hash_stacks(
            array("q", itertools.accumulate(map(len, stacks), initial=0)),
            array("q", itertools.chain.from_iterable(stacks)),
            array("q", itertools.accumulate(map(len, LOCATIONS), initial=0)),
            array("Q", [key for key, _ in lines]),
            bytearray(skipped for _, skipped in lines),
            array("Q", LOCATION_KEYS),
        )
    )


@given(st.lists(st.lists(st.integers(0, 5), max_size=5), max_size=8))
def test_equal_hashes_mean_equal_stacks(stacks: list[list[int]]) -> None:
    found = hashes(stacks)
    for (a, hash_a), (b, hash_b) in itertools.combinations(zip(stacks, found, strict=True), 2):
        assert (hash_a == hash_b) == (identity(a) == identity(b))


@pytest.mark.parametrize(
    ("offsets", "locations"),
    [([0, 2], [0]), ([0, 1], [6]), ([0, 1], [-1]), ([-1, 1], [0])],
    ids="long high negative before".split(),
)
def test_offsets_outside_are_refused(offsets: list[int], locations: list[int]) -> None:
    one_line = (array("q", [0, 1]), array("Q", [1]), bytearray(1), array("Q", [1]))
    with pytest.raises(IndexError):
        hash_stacks(array("q", offsets), array("q", locations), *one_line)
