"""A network that translates and one that judges pairs, as training calls them: the input stands where labels do."""

import math

import torch
from torch import Tensor, nn

from steergan.translation.pairs import Shape


class Translator(nn.Module):
    """Input image -> output image, called as a generator: with the input as its label, and dropout's noise as latent.

    Args:
        network: input (B, C, H, W) in [-1, 1] -> output (B, C, H, W) in [-1, 1]; where it has `dropped` > 0 (F) and
            `dropout`, numbers (B, F) go with the input, as `steergan.networks.UNet` takes them.
        input_shape: (C, H, W).
        image_shape: (C, H, W) of the output.

    Attributes:
        z_dim: F; 0 without dropout.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> translator = Translator(nn.Conv2d(1, 3, kernel_size=1), (1, 8, 8), (3, 8, 8))
        >>> translator(torch.empty(2, 0), torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 3, 8, 8])
    """

    classes = 0
    elements = 0

    def __init__(self, network: nn.Module, input_shape: Shape, image_shape: Shape) -> None:
        super().__init__()
        self.network = network
        self.input_shape, self.image_shape = input_shape, image_shape
        self.z_dim = int(getattr(network, "dropped", 0))

    @property
    def multiple(self) -> int:
        """Sides of images that go through are multiples of it."""
        return int(getattr(self.network, "multiple", 1))

    def forward(self, z: Tensor, y: Tensor, element: Tensor | None = None) -> Tensor:
        """Latents (B, F), inputs (B, C, H, W) in [-1, 1] -> outputs (B, C, H, W) in [-1, 1]."""
        translated: Tensor = self.network(y, kept(z, self.network.dropout)) if self.z_dim else self.network(y)
        return translated


def kept(z: Tensor, share: Tensor | nn.Module | float) -> Tensor:
    """Latents as numbers of dropout: 0 for a share of them, the lowest, and 1 / (1 - share) for the others.

    Args:
        z: (B, F), normal.
        share: that is left out, in [0, 1).

    Examples:
        >>> kept(torch.tensor([[-0.5, 0.5]]), 0.5)
        tensor([[0., 2.]])
    """
    share = float(share)  # type: ignore[arg-type]
    lowest = float(torch.special.ndtri(torch.tensor(share, dtype=torch.float64)))
    return (z >= lowest).to(z.dtype) / (1 - share) if math.isfinite(lowest) else torch.ones_like(z)


class PairJudge(nn.Module):
    """Output and input image -> a map of scores, called as a discriminator: with the input as its label.

    Args:
        network: input and output, (B, C, H, W) each, in [-1, 1] -> logits (B, 1, h, w), one a patch.
        input_shape: (C, H, W).
        image_shape: (C, H, W) of the output.
    """

    def __init__(self, network: nn.Module, input_shape: Shape, image_shape: Shape) -> None:
        super().__init__()
        self.network = network
        self.input_shape, self.image_shape = input_shape, image_shape

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        """Outputs and inputs, (B, C, H, W) each, in [-1, 1] -> logits (B, 1, h, w)."""
        scores: Tensor = self.network(y, image)
        return scores
