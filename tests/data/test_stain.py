"""Haematoxylin and photograph: the same place, a stain that shows where the blue is."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steergan.data import prepare
from steergan.data.stain import haematoxylin
from steergan.errors import DataError
from steergan.recipe.data import Stain


def test_haematoxylin_is_dark_where_the_photograph_is_blue_and_not_where_it_is_brown() -> None:
    white, blue, brown = (np.full((1, 1, 3), colour, np.uint8) for colour in (255, (90, 90, 170), (120, 70, 30)))
    shown = [int(haematoxylin(one)[0, 0]) for one in (white, blue, brown)]
    assert shown[0] == 255
    assert shown[1] < 150 < 200 < shown[2]


def test_the_right_of_the_photograph_is_held_out_and_both_images_are_of_one_place(cache: Path) -> None:
    prepared = prepare(Stain(size=32, held_out=0.25))
    train, held_out = (prepared.splits[split].images for split in ("train", "held_out"))
    assert (train.shape, held_out.shape) == ((16 * 12, 4, 32, 32), (16 * 4, 4, 32, 32))
    assert prepared.manifest["inputs"] == 1
    np.testing.assert_array_equal(haematoxylin(train[5, 1:].transpose(1, 2, 0)), train[5, 0])


def test_what_is_no_stained_tissue_is_refused(cache: Path, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / "gray.png")
    for path, message in ((tmp_path, "a folder; data.name"), (tmp_path / "gray.png", "gray; the colours of stains")):
        with pytest.raises(DataError, match=message):
            prepare(Stain(path=str(path)))
