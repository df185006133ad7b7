"""Snapshots in order of time: what is done where times are missing, equal, or where one repeats another."""

import itertools

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.snapshot import Snapshot
from leakhunt.units import NS_PER_HOUR


def in_time(snapshots: list[Snapshot]) -> tuple[list[Snapshot], NDArray[np.int64], list[str]]:
    """Snapshots in order of time, their strictly increasing times, and notes on times that had to be made up."""
    if not snapshots:
        return [], np.empty(0, dtype=np.int64), []
    untimed = sum(s.time_ns == 0 for s in snapshots)
    notes = []
    if untimed == len(snapshots):
        ordered = sorted(snapshots, key=lambda s: s.order)
        if len(ordered) > 1:
            notes.append("no snapshot says when it was taken: one hour between each is assumed, in the order given")
        return ordered, np.arange(1, len(ordered) + 1) * NS_PER_HOUR, notes
    if untimed:
        notes.append(f"{untimed} of {len(snapshots)} snapshots do not say when they were taken: placed by the order given")
    ordered = sorted(snapshots, key=lambda s: s.order)
    times = _fill_times([s.time_ns for s in ordered])
    ranks = sorted(range(len(ordered)), key=lambda i: (times[i], ordered[i].order))
    times_ns = np.array([times[i] for i in ranks], dtype=np.int64)
    equal = int((np.diff(times_ns) == 0).sum())
    if equal:
        notes.append(f"{equal + 1} or more snapshots carry the same time: kept in the order given, a nanosecond apart")
        for i in range(1, len(times_ns)):
            times_ns[i] = max(times_ns[i], times_ns[i - 1] + 1)
    return [ordered[i] for i in ranks], times_ns, notes


def without_repetitions(
    snapshots: list[Snapshot], times_ns: NDArray[np.int64]
) -> tuple[list[Snapshot], NDArray[np.int64], list[str]]:
    """Snapshots without those that repeat the one before number by number, and a note on each.

    A profile shows the last completed collection: until the next one, fetching it again is no new observation. Counted as one,
    repetitions strengthened the drift test in four of ten simulated leaks."""
    kept, notes = list(range(min(len(snapshots), 1))), []
    for i in range(1, len(snapshots)):
        before, after = snapshots[kept[-1]], snapshots[i]
        if after.repeats(before):
            notes.append(f"{after.source}: same numbers as {before.source}, no collection between them: no new evidence")
        else:
            kept.append(i)
    return [snapshots[i] for i in kept], times_ns[kept], notes


def _fill_times(times: list[int]) -> list[int]:
    """Unknown times (0) put between, before or after their known neighbours in the list."""
    known = [i for i, time in enumerate(times) if time > 0]
    steps = [times[b] - times[a] for a, b in itertools.pairwise(known)]
    step = max(abs(sorted(steps)[len(steps) // 2]), 1) if steps else NS_PER_HOUR
    filled = [time if time > 0 else round(np.interp(i, known, [times[k] for k in known])) for i, time in enumerate(times)]
    for i in range(known[0] - 1, -1, -1):
        filled[i] = max(filled[i + 1] - step, 1)
    for i in range(known[-1] + 1, len(times)):
        filled[i] = filled[i - 1] + step
    return filled
