"""One large image -> patches on a grid, those with enough foreground."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from steergan.data.fitting import SMOOTH
from steergan.data.foreground import find_foreground
from steergan.data.images import Labels, Pixels
from steergan.data.picture_files import (
    MOST_PIXELS_OF_SLIDES,
    Reading,
    decode,
    header,
    in_mode,
    read_picture,
    reading_of,
)
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
    fit: str = "auto"
    """Where the grid lies, or what is done to the image for it."""
    reading: Reading = Reading(most_pixels=MOST_PIXELS_OF_SLIDES)


def cut_of(settings: DataSettings, channels: int) -> Cut:
    """How a recipe wants images to be cut."""
    size = settings.size or PATCH
    reading = replace(reading_of(settings), most_pixels=MOST_PIXELS_OF_SLIDES)
    return Cut(size, settings.stride or size, settings.foreground, channels, settings.fit, reading)


@dataclass(frozen=True)
class ImagePatches:
    """Patches of one image, cut out when they are asked for.

    Args:
        image: the whole.
        corners: top and left, in pixels, (n, 2).
        size: pixels per side.
        columns: the part of the image that may be seen: its first column, and that behind its last one.
        background: gray level of what lies outside.
    """

    image: Image.Image
    corners: Labels
    size: int
    columns: tuple[int, int]
    background: int = 0

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, C, H, W)."""
        return len(self.corners), len(self.image.getbands()), self.size, self.size

    def __getitem__(self, rows: slice, /) -> Pixels:
        _, channels, height, width = self.shape
        patches = [np.asarray(self.patch(top, left)) for top, left in self.corners[rows].tolist()]
        return np.stack(patches).reshape(-1, height, width, channels).transpose(0, 3, 1, 2)

    def patch(self, top: int, left: int) -> Image.Image:
        """One patch; background where it leaves the part."""
        box = seen(top, left, self.size, self.image.height, self.columns)
        inside = self.image.crop((box.left, box.top, box.left + box.width, box.top + box.height))
        if (box.height, box.width) == (self.size, self.size):
            return inside
        colour = self.background if self.image.mode == "L" else (self.background,) * 3
        patch = Image.new(self.image.mode, (self.size, self.size), colour)
        patch.paste(inside, (box.left - left, box.top - top))
        return patch


class Box(NamedTuple):
    """A part of an image, in pixels."""

    top: int
    left: int
    height: int
    width: int


def seen(top: int, left: int, size: int, height: int, columns: tuple[int, int]) -> Box:
    """What a patch has of the part that it is cut from."""
    first, end = columns
    upper, inner = max(top, 0), max(left, first)
    return Box(upper, inner, min(top + size, height) - upper, min(left + size, end) - inner)


def described(cut: Cut) -> str:
    """The cut in words."""
    kept = f"at least {cut.foreground:g} foreground" if cut.foreground else "all of them"
    of = {"auto": "", "crop": " on a centred grid", "pad": " of padded images", "resize": " of scaled images"}[cut.fit]
    return f"patches of {cut.size} x {cut.size} every {cut.stride} pixels{of}, {kept}"


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
        image = in_mode(read_picture(path, cut.reading), "L" if cut.channels == 1 else "RGB")
        if cut.fit == "resize" and image.size != (wanted := whole_patches(image.size, cut)):
            image = image.resize(wanted, SMOOTH)
        corners, columns = grid_corners(image.size, cut, part), part(image.width)
        if cut.foreground:
            found = find_foreground(image)
            boxes = [seen(top, left, cut.size, image.height, columns) for top, left in corners.tolist()]
            shares = [found.share(*box) * box.height * box.width / cut.size**2 for box in boxes]
            corners = corners[np.array(shares) >= cut.foreground]
        patches = ImagePatches(image, corners, cut.size, columns, cut.reading.background)
        return patches, np.full(len(corners), label, dtype=np.int64)

    return Piece(name, count_patches(path, cut, part), load, label)


def grid_corners(size: tuple[int, int], cut: Cut, part: Columns) -> Labels:
    """Top and left of every patch in a part of an image, in reading order; int64 (n, 2).

    Raises:
        DataError: not even one fits.
    """
    width, height = size
    first, end = part(width)
    tops, lefts = starts(height, cut), first + starts(end - first, cut)
    if not len(tops) or not len(lefts):
        came = f"{'a part of ' * (end - first < width)}{end - first} x {height} pixels"
        raise DataError(f"{came}; a patch needs {cut.size} x {cut.size}: lower data.size")
    return np.stack(np.meshgrid(tops, lefts, indexing="ij"), axis=-1).reshape(-1, 2)


def starts(length: int, cut: Cut) -> Labels:
    """Where patches begin along a side of `length` pixels, int64; with padding the first one may begin outside."""
    if cut.fit != "pad":
        fitting = np.arange(0, length - cut.size + 1, cut.stride)
        spare = length - cut.size - fitting[-1] if cut.fit == "crop" and len(fitting) else 0
        return fitting + spare // 2
    steps = max(0, -((cut.size - length) // cut.stride)) if length else 0
    return np.arange(steps + 1) * cut.stride - (steps * cut.stride + cut.size - length) // 2


def whole_patches(size: tuple[int, int], cut: Cut) -> tuple[int, int]:
    """The nearest width and height that whole patches cover."""
    width, height = (cut.size + max(0, round((side - cut.size) / cut.stride)) * cut.stride for side in size)
    return width, height


def count_patches(path: Path, cut: Cut, part: Columns) -> int:
    """Patches that an image can give at most, from its header; 0 if it can't be read."""
    found = header(path)
    if found is None:
        return 0
    size = whole_patches(found.size, cut) if cut.fit == "resize" else found.size
    try:
        return len(grid_corners(size, cut, part))
    except DataError:
        return 0


def channels_of(files: Sequence[Path]) -> int:
    """1 if all images that can be read are gray, else 3."""
    colour = [file for file in files if (found := header(file)) and not found.gray]
    if 0 < len(colour) < len(files):  # one that is left out in the end must not decide
        return 3 if any(map(can_be_read, colour)) else 1
    return 3 if colour else 1


def can_be_read(path: Path) -> bool:
    """Whether an image can be decoded."""
    try:
        decode(path, MOST_PIXELS_OF_SLIDES)
    except DataError:
        return False
    return True
