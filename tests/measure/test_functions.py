"""The series by function: totals are kept, and no two functions are the same stacks."""

import numpy as np

from leakhunt.measure.functions import by_function
from tests.detectors.lab import Row, evidence, ramp


def test_a_function_is_the_sum_of_its_stacks() -> None:
    series = evidence(
        Row("main.a < main.shared < main.x", 64, ramp(12, 2)), Row("main.b < main.shared < main.y", 128, ramp(12, 1))
    ).series
    coarse, members = by_function(series)
    names = [site.frames[0].function for site in coarse.sites]
    assert names == ["main.shared"]
    for column in ("inuse_bytes", "alloc_bytes", "inuse_objects", "inuse_samples", "alloc_samples"):
        assert np.array_equal(getattr(coarse, column)[0], getattr(series, column)[members[0]].sum(axis=0))


def test_functions_over_one_stack_or_the_same_stacks_are_left_out() -> None:
    series = evidence(
        Row("main.a < main.inner < main.outer", 64, ramp(12, 2)), Row("main.b < main.inner < main.outer", 64, ramp(12, 1))
    ).series
    coarse, _ = by_function(series)
    assert [site.frames[0].function for site in coarse.sites] == ["main.inner"]
