"""Band-limited inputs in closed form: a group element acts on them at any angle without a pixel being interpolated."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from escnn.group import GroupElement
from escnn.nn import FieldType
from numpy.typing import NDArray
from torch import Tensor

from steergan.randomness import numpy_stream
from steergan.verification.subject import BATCH, Size

COUNT = 12
"""Bumps in an input."""
NARROWEST = 1.2
"""Standard deviation of a bump in pixels: what is finer than twice that is not there."""
WIDTH = 0.07
"""Standard deviation as a share of the side, where that is more."""


@dataclass(frozen=True)
class Bumps:
    """sum_k amplitude_k exp(-|p - centre_k|^2 / (2 width^2)) for each of B inputs.

    Attributes:
        centres: (B, K, 2) pixels from the centre of the map, x to the right, y up.
        amplitudes: (B, K, C), vectors in the fibre.
        width: pixels.
        size: (H, W) pixels.
    """

    centres: NDArray[np.float64]
    amplitudes: NDArray[np.float64]
    width: float
    size: Size

    def moved(self, motion: NDArray[np.float64], fibre: NDArray[np.float64] | None) -> "Bumps":
        """What g makes of the sum: centres move by its matrix (2, 2), amplitudes by rho(g) (C, C), None leaves them."""
        amplitudes = self.amplitudes if fibre is None else self.amplitudes @ fibre.T
        return replace(self, centres=self.centres @ motion.T, amplitudes=amplitudes)

    def render(self) -> Tensor:
        """The map, (B, C, H, W) float32; on a single pixel the first bump's amplitude."""
        if self.size == (1, 1):
            return torch.from_numpy(self.amplitudes[:, 0, :, None, None]).float()
        height, width = self.size
        x, y = np.arange(width) - (width - 1) / 2, (height - 1) / 2 - np.arange(height)
        # A Gaussian is a product of one in x and one in y.
        across = np.exp(-((x - self.centres[..., :1]) ** 2) / (2 * self.width**2))
        down = np.exp(-((y - self.centres[..., 1:]) ** 2) / (2 * self.width**2))
        return torch.from_numpy(np.einsum("bkc,bkh,bkw->bchw", self.amplitudes, down, across)).float()


def random_bumps(field_type: FieldType, size: Size, seed: int, scale: float = 1.0) -> Bumps:
    """Seeded inputs of a field type that lie within the inscribed disk, whatever their angle; amplitudes of a scale."""
    draw = numpy_stream(seed, f"bumps/{size[0]}x{size[1]}")
    side = min(size)
    width = max(NARROWEST, WIDTH * side)
    reach = max(0.0, side / 2 - 2 * width)
    radius, angle = reach * np.sqrt(draw.random((BATCH, COUNT))), 2 * np.pi * draw.random((BATCH, COUNT))
    centres = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return Bumps(centres, scale * draw.standard_normal((BATCH, COUNT, field_type.size)), width, size)


def fibre_of(field_type: FieldType, element: GroupElement | None) -> NDArray[np.float64] | None:
    """rho(g), (C, C); None where every field is trivial, which any motion of the plane leaves alone.

    Raises:
        ValueError: other fields, and no element.
    """
    if all(representation.is_trivial() for representation in set(field_type.representations)):
        return None
    if element is None:
        raise ValueError(f"fields of {field_type} move by elements of their group only")
    blocks = [np.asarray(representation(element), dtype=np.float64) for representation in field_type.representations]
    fibre, start = np.zeros((field_type.size, field_type.size)), 0
    for block in blocks:
        fibre[start : start + len(block), start : start + len(block)] = block
        start += len(block)
    return fibre
