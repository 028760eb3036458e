"""Small sets of images, and extractors that can be checked by hand."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steergan.data import ImageSet
from steergan.metrics import Features

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]


def noise(seed: int, count: int) -> Pixels:
    """Gray images of 4 x 4 pixels."""
    return np.random.default_rng(seed).integers(0, 256, size=(count, 1, 4, 4), dtype=np.uint8)


def blobs(seed: int, count: int, turned: bool = True) -> Pixels:
    """One bright row at the top, each image turned by a random quarter."""
    draw = np.random.default_rng(seed)
    images = draw.integers(0, 100, size=(count, 1, 8, 8))
    images[:, :, 0] += 120
    quarters = draw.integers(0, 4, size=count) if turned else np.zeros(count, dtype=int)
    return np.stack([np.rot90(image, q, (1, 2)) for image, q in zip(images, quarters, strict=True)]).astype(np.uint8)


def shades(count: int) -> tuple[Pixels, Labels]:
    """Coloured images, dark and bright ones in turn, with their labels."""
    labels = np.arange(count) % 2
    drawn = np.random.default_rng(0).integers(0, 40, size=(count, 3, 16, 16))
    return (drawn + 190 * labels[:, None, None, None]).astype(np.uint8), labels


def labelled(images: Pixels, labels: Labels | None = None, checksum: str = "") -> ImageSet:
    """A set of them, of one class where nobody says otherwise."""
    labels = np.zeros(len(images), dtype=np.int64) if labels is None else labels
    return ImageSet(images, labels, tuple(f"class-{k}" for k in range(int(labels.max()) + 1)), checksum)


class FirstPixels:
    """The first pixels as features; remembers the images that it saw."""

    name, sha256 = "pixels", "ab12"

    def __init__(self, length: int = 3) -> None:
        self.length = length
        self.seen: list[Tensor] = []

    def __call__(self, images: Tensor) -> Features[Tensor]:
        self.seen.extend(images)
        return Features(images.flatten(1)[:, : self.length].float(), None)


class Halves:
    """Mean brightness of the left, upper, right and lower half: equivariant under C4; the largest: invariant."""

    name, sha256 = "halves", "ab12"

    def __call__(self, images: Tensor) -> Features[Tensor]:
        pixels = images.double()[:, 0]
        halves = [pixels[:, :, :4], pixels[:, :4], pixels[:, :, 4:], pixels[:, 4:]]
        values = torch.stack([half.mean(dim=(1, 2)) for half in halves], dim=1)
        return Features(values.amax(dim=1, keepdim=True), values)
