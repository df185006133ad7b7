"""Block sizes: what the allocator gives, what a table or an array that grows leaves behind."""

import numpy as np
import pytest

from leakhunt.measure import containers
from leakhunt.measure.containers import doubles, grew_once, ladder, lone_block, made_map_tables, map_tables, outgrown
from leakhunt.measure.functions import by_leaf
from leakhunt.model.series import Series
from tests.detectors.lab import Row, evidence

SITE = "main.put < main.serve"


def series_of(*blocks: tuple[int, int, int]) -> Series:
    """One site whose blocks are (size, sampled objects in use, sampled objects freed)."""
    return evidence(*[Row(SITE, size, [inuse] * 4, freed=[freed] * 4) for size, inuse, freed in blocks]).series


def site_of(series: Series) -> int:
    return next(i for i, site in enumerate(series.sites) if site.leaf.function == "main.put")


@pytest.mark.parametrize(
    ("bytes_", "block"), [(17408, 18432), (25600, 27264), (32768, 32768), (32769, 40960), (40960, 40960), (99328, 106496)]
)
def test_the_allocator_rounds_up_to_classes_and_pages(bytes_: int, block: int) -> None:
    """runtime/sizeclasses.go, and whole pages above 32 KiB."""
    assert containers._block_size(bytes_) == block


def test_a_table_has_a_control_word_and_eight_slots_a_group() -> None:
    assert containers._table_size(24, 128) == 27264  # 128 * (8 + 8 * 24) = 25 600
    assert containers._table_size(56, 64) == 32768  # 64 * (8 + 8 * 56) = 29 184
    assert containers._table_size(31, 64) == 16384  # exactly
    assert {18432, 27264, 65536} <= containers.FULL_TABLE_BYTES.keys()
    assert containers.FULL_TABLE_BYTES[27264] == {27264, 13568}


def test_tables_are_counted_from_two_on() -> None:
    seen = series_of((27264, 2, 0))
    assert map_tables(seen, site_of(seen)) == int(seen.inuse_objects[site_of(seen), -1])
    assert made_map_tables(seen, site_of(seen))
    assert map_tables(seen, 1 - site_of(seen)) == 0
    both = series_of((27264, 2, 0), (18432, 3, 0), (640, 9, 0))
    tables = containers.blocks_of(both, site_of(both))[1:]
    assert map_tables(both, site_of(both)) == tables[:, 1].sum()
    other = series_of((27000, 9, 9))
    assert map_tables(other, site_of(other)) == 0
    assert not made_map_tables(other, site_of(other))


def test_a_lone_block_is_large_one_and_in_use() -> None:
    lone = [(106496, 1, 0), (106496, 2, 0), (106496, 0, 1), (640, 1, 0)]
    seen = [series_of(block) for block in lone]
    assert [lone_block(series, site_of(series)) for series in seen] == [106496, 0, 0, 0]


def test_large_tables_are_told_by_what_they_were_made_of() -> None:
    for inuse, freed, tables in ((3, 0, False), (3, 1, True), (5, 1, False), (1, 1, False)):
        seen = series_of((65536, inuse, freed))
        assert (map_tables(seen, site_of(seen)) > 0) == tables
    halves = series_of((65536, 4, 0), (32768, 0, 2))
    assert map_tables(halves, site_of(halves)) > 0
    made = series_of((27264, 0, 2))
    assert made_map_tables(made, site_of(made)), "up to 32 KiB those that are gone count too"
    rungs = ((27264, 0, 2), (49152, 0, 1), (98304, 1, 0))
    array = series_of(*rungs)
    assert not made_map_tables(array, site_of(array)), "and not the first rungs of an array"
    beside = series_of((18432, 2, 0), *rungs)
    assert made_map_tables(beside, site_of(beside)), "tables in use always do"
    dropped = series_of((65536, 0, 8))
    assert not made_map_tables(dropped, site_of(dropped)), "blocks that are all gone may have been buffers"


def test_rungs_allocated_once_are_one_container() -> None:
    seen = series_of((1 << 20, 0, 1), (1 << 21, 0, 1), (1 << 22, 1, 0))
    site = site_of(seen)
    assert ladder(seen, site) == (1 << 20, 1 << 21, 1 << 22)
    assert grew_once(seen, ladder(seen, site), site)
    again = series_of((1 << 20, 0, 5), (1 << 21, 0, 5), (1 << 22, 1, 4))
    assert not grew_once(again, ladder(again, site_of(again)), site_of(again))
    assert grew_once(seen, (1 << 24,), site), "what was never allocated here"
    small = series_of((32768, 0, 1), (65536, 0, 1), (131072, 1, 0))
    assert grew_once(small, ladder(small, site_of(small)), site_of(small)), "by samples: one of 32 KiB stands for sixteen"


@pytest.mark.parametrize(("times", "found"), [(1, True), (2, False)])
def test_an_array_may_grow_in_a_function_along_several_stacks(times: int, found: bool) -> None:
    sizes = [(1 << 20) << k for k in range(4)]
    series = evidence(
        *[
            Row(f"main.put < main.serve{k % 2}", size, [int(k == 3)] * 4, freed=[2 * times - int(k == 3)] * 4)
            for k, size in enumerate(sizes)
        ]
    ).series
    stacks = by_leaf(series.sites)["main.put"]
    assert len(stacks) == 2
    assert outgrown(series, stacks[0], stacks) == (tuple(sizes) if found else ())


def test_an_array_of_one_stack_is_enough_whatever_the_others_grow() -> None:
    own = [Row("main.put < main.serve0", (1 << 20) << k, [int(k == 2)] * 4, freed=[int(k < 2)] * 4) for k in range(3)]
    others = [Row("main.put < main.serve1", (1 << 20) << k, [0] * 4, freed=[9] * 4) for k in range(3)]
    series = evidence(*own, *others).series
    site = next(i for i, each in enumerate(series.sites) if each.frames[1].function == "main.serve0")
    assert outgrown(series, site, by_leaf(series.sites)["main.put"]) == (1 << 20, 1 << 21, 1 << 22)


@pytest.mark.parametrize(
    ("sizes", "found"),
    [
        ((1 << 20, 1 << 21, 1 << 22), (1 << 20, 1 << 21, 1 << 22)),
        ((1 << 20, 1 << 21), ()),  # too short a row
        ((1 << 20, 1 << 23, 1 << 24, 1 << 25), (1 << 23, 1 << 24, 1 << 25)),  # the first is none of the row
        ((65536, 1 << 18, 1 << 19, 1 << 20), (65536, 1 << 18, 1 << 19, 1 << 20)),  # below the period one step may be missing
        ((1 << 19, 1 << 21, 1 << 22), ()),  # and not above it
        ((65536, 5 << 16, 1 << 19), ()),  # nor two
        ((8192, 16384, 32768, 65536), (16384, 32768, 65536)),  # smaller ones do not count
    ],
)
def test_a_ladder_is_a_row_of_outgrown_sizes(sizes: tuple[int, ...], found: tuple[int, ...]) -> None:
    seen = series_of(*[(size, int(size == sizes[-1]), int(size != sizes[-1])) for size in sizes])
    assert ladder(seen, site_of(seen)) == found


def test_a_ladder_ends_in_use_and_most_of_it_is_gone() -> None:
    gone = series_of((1 << 20, 0, 1), (1 << 21, 0, 1), (1 << 22, 0, 1))
    assert ladder(gone, site_of(gone)) == ()
    one_held = series_of((1 << 20, 1, 0), (1 << 21, 0, 1), (1 << 22, 1, 0))
    assert len(ladder(one_held, site_of(one_held))) == 3
    two_held = series_of((1 << 20, 1, 0), (1 << 21, 1, 0), (1 << 22, 1, 0))
    assert ladder(two_held, site_of(two_held)) == ()


def test_doubling_is_told_from_appending() -> None:
    assert doubles((100, 200, 400))
    assert doubles((100, 190, 361))
    assert not doubles((100, 189, 378))
    assert doubles((100, 215))
    assert not doubles((100, 216))
    assert not doubles((100, 200, 250))


def test_blocks_of_a_site_are_its_own() -> None:
    seen = series_of((64, 9, 3), (128, 2, 0))
    assert containers.blocks_of(seen, site_of(seen))[:, 0].tolist() == [64, 128]
    assert containers.blocks_of(seen, 1 - site_of(seen))[:, 0].tolist() == [1024]
    assert containers.blocks_of(seen, 2).shape == np.empty((0, 3)).shape
    two = evidence(Row("main.a < main.f", 1 << 20, [1] * 4), Row("main.b < main.f", 1 << 20, [2] * 4, freed=[1] * 4)).series
    a, b, idle = (next(i for i, s in enumerate(two.sites) if s.leaf.function == f"main.{name}") for name in ("a", "b", "idle"))
    one, other = (containers.blocks_of(two, site)[0] for site in (a, b))
    assert containers.blocks_of(two, a, b).tolist() == [[1 << 20, *(one + other)[1:]]]
    assert containers.blocks_of(two, b, idle)[:, 0].tolist() == [1024, 1 << 20]
