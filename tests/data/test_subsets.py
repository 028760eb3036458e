from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from steergan.data.subsets import hold_out, hold_out_exactly, nested_share, ranks_within_class
from steergan.errors import DataError

label_lists = st.lists(st.integers(0, 4), min_size=1, max_size=200).map(lambda x: np.array(x, dtype=np.int64))
seeds = st.integers(0, 2**32)
fractions = st.floats(0.2, 1)
full_classes = st.lists(st.integers(10, 60), min_size=1, max_size=6).map(lambda x: np.repeat(np.arange(len(x)), x))


@given(label_lists, seeds)
def test_ranks_count_up_within_every_class(labels: NDArray[Any], seed: int) -> None:
    ranks = ranks_within_class(labels, seed, "test")
    for label in np.unique(labels):
        assert sorted(ranks[labels == label]) == list(range((labels == label).sum()))


@given(full_classes, fractions, fractions, seeds)
def test_a_smaller_share_is_part_of_a_larger_one(labels: NDArray[Any], a: float, b: float, seed: int) -> None:
    small, large = sorted((a, b))
    assert set(nested_share(labels, small, seed)) <= set(nested_share(labels, large, seed))


@given(full_classes, fractions, seeds)
def test_a_share_is_stratified(labels: NDArray[Any], fraction: float, seed: int) -> None:
    chosen = nested_share(labels, fraction, seed)
    assert len(chosen) == np.floor(fraction * len(labels) + 0.5)
    assert (np.diff(chosen) > 0).all()
    counts = np.bincount(labels)
    error = np.bincount(labels[chosen], minlength=len(counts)) - fraction * counts
    assert (np.abs(error) <= max(1, len(counts) / 2)).all()


def test_papers_fractions_of_like_classes_are_exact_to_an_image() -> None:
    labels = np.random.default_rng(0).integers(0, 10, 12_000)
    for fraction in (0.1, 0.33, 0.66):
        error = np.bincount(labels[nested_share(labels, fraction, 0)]) - fraction * np.bincount(labels)
        assert np.abs(error).max() <= 1


def test_shares_depend_on_the_seed_alone() -> None:
    labels = np.repeat(np.arange(10), 100)
    first, again, other = (nested_share(labels, 0.33, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert len(np.intersect1d(first, other)) < 0.6 * len(first)


def test_the_whole_is_every_image() -> None:
    np.testing.assert_array_equal(nested_share(np.array([2, 0, 1, 1]), 1.0, 5), [0, 1, 2, 3])


def test_share_that_empties_a_class_is_refused() -> None:
    with pytest.raises(DataError, match=r"data\.fraction = 0\.05 leaves 1 of 2 classes empty"):
        nested_share(np.array([0] * 100 + [1] * 3), 0.05, 0)


@given(st.lists(st.integers(2, 40), min_size=1, max_size=5), st.floats(0.01, 0.99), seeds)
def test_holding_out_takes_a_share_of_every_class(counts: list[int], share: float, seed: int) -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    train, held_out = hold_out(labels, share, seed, "abcde"[: len(counts)])
    assert sorted([*train, *held_out]) == list(range(len(labels)))
    for label, count in enumerate(counts):
        kept = (labels[held_out] == label).sum()
        assert 1 <= kept < count
        assert abs(kept - share * count) <= 0.5 or kept in (1, count - 1)


def test_class_with_one_image_cannot_be_split() -> None:
    with pytest.raises(DataError, match=r"class b has 1 image"):
        hold_out(np.array([0, 0, 1]), 0.5, 0, ("a", "b"))


@given(st.integers(2, 300), st.floats(0.01, 0.99), st.integers(0, 9))
def test_random_splits_are_exact_disjoint_and_complete(count: int, share: float, seed: int) -> None:
    train, held_out = hold_out_exactly(count, share, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, held_out])), np.arange(count))
    assert len(held_out) == min(max(int(np.floor(share * count + 0.5)), 1), count - 1)


def test_papers_split_of_anhir_is_exact() -> None:
    assert [len(part) for part in hold_out_exactly(37_876, 0.25, 0)] == [28_407, 9_469]
