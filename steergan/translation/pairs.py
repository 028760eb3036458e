"""Pairs of images as training draws them: outputs in the place of images, inputs in the place of labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steergan.data import ImageSet, batch_indices
from steergan.errors import DataError, SymmetryError
from steergan.randomness import numpy_stream
from steergan.recipe import DataSettings
from steergan.symmetry.actions import act, action_table

Shape = tuple[int, int, int]
"""(C, H, W)."""


@dataclass(frozen=True, eq=False)
class PairSet:
    """One split of a set of pairs.

    Args:
        pairs: uint8 (N, C, H, W), C being the input's channels and then the output's.
        channels: how many of them are the input's.

    Examples:
        >>> import numpy as np
        >>> from steergan.data import ImageSet
        >>> both = np.arange(4, dtype=np.uint8).reshape(1, 4, 1, 1)
        >>> pairs = PairSet(ImageSet(both, np.zeros(1, np.int64), ("pairs",), checksum=""), channels=1)
        >>> pairs.labels.ravel().tolist(), pairs.images.ravel().tolist()
        ([0], [1, 2, 3])
        >>> pairs.input_shape, pairs.image_shape
        ((1, 1, 1), (3, 1, 1))
    """

    pairs: ImageSet
    channels: int

    @property
    def images(self) -> NDArray[np.uint8]:
        """The outputs, uint8 (N, C, H, W)."""
        return self.pairs.images[:, self.channels :]

    @property
    def labels(self) -> NDArray[np.uint8]:
        """The inputs, uint8 (N, C, H, W): what a translator is asked for, as other generators are for a label."""
        return self.pairs.images[:, : self.channels]

    @property
    def class_names(self) -> tuple[str, ...]:
        """There are none."""
        return ()

    @property
    def classes(self) -> int:
        """0."""
        return 0

    @property
    def checksum(self) -> str:
        """Of the pairs."""
        return self.pairs.checksum

    @property
    def image_shape(self) -> Shape:
        """(C, H, W) of an output."""
        channels, height, width = self.pairs.image_shape
        return channels - self.channels, height, width

    @property
    def input_shape(self) -> Shape:
        """(C, H, W) of an input."""
        return self.channels, *self.pairs.image_shape[1:]

    def __len__(self) -> int:
        return len(self.pairs)


class PairBatches:
    """Batches of training pairs, pure functions of (seed, step, update): cropped and moved, both images alike.

    Args:
        pairs: at `data.load_size`, or at the size of what is trained on.
        settings: the recipe's `[data]`: `moves`.
        size: (H, W) of a batch's images.
        batch_size: of the whole batch.
        seed: of the run.
        rows: which rows of the batch, one stretch after another.

    Raises:
        DataError: pairs smaller than the size.
        SymmetryError: rectangles that should turn.

    Source: Isola et al. 2017, section 6.2: pairs of 286 pixels, of which a random square of 256 is mirrored or not.
    """

    def __init__(
        self,
        pairs: PairSet,
        settings: DataSettings,
        size: tuple[int, int],
        batch_size: int,
        seed: int,
        rows: Sequence[slice] = (slice(None),),
    ) -> None:
        self.pairs, self.size, self.batch_size, self.seed, self.rows = pairs, size, batch_size, seed, rows
        height, width = pairs.image_shape[1:]
        self.spare = np.array([height - size[0], width - size[1]])
        if self.spare.min() < 0:
            raise DataError(f"pairs of {width} x {height} pixels; {size[1]} x {size[0]} or more were wanted")
        self.moves = settings.moves
        check_moves(settings, size)

    @cached_property
    def table_GP(self) -> Tensor:
        """Where the pixels of moved images come from."""
        return action_table(self.moves, *self.size)

    def __call__(self, step: int, update: int) -> tuple[Tensor, Tensor]:
        """Outputs and inputs of one update of one step, uint8 (B, C, H, W) each."""
        chosen = self.own(batch_indices(len(self.pairs), self.batch_size, self.seed, step, update))
        both = self.pairs.pairs.images[chosen]
        if self.spare.any():
            draw = numpy_stream(self.seed, f"batch/{update}/crops", step)
            corners = self.own(draw.integers(self.spare + 1, size=(self.batch_size, 2)))
            height, width = self.size
            both = np.stack(
                [pair[:, y : y + height, x : x + width] for pair, (y, x) in zip(both, corners.tolist(), strict=True)]
            )
        found = torch.from_numpy(both)
        if self.moves != "trivial":
            draw = numpy_stream(self.seed, f"batch/{update}/moves", step)
            elements = self.own(draw.integers(len(self.table_GP), size=self.batch_size))
            found = act(found, self.table_GP, torch.from_numpy(elements))
        return found[:, self.pairs.channels :], found[:, : self.pairs.channels]

    def own(self, drawn: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of this process."""
        return np.concatenate([drawn[some] for some in self.rows])


def check_moves(settings: DataSettings, size: tuple[int, int]) -> None:
    """Refuse quarter turns of rectangles.

    Raises:
        SymmetryError: so it is.
    """
    if settings.moves in ("C4", "D4") and size[0] != size[1]:
        raise SymmetryError(
            f'data.moves = "{settings.moves}" turns pairs by 90 degrees, and they are of {size[1]} x {size[0]} pixels; '
            "choose D1, C2 or D2, or squares (data.size, data.fit)"
        )


def moved_pairs(pairs: PairSet, rows: NDArray[np.int64]) -> tuple[NDArray[np.uint8], str]:
    """Each of some pairs under one element of D4 that moves it, by turns under all of them; of D2 for rectangles.

    Every pair is there once, so that a translator that turns with its input has the figures that it has of the pairs as
    they are.

    Args:
        pairs: of one size.
        rows: which of them, (n,).

    Returns:
        uint8 (n, C, H, W), inputs and outputs as in `PairSet.pairs`; and the group's name.
    """
    height, width = pairs.image_shape[1:]
    group = "D4" if height == width else "D2"
    table_GP = action_table(group, height, width)
    elements = 1 + torch.arange(len(rows)) % (len(table_GP) - 1)  # the first one leaves pixels where they are
    return act(torch.from_numpy(pairs.pairs.images[rows]), table_GP, elements).numpy(), group
