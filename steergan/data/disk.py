"""Images that are black outside their inscribed disk, whatever they were made from."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from steergan.data.images import Labels, Piece, PiecewisePlan, PixelRows, Pixels, Plan, Split
from steergan.errors import DataError
from steergan.pixels import disk_mask

SMALLEST = 8
"""Pixels per side below which a disk is none."""


AnyPlan = TypeVar("AnyPlan", Plan, PiecewisePlan)


def in_disk(plan: AnyPlan) -> AnyPlan:
    """The same plan with every image black outside the disk.

    Raises:
        DataError: the images are no squares, or too small to have a disk.
    """
    _, height, width = plan.image_shape
    if height != width or height < SMALLEST:
        raise DataError(
            f"data.disk = true: images of {height} x {width} pixels have no inscribed disk; squares of {SMALLEST} "
            "pixels or more were wanted: crop them (patches: data.size), or leave out data.disk"
        )
    mask = disk_mask(height).numpy()
    rule = f"{plan.rule}; black outside the inscribed disk"
    if isinstance(plan, Plan):
        chunks = plan.chunks

        def masked(split: Split) -> Iterator[Pixels]:
            return (chunk * mask for chunk in chunks(split))

        return replace(plan, chunks=masked, rule=rule)
    made = {id(pieces): tuple(masked_piece(piece, mask) for piece in pieces) for pieces in plan.pieces.values()}
    # The very same sequence under both splits stays one: it is written once.
    return replace(plan, pieces={split: made[id(pieces)] for split, pieces in plan.pieces.items()}, rule=rule)


def masked_piece(piece: Piece, mask: np.ndarray) -> Piece:  # type: ignore[type-arg]
    """A piece whose images are masked as they are read."""

    def load() -> tuple[PixelRows, Labels]:
        rows, labels = piece.load()
        return MaskedRows(rows, mask), labels

    return replace(piece, load=load)


@dataclass(frozen=True)
class MaskedRows:
    """Rows of images that are masked when they are sliced."""

    rows: PixelRows
    mask: np.ndarray  # type: ignore[type-arg]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.rows.shape

    def __getitem__(self, chosen: slice, /) -> Pixels:
        masked: Pixels = self.rows[chosen] * self.mask
        return masked
