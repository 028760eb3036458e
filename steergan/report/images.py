"""Images as parts of a page: small sheets without white borders, encoded into the text itself, within a budget."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from steergan.pictures import TILE, as_pictures

PAD = 2
"""Pixels between the images of a run's grids, see `steergan.pictures.grid`."""
QUALITIES = (90, 75, 50, 30)
"""Of lossy pictures, tried in turn where lossless ones take too much room."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Encoded:
    """Pictures as addresses that contain them."""

    uris: tuple[str, ...]
    lossless: bool
    """Whether every pixel is as it was."""

    @property
    def size(self) -> int:
        """Characters of all of them."""
        return sum(map(len, self.uris))


def encoded(pictures: Sequence[Image.Image], budget: int) -> Encoded:
    """Pictures as `data:` addresses that take at most so many characters together.

    They are lossless if that suffices; else WebP of falling quality, and in the end of half the size, and so on.

    Args:
        pictures: of any mode that PNG knows.
        budget: characters.

    Examples:
        >>> encoded([Image.new("L", (4, 4))], 1000).lossless
        True
    """
    found = Encoded(tuple(map(lossless, pictures)), lossless=True)
    for quality in QUALITIES:
        if found.size <= budget:
            return found
        found = Encoded(tuple(lossy(picture, quality) for picture in pictures), lossless=False)
    while found.size > budget and max(max(picture.size) for picture in pictures) > 1:
        pictures = [picture.reduce(2) for picture in pictures]
        found = Encoded(tuple(lossy(picture, QUALITIES[-1]) for picture in pictures), lossless=False)
    return found


def lossless(picture: Image.Image) -> str:
    """A PNG, or a WebP where that is smaller; the latter knows colours only, which cost it little."""
    return min((address(picture, "png", optimize=True), address(picture, "webp", lossless=True)), key=len)


def lossy(picture: Image.Image, quality: int) -> str:
    """A WebP."""
    return address(picture, "webp", quality=quality)


def address(picture: Image.Image, form: str, **options: bool | int) -> str:
    """The picture in a form, as text."""
    if form == "webp":
        picture = picture.convert("RGBA" if picture.mode in ("LA", "RGBA") else "RGB")
    content = io.BytesIO()
    picture.save(content, form, **options)
    return f"data:image/{form};base64,{base64.b64encode(content.getvalue()).decode()}"


def sheet(images: ArrayLike, columns: int, gap: int = 1) -> Image.Image:
    """Images side by side in their own size, with see-through gaps between them, so that the page's colour shows.

    Args:
        images: uint8 (N, C, H, W).
        columns: images in a row.
        gap: pixels between two.
    """
    tiles = as_pictures(np.asarray(images))
    count, height, width, channels = tiles.shape
    rows = -(-count // columns)
    page = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, channels + 1), np.uint8)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        top, left = row * (height + gap), column * (width + gap)
        page[top : top + height, left : left + width, :channels] = tile
        page[top : top + height, left : left + width, channels] = 255
    return Image.fromarray(page, "LA" if channels == 1 else "RGBA")


def single(image: ArrayLike) -> Image.Image:
    """One image (C, H, W) uint8, in its own size."""
    (tile,) = as_pictures(np.asarray(image)[None])
    return Image.fromarray(tile[..., 0] if tile.shape[2] == 1 else tile)


def images_of_grid(picture: Image.Image, image_shape: tuple[int, int, int], columns: int) -> Pixels | None:
    """The images that a run's grid shows, in their own size; None if it is no such grid.

    Args:
        picture: made by `steergan.pictures.grid` of images, with or without a strip of labels.
        image_shape: (C, H, W) of the images.
        columns: images in a row.

    Returns:
        uint8 (N, 1 or 3, H, W); what lies in unused places is white.
    """
    channels, height, width = image_shape
    scale = max(1, TILE // max(height, width))
    down, across = height * scale + PAD, width * scale + PAD
    strip, rows = picture.width - (columns * across + PAD), (picture.height - PAD) // down
    if strip < 0 or rows < 1 or rows * down + PAD != picture.height:
        return None
    pixels = np.asarray(picture.convert("L" if channels < 3 else "RGB"))
    pixels = pixels.reshape(*pixels.shape[:2], -1)[PAD:, strip + PAD :]
    tiles = pixels.reshape(rows, down, columns, across, -1)[:, : down - PAD : scale, :, : across - PAD : scale]
    return np.ascontiguousarray(tiles.transpose(0, 2, 4, 1, 3).reshape(rows * columns, -1, height, width))
