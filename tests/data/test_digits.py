import numpy as np
import pytest
from sklearn.datasets import load_digits

from steergan.data import load
from steergan.data.digits import COPIES, find_digits, plan_digits
from steergan.data.rotation import random_angles, rotate
from steergan.data.subsets import hold_out
from steergan.recipe.data import Digits

SETTINGS = Digits()


def test_digits_are_real_grey_and_need_no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", f"{tmp_path}/none")
    monkeypatch.delenv("STEERGAN_DATA", raising=False)
    train, held_out = load(SETTINGS, "train"), load(SETTINGS, "held_out")
    assert train.image_shape == held_out.image_shape == (1, 16, 16)
    assert len(train) + len(held_out) == 1797 * COPIES
    assert train.class_names == tuple("0123456789")
    assert np.abs(train.class_frequencies - held_out.class_frequencies).max() < 0.005
    assert not train.images.flags.writeable


def test_copies_show_their_digit_at_their_angles() -> None:
    bundled = load_digits()
    _, members = hold_out(bundled.target.astype(np.int64), SETTINGS.held_out, SETTINGS.seed, tuple("0123456789"))
    held_out = load(SETTINGS, "held_out")
    digit = np.round(bundled.images[members[17]] * 255 / 16).astype(np.uint8)
    angles = random_angles(len(held_out), SETTINGS.seed, "data/angles/held_out")[17 * COPIES : 18 * COPIES]
    expected = rotate(digit[None].repeat(COPIES, axis=0), angles, size=16, scale=1.5)
    np.testing.assert_array_equal(held_out.images[17 * COPIES : 18 * COPIES, 0], expected)
    assert (held_out.labels[17 * COPIES : 18 * COPIES] == bundled.target[members[17]]).all()


def test_copies_differ_by_their_angle() -> None:
    images = load(SETTINGS, "train").images[:COPIES]
    assert len(np.unique(images.reshape(COPIES, -1), axis=0)) == COPIES


def test_ink_survives_turning() -> None:
    train = load(SETTINGS, "train")
    inside = train.images.astype(float).reshape(-1, COPIES, 256).sum(-1)
    assert (inside.std(axis=1) / inside.mean(axis=1)).mean() < 0.03  # nothing is cut off at some angles


def test_a_fraction_takes_digits_with_all_their_copies() -> None:
    whole = load(SETTINGS, "train")
    part = load(SETTINGS.model_copy(update={"fraction": 0.1}), "train")
    digits = {image.tobytes() for image in part.images}
    taken = np.array([image.tobytes() in digits for image in whole.images]).reshape(-1, COPIES)
    assert len(part) == round(0.1 * len(whole) / COPIES) * COPIES
    assert (taken.all(axis=1) == taken.any(axis=1)).all()


def test_seed_changes_split_and_angles() -> None:
    checksums = {load(Digits(seed=seed), "held_out").checksum for seed in (0, 0, 1)}
    assert len(checksums) == 2
    assert "scikit-learn" in plan_digits(find_digits(SETTINGS), SETTINGS).rule
