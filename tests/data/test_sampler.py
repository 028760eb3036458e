from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from steergan.data import ImageSet, batch, batch_indices, class_rows, stratified_labels

small = st.integers(0, 10_000)
frequencies = st.lists(st.integers(0, 50), min_size=1, max_size=12).map(np.array)


@given(st.integers(1, 10_000), st.integers(1, 64), small, small, st.integers(0, 5))
def test_indices_are_a_pure_function_below_the_count(count: int, size: int, seed: int, step: int, update: int) -> None:
    first = batch_indices(count, size, seed, step, update)
    np.random.default_rng(seed).random(7)
    torch.rand(3)
    np.testing.assert_array_equal(first, batch_indices(count, size, seed, step, update))
    assert first.dtype == np.int64
    assert len(first) == size
    assert first.min() >= 0
    assert first.max() < count


@given(small, small, st.integers(0, 5))
def test_seeds_steps_and_updates_draw_independently(seed: int, step: int, update: int) -> None:
    drawn = [batch_indices(10**9, 8, *x) for x in (
        (seed, step, update), (seed + 1, step, update), (seed, step + 1, update), (seed, step, update + 1),
    )]
    assert len(np.unique(np.concatenate(drawn))) == 32  # a repeat among 32 of 10^9 has a chance of 5e-7


def test_updates_and_steps_are_uncorrelated() -> None:
    draws = np.array([[batch_indices(10**6, 64, 0, step, update) for update in range(3)] for step in range(100)])
    correlations = np.corrcoef(draws.transpose(1, 0, 2).reshape(3, -1))[np.triu_indices(3, 1)]
    assert np.abs(correlations).max() < 0.05  # 4 standard deviations
    assert abs(np.corrcoef(draws[:-1].ravel(), draws[1:].ravel())[0, 1]) < 0.03


def test_indices_are_drawn_with_replacement_and_uniformly() -> None:
    drawn = np.concatenate([batch_indices(10, 1000, 3, step, 0) for step in range(20)])
    assert ((np.bincount(drawn) - 2000) ** 2 / 2000).sum() < 27.9  # chi-squared, 9 degrees of freedom, 0.1 %


def test_batch_holds_the_images_and_labels_of_its_indices() -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 2, 3, 4), dtype=np.uint8)
    labels = np.arange(20) % 7
    for array in (images, labels):
        array.setflags(write=False)
    chosen = batch_indices(20, 6, 1, 2, 3)
    x, y = batch(ImageSet(images, labels, tuple("abcdefg"), ""), 6, 1, 2, 3)
    torch.testing.assert_close(x, torch.tensor(images[chosen]))
    assert y.dtype == torch.int64
    np.testing.assert_array_equal(y.numpy(), labels[chosen])
    some = batch(ImageSet(images, labels, tuple("abcdefg"), ""), 6, 1, 2, 3, [slice(1, 3), slice(5, 6)])
    assert torch.equal(some[0], x[[1, 2, 5]])
    assert torch.equal(some[1], y[[1, 2, 5]])


@given(frequencies, st.integers(1, 500))
def test_every_class_gets_its_share_of_labels(weights: NDArray[Any], count: int) -> None:
    assume(weights.sum() > 0)
    shares = weights / weights.sum()
    labels = stratified_labels(shares, count)
    assert labels.dtype == np.int64
    assert len(labels) == count
    error = np.bincount(labels, minlength=len(weights)) - shares * count
    assert (np.abs(error) < 1 + 1e-6).all()
    assert (np.bincount(labels, minlength=len(weights))[weights == 0] == 0).all()


def test_largest_remainders_are_rounded_up() -> None:
    np.testing.assert_array_equal(np.bincount(stratified_labels([0.47, 0.16, 0.37], 10)), [5, 1, 4])


@given(frequencies, st.integers(50, 300))
def test_labels_are_interleaved(weights: NDArray[Any], count: int) -> None:
    assume(weights.sum() > 0)
    labels = stratified_labels(weights / weights.sum(), count)
    whole, half = (np.bincount(part, minlength=len(weights)) for part in (labels, labels[: count // 2]))
    assert (np.abs(half - whole / 2) <= 1).all()


@pytest.mark.parametrize("wrong", [[0.5, 0.6], [1.5, -0.5], [[0.5, 0.5]]])
def test_frequencies_that_are_none_are_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        stratified_labels(wrong, 10)


def test_class_rows_spread_over_each_class() -> None:
    labels = np.array([0] * 10 + [1] * 4)
    images = ImageSet(np.zeros((14, 1, 2, 2), np.uint8), labels, ("a", "b"), "")
    np.testing.assert_array_equal(class_rows(images, 2), [[0, 5], [10, 12]])
    np.testing.assert_array_equal(class_rows(images, 99), [[0, 2, 5, 7], [10, 11, 12, 13]])
