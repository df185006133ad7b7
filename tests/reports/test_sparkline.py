"""Sparklines show the shape and the newest value."""

from hypothesis import given
from hypothesis import strategies as st

from leakhunt.reports.sparkline import BLOCKS, sparkline


def test_shape() -> None:
    assert sparkline(range(8), 8) == BLOCKS
    assert sparkline([5, 5, 5], 8) == "▁▁▁"
    assert sparkline([], 8) == ""


@given(st.lists(st.integers(-(1 << 62), 1 << 62), min_size=1, max_size=200), st.integers(1, 40))
def test_bounded_and_ends_with_the_newest(values: list[int], width: int) -> None:
    line = sparkline(values, width)
    assert len(line) == min(width, len(values))
    if width > 1 and values[-1] > max(values[:-1], default=values[-1]):
        assert line[-1] == BLOCKS[-1]
