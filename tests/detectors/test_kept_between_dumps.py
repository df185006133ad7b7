"""Kept between dumps, on two dumps of a made-up process beside the profiles of the same site."""

import dataclasses
from collections.abc import Sequence

from leakhunt.detectors import kept_between_dumps
from leakhunt.evidence import Evidence
from leakhunt.heaps.view import HeapView
from tests.detectors.lab import Row, evidence, ramp, verdicts
from tests.heaps import story

LEAK = Row("main.put < main.main", 48, ramp(12, 20))
STACK = [("main.put", "main.go", 7), ("main.main", "main.go", 3)]


def dumps(*contents: Sequence[int]) -> tuple[HeapView, ...]:
    """One dump for each list of sessions that the table holds then."""
    return tuple(story.view(story.dump(entries, 1_000 * i, site=STACK), f"{i}") for i, entries in enumerate(contents, 1))


def seen(*contents: Sequence[int]) -> Evidence:
    return dataclasses.replace(evidence(LEAK), dumps=dumps(*contents))


def test_a_container_that_keeps_everything_is_accused() -> None:
    found = seen(range(30), range(60))
    (finding,) = kept_between_dumps.examine(found)
    assert finding.text.startswith(
        "of 30 objects at data+0x0 +0 [x] -> 48 B, pointers at 0 in the first heap dump 30 are still"
    )
    assert finding.remedy == "Look at what should take things out of the container at the end of this path."
    assert (finding.facts["stayed"], finding.facts["last_objects"]) == (30, 60)


def test_one_that_lets_go_is_not() -> None:
    assert verdicts(kept_between_dumps.examine, seen(range(30), range(20, 64))) == []


def test_nor_one_that_gained_nothing_nor_a_single_dump_nor_dumps_of_two_processes() -> None:
    assert verdicts(kept_between_dumps.examine, seen(range(30), range(30))) == []
    assert verdicts(kept_between_dumps.examine, seen(range(30))) == []
    other = story.view(story.dump(range(60), 9_000, site=STACK, version="go1.26.8"))
    both = dataclasses.replace(evidence(LEAK), dumps=(*dumps(range(30)), other))
    assert verdicts(kept_between_dumps.examine, both) == []
