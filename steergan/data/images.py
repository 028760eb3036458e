"""What every source becomes: uint8 images with int64 labels."""

import hashlib
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Split = Literal["train", "held_out"]
Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]

SPLITS: tuple[Split, Split] = ("train", "held_out")
ROWS = 4096
"""Images that are read at once while they are hashed."""


class Turnable(Protocol):
    """Originals of the images of a set, which can be turned by any angle."""

    @property
    def degrees(self) -> float:
        """Below which the angles of visits lie."""

    def turned(self, chosen: Labels, angles: NDArray[np.float64]) -> Pixels:
        """Rows `chosen`, int64 (n,), by angles in radians, (n,) -> uint8 (n, C, H, W)."""

    def share(self, chosen: Labels) -> "Turnable":
        """The originals of some rows only, int64 (n,)."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """One split of a data set.

    Args:
        images: uint8 (N, C, H, W), read-only; memory-mapped where the set was prepared on disk.
        labels: int64 (N,), from 0 to K - 1.
        class_names: K names.
        checksum: sha256 of shape, pixels and labels (`checksum`).
        unturned: what batches turn anew, by an angle of each visit (`data.turn = "fresh"`); None: they take `images`.

    Raises:
        ValueError: another dtype or shape, or a label without a name.
    """

    images: Pixels
    labels: Labels
    class_names: tuple[str, ...]
    checksum: str
    unturned: Turnable | None = None

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise ValueError(f"images are {self.images.dtype} {self.images.shape}; uint8 (N, C, H, W) was wanted")
        if self.labels.dtype != np.int64 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(f"labels are {self.labels.dtype} {self.labels.shape}; int64, one an image, was wanted")
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < len(self.class_names):
            raise ValueError(f"labels run to {self.labels.max()}; there are {len(self.class_names)} class names")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    @property
    def classes(self) -> int:
        """K."""
        return len(self.class_names)

    @property
    def class_frequencies(self) -> NDArray[np.float64]:
        """Share of every class, (K,); sums to 1."""
        return np.bincount(self.labels, minlength=self.classes) / len(self.labels)


def checksum(images: Pixels, labels: Labels) -> str:
    """sha256 of the shape, the pixels and the labels, in hexadecimal; memory-mapped images are read once.

    Args:
        images: uint8 (N, C, H, W).
        labels: int64 (N,).
    """
    digest = hashlib.sha256(f"uint8 {images.shape}".encode())
    for start in range(0, len(images), ROWS):
        digest.update(np.ascontiguousarray(images[start : start + ROWS]).data)
    digest.update(np.ascontiguousarray(labels, dtype="<i8").data)
    return digest.hexdigest()
