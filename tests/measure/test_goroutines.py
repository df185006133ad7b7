"""Goroutine series: which stacks pile up, and which belong to a site."""

import pytest

from leakhunt.measure.goroutines import GoroutineStack, standing
from leakhunt.model.site import AllocationSite, Frame
from tests.detectors.lab import goroutines, ramp


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
