"""A series of amounts as a row of block characters."""

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int) -> str:
    """`values` in at most `width` characters, lowest to highest; a flat series is a row of the lowest block.

    More values than columns are thinned to the last value of each bucket, so that the newest value always shows. Scaled
    from the smallest value, not from zero: shape is what it is for, size stands beside it.
    """
    count = len(values)
    if count == 0 or width <= 0:
        return ""
    columns = min(width, count)
    shown = [values[(i + 1) * count // columns - 1] for i in range(columns)]
    low, high = min(shown), max(shown)
    span = high - low
    if span <= 0:
        return BLOCKS[0] * columns
    top = len(BLOCKS) - 1
    return "".join(BLOCKS[round((value - low) * top / span)] for value in shown)
