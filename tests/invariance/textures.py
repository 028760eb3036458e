"""Drawn images of known symmetry."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, rotate

from steergan.data import ImageSet, checksum

SIDE = 24


def image_set(images: NDArray[np.float64], labels: NDArray[np.int64] | None = None) -> ImageSet:
    """Gray images (N, H, W) around middle gray."""
    pixels = (images / images.std() * 40 + 128).round().clip(0, 255).astype(np.uint8)[:, None]
    labels = np.zeros(len(pixels), np.int64) if labels is None else labels
    names = tuple(f"class-{k}" for k in range(labels.max() + 1))
    return ImageSet(pixels, labels, names, checksum(pixels, labels))


def noise(sigma: tuple[float, float], count: int = 300, seed: int = 0, side: int = SIDE) -> NDArray[np.float64]:
    """Smooth noise, of these widths in pixels down and across: (N, side, side)."""
    white = np.random.default_rng(seed).normal(size=(count, side, side))
    return gaussian_filter(white, (0, *sigma), mode="wrap")


def saw() -> NDArray[np.float64]:
    """Stripes that rise slowly to the right and fall at once, anywhere."""
    stream = np.random.default_rng(0)
    return (np.arange(SIDE) + stream.uniform(0, 8, (300, 1, 1))) % 8 + stream.normal(size=(300, SIDE, SIDE))


def slanted() -> NDArray[np.float64]:
    """Noise that is longer in a direction between an axis and a diagonal."""
    turned = rotate(noise((0.8, 2.5), side=40), 22.5, axes=(1, 2), reshape=False, order=1)
    return np.asarray(turned[:, 8:32, 8:32])


def sky() -> NDArray[np.float64]:
    """Noise that is brighter above."""
    return noise((1, 1)) + 0.2 * np.linspace(1, -1, SIDE)[:, None]
