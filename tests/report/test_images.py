"""Images in a page's text."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from steergan.pictures import grid
from steergan.report.images import encoded, images_of_grid, sheet, single


def opened(uri: str) -> Image.Image:
    head, _, content = uri.partition(",")
    assert head in ("data:image/png;base64", "data:image/webp;base64")
    return Image.open(io.BytesIO(base64.b64decode(content)))


@pytest.mark.parametrize("channels", [1, 3])
def test_grids_give_their_images_back(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, channels, 8, 8), np.uint8)
    for labels in ([], ["a", "a long name"]):
        found = images_of_grid(grid(images, 3, labels=labels), (channels, 8, 8), 3)
        assert found is not None
        np.testing.assert_array_equal(found, images)


def test_what_is_no_grid_is_left_alone() -> None:
    assert images_of_grid(Image.new("L", (100, 101)), (1, 8, 8), 10) is None


@pytest.mark.parametrize("channels", [1, 3])
def test_lossless_pictures_keep_every_pixel(channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (channels, 8, 8), np.uint8)
    found = encoded([single(image)], 10_000)
    assert found.lossless
    shown = np.asarray(opened(found.uris[0]).convert("L" if channels == 1 else "RGB")).reshape(8, 8, channels)
    np.testing.assert_array_equal(shown.transpose(2, 0, 1), image)


def test_pictures_keep_to_their_budget() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, 64, 64), np.uint8)
    found = encoded([single(noise)] * 3, 9_000)
    assert not found.lossless
    assert found.size <= 9_000
    assert encoded([single(noise)] * 3, 1_500).size <= 1_500


def test_gaps_of_a_sheet_are_seen_through() -> None:
    pixels = np.asarray(sheet(np.full((4, 1, 2, 2), 7, np.uint8), 2))
    assert pixels.shape == (5, 5, 2)
    assert (pixels[2, :, 1] == 0).all()
    assert (pixels[:, 2, 1] == 0).all()
    assert (pixels[:2, :2] == [7, 255]).all()
