"""Lines of the timeline and of sparklines as points of an SVG, in a box of 1000 by 100 that the page stretches.

Labels are HTML beside the drawing, so that they stay readable at every width.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from leakhunt.model.finding import Case, Verdict

WIDTH, HEIGHT = 1000, 100
MOST_POINTS = 400  # more than a screen has room for; longer series are thinned, the newest point always kept
MOST_MARKS = 200


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line at `x`, with what it means."""

    x: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The heap over time.

    total, leaking  points of a polyline; `leaking` is the part that the leak cases hold, "" where there is none
    bands           (x, width, time_ns, bytes) of each snapshot, for its tooltip
    marks           restarts and collections; `marks_left` is how many collections were left out
    top_bytes       what the upper edge stands for; the lower edge is 0
    """

    total: str
    leaking: str
    bands: tuple[tuple[float, float, int, int], ...]
    marks: tuple[Mark, ...]
    marks_left: int
    top_bytes: int
    start_ns: int
    end_ns: int
    points_left: int


def timeline(
    times_ns: Sequence[int],
    total_bytes: Sequence[int],
    cases: Sequence[Case],
    segment_starts: Sequence[int],
    segment_reasons: Sequence[str],
    gc_times_ns: Sequence[int],
) -> Timeline | None:
    """The timeline of `total_bytes` at `times_ns`; None for less than two snapshots."""
    count = min(len(times_ns), len(total_bytes))
    if count < 2 or times_ns[count - 1] <= times_ns[0]:
        return None
    start, end = times_ns[0], times_ns[count - 1]
    shown = _thinned(count, MOST_POINTS)
    leaks = [case.history_bytes for case in cases if case.verdict == Verdict.LEAK and len(case.history_bytes) == count]
    held = [sum(history[i] for history in leaks) for i in shown] if leaks else []
    top = max(1, max(total_bytes[i] for i in shown), max(held, default=0))

    def across(time_ns: int) -> float:
        return round((time_ns - start) / (end - start) * WIDTH, 1)

    xs = [across(times_ns[i]) for i in shown]
    restarts = [
        Mark(across(times_ns[index]), "restart", reason or "a new segment begins")
        for index, reason in list(zip(segment_starts, segment_reasons, strict=False))[:MOST_MARKS]
        if 0 < index < count
    ]
    collections = [time_ns for time_ns in gc_times_ns if start <= time_ns <= end]
    edges = [0.0, *((a + b) / 2 for a, b in itertools.pairwise(xs)), float(WIDTH)]
    return Timeline(
        total=_points(xs, [total_bytes[i] for i in shown], top),
        leaking=_points(xs, held, top) if held else "",
        bands=tuple(
            (round(left, 1), round(right - left, 1), times_ns[i], total_bytes[i])
            for i, left, right in zip(shown, edges, edges[1:], strict=False)
        ),
        marks=(*restarts, *(Mark(across(time_ns), "collection", "garbage collection") for time_ns in collections[:MOST_MARKS])),
        marks_left=max(0, len(collections) - MOST_MARKS),
        top_bytes=top,
        start_ns=start,
        end_ns=end,
        points_left=count - len(shown),
    )


def spark_points(values: Sequence[int]) -> str:
    """`values` as polyline points over the whole box, lowest to highest, newest at the right edge; "" for none."""
    if not values:
        return ""
    shown = [values[i] for i in _thinned(len(values), 60)]
    low, span = min(shown), max(shown) - min(shown)
    step = WIDTH / max(1, len(shown) - 1)
    heights = [(value - low) / span * HEIGHT if span else 0.0 for value in shown]
    points = [(i * step, HEIGHT - height) for i, height in enumerate(heights)]
    if len(points) == 1:
        points.append((float(WIDTH), points[0][1]))
    return " ".join(f"{x:.0f},{y:.0f}" for x, y in points)


def _points(xs: Sequence[float], values: Sequence[int], top: int) -> str:
    return " ".join(f"{x:g},{HEIGHT - max(0, value) / top * HEIGHT:.1f}" for x, value in zip(xs, values, strict=True))


def _thinned(count: int, most: int) -> list[int]:
    """At most `most` indices of `count`, evenly apart, first and last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})
