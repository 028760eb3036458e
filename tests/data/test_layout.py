"""Which folders are classes and which are splits, and what can be read in two ways."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from steergan.data import load, survey
from steergan.data.layout import natural, taken_apart
from steergan.errors import DataError
from steergan.recipe.data import Patches
from tests.data.messy import both, write_folders

SPLITS = [
    ("train", "val", "test"), ("train", "valid"), ("train", "validation"), ("Train", "Test"), ("training", "testing"),
    ("TRAIN", "Held-Out"), ("training_set", "test_set"), ("trainset", "valset"), ("train_images", "test_images"),
    ("train", "dev", "eval"), ("Training Data", "Validation Data"),
]  # fmt: skip


@pytest.mark.parametrize("parts", SPLITS, ids="-".join)
def test_usual_splits_are_splits_and_never_classes(cache: Path, tmp_path: Path, parts: Sequence[str]) -> None:
    settings = write_folders(tmp_path / "x", [f"{part}/{name}" for part in parts for name in ("cats", "dogs")])
    train, held_out = both(settings)
    assert train.class_names == ("cats", "dogs")
    np.testing.assert_array_equal(np.bincount(train.labels), [2, 2])
    np.testing.assert_array_equal(np.bincount(held_out.labels), [2 * (len(parts) - 1)] * 2)
    assert f"splits: {parts[0]} to train on" in survey(settings).account.notes[0]


@pytest.mark.parametrize(
    ("folders", "classes"),
    [
        (["trainA", "trainB", "testA", "testB"], ("A", "B")),
        (["train_cats", "train_dogs", "test_cats", "test_dogs"], ("cats", "dogs")),
        (["cats-train", "dogs-train", "cats-val", "dogs-val", "cats-test", "dogs-test"], ("cats", "dogs")),
        (["cats/train", "cats/test", "dogs/Train", "dogs/Test"], ("cats", "dogs")),
        (["train", "test"], ("x",)),
    ],
)
def test_splits_may_be_in_names_or_inside_classes(
    cache: Path, tmp_path: Path, folders: Sequence[str], classes: tuple[str, ...]
) -> None:
    train, held_out = both(write_folders(tmp_path / "x", folders))
    assert train.class_names == classes
    per_class = len(folders) // len(classes)
    assert np.bincount(train.labels).tolist() == [2] * len(classes)
    assert np.bincount(held_out.labels).tolist() == [2 * (per_class - 1)] * len(classes)


@pytest.mark.parametrize(
    "folders",
    [
        ["protest", "contest"],
        ["trainers", "testosterone"],
        ["train-station", "airport"],
        ["trainA", "trainB"],
        ["test-strip-1", "test-strip-2"],
    ],
)
def test_other_names_are_classes(cache: Path, tmp_path: Path, folders: list[str]) -> None:
    assert both(write_folders(tmp_path / "x", folders))[0].class_names == tuple(sorted(folders))


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["train", "bus", "car"], "train is called like a split, bus and car not; are they splits or classes"),
        (["train/a", "test/a", "unlabelled"], "test and train are called like a split, unlabelled not"),
        (["test/a", "val/a"], "test and val without a folder train"),
        (["test"], "test without a folder train"),
        (["cats_train", "cats_test", "dogs"], "cats_test and cats_train are called like a split, dogs not"),
        (["train/a", "train/b", "test/a"], "all splits must hold the same classes; b is only to train on"),
        (["train/a", "train/b", "test"], "all splits must hold the same classes; a and b are only to train on"),
        (["a/train", "a/test", "b"], "b: not just folders of splits in it"),
        (["a/train", "a/test", "b/train"], "b: not just folders of splits in it"),
        (["images/cats", "images/dogs"], "only images in it, which holds folders (cats and dogs): if these are"),
        (["Cats", "cats"], "are Cats and cats one class or two"),
        (["caf\u00e9", "cafe\u0301"], "one class or two"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(
    cache: Path, tmp_path: Path, folders: list[str], message: str
) -> None:
    settings = write_folders(tmp_path / "x", folders)
    with pytest.raises(DataError, match=re.escape(message)):
        load(settings, "train")


def test_a_lone_folder_of_training_images_is_split_by_share(cache: Path, tmp_path: Path) -> None:
    train, held_out = both(write_folders(tmp_path / "x", ["train/a", "train/b"], 5))
    assert (train.class_names, len(train), len(held_out)) == (("a", "b"), 8, 2)


def test_numbers_in_names_sort_as_numbers(cache: Path, tmp_path: Path) -> None:
    names = both(write_folders(tmp_path / "x", [str(k) for k in range(12)]))[0].class_names
    assert names == tuple(str(k) for k in range(12))
    mixed = ["b", "a10", "a9", "a", "B", "10", "9", "01", "1"]
    assert sorted(mixed, key=natural) == ["01", "1", "9", "10", "B", "a", "a9", "a10", "b"]
    words = ["zebra", "ant", "Ant", "ant-lion", "ant_lion", "an"]
    assert sorted(words, key=natural) == sorted(words)


def test_names_are_taken_apart() -> None:
    assert taken_apart("held_out") == taken_apart("HoldOut") == ("held_out", "")
    assert taken_apart("big_cats_val") == ("held_out", "big_cats")
    assert taken_apart("train_test") == (None, "train_test")


def test_names_that_cannot_be_shown_are_escaped(cache: Path, tmp_path: Path) -> None:
    settings = write_folders(tmp_path / "x", ["a\nb", "c"])
    assert survey(settings).class_names == ("a\\nb", "c")
    assert len(survey(settings).account.text().splitlines()) == 4


def test_folders_that_systems_leave_are_no_classes(cache: Path, tmp_path: Path) -> None:
    assert both(write_folders(tmp_path / "x", ["a", "b", "__MACOSX", "a/@eaDir"]))[0].class_names == ("a", "b")


def test_patches_of_splits_stay_on_their_side(cache: Path, tmp_path: Path) -> None:
    path = write_folders(tmp_path / "x", ["train/a", "train/b", "test/a", "test/b"]).path
    settings = Patches(path=path, size=2, foreground=0)
    train, held_out = load(settings, "train"), load(settings, "held_out")
    assert train.class_names == ("a", "b")
    assert (len(train), len(held_out)) == (16, 16)
    assert len(load(Patches(path=path, size=2, foreground=0, split="none"), "train")) == 32
    with pytest.raises(DataError, match=r"data\.split = 'right', and folders that say what is held out"):
        load(Patches(path=path, size=2, foreground=0, split="right"), "train")
