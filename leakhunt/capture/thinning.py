"""What to drop when a series outgrows its cap: never the first, never the newest, and the rest so that gaps stay even.

Pure: times and sizes in, indices out. The same rule thins files on disk and snapshots in memory.
"""

from collections.abc import Sequence


def next_to_drop(times_ns: Sequence[int]) -> int | None:
    """Index of the snapshot whose absence widens the series' gaps least: the interior one whose neighbours are closest in
    time, the earliest of equals. None where only the first and the newest are left. O(n).

    Dropping one whenever a new one arrives keeps gaps within a factor of about two of each other, the older ones coarse
    first: an evenly spaced series becomes every second snapshot, then every fourth.
    """
    if len(times_ns) < 3:
        return None
    return min(range(1, len(times_ns) - 1), key=lambda i: (times_ns[i + 1] - times_ns[i - 1], i))


def to_drop(times_ns: Sequence[int], sizes_bytes: Sequence[int], cap_bytes: int) -> list[int]:
    """Indices to drop, in order, until the sizes that stay sum to at most `cap_bytes` or only two are left.
    O(n) for each one dropped; a capture drops one or two at a time."""
    kept = list(range(len(times_ns)))
    total = sum(sizes_bytes)
    dropped: list[int] = []
    while total > cap_bytes:
        position = next_to_drop([times_ns[i] for i in kept])
        if position is None:
            break
        index = kept.pop(position)
        total -= sizes_bytes[index]
        dropped.append(index)
    return dropped
