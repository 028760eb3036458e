"""What an image file holds once it is decoded."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from steergan.errors import DataError

ORIENTATION = 0x0112
"""The EXIF tag that says how a picture is to be turned."""
AT_ONCE = 1_000_000
"""Values that are stretched at once: as floats they take eight times the memory."""
SEE_THROUGH = "see-through, laid on data.background"


class Decoded(NamedTuple):
    """What a file holds, upright."""

    colours: Image.Image | NDArray[Any]
    """8 bits: Pillow's image, gray (L) or RGB; deeper: an array (H, W, 1 or 3)."""
    opacity: NDArray[Any] | None
    """(H, W), 0 to 1; None if nothing is see-through."""
    traits: tuple[str, ...]
    """What was done to it, in words that stand in front of a number of images."""
    white_is_low: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its values."""
        return np.dtype(np.uint8) if isinstance(self.colours, Image.Image) else self.colours.dtype

    @property
    def gray(self) -> bool:
        """Whether it has one channel."""
        if isinstance(self.colours, Image.Image):
            return len(self.colours.getbands()) == 1
        return self.colours.shape[2] == 1

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        if isinstance(self.colours, Image.Image):
            return self.colours.height, self.colours.width
        return self.colours.shape[0], self.colours.shape[1]

    @property
    def extremes(self) -> tuple[float, float]:
        """Least and largest value."""
        if isinstance(self.colours, Image.Image):
            bands = np.atleast_2d(np.array(self.colours.getextrema()))
            return float(bands.min()), float(bands.max())
        return float(self.colours.min()), float(self.colours.max())


def check_size(path: Path, size: tuple[int, int], most_pixels: int) -> None:
    """Refuse what is too large to be decoded.

    Raises:
        DataError: it is.
    """
    width, height = size
    if width * height > most_pixels:
        raise DataError(
            f"{path}: {width} x {height} pixels; at most {most_pixels:,} are read: make it smaller, or cut it"
        )


def ends_of(dtype: np.dtype[Any]) -> tuple[float, float]:
    """What values of a type can be, from black to white; floats run from 0 to 1."""
    if dtype.kind == "f":
        return 0.0, 1.0
    ends = np.iinfo(dtype)
    return float(ends.min), float(ends.max)


def stretched(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Values as bytes: `low` becomes 0 and `high` 255, rounded; what lies beyond is clipped."""
    levels = np.empty(values.shape, np.uint8)
    step = max(1, AT_ONCE // max(1, values[:1].size))
    for start in range(0, len(values), step):
        above = (values[start : start + step].astype(np.float64) - low) * 255
        levels[start : start + step] = np.clip(np.rint(above / (high - low) if high > low else above * 0), 0, 255)
    return levels
