"""Sites that meet are found through an index as by comparing every pair."""

from hypothesis import given
from hypothesis import strategies as st

from leakhunt.measure.cogrowth import by_near_function, meet, meeting
from leakhunt.model.site import AllocationSite, Frame

FUNCTIONS = ["main.a", "main.b", "main.c", "main.d", "app.(*T).e", "app.f", "app.g", "runtime.mallocgc", "bytes.growSlice"]
SITES = st.lists(st.lists(st.sampled_from(FUNCTIONS), max_size=9), min_size=1, max_size=12)


@given(SITES)
def test_the_index_finds_what_comparing_finds(stacks: list[list[str]]) -> None:
    sites = [AllocationSite(tuple(Frame(function) for function in stack)) for stack in stacks]
    index = by_near_function(sites, range(len(sites)))
    for seed in sites:
        assert meeting(seed, index) == {i for i, site in enumerate(sites) if meet(seed, site)}


def test_two_operations_of_one_handler_do_not_meet() -> None:
    def site(*functions: str) -> AllocationSite:
        return AllocationSite(tuple(Frame(function) for function in functions))

    value = site("main.newSession", "main.open", "main.serve")
    assert meet(value, site("cache.set", "cache.SetWithExpire", "cache.Put", "main.open", "main.serve"))
    assert not meet(value, site("cache.set", "cache.SetWithExpire", "cache.Put", "cache.put", "main.open", "main.serve"))
    assert not meet(value, site("desk.Join", "main.chat", "main.serve"))
    assert meet(value, site("main.chat", "main.serve"))
