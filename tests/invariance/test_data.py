"""Which symmetry a data set has: real and drawn images of known symmetry, false alarms, and what is refused."""

import operator
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from steergan import data
from steergan.data import ImageSet, checksum
from steergan.data.digits import COPIES
from steergan.data.mnist import read_labelled
from steergan.data.rotation import rotate as turn_digits
from steergan.data.rotmnist import find_rotmnist
from steergan.errors import DataError
from steergan.invariance.data import DataSymmetry, data_symmetry, finest, subjects_of, with_ramp
from steergan.recipe.data import Digits, Patches, RotMNIST
from tests.invariance.textures import SIDE, image_set, noise, saw, sky, slanted


def found_in(images: ImageSet, copies: int = 1, seed: int = 0) -> DataSymmetry:
    return data_symmetry(images, copies=copies, seed=seed, permutations=199)


@pytest.mark.parametrize(
    ("images", "group"),
    [(noise((1.2, 1.2)), "D4"), (noise((1.4, 1)), "D2"), (slanted(), "C2"), (sky(), "D1"), (saw(), "trivial")],
)
def test_the_group_of_a_texture_is_recommended(images: NDArray[np.float64], group: str) -> None:
    found = found_in(image_set(images))
    assert found.group == group, found.finding
    assert found.tests == 6
    assert ("no group is recommended" in found.finding) == (group == "trivial")
    assert "no proof" in found.finding or group == "trivial"


def test_a_reflection_that_no_group_stands_for_is_mentioned() -> None:
    finding = found_in(image_set(saw())).finding
    assert "Nothing was found under the reflection of up and down either, but larger groups" in finding


def test_upright_digits_have_no_symmetry() -> None:
    digits = load_digits()
    chosen = np.isin(digits.target, (2, 4, 7))
    labels = np.searchsorted((2, 4, 7), digits.target[chosen]).astype(np.int64)
    found = found_in(image_set(digits.images[chosen], labels))
    assert found.group == "trivial"
    assert [subject.name for subject in found.subjects] == ["all classes", "class-0", "class-1", "class-2"]
    assert all(e.adjusted_p_value < 0.05 for subject in found.subjects for e in subject.elements)
    assert min(subject.control.p_value for subject in found.subjects) > 0.01


def test_rotated_digits_are_symmetric_under_rotations_only() -> None:
    images = data.load(Digits(), "train")
    fives = np.flatnonzero(images.labels == 5)
    labels = np.zeros(len(fives), np.int64)
    five = ImageSet(images.images[fives], labels, ("5",), checksum(images.images[fives], labels))
    found = found_in(five, copies=COPIES)
    assert found.group == "C4"
    assert found.subjects[0].count == len(fives) // COPIES // 2
    assert "The images change under the reflection of left and right (p 0.0" in found.finding


@pytest.mark.skipif("STEERGAN_DATA" not in os.environ, reason="STEERGAN_DATA names no folder with MNIST")
def test_mnist_has_no_symmetry_until_it_is_rotated() -> None:
    originals = find_rotmnist(RotMNIST())
    assert originals is not None
    digits, labels = read_labelled(*originals.files[2:])
    chosen = np.flatnonzero(np.isin(labels, (2, 5)))[:600]
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, len(chosen))
    named = (labels[chosen] == 5).astype(np.int64)
    found = [
        found_in(ImageSet(pixels[:, None], named, ("2", "5"), ""))
        for pixels in (digits[chosen], turn_digits(digits[chosen], angles))
    ]
    assert [one.group for one in found] == ["trivial", "C4"]


def test_patches_of_tissue_have_no_direction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path))
    settings = Patches(path="scikit-image:ihc.png", size=32, split="none")
    found = found_in(data.load(settings, "train"))
    assert found.group == "D4"
    assert found.subjects[0].ramp is not None


def test_classes_that_mirror_each_other_are_not_taken_for_symmetric_ones() -> None:
    left = np.linspace(-0.3, 0.3, SIDE) + noise((1, 1))
    labels = np.arange(300) % 2
    left[labels == 1] = left[labels == 1, :, ::-1]
    found = found_in(image_set(left, labels))
    p_values = {
        s.name: {e.element: e.adjusted_p_value for e in s.elements}["the reflection of left and right"]
        for s in found.subjects
    }
    assert p_values["all classes"] > 0.05
    assert max(p_values["class-0"], p_values["class-1"]) < 0.05
    assert "left and right (2 of 3 subjects, most in class-" in found.finding


def test_false_alarms_are_as_rare_as_they_should_be() -> None:
    groups = [found_in(image_set(noise((1, 1), count=40, seed=seed, side=12)), seed=seed).group for seed in range(24)]
    assert groups.count("D4") >= 20  # 1.2 alarms are expected; five or more come once in 150 times


def test_halves_share_no_image_and_have_the_same_labels() -> None:
    labels = np.array([0] * 41 + [1] * 20 + [2])
    images = image_set(noise((1, 1), count=3 * 62, side=8), labels.repeat(3))
    subjects, skipped = subjects_of(images, 3, 50, 0)
    assert [len(subject.first) for subject in subjects] == [25, 20, 10]
    for subject in subjects:
        both = np.concatenate([subject.first, subject.second])
        assert len(np.unique(both)) == len(both)
        assert (both % 3 == 0).all()  # one copy of every original
        np.testing.assert_array_equal(images.labels[subject.first], subject.labels)
        np.testing.assert_array_equal(images.labels[subject.second], subject.labels)
    assert skipped == ("class class-2: 1 image(s), too few for a test of its own; 20 are needed",)


def test_twice_the_same_and_another_with_another_seed() -> None:
    images = image_set(noise((1, 1), count=60, side=8))
    assert found_in(images) == found_in(images)
    assert found_in(images).subjects != found_in(images, seed=1).subjects


def test_many_classes_get_as_many_permutations_as_their_correction_needs() -> None:
    images = image_set(noise((1, 1), count=140, side=8), np.arange(140) % 6)
    found = found_in(images)
    assert (found.tests, found.permutations) == (42, 1680)
    assert 2 * found.tests / (1 + found.permutations) < 0.05


def test_many_classes_share_what_ten_would_get() -> None:
    images = image_set(noise((1, 1), count=1200, side=4), np.arange(1200) % 20)
    subjects, _ = subjects_of(images, 1, 100, 0)
    assert [len(subject.first) for subject in subjects] == [50] + [25] * 20


def test_few_images_are_called_a_weak_test() -> None:
    found = found_in(image_set(noise((1, 1), count=20, side=8)))
    strongest = found.subjects[0].ramp
    assert strongest is None or strongest >= 64
    assert found_in(image_set(noise((1, 1), count=400, side=8))).subjects[0].ramp in (8, 16, 32)


def test_a_ramp_is_found_at_its_strength() -> None:
    rows = with_ramp(torch.full((1, 2, 9, 9), 100, dtype=torch.uint8), 40)
    assert (int(rows.min()), int(rows.max())) == (80, 120)
    assert (int(rows[0, 0, 0, 0]), int(rows[0, 0, 8, 8])) == (80, 120)
    assert rows[0, 0, 0, 8] > rows[0, 0, 8, 0]  # neither diagonal leaves it as it is
    found = [finest(partial(operator.le, least)) for least in (1, 5, 128, 200)]  # found from `least` on
    assert found == [1, 8, 128, None]


def test_unequal_halves_are_mentioned() -> None:
    """Images that come in pairs of near copies, as overlapping patches do, are not independent."""
    images = image_set(noise((1, 1), count=40, side=12))
    subjects, _ = subjects_of(images, 1, 1000, 0)
    pixels = images.images.copy()
    pixels[subjects[0].second] //= 2  # darker, in the half that these will be in
    found = found_in(ImageSet(pixels, images.labels, images.class_names, ""))
    assert "the halves of class-0 differ untransformed too" in found.finding
    assert found.subjects[0].ramp is None


def test_images_that_are_not_square_are_refused() -> None:
    with pytest.raises(DataError, match=r"images of 8 x 12 pixels; quarter turns need square images: crop them"):
        found_in(image_set(noise((1, 1), count=30, side=12)[:, :, :8]))


@pytest.mark.parametrize("labels", [np.zeros(1, np.int64), np.zeros(19, np.int64), np.arange(30)])
def test_too_few_images_are_refused(labels: NDArray[np.int64]) -> None:
    with pytest.raises(DataError, match="at least 20 of a class are needed"):
        found_in(image_set(noise((1, 1), count=len(labels), side=8), labels))
