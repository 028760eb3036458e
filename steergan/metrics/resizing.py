"""Images at the size that an ImageNet network takes, resized as clean-fid does."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from steergan.errors import DataError

CHANNELS = (1, 3)
SIDE = 299
"""Pixels that Inception takes."""


def resize(images: Tensor, side: int = SIDE) -> Tensor:
    """Images at S x S pixels: bicubic, antialiased, clipped, not rounded; one channel is repeated to three.

    Shapes: uint8 (B, 1 or 3, H, W) -> float32 (B, 3, S, S) in 0..255.

    Raises:
        DataError: other channels.
    """
    if images.shape[1] not in CHANNELS:
        raise DataError(
            f'images of {images.shape[1]} channels; Inception takes 1 or 3: set evaluation.features = "classifier"'
        )
    image = images.expand(-1, 3, -1, -1).to(torch.float32)
    return interpolate(image, (side, side), mode="bicubic", antialias=True).clamp(0, 255)
