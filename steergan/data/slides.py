"""One large image -> patches on a grid, those with enough foreground."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from steergan.data.folder import in_mode, read_picture
from steergan.data.foreground import find_foreground
from steergan.data.images import Labels, Pixels
from steergan.data.plan import Piece
from steergan.errors import DataError
from steergan.recipe import DataSettings

PATCH = 128
"""Pixels per side, where `data.size` doesn't say."""


class Cut(NamedTuple):
    """How an image is cut."""

    size: int
    """Pixels per side of a patch."""
    stride: int
    """Pixels from one patch to the next."""
    foreground: float
    """Least share of foreground pixels; 0: all patches are taken."""
    channels: int


def cut_of(settings: DataSettings, channels: int) -> Cut:
    """How a recipe wants images to be cut."""
    size = settings.size or PATCH
    return Cut(size, settings.stride or size, settings.foreground, channels)


@dataclass(frozen=True)
class ImagePatches:
    """Patches of one image, cut out when they are asked for.

    Args:
        image: the whole.
        corners: top and left, in pixels, (n, 2).
        size: pixels per side.
    """

    image: Image.Image
    corners: Labels
    size: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, C, H, W)."""
        return len(self.corners), len(self.image.getbands()), self.size, self.size

    def __getitem__(self, rows: slice, /) -> Pixels:
        _, channels, height, width = self.shape
        boxes = [(left, top, left + width, top + height) for top, left in self.corners[rows].tolist()]
        pixels = [np.asarray(self.image.crop(box)).reshape(height, width, channels) for box in boxes]
        return np.stack(pixels).transpose(0, 3, 1, 2)


def described(cut: Cut) -> str:
    """The cut in words."""
    kept = f"at least {cut.foreground:g} foreground" if cut.foreground else "all of them"
    return f"patches of {cut.size} x {cut.size} every {cut.stride} pixels, {kept}"


Columns = Callable[[int], tuple[int, int]]
"""Width of an image -> first column of a part of it, and the column behind its last one."""


def whole(width: int) -> tuple[int, int]:
    """The whole image."""
    return 0, width


def left_part(held_out: float, width: int) -> tuple[int, int]:
    """What is left of the held-out part."""
    return 0, border(held_out, width)


def right_part(held_out: float, width: int) -> tuple[int, int]:
    """The right `held_out` part."""
    return border(held_out, width), width


def border(held_out: float, width: int) -> int:
    """First held-out column."""
    return width - int(np.floor(held_out * width + 0.5))


def slide_piece(path: Path, name: str, label: int, cut: Cut, part: Columns = whole) -> Piece:
    """The patches of one image, or of a part of it, as a piece of a plan."""

    def load() -> tuple[ImagePatches, Labels]:
        with large_images():
            image = in_mode(read_picture(path), "L" if cut.channels == 1 else "RGB")
        corners = grid_corners(image.size, cut, part)
        if cut.foreground:
            found = find_foreground(image)
            kept = [found.share(top, left, cut.size) >= cut.foreground for top, left in corners.tolist()]
            corners = corners[np.array(kept, dtype=bool)]
        return ImagePatches(image, corners, cut.size), np.full(len(corners), label, dtype=np.int64)

    return Piece(name, count_patches(path, cut, part), load)


def grid_corners(size: tuple[int, int], cut: Cut, part: Columns) -> Labels:
    """Top and left of every patch in a part of an image, in reading order; int64 (n, 2).

    Raises:
        DataError: not even one fits.
    """
    width, height = size
    first, end = part(width)
    tops = np.arange(0, height - cut.size + 1, cut.stride)
    lefts = np.arange(first, end - cut.size + 1, cut.stride)
    if not len(tops) or not len(lefts):
        came = f"{'a part of ' * (end - first < width)}{end - first} x {height} pixels"
        raise DataError(f"{came}; a patch needs {cut.size} x {cut.size}: lower data.size")
    return np.stack(np.meshgrid(tops, lefts, indexing="ij"), axis=-1).reshape(-1, 2)


def count_patches(path: Path, cut: Cut, part: Columns) -> int:
    """Patches that an image can give at most, from its header; 0 if it can't be read."""
    size = header(path)[0]
    try:
        return 0 if size is None else len(grid_corners(size, cut, part))
    except DataError:
        return 0


def is_gray(path: Path) -> bool:
    """Whether an image has one channel; one that can't be read has none of another colour."""
    return header(path)[1] in (None, "1", "L", "LA", "La")


def header(path: Path) -> tuple[tuple[int, int] | None, str | None]:
    """Width and height, and Pillow's mode of an image, without decoding it; None if it can't be read."""
    try:
        with large_images(), Image.open(path) as image:
            return image.size, image.mode
    except (OSError, SyntaxError, ValueError, EOFError):
        return None, None


@contextmanager
def large_images() -> Iterator[None]:
    """Let Pillow open images of any size: slides are larger than what it takes for an attack."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # hints about metadata; what matters is raised
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
