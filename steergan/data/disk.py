"""Images that are black outside their inscribed disk, whatever they were made from."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from steergan.data.images import Labels, Pixels
from steergan.data.plan import Piece, PixelRows, Plan
from steergan.errors import DataError
from steergan.pixels import disk_mask

Mask = NDArray[np.bool_]
IN_WORDS = "; black outside the inscribed disk"
SMALLEST = 8
"""Pixels per side below which a disk is none."""


def in_disk(plan: Plan) -> Plan:
    """The plan with every image black outside the disk.

    Raises:
        DataError: the images are no squares, or too small to have a disk.
    """
    mask = mask_for(plan.image_shape)
    made = {id(pieces): tuple(masked_piece(piece, mask) for piece in pieces) for pieces in plan.pieces.values()}
    # The very same sequence under both splits stays one: it is written once.
    masked = {split: made[id(pieces)] for split, pieces in plan.pieces.items()}
    return replace(plan, pieces=masked, rule=plan.rule + IN_WORDS)


def mask_for(image_shape: tuple[int, int, int]) -> Mask:
    """The disk of images of a shape (C, H, W), bool (H, W).

    Raises:
        DataError: they are no squares, or too small.
    """
    _, height, width = image_shape
    if height != width or height < SMALLEST:
        raise DataError(
            f"data.disk = true: images of {height} x {width} pixels have no inscribed disk; squares of {SMALLEST} "
            "pixels or more were wanted: crop them (patches: data.size), or leave out data.disk"
        )
    mask: Mask = disk_mask(height).numpy()
    return mask


def masked_piece(piece: Piece, mask: Mask) -> Piece:
    """A piece whose images are masked as they are read."""

    def load() -> tuple[PixelRows, Labels]:
        rows, labels = piece.load()
        return MaskedRows(rows, mask), labels

    return replace(piece, load=load)


@dataclass(frozen=True)
class MaskedRows:
    """Rows of images that are masked when they are sliced."""

    rows: PixelRows
    mask: Mask

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, C, H, W)."""
        return self.rows.shape

    def __getitem__(self, chosen: slice, /) -> Pixels:
        masked: Pixels = self.rows[chosen] * self.mask
        return masked
