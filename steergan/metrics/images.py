"""Images as the metrics take them: uint8 arrays or tensors, with labels where labels matter."""

from collections.abc import Iterator
from typing import Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steergan.errors import DataError

BATCH = 250
"""Images that an extractor sees together."""

Rows: TypeAlias = NDArray[np.int64]
"""Numbers of some images of a set, (n,)."""


class LabelledImages(Protocol):
    """A set of images with its labels, such as `steergan.data.ImageSet`."""

    @property
    def images(self) -> NDArray[np.uint8]:
        """uint8 (N, C, H, W)."""

    @property
    def labels(self) -> Rows:
        """int64 (N,), from 0 to K - 1."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """One for each of the K classes."""

    @property
    def checksum(self) -> str:
        """Of shape, pixels and labels; empty for a set that has no name."""

    def __len__(self) -> int:
        """N."""


class Chosen:
    """Some rows of an array of images, read when they are sliced: chosen ones of a large set stay on disk.

    Args:
        images: all of them, uint8 (N, C, H, W).
        rows: numbers of those that are meant, in order, int64 (n,).
    """

    def __init__(self, images: NDArray[np.uint8], rows: Rows) -> None:
        self.images, self.rows = images, rows
        self.dtype, self.ndim, self.shape = images.dtype, images.ndim, (len(rows), *images.shape[1:])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, part: slice) -> NDArray[np.uint8]:
        return self.images[self.rows[part]]


class Stored(Protocol):
    """Images that are read, or made, when they are sliced."""

    @property
    def dtype(self) -> object:
        """uint8."""

    @property
    def ndim(self) -> int:
        """4."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, C, H, W)."""

    def __len__(self) -> int:
        """N."""

    def __getitem__(self, part: slice, /) -> NDArray[np.uint8]:
        """Some of them."""


Images: TypeAlias = Tensor | NDArray[np.uint8] | Stored
"""uint8 (N, C, H, W); memory-mapped arrays are read batch by batch."""


def image_batches(images: Images, batch_size: int = BATCH) -> Iterator[Tensor]:
    """Images in batches, in their order.

    Args:
        images: uint8 (N, C, H, W).
        batch_size: images of a batch, but of the last one, which may be smaller.

    Yields:
        uint8 (B, C, H, W).

    Raises:
        DataError: another dtype or number of axes.

    Examples:
        >>> import numpy as np
        >>> from steergan.metrics import image_batches
        >>> [len(batch) for batch in image_batches(np.zeros((5, 1, 8, 8), np.uint8), batch_size=2)]
        [2, 2, 1]
    """
    if images.dtype not in (torch.uint8, np.dtype(np.uint8)) or images.ndim != 4:
        raise DataError(f"images of {images.dtype} and shape {tuple(images.shape)}; uint8 (N, C, H, W) was wanted")
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        # A copy: torch warns of arrays that can't be written, and prepared sets can't.
        yield batch if isinstance(batch, Tensor) else torch.from_numpy(np.array(batch))
