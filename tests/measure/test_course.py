"""The history of sites taken together, and its parts."""

import pytest

from leakhunt.measure.course import course_of
from leakhunt.measure.series import SeriesBuilder
from leakhunt.model.site import AllocationSite
from tests.detectors.lab import Row, evidence, ramp
from tests.profiles import scaled

PERIOD = 512 * 1024


def test_a_course_adds_counts_events_and_load() -> None:
    series = evidence(
        Row("main.a < main.f", 640, [2, 5, 4, 8], freed=[0, 1, 3, 3]), Row("main.b < main.f", 64, ramp(4, 2))
    ).series
    sites = [i for i, site in enumerate(series.sites) if site.leaf.function != "main.idle"]
    course = course_of(series, sites)
    assert course.snapshots == 4
    assert course.hours == pytest.approx([0, 1 / 60, 2 / 60, 3 / 60])
    assert course.counts.tolist() == [2, 7, 8, 14]
    assert course.born.tolist() == [6, 3, 6]  # of a: 2 to 6 to 7 to 11 allocated; of b two each time
    assert course.died.tolist() == [1, 2, 0]
    assert course.inuse_bytes[1] == scaled(5, 640, PERIOD)[1] + scaled(2, 64, PERIOD)[1]
    background = [scaled(40 + i, 1024, PERIOD)[1] for i in range(4)]
    assert isinstance(series.sites[0], AllocationSite)
    first = scaled(6, 640, PERIOD)[1] + scaled(2, 64, PERIOD)[1] + background[1] - scaled(2, 640, PERIOD)[1] - background[0]
    assert course.load[0] * (1 / 60) == pytest.approx(first, abs=2000)


def test_a_part_keeps_the_events_between_its_snapshots() -> None:
    series = evidence(Row("main.a < main.f", 640, [2, 5, 4, 8], freed=[0, 1, 3, 3])).series
    course = course_of(series, [next(i for i, site in enumerate(series.sites) if site.leaf.function == "main.a")])
    part = course.part(1, 3)
    assert (part.snapshots, part.counts.tolist(), part.hours.tolist()) == (2, [5, 4], course.hours[1:3].tolist())
    assert (part.born.tolist(), part.died.tolist(), len(part.load)) == ([1], [2], 1)
    assert part.inuse_bytes.tolist() == course.inuse_bytes[1:3].tolist()
    assert [len(course.part(2, stop).born) for stop in (2, 3, 4)] == [0, 0, 1]


def test_two_snapshots_have_a_load() -> None:
    series = evidence(Row("main.a < main.f", 640, [2, 5])).series
    assert len(course_of(series, [0]).load) == 1
    for alone in (evidence(Row("main.a < main.f", 640, [2])).series, SeriesBuilder().finish()):
        assert course_of(alone, []).load.tolist() == []
