"""The originals of images that were turned, to be turned anew at every visit."""

import os
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from steergan.data.disk import Mask, mask_for
from steergan.data.images import Labels, Pixels
from steergan.data.originals import Originals
from steergan.data.rotation import TurnedRows
from steergan.data.sources import Source
from steergan.errors import DataError, MissingDataError
from steergan.recipe import DataSettings

WHO_CAN = "take digits, or rotmnist with MNIST's four files, or"


@dataclass(frozen=True, eq=False)
class Unturned:
    """Originals of the images of a set, row by row.

    Args:
        rows: originals, and how they are turned; their angles are not looked at.
        mask: bool (H, W), what stays of a turned image; None: all of it.
        degrees: below which the angles of visits lie.
    """

    rows: TurnedRows
    mask: Mask | None = None
    degrees: float = 360.0

    def turned(self, chosen: Labels, angles: NDArray[np.float64]) -> Pixels:
        """Some images at other angles; at its own, an image has the bits that its set has.

        Args:
            chosen: which, int64 (n,).
            angles: radians, counterclockwise, (n,).

        Returns:
            uint8 (n, 1, H, W).
        """
        made = replace(self.rows, images=self.rows.images[chosen], angles=angles)[:]
        return made if self.mask is None else made * self.mask

    def share(self, chosen: Labels) -> Self:
        """The originals of some rows only, int64 (n,)."""
        rows = replace(self.rows, images=self.rows.images[chosen], angles=self.rows.angles[chosen])
        return replace(self, rows=rows)


def unturned_of(source: Source[Any], originals: Originals | None, settings: DataSettings) -> Unturned | None:
    """The originals of the training images, where each visit is to turn them anew.

    Args:
        source: that is read.
        originals: its files, where they were found.
        settings: the recipe's `[data]` section; None is returned unless `turn` is "fresh".

    Raises:
        DataError: the files hold images that are already turned, or are not at hand.
    """
    refuse_turned(source, originals, settings)
    if originals is None or settings.turn != "fresh":
        return None
    plan = source.plan(originals, settings)
    rows, _ = plan.pieces["train"][0].load()
    assert isinstance(rows, TurnedRows)  # the source said so
    return Unturned(rows, mask_for(plan.image_shape) if settings.disk else None, settings.angles)


def refuse_turned(source: Source[Any], originals: Originals | None, settings: DataSettings) -> None:
    """Refuse to turn images as they were not turned before, where their originals are not there.

    Raises:
        DataError: as `unturned_of`; `data.angles` of files that hold images which are already turned.
    """
    if originals is not None and originals.kind in source.unturned:
        return
    where = settings.path or f"STEERGAN_DATA ({os.environ.get('STEERGAN_DATA') or 'not set'})"
    here = f"none are in {where}" if originals is None else f"those in {originals.root} are turned already"
    needs = f"needs unturned originals, and {here}; {WHO_CAN}"
    if settings.turn == "fresh":
        fault = MissingDataError if originals is None else DataError
        raise fault(f'{settings.name}: data.turn = "fresh" {needs} set it to "once"')
    if settings.angles < 360 and originals is not None:  # without originals, what was prepared before serves
        raise DataError(f"{settings.name}: data.angles = {settings.angles:g} {needs} leave it out")
