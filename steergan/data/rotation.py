"""Stacks of images, each turned by an angle of its own."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import affine_grid, grid_sample

from steergan.data.images import Pixels, Split
from steergan.randomness import numpy_stream
from steergan.recipe import DataSettings


def random_angles(count: int, seed: int, stream: str, step: int = 0, *, degrees: float = 360.0) -> NDArray[np.float64]:
    """Uniform angles from 0 to `degrees`, in radians, (count,); a function of the arguments."""
    return numpy_stream(seed, stream, step).uniform(0, 2 * np.pi * (degrees / 360), count)


def angles_of_split(count: int, split: Split, settings: DataSettings) -> NDArray[np.float64]:
    """The angles of `data.turn = "once"`, radians, (count,): `data.angles` is about training images alone."""
    degrees = settings.angles if split == "train" else 360.0
    return random_angles(count, settings.seed, f"data/angles/{split}", degrees=degrees)


def angles_in_words(settings: DataSettings) -> str:
    """The law of the angles that images are prepared at, for the rule of a set."""
    below = f" (of training images below {settings.angles:g} degrees)" if settings.angles < 360 else ""
    return f"angles uniform in [0, 2 pi){below}"


def rotate(images: Pixels, angles: NDArray[np.float64], *, size: int | None = None, scale: float = 1.0) -> Pixels:
    """Each image turned counterclockwise about its centre, enlarged, on a black canvas; bilinear, in one resampling.

    In float64, so that rounding to uint8 comes out the same on every machine but for exact halves.

    Args:
        images: uint8 (N, H, H), square.
        angles: radians, (N,).
        size: side of the canvas in pixels; the images' own when None.
        scale: pixels on the canvas per pixel of the image.

    Returns:
        uint8 (N, size, size).

    Symmetry: the pixel grid is centred, so at multiples of 90 degrees (and scale 1) this is `numpy.rot90`, bit for bit;
        at other angles it interpolates.
    """
    side = images.shape[-1]
    size = size or side
    zoom = size / (scale * side)  # both grids run from -1 to 1
    cosine, sine = zoom * np.cos(angles), zoom * np.sin(angles)
    # Rows point down: the pixel at (x, y) comes from where a clockwise turn takes it.
    matrices = np.zeros((len(images), 2, 3))
    matrices[:, 0, 0], matrices[:, 0, 1] = cosine, -sine
    matrices[:, 1, 0], matrices[:, 1, 1] = sine, cosine
    grid = affine_grid(torch.from_numpy(matrices), [len(images), 1, size, size], align_corners=False)
    source = torch.from_numpy(images[:, None].astype(np.float64))
    canvas = grid_sample(source, grid, "bilinear", "zeros", align_corners=False)
    rotated: Pixels = canvas[:, 0].round().clamp(0, 255).to(torch.uint8).numpy()
    return rotated


@dataclass(frozen=True, eq=False)
class TurnedRows:
    """Images that are turned, one channel, when they are sliced.

    Args:
        images: uint8 (N, H, H), square.
        angles: radians, (N,).
        size: side of the canvas in pixels; the images' own when None.
        scale: pixels on the canvas per pixel of the image.
    """

    images: Pixels
    angles: NDArray[np.float64]
    size: int | None = None
    scale: float = 1.0

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, 1, H, W)."""
        side = self.size or self.images.shape[-1]
        return len(self.images), 1, side, side

    def __getitem__(self, rows: slice, /) -> Pixels:
        return rotate(self.images[rows], self.angles[rows], size=self.size, scale=self.scale)[:, None]
