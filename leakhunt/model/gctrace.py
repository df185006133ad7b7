"""A `GODEBUG=gctrace=1` log: one row for each collection of one process. `leakhunt.decode.gctrace` fills it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class GcTrace:
    """N collections of one process, in order.

    seconds         float64[N], since the process started
    live_mib        int64[N], heap that survived the collection; whole MiB, as the runtime prints it, like all sizes here
    start_mib, end_mib    heap when marking began, and when it ended
    goal_mib        heap at which the collection should have ended
    stacks_mib, globals_mib    scannable stacks and globals, -1 before Go 1.18
    pause_ms        float64[N], both stop-the-world phases: sweep termination and mark termination
    mark_ms         float64[N], concurrent mark, wall clock
    cpu_percent     int64[N], share of CPU time spent in GC since the process started
    forced          bool[N], runtime.GC was called
    processes       how many processes the log holds; this is the one with the most collections
    other_lines     lines that are not gctrace's
    """

    source: str
    seconds: Floats
    live_mib: Integers
    start_mib: Integers
    end_mib: Integers
    goal_mib: Integers
    stacks_mib: Integers
    globals_mib: Integers
    pause_ms: Floats
    mark_ms: Floats
    cpu_percent: Integers
    forced: NDArray[np.bool_]
    processes: int = 1
    other_lines: int = 0

    @property
    def collections(self) -> int:
        """N."""
        return len(self.seconds)


@dataclass(frozen=True, slots=True)
class GcHeapTrend:
    """What the timeline of live heap says.

    verdict         "grows", "level" or "inconclusive"
    mib_per_hour, low, high    Theil-Sen rate of the live heap's lows, with its 95 % interval; nan where inconclusive
    p, last_half_p  one-sided, of the whole and of its last half
    lows_mib, lows_seconds    the lowest live heap in each window of equal length, and the windows' middles
    notes           sentences: what else the log tells, and what would decide
    """

    verdict: str
    mib_per_hour: float
    low: float
    high: float
    p: float
    last_half_p: float
    lows_mib: tuple[float, ...]
    lows_seconds: tuple[float, ...]
    notes: tuple[str, ...]
