"""The ledger accounts for every byte that Go holds, and names the part that grows."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from leakhunt.measure.ledger import OBJECTS, OUTSIDE, Ledger, ledger, newest_ledger
from leakhunt.units import BYTES_PER_MIB, NS_PER_HOUR

MIB = BYTES_PER_MIB


def stats(
    live: int = 50, idle: int = 5, stacks: int = 2, outside: int = 20, total: int = 0, rss: bool = True
) -> dict[str, int]:
    """MemStats of a process, in MiB."""
    parts = {
        "HeapAlloc": live, "HeapInuse": live + 1, "HeapIdle": idle + 3, "HeapReleased": 3, "StackSys": stacks,
        "MSpanSys": 1, "MCacheSys": 0, "GCSys": 2, "BuckHashSys": 1, "OtherSys": 1,
    }  # fmt: skip
    go = live + 1 + idle + 3 + stacks + 5
    parts |= {"Sys": go, "TotalAlloc": total} | ({"MaxRSS": go - 3 + outside} if rss else {})
    return {name: value * MIB for name, value in parts.items()}


def made(*memstats: dict[str, int]) -> Ledger:
    found = ledger(memstats, [i * NS_PER_HOUR for i in range(len(memstats))])
    assert found is not None
    return found


def row(found: Ledger, name: str) -> object:
    return next(row for row in found.rows if row.name == name)


@given(st.lists(st.tuples(*[st.integers(0, 5000)] * 4), min_size=1, max_size=60))
def test_rows_of_go_add_up_to_what_it_holds(parts: list[tuple[int, int, int, int]]) -> None:
    memstats = [stats(live, idle, stacks, outside) for live, idle, stacks, outside in parts]
    found = made(*memstats)
    last = memstats[-1]
    assert sum(row.bytes for row in found.rows if row.name != OUTSIDE) == last["Sys"] - last["HeapReleased"]
    assert all(row.low <= row.bytes_per_hour <= row.high for row in found.rows)
    assert all(row.bytes >= 0 for row in found.rows)


def test_growth_outside_the_heap() -> None:
    found = made(*(stats(outside=20 + 4 * i) for i in range(12)))
    assert [row.name for row in found.rows if row.grows] == [OUTSIDE]
    assert found.conclusion.startswith("the heap is flat, outside Go grows by 4.00 MiB/h: look at cgo")


def test_growth_of_the_heap_and_of_stacks() -> None:
    found = made(*(stats(live=50 + 10 * i, stacks=2 + 2 * i) for i in range(12)))
    assert {row.name for row in found.rows if row.grows} == {OBJECTS, "stacks"}
    assert found.conclusion.startswith("heap objects grow by 10.0 MiB/h, stacks less: the sites that grow")


def test_nothing_grows() -> None:
    noise = itertools.cycle([0, 3, 1, 2])
    assert made(*(stats(live=50 + next(noise)) for _ in range(12))).conclusion.startswith("no part of the memory grows; ")


def test_what_filled_up_early_does_not_grow() -> None:
    found = made(*(stats(outside=min(20 + 10 * i, 60)) for i in range(24)))
    assert not any(row.grows for row in found.rows)


def test_too_few_snapshots_say_so() -> None:
    found = made(*(stats(outside=20 + 50 * i) for i in range(3)))
    assert found.conclusion.startswith("3 snapshots of this process: at least 4")
    assert not any(row.grows for row in found.rows)


def test_without_a_resident_set_the_row_is_left_out() -> None:
    assert OUTSIDE not in [row.name for row in made(*[stats(rss=False)] * 5).rows]


def test_incomplete_memstats_are_no_evidence() -> None:
    assert ledger([{"Sys": 1}], [0]) is None
    assert ledger([], []) is None
    assert made({"Sys": 1}, stats(), stats()).snapshots == 2


def test_only_the_newest_process_counts() -> None:
    first = [(i * NS_PER_HOUR, stats(total=100 + i)) for i in range(6)]
    second = [((i + 6) * NS_PER_HOUR, stats(total=i)) for i in range(5)]
    found = newest_ledger([*second, *first])
    assert found is not None
    assert found.snapshots == 5


def test_a_long_series_costs_no_more_pairs() -> None:
    found = made(*(stats(outside=20 + i) for i in range(1000)))
    assert row(found, OUTSIDE) == next(row for row in found.rows if row.grows)
