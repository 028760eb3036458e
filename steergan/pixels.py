"""uint8 pixels outside, [-1, 1] inside: the only place that knows both."""

import torch
from torch import Tensor


def to_unit(image: Tensor) -> Tensor:
    """uint8 (..., C, H, W) in 0..255 -> float32 in [-1, 1].

    Examples:
        >>> to_unit(torch.tensor([0, 255], dtype=torch.uint8))
        tensor([-1.,  1.])
    """
    return image.to(torch.float32) / 127.5 - 1


def as_unit(values: Tensor) -> Tensor:
    """Images of uint8 in [-1, 1]; labels, and images that are there already, as they are."""
    return to_unit(values) if values.dtype == torch.uint8 else values


def to_uint8(image: Tensor) -> Tensor:
    """Float (..., C, H, W) in [-1, 1] -> uint8, rounded as a viewer would see it; values outside are clipped.

    Examples:
        >>> to_uint8(torch.tensor([-1.0, 0.0, 3.0]))
        tensor([  0, 128, 255], dtype=torch.uint8)
    """
    return ((image.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def disk_mask(side: int) -> Tensor:
    """Pixels of a square whose centres lie in its inscribed disk, bool (side, side).

    Examples:
        >>> disk_mask(4).int().tolist()
        [[0, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 1, 0]]
    """
    centred = torch.arange(side) - (side - 1) / 2
    return centred[:, None].square() + centred.square() <= (side / 2) ** 2
