"""What every source becomes: uint8 images with int64 labels."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Split = Literal["train", "held_out"]
Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]
Progress = Callable[[int, int], None]
"""Called with (images done, images in all) while a set is prepared."""

SPLITS: tuple[Split, Split] = ("train", "held_out")


@dataclass(frozen=True, eq=False)
class ImageSet:
    """One split of a data set.

    Args:
        images: uint8 (N, C, H, W), read-only; memory-mapped where the set was prepared on disk.
        labels: int64 (N,), from 0 to K - 1.
        class_names: K names.
        checksum: sha256 of shape, pixels and labels (`checksum`).

    Raises:
        ValueError: another dtype or shape, or a label without a name.
    """

    images: Pixels
    labels: Labels
    class_names: tuple[str, ...]
    checksum: str

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


@dataclass(frozen=True)
class Plan:
    """What a source is going to give, before a pixel is made: so large sets can go to disk piece by piece.

    Args:
        image_shape: (C, H, W).
        class_names: K names.
        labels: int64 (N,) per split.
        chunks: split -> uint8 (n, C, H, W) pieces, N images in all.
        rule: how the images and the split were made, in words.
        copies: consecutive images that show one original (they stay together when a share of the set is taken).
    """

    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    labels: Mapping[Split, Labels]
    chunks: Callable[[Split], Iterator[Pixels]]
    rule: str
    copies: int = 1


class PixelRows(Protocol):
    """uint8 (n, C, H, W), or what makes such rows when they are sliced: an array, or patches of one large image."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: slice, /) -> Pixels: ...


@dataclass(frozen=True)
class Piece:
    """A part of a large set that is read at once, and refused at once if it is damaged: a file, or rows of one.

    Args:
        name: for messages: the file, and which part of it.
        count: images in it, at most.
        load: uint8 (n, C, H, W) and int64 (n,) labels, n <= count; raises DataError if it can't be read.
    """

    name: str
    count: int
    load: Callable[[], tuple[PixelRows, Labels]]


@dataclass(frozen=True)
class PiecewisePlan:
    """The plan of a set that goes to disk piece by piece, resumes at a piece, and goes on without damaged ones.

    Args:
        image_shape: (C, H, W).
        class_names: K names.
        pieces: per split, in order. The very same sequence under both splits is written once.
        rule: how the images and the split were made, in words.
        divide: for a split over single images: labels (N,) of all images that came -> sorted rows of the training and
            of the held-out ones. All pieces stand under "train" then.
        advice: what to do when a class comes out empty.
    """

    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    pieces: Mapping[Split, Sequence[Piece]]
    rule: str
    divide: Callable[[Labels], tuple[Labels, Labels]] | None = None
    advice: str = "add images of it, or choose another data.split or seed"


def checksum(images: Pixels, labels: Labels) -> str:
    """sha256 of the shape, the pixels and the labels, in hexadecimal; memory-mapped images are read once."""
    pieces = (images[start : start + 4096] for start in range(0, len(images), 4096))
    return checksum_of_pieces(images.shape, pieces, labels)


def checksum_of_pieces(shape: tuple[int, ...], pieces: Iterable[Pixels], labels: Labels) -> str:
    """The same for images of `shape` (N, C, H, W) that come piece by piece."""
    digest = hashlib.sha256(f"uint8 {shape}".encode())
    for piece in pieces:
        digest.update(np.ascontiguousarray(piece).data)
    digest.update(np.ascontiguousarray(labels, dtype="<i8").data)
    return digest.hexdigest()
