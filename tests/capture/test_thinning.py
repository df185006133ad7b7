"""The thinning keeps the ends, keeps to its cap, and keeps gaps even."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from leakhunt.capture.thinning import next_to_drop, to_drop


def test_an_even_series_becomes_every_second_snapshot() -> None:
    times = list(range(9))
    dropped = to_drop(times, [1] * 9, 5)
    assert [t for t in times if t not in dropped] == [0, 2, 4, 6, 8]


def test_a_burst_is_thinned_before_what_stands_alone() -> None:
    assert next_to_drop([0, 100, 101, 102, 200]) == 2


def test_two_are_always_kept() -> None:
    assert next_to_drop([1, 2]) is None
    assert to_drop([1, 2, 3], [10, 10, 10], 0) == [1]


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 1000)), min_size=1, max_size=60, unique_by=lambda pair: pair[0]),
    st.integers(0, 10_000),
)
def test_ends_stay_and_the_cap_holds(snapshots: list[tuple[int, int]], cap: int) -> None:
    snapshots.sort()
    times, sizes = [t for t, _ in snapshots], [s for _, s in snapshots]
    dropped = to_drop(times, sizes, cap)
    kept = [i for i in range(len(times)) if i not in dropped]
    assert len(set(dropped)) == len(dropped)
    assert kept[0] == 0
    assert kept[-1] == len(times) - 1
    assert sum(sizes[i] for i in kept) <= cap or len(kept) <= 2
    assert not dropped or sum(sizes) > cap, "nothing is dropped without need"


@given(st.integers(3, 40), st.integers(41, 400))
def test_gaps_stay_within_a_small_factor_while_a_series_grows(room: int, total: int) -> None:
    kept: list[int] = []
    for time in range(total):
        kept.append(time)
        for index in to_drop(kept, [1] * len(kept), room):
            del kept[index]
    gaps = [later - earlier for earlier, later in itertools.pairwise(kept)]
    assert len(kept) == room
    if room >= 4:
        # The last two gaps belong to the newest snapshots, which have not been thinned yet.
        assert max(gaps) <= 4 * min(gaps[:-2]), gaps
