"""Pairs as training draws them: both images cut and moved alike, by seed, step and place in the batch alone."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from steergan.data import ImageSet
from steergan.errors import DataError, SymmetryError
from steergan.recipe.data import Pairs
from steergan.symmetry import gspace
from steergan.symmetry.permutations import grid_permutation
from steergan.translation import PairBatches, PairSet, moved_pairs


def pair_set(count: int = 5, height: int = 6, width: int = 6) -> PairSet:
    """Gray inputs whose pixels tell pair and place; outputs that are 1 and 2 brighter."""
    place = np.arange(height * width).reshape(1, 1, height, width)
    inputs = (place + 36 * np.arange(count)[:, None, None, None]).astype(np.uint8)
    both = np.concatenate([inputs, inputs + 1, inputs + 2], axis=1)
    return PairSet(ImageSet(both, np.zeros(count, np.int64), ("pairs",), checksum="x"), 1)


def settings(**more: object) -> Pairs:
    return Pairs.model_validate(more)


def drawn(batches: PairBatches, step: int = 1, update: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    outputs, inputs = batches(step, update)
    assert outputs.dtype == inputs.dtype == torch.uint8
    np.testing.assert_array_equal(outputs[:, :1], inputs + 1)  # both were cut and moved alike
    np.testing.assert_array_equal(outputs[:, 1:], inputs + 2)
    return outputs.numpy(), inputs.numpy()


def test_batches_are_functions_of_seed_step_and_update() -> None:
    batches = PairBatches(pair_set(), settings(moves="D4"), (4, 4), 32, seed=0)
    _, first = drawn(batches)
    np.testing.assert_array_equal(first, drawn(PairBatches(pair_set(), settings(moves="D4"), (4, 4), 32, seed=0))[1])
    others = [(batches, 2, 0), (batches, 1, 1), (PairBatches(pair_set(), settings(moves="D4"), (4, 4), 32, 1), 1, 0)]
    assert not any((drawn(*other)[1] == first).all() for other in others)


def test_a_process_gets_its_rows_of_the_whole_batch() -> None:
    whole = drawn(PairBatches(pair_set(), settings(moves="C4"), (4, 4), 8, seed=0))[1]
    part = drawn(PairBatches(pair_set(), settings(moves="C4"), (4, 4), 8, 0, rows=[slice(2, 4), slice(6, 8)]))[1]
    np.testing.assert_array_equal(part, whole[[2, 3, 6, 7]])


def test_every_cut_and_every_element_comes() -> None:
    _, inputs = drawn(PairBatches(pair_set(1), settings(), (4, 4), 200, seed=0))
    assert {int(image[0, 0, 0]) for image in inputs} == {6 * y + x for y in range(3) for x in range(3)}
    _, inputs = drawn(PairBatches(pair_set(1), settings(moves="D4"), (6, 6), 200, seed=0))
    upright = pair_set(1).labels[0, 0]
    poses = [np.rot90(one, k) for one in (upright, upright[:, ::-1]) for k in range(4)]
    assert {image.tobytes() for image in inputs} == {np.ascontiguousarray(pose).tobytes() for pose in poses}


def test_d1_reflects_left_and_right() -> None:
    _, inputs = drawn(PairBatches(pair_set(1, 4, 6), settings(moves="D1"), (4, 6), 20, seed=0))
    upright = pair_set(1, 4, 6).labels[0, 0]
    mirrored = np.ascontiguousarray(upright[:, ::-1])
    assert {image.tobytes() for image in inputs} == {upright.tobytes(), mirrored.tobytes()}


def test_what_can_not_be_cut_or_turned_is_refused() -> None:
    with pytest.raises(DataError, match=r"pairs of 6 x 6 pixels; 8 x 8 or more were wanted"):
        PairBatches(pair_set(), settings(), (8, 8), 4, seed=0)
    with pytest.raises(SymmetryError, match=r'data.moves = "C4" turns pairs by 90 degrees, and they are of 6 x 4'):
        PairBatches(pair_set(2, 4, 6), settings(moves="C4"), (4, 6), 4, seed=0)


@pytest.mark.parametrize(("height", "group"), [(6, "D4"), (4, "D2")])
def test_every_pair_is_moved_once_and_none_stays(height: int, group: str) -> None:
    pairs = pair_set(7, height)
    moved, name = moved_pairs(pairs, np.arange(7))
    assert name == group
    assert grid_permutation(gspace(group), height, 6)[0].tolist() == list(range(6 * height))  # the element left out
    for before, after in zip(pairs.pairs.images, moved, strict=True):
        assert sorted(before.ravel().tolist()) == sorted(after.ravel().tolist())
        assert (before != after).any()
        np.testing.assert_array_equal(after[0] + 1, after[1])
    if group == "D4":
        poses = [tuple(np.argsort(one[0].ravel())) for one in moved]
        assert len(set(poses)) == 7
