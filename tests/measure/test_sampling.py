"""Sampling undone: counts come back exactly, and where they cannot that is seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.measure.sampling import infer_period, raw_counts, sampling_probability
from tests.profiles import scaled

sizes = st.integers(1, 1 << 30)
periods = st.sampled_from([0, 1, 2, 512, 4096, 65536, 524288, 1 << 22])


def columns(samples: list[tuple[int, int]], period: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """space, objects, block_bytes of (count, size) samples as the runtime writes them."""
    written = [(*scaled(count, size, period), size) for count, size in samples]
    objects, space, blocks = (np.array(column, dtype=np.int64) for column in zip(*written, strict=True))
    return space, objects, blocks


@given(st.lists(st.tuples(st.integers(0, 1_000_000), sizes), min_size=1, max_size=20), periods)
def test_raw_counts_come_back_exactly(samples: list[tuple[int, int]], period: int) -> None:
    if period in (2, 512):
        samples = [(count, max(size, 16)) for count, size in samples]  # else the cut is worth more than a tenth of a sample
    space, objects, blocks = columns(samples, period)
    result = raw_counts(space, objects, blocks, period)
    assert result.exact
    assert result.counts.tolist() == [count for count, _ in samples]


def test_objects_do_not_give_the_count_back() -> None:
    """Why the bytes are taken: the cut of the objects is worth up to a sample (statistics of all counts to 500 of 10 sizes)."""
    samples = [(count, size) for count in range(1, 501) for size in (8, 48, 512, 4096, 1 << 16, 1 << 18, 1 << 19, 1 << 20)]
    space, objects, blocks = columns(samples, 524288)
    by_objects = np.rint(objects * sampling_probability(blocks.astype(float), 524288))
    assert 0.02 < (by_objects != [count for count, _ in samples]).mean() < 0.3
    assert (raw_counts(space, objects, blocks, 524288).counts == [count for count, _ in samples]).all()


def test_lost_labels_and_fractions_are_estimates() -> None:
    space, objects, blocks = columns([(7, 64), (3, 4096), (40, 512)], 524288)
    unlabelled = raw_counts(space, objects, np.zeros(3, dtype=np.int64), 524288)
    assert not unlabelled.exact
    assert unlabelled.counts == pytest.approx([7, 3, 40], rel=0.01)
    halved = raw_counts(space * 5 // 7, objects * 5 // 7, blocks, 524288)
    assert not halved.exact
    assert halved.counts == pytest.approx([5, 15 / 7, 200 / 7], rel=0.01)
    merged = raw_counts(space * 2, objects * 2, blocks, 524288)
    assert merged.exact
    assert merged.counts.tolist() == [14, 6, 80]


def test_negative_values_of_a_difference_keep_their_sign() -> None:
    space, objects, blocks = columns([(7, 64)], 524288)
    assert raw_counts(-space, -objects, blocks, 524288).counts.tolist() == [-7]


def test_every_object_is_sampled_at_rate_one() -> None:
    assert sampling_probability(8, 1) == 1
    assert sampling_probability(8, 0) == 1


def test_an_unknown_period_is_inferred_from_whole_counts() -> None:
    assert infer_period(*columns([(3, 48), (11, 1024)], 524288)) == 524288
    assert infer_period(*columns([(3, 48), (11, 1024)], 1)) == 1
