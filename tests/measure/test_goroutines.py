"""Goroutine series: which stacks pile up, and which belong to a site."""

import pytest

from leakhunt.measure.goroutines import GoroutineStack, goroutine_series, stack_counts, standing
from leakhunt.model.profile import Profile, ProfileKind, ValueType
from leakhunt.model.site import AllocationSite, Frame, receiver
from tests.detectors.lab import goroutines, ramp
from tests.profiles import int64


def stack(*counts: int) -> GoroutineStack:
    return GoroutineStack((Frame("main.wait", "main.go", 7),), counts)


@pytest.mark.parametrize(
    ("counts", "piles_up"),
    [
        (ramp(12, 40, 10), True),
        ([10, 14, 18, 22, 26], True),  # five rise throughout by chance once in 120 times, and it is 16 more
        ([10, 14, 18, 22], False),  # four once in 24
        ([0, 2, 4, 6, 8, 9], False),  # nine are few
        (ramp(12, 4, 60), False),  # not twice as many
        ([10, 90, 20, 80, 30, 70, 40, 60], False),  # they come and go
        ([10, 30, 50, 70, 90, 91, 92, 93, 94], False),  # a pool that has its size
        ([10, 20, 30, 40, 50, 55, 60, 65, 70], True),
        ([0] * 12, False),
    ],
)
def test_piles_up(counts: list[int], piles_up: bool) -> None:
    assert stack(*counts).piles_up is piles_up


@pytest.mark.parametrize(
    ("counts", "stopped"),
    [
        ((25, 51, 82, 103, 126, 150, 181, 207, 217, 220, 220, 220), True),
        ((25, 51, 82, 103, 126, 150, 181, 207, 217, 220, 225, 230), False),  # thirteen of 205 in the last quarter
        ((25, 51, 82, 103, 126, 150, 181, 207, 217, 220, 25, 51), False),  # a restart is none
        ((0, 5, 10, 15, 20, 25, 30, 30, 30, 30, 30, 30), False),  # few may come in bursts
        ((0, 50, 100, 150, 150, 150, 150), False),  # seven profiles
    ],
)
def test_a_pile_to_which_hardly_one_comes_any_more_has_stopped(counts: tuple[int, ...], stopped: bool) -> None:
    assert stack(*counts).has_stopped is stopped


def test_piles_are_those_of_the_series_that_grow_fastest_first() -> None:
    seen = goroutines(**{"main.a": ramp(12, 20), "main.b": [50] * 12, "main.c": ramp(12, 30)})
    assert [pile.frames[0].function for pile in seen.piles] == ["main.c", "main.a"]


def test_a_stack_belongs_to_a_site_by_function_before_type() -> None:
    def of(*functions: str) -> AllocationSite:
        return AllocationSite(tuple(Frame(function, "main.go", 7) for function in functions))

    listen = GoroutineStack(of("runtime.gopark", "main.(*hub).listen").frames, (1, 2))
    talk = GoroutineStack(of("runtime.gopark", "main.(*hub).talk", "main.main").frames, (1, 2))
    both = [listen, talk]
    assert standing(both, [of("main.open", "main.(*hub).talk")]) is talk
    assert standing(both, [of("main.open", "main.(*hub).Accept")]) is listen
    assert standing(both, [of("main.(*room).listen", "main.main"), of("fmt.Sprint", "main.hub")]) is None
    assert standing([], [of("main.(*hub).talk")]) is None
    begun = GoroutineStack(of("runtime.gopark", "lib.work", "lib.Open.func2", "sync.(*WaitGroup).Go.func1").frames, (1, 2))
    assert standing([begun], [of("lib.Open", "main.trace")]) is begun
    assert standing([begun], [of("lib.Dial", "sync.(*WaitGroup).Go", "main.trace")]) is None


def test_goroutines_are_counted_by_stack_with_files_and_lines() -> None:
    """A goroutine profile has one value a sample. `wait` is inlined into `serve`: one location of two lines; one location has
    a function without a name."""
    profile = Profile(
        source="goroutine",
        kind=ProfileKind.GOROUTINE,
        sample_types=(ValueType("goroutine", "count"),),
        default_sample_type="goroutine",
        block_bytes=int64([0] * 4),
        location_addresses=int64([1, 2, 3]),
        location_mappings=int64([-1] * 3),
        function_names=["main.wait[go.shape.int]", "main.serve", "main.poll"],
        function_files=["main.go", "main.go", "poll.go"],
        mappings=(),
        period=1,
        period_type=ValueType("goroutine", "count"),
        time_ns=1,
        values=int64([3, 1, 4, 2]),
        stack_offsets=int64([0, 1, 2, 3, 5]),
        stack_locations=int64([0, 1, 0, 1, 2]),
        line_offsets=int64([0, 2, 3, 4]),
        line_functions=int64([0, 1, 2, -1]),
        line_numbers=int64([7, 12, 9, 0]),
    )
    serve = (Frame("main.wait[...]", "main.go", 7), Frame("main.serve", "main.go", 12))
    assert stack_counts(profile) == {serve: 7, (Frame("main.poll", "poll.go", 9),): 3}


def test_a_series_is_in_order_of_time_and_knows_every_stack() -> None:
    a, b, c = ((Frame(name),) for name in ("main.a", "main.b", "main.c"))
    seen = goroutine_series([(20, {a: 1, b: 5}), (10, {a: 2}), (20, {b: 9, c: 3})], "dumps")
    assert (seen.times_ns, seen.source) == ((10, 20, 20), "dumps")
    assert [(each.frames, each.counts) for each in seen.stacks] == [(b, (0, 5, 9)), (c, (0, 0, 3)), (a, (2, 1, 0))]
    assert seen.totals == (2, 6, 12)
    assert seen.count("main.") == seen.totals
    assert seen.count("ain.b") == (0, 5, 9)


def test_a_receiver_is_the_outermost_of_a_function() -> None:
    """Of what was inlined into a closure the name has two."""
    functions = ("main.(*buyer).ask.func1", "main.(*buyer).ask.(*shop).sell.func2", "main.ask", "main.buyer.ask")
    assert [receiver(each) for each in functions] == ["main.(*buyer)", "main.(*buyer)", "", ""]
