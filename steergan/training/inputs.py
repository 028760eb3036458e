"""What an update is computed from, and what its forwards give."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from steergan.augmentation import Treatment

Metrics = dict[str, Tensor]
"""0-d tensors by name, without graphs."""
UNTREATED = Treatment()


class Inputs(NamedTuple):
    """What an update is computed from, or a part of it."""

    real: Tensor
    """Images as they come from the data, (B, C, H, W) float in [-1, 1]."""
    y: Tensor
    """Their labels, (B,) int64, which the generated images get too; or what else they are made from, such as images."""
    z: Tensor
    """Latents, (B, Z) float."""
    element: Tensor | None = None
    """Group elements, (B,) int64, for a generator that uses them."""
    mix_B: Tensor | None = None
    """Where WGAN-GP looks: the share of the real image, (B,) in [0, 1]."""
    treatment: Treatment = UNTREATED


class Scores(NamedTuple):
    """What the networks say about a part of the batch."""

    real_B: Tensor
    fake_B: Tensor
    penalties: Metrics  # with their graphs


Forward = Callable[[bool, bool], Scores]
"""Of a part: (is it the update's first forward, are penalties wanted) -> scores."""
