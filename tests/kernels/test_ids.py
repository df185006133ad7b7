"""Positions of ids against a dictionary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.kernels.ids import Ids

NUMBERS = st.integers(1, (1 << 64) - 1)


def column(numbers: list[int]) -> np.ndarray:
    return np.array(numbers, np.uint64).view(np.int64)


@given(st.lists(NUMBERS, max_size=20, unique=True) | st.integers(0, 20).map(lambda count: list(range(1, count + 1))), st.data())
def test_positions_are_those_of_a_dictionary(ids: list[int], data: st.DataObject) -> None:
    wanted = data.draw(st.lists(st.sampled_from([0, *ids]) | NUMBERS, max_size=20))
    place = {number: position for position, number in enumerate(ids)}
    found = column(wanted)
    Ids(column(ids), "thing").resolve(found, found, "")
    assert found.tolist() == [place.get(number, -1) for number in wanted]
    missing = [number for number in wanted if number not in place]
    if missing:
        with pytest.raises(ValueError, match=f"a user names thing {missing[0]}, which does not exist"):
            Ids(column(ids), "thing").resolve(column(wanted), found, "user")


def test_ids_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="a thing has the reserved id 0"):
        Ids(column([1, 0]), "thing")
    with pytest.raises(ValueError, match="two things have the id 7"):
        Ids(column([7, 2, 7]), "thing")
    with pytest.raises(ValueError, match="differ in length"):
        Ids(column([1]), "thing").resolve(column([1]), column([]), "")
