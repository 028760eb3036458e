"""Foreground of pictures that were drawn, so that it is known."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import maximum_filter

from steergan.data import resolve_path
from steergan.data.foreground import Foreground, find_foreground

WHITE, PAPER, BROWN, PINK = (255, 255, 255), (238, 239, 241), (130, 90, 60), (225, 190, 215)


Colour = tuple[int, int, int]


def draw(background: Colour, tissue: Colour, side: int, noise: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """A round piece of tissue off the centre, and where it is."""
    y, x = np.mgrid[:side, :side]
    disk = (y - 0.4 * side) ** 2 + (x - 0.6 * side) ** 2 < (0.25 * side) ** 2
    picture = np.where(disk[..., None], tissue, background) + np.random.default_rng(0).normal(0, noise, (side, side, 3))
    return picture.clip(0, 255).astype(np.uint8), disk


@pytest.mark.parametrize("tissue", [BROWN, PINK])
@pytest.mark.parametrize("background", [WHITE, PAPER])
def test_drawn_tissue_is_found_and_grown_by_two_cells(background: Colour, tissue: Colour) -> None:
    picture, disk = draw(background, tissue, 200, noise=3)
    found = find_foreground(Image.fromarray(picture))
    assert found.cell == 1
    np.testing.assert_array_equal(found.mask, maximum_filter(disk, size=5))


def test_light_tissue_on_gray_images_is_found() -> None:
    picture, disk = draw(WHITE, (170, 170, 170), 200, noise=3)
    found = find_foreground(Image.fromarray(picture[..., 0]))
    np.testing.assert_array_equal(found.mask, maximum_filter(disk, size=5))


def test_large_images_are_judged_by_cells() -> None:
    picture, disk = draw(WHITE, BROWN, 2500, noise=0)
    found = find_foreground(Image.fromarray(picture))
    assert found.cell == 3
    assert found.mask.shape == (834, 834)
    nearby = maximum_filter(disk, size=5 + 4 * 3)  # two cells, and the rest of the cell at the edge
    grown = found.mask.repeat(3, axis=0).repeat(3, axis=1)[:2500, :2500]
    assert not (disk & ~grown).any()
    assert not (grown & ~nearby).any()


@pytest.mark.parametrize("noise", [0, 2])
@pytest.mark.parametrize(("colour", "expected"), [(WHITE, False), (PAPER, False), (BROWN, True), ((0, 0, 0), True)])
def test_an_image_of_one_kind_is_all_or_nothing(colour: Colour, expected: bool, noise: float) -> None:
    picture = np.random.default_rng(0).normal(colour, noise, (40, 50, 3)).clip(0, 255).astype(np.uint8)
    assert (find_foreground(Image.fromarray(picture)).mask == expected).all()


def test_one_pixel_does_not_crash() -> None:
    assert not find_foreground(Image.new("RGB", (1, 1), WHITE)).mask.any()


def test_share_counts_pixels_of_cells() -> None:
    mask = np.random.default_rng(0).random((9, 9)) < 0.4
    pixels = mask.repeat(3, axis=0).repeat(3, axis=1)
    found = Foreground(mask, 3)
    for top, left, size in ((0, 0, 27), (4, 7, 10), (26, 26, 1)):
        assert found.share(top, left, size) == pytest.approx(pixels[top : top + size, left : left + size].mean())


def test_it_is_the_same_every_time_and_sees_brown_cells_in_real_tissue() -> None:
    with Image.open(resolve_path("scikit-image:ihc.png")) as file:
        image = file.convert("RGB")
    first, again = find_foreground(image), find_foreground(image)
    np.testing.assert_array_equal(first.mask, again.mask)
    red, blue = (np.asarray(image)[..., c].astype(int) for c in (0, 2))
    stained = (red - blue > 60) & (red < 180)
    assert stained.mean() > 0.01
    assert first.mask[stained].mean() > 0.99
    assert not first.mask.all()
