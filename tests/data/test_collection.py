"""Each real file is one image, in one class and one split, whatever links there are."""

import os
from pathlib import Path

import numpy as np
import pytest

from steergan.data import ImageSet, load, survey
from steergan.data.collection import Fault, described, refuse_faults
from steergan.errors import DataError
from tests.data.messy import both, write_folders


def pixels(images: ImageSet) -> set[bytes]:
    return {image.tobytes() for image in images.images}


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_file_in_both_splits_is_held_out_alone(cache: Path, tmp_path: Path, link: object) -> None:
    settings = write_folders(tmp_path / "x", ["train/a", "test/a"], 3)
    link(tmp_path / "x/train/a/0.png", tmp_path / "x/test/a/linked.png")  # type: ignore[operator]
    train, held_out = both(settings)
    assert (len(train), len(held_out)) == (2, 4)
    assert not pixels(train) & pixels(held_out)
    (left_out,) = survey(settings).account.left_out
    assert left_out.name == "train/a/0.png"
    assert left_out.reason == "the same file as test/a/linked.png, which is held out"


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_file_under_several_names_is_one_image(cache: Path, tmp_path: Path, link: object) -> None:
    settings = write_folders(tmp_path / "x", ["a"], 4)
    for k in range(30):
        link(tmp_path / "x/a/0.png", tmp_path / f"x/a/copy{k}.png")  # type: ignore[operator]
    train, held_out = both(settings)
    assert (len(train), len(held_out), len(pixels(train) | pixels(held_out))) == (3, 1, 4)


def test_a_file_in_two_classes_is_refused(cache: Path, tmp_path: Path) -> None:
    settings = write_folders(tmp_path / "x", ["a", "b"])
    os.link(tmp_path / "x/a/0.png", tmp_path / "x/b/9.png")
    with pytest.raises(DataError, match=r"in two classes by links: 1 \(a/0\.png: the same file as b/9\.png\), remove"):
        load(settings, "train")


def test_a_class_that_is_a_link_to_another_has_no_images(cache: Path, tmp_path: Path) -> None:
    settings = write_folders(tmp_path / "x", ["b"], 4)
    os.symlink("b", tmp_path / "x/a")
    with pytest.raises(DataError, match=r"class folders without an image: 1 \(a\)"):
        load(settings, "train")


def test_folders_inside_classes_belong_to_them_and_that_is_said(cache: Path, tmp_path: Path) -> None:
    settings = write_folders(tmp_path / "x", ["cats/black", "cats/white", "dogs"])
    assert np.bincount(np.concatenate([one.labels for one in both(settings)])).tolist() == [4, 2]
    assert "in folders inside class folders, taken for the class: 4" in survey(settings).account.notes


def test_faults_are_told_by_kind_with_the_first_names() -> None:
    faults = [Fault("odd", "mend", f"{k}.png", "why") for k in range(5)] + [Fault("even", "leave", "x.png")]
    assert described(faults) == (
        "odd: 5 (0.png: why; 1.png: why; 2.png: why; and 2 more), mend; even: 1 (x.png), leave"
    )
    refuse_faults(Path("x"), [], 9)
    with pytest.raises(DataError, match=r"^x: 1 fault, 9 images; even: "):
        refuse_faults(Path("x"), faults[5:], 9)
