"""A seed map from learned maps, each multiplied by a number."""

import torch
from torch import Tensor, nn

from steergan.layers import SpectralLinear


class LearnedBasis(nn.Module):
    """A map for every channel, learned, times a number that is linear in the conditioning vector.

    Args:
        conditioning: length of c.
        channels: of the seed map.
        size: (h, w) in pixels.

    Shapes: c (B, conditioning) -> (B, channels * h * w).
    Symmetry: none by itself; what it puts out is the seed map that group elements turn.
    Source: Huang et al. 2024 (R3GAN), the first layer of its generator.

    Examples:
        >>> LearnedBasis(5, 3, (4, 4))(torch.randn(2, 5)).shape
        torch.Size([2, 48])
    """

    def __init__(self, conditioning: int, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.gain = SpectralLinear(conditioning, channels, spectral_norm=False)
        nn.init.normal_(self.gain.weight, std=conditioning**-0.5)
        self.maps = nn.Parameter(torch.randn(channels, *size))

    def forward(self, c: Tensor) -> Tensor:
        """(B, conditioning) -> (B, channels * h * w)."""
        return (self.gain(c)[:, :, None, None] * self.maps).flatten(1)
