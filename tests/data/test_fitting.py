"""Pictures of any size in one, against what follows from the definition."""

import numpy as np
import pytest
from PIL import Image

from steergan.data.fitting import commonest, fitted


def gradient(height: int, width: int) -> Image.Image:
    """Levels that grow to the right by ten times the column."""
    return Image.fromarray(np.tile(np.arange(width, dtype=np.uint8) * 10, (height, 1)))


def test_a_picture_of_the_size_is_itself() -> None:
    picture = gradient(6, 9)
    for fit in ("auto", "crop", "resize", "pad"):
        assert fitted(picture, (6, 9), fit, 0) is picture


def test_crop_keeps_the_middle() -> None:
    found = np.asarray(fitted(gradient(6, 12), (6, 6), "crop", 0))
    np.testing.assert_array_equal(found, np.tile(np.arange(3, 9) * 10, (6, 1)))
    upright = np.asarray(fitted(gradient(6, 12).transpose(Image.Transpose.TRANSPOSE), (6, 6), "crop", 0))
    np.testing.assert_array_equal(upright, found.T)


@pytest.mark.parametrize("background", [0, 255])
def test_pad_keeps_all_and_fills_up_on_both_sides(background: int) -> None:
    found = np.asarray(fitted(gradient(4, 8), (8, 8), "pad", background))
    np.testing.assert_array_equal(found[2:6], np.asarray(gradient(4, 8)))
    assert (found[[0, 1, 6, 7]] == background).all()
    colour = fitted(gradient(4, 8).convert("RGB"), (8, 8), "pad", background)
    np.testing.assert_array_equal(np.asarray(colour), np.repeat(found[..., None], 3, axis=2))


@pytest.mark.parametrize("fit", ["crop", "resize", "pad"])
def test_smaller_pictures_are_antialiased(fit: str) -> None:
    """A checkerboard of single pixels becomes its mean, where one that takes every eighth pixel is black or white."""
    board = Image.fromarray((np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8))
    found = np.asarray(fitted(board, (8, 8), fit, 0)).astype(int)
    assert abs(found[1:-1, 1:-1] - 127.5).max() < 8


def test_resize_scales_each_side_by_itself() -> None:
    found = np.asarray(fitted(gradient(6, 24), (6, 12), "resize", 0)).astype(float)
    np.testing.assert_allclose(found[0, 2:-2], (np.arange(2, 10) * 2 + 0.5) * 10, atol=1)


def test_the_commonest_size_is_found_and_the_larger_one_of_two() -> None:
    assert commonest([(9, 9), (4, 6), (4, 6)]) == (4, 6)
    assert commonest([(4, 6), (9, 9)]) == (9, 9)
