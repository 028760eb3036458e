"""Images at the size that an ImageNet network takes, resized as those do whose figures are to be met."""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from steergan.errors import DataError

CHANNELS = (1, 3)
SIDE = 299
"""Pixels that Inception takes."""

Resize = Literal["clean", "tf", "pytorch"]
"""How images get there; FIDs of different ways are on different scales (Parmar et al. 2022)."""


def resize(images: Tensor, side: int = SIDE, how: Resize = "clean") -> Tensor:
    """Images at S x S pixels, not rounded; one channel is repeated to three.

    Args:
        images: of one or three channels.
        side: S.
        how: `clean` as clean-fid (bicubic, antialiased, clipped); `tf` as TensorFlow 1 and TF-GAN (bilinear, without
            antialiasing, pixels at their upper left corners); `pytorch` as pytorch-fid (bilinear, without antialiasing,
            pixels at their centres).

    Shapes: uint8 (B, 1 or 3, H, W) -> float32 (B, 3, S, S) in 0..255.

    Raises:
        DataError: other channels.
    """
    if images.shape[1] not in CHANNELS:
        raise DataError(
            f"images of {images.shape[1]} channels; Inception takes 1 or 3: "
            'set evaluation.features = "classifier" or "scattering"'
        )
    return WAYS[how](images.expand(-1, 3, -1, -1).to(torch.float32), side)


def bicubic(image: Tensor, side: int) -> Tensor:
    """Bicubic, antialiased where it gets smaller, clipped."""
    return interpolate(image, (side, side), mode="bicubic", antialias=True).clamp(0, 255)


def bilinear(image: Tensor, side: int) -> Tensor:
    """Bilinear between the centres of pixels."""
    return interpolate(image, (side, side), mode="bilinear", align_corners=False)


def from_corners(image: Tensor, side: int) -> Tensor:
    """Bilinear, as if pixels lay at their upper left corners: what TensorFlow's resize_bilinear did."""
    for dim in (2, 3):
        count = image.shape[dim]
        place = torch.arange(side, dtype=torch.float64) * count / side
        lower = place.floor().long()
        share = (place - lower).to(image).view(-1, *[1] * (3 - dim))
        ends = (lower, (lower + 1).clamp(max=count - 1))
        near, far = (image.index_select(dim, end.to(image.device)) for end in ends)
        image = near + (far - near) * share
    return image


WAYS: Mapping[Resize, Callable[[Tensor, int], Tensor]] = {"clean": bicubic, "tf": from_corners, "pytorch": bilinear}
