"""Restarts and missing collections are told from counters, on profiles of a real service that was restarted."""

import dataclasses
import itertools

import pytest

from leakhunt import decode
from leakhunt.capture.process import ProcessMark, mark_of, restart_between, uncollected_between
from tests.capture.servers import HEAP

BASE = ProcessMark({"TotalAlloc": 100, "Mallocs": 10, "Frees": 5, "NumGC": 3}, 1000, "abc")


@pytest.mark.parametrize("name", ["TotalAlloc", "Mallocs", "Frees", "NumGC"])
def test_any_cumulative_counter_that_falls_is_a_restart(name: str) -> None:
    after = dataclasses.replace(BASE, counters={**BASE.counters, name: BASE.counters[name] - 1})
    assert restart_between(BASE, after).startswith(f"{name} fell from")


def test_other_signs_of_a_restart() -> None:
    assert (
        restart_between(BASE, dataclasses.replace(BASE, counters={}, alloc_bytes=999)) == "alloc_space fell from 1,000 to 999"
    )
    assert restart_between(BASE, dataclasses.replace(BASE, build_id="def")) == "the build id changed"


def test_no_restart() -> None:
    assert restart_between(BASE, BASE) == ""
    assert restart_between(BASE, dataclasses.replace(BASE, counters={}, build_id="")) == ""


def test_uncollected() -> None:
    assert uncollected_between(BASE, BASE)
    assert not uncollected_between(BASE, dataclasses.replace(BASE, counters={"NumGC": 4}))
    assert not uncollected_between(dataclasses.replace(BASE, counters={}), dataclasses.replace(BASE, counters={}))


def test_real_profiles_of_one_process() -> None:
    marks = [mark_of(decode.load(path.read_bytes(), path.name), {}) for path in HEAP]
    assert all(not restart_between(before, after) for before, after in itertools.pairwise(marks))
    assert restart_between(marks[-1], marks[0]).startswith("alloc_space fell from")
