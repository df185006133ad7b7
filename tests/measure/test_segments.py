"""Where a process ends: counters that fall, by how much, and where a missing site says nothing."""

import numpy as np
import pytest

from leakhunt.measure.segments import Counters, restart_reason


def counters(*alloc: float, idle: bool = True, exact: bool = True) -> Counters:
    return Counters(np.array(alloc, dtype=float), idle, exact)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (counters(5, 9), counters(5, 9), ""),
        (counters(5, 9), counters(6, 20, 3), ""),
        (counters(5, 9), counters(5, 8.6), ""),  # less than half a sample is the rounding of a tool
        (counters(5, 9), counters(5, 8), "restart: sampled allocations since process start fell from 14 to 13"),
        (counters(5, 9), counters(4, 30), "restart: the allocation counter fell at 1 of 2 sites"),
        (counters(5, 9, 0), counters(4, 8, 30), "restart: the allocation counter fell at 2 of 2 sites"),
        (counters(5, 9), counters(7), "restart: sampled allocations since process start fell from 14 to 7"),
        (counters(5, 9), counters(99), "restart: the allocation counter fell at 1 of 2 sites"),
        (counters(5, 9), counters(99, idle=False), ""),  # a site without anything in use is not listed
        (counters(5, 9), counters(3, 99, idle=False), "restart: the allocation counter fell at 1 of 2 sites"),
        (counters(5, 9), counters(1, 99, idle=False), "restart: the allocation counter fell at 1 of 2 sites"),
        (counters(5, 9), counters(4, 10), "restart: the allocation counter fell at 1 of 2 sites"),
        (counters(100, 1, exact=False), counters(51, 99), ""),  # 4 sqrt(151) = 49.2, and a half
        (counters(100, 1), counters(51, 99, exact=False), ""),
        (counters(100, 1, exact=False), counters(50, 99, exact=False), "restart: the allocation counter fell at 1 of 2 sites"),
    ],
)
def test_a_counter_that_falls_is_a_restart(before: Counters, after: Counters, reason: str) -> None:
    assert restart_reason(before, after) == reason
