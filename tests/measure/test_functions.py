"""The series by function: totals are kept, and no two functions are the same stacks."""

import numpy as np
import pytest

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


def test_a_sum_of_nothing_in_use_has_the_periods_size() -> None:
    gone = [Row(f"main.gone{i} < main.all", 640, [2, 0, 0, 0], freed=[0, 2, 2, 2]) for i in range(2)]
    never = [Row(f"main.never{i} < main.none", 640, [0] * 4, freed=[9] * 4) for i in range(2)]
    brief = [Row(f"main.brief{i} < main.once", 640, [0, 1 - i, 0, 0]) for i in range(2)]
    series = evidence(*gone, *never, *brief).series
    coarse, _ = by_function(series)
    sizes = dict(zip((site.leaf.function for site in coarse.sites), coarse.sample_bytes.tolist(), strict=True))
    assert sizes["main.none"] == series.period_bytes
    assert sizes["main.all"] == pytest.approx(
        coarse.inuse_bytes[[s.leaf.function for s in coarse.sites].index("main.all")].sum() / 4
    )
    once = [s.leaf.function for s in coarse.sites].index("main.once")
    assert sizes["main.once"] == coarse.inuse_bytes[once].sum()
    assert (coarse.alloc_objects == 0).all()
    assert (coarse.inuse_bytes.dtype, coarse.alloc_samples.dtype) == (series.inuse_bytes.dtype, series.alloc_samples.dtype)
    assert coarse.blocks.shape == (0, 4)


def test_a_stack_of_the_standard_library_alone_is_summed_by_its_functions() -> None:
    """A goroutine that dials has no function of the user's on it: its buffers are one connection's all the same."""
    rows = [Row(f"bufio.New{part}Size < net/http.(*Transport).dialConn < runtime.goexit", 4096, ramp(12, 1)) for part in "AB"]
    coarse, members = by_function(evidence(*rows).series)
    functions = [site.leaf.function for site in coarse.sites]
    assert functions == ["net/http.(*Transport).dialConn"]
    assert len(members[0]) == 2
