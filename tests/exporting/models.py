"""Models that are exported, small enough to be exported many times."""

from typing import Any

import torch
from escnn import nn as enn
from torch import Tensor, nn

from steergan.networks import Discriminator, DiscriminatorSpec, Generator, GeneratorSpec
from steergan.symmetry import gspace, regular_type, trivial_type

GRID, CIRCLE = gspace("C4"), gspace("SO2")
IMAGE, REGULAR = trivial_type(GRID, 1), regular_type(GRID, 2)


class Wrapped(nn.Module):
    """A plain module around escnn's layers, as people write them."""

    def __init__(self, *layers: Any) -> None:
        super().__init__()
        self.net = enn.SequentialModule(*layers)
        self.in_type = self.net.in_type
        self.head = nn.Linear(self.net.out_type.size, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) -> (B, 3)."""
        features = self.net(self.in_type(x)).tensor
        return self.head(features.mean(dim=(2, 3)).view(x.shape[0], -1))


def small_model() -> Wrapped:
    """Of C4, with norms that have seen something."""
    torch.manual_seed(0)
    model = Wrapped(
        enn.R2Conv(IMAGE, REGULAR, 3), enn.InnerBatchNorm(REGULAR), enn.ReLU(REGULAR),
        enn.PointwiseAvgPool2D(REGULAR, 3, 2, 1), enn.R2Conv(REGULAR, REGULAR, 3), enn.GroupPooling(REGULAR),
    )  # fmt: skip
    model(torch.randn(4, 1, 9, 9))
    return model.eval()


def generator(latent: str = "symmetrized", group: str = "C4", **more: Any) -> Generator:
    """Of images of 8 x 8."""
    torch.manual_seed(0)
    settings = {"z_dim": 16, "embedding_dim": 2, "seed_width": 8, "widths": (8, 4), "upsamplings": 1, **more}
    return Generator(GeneratorSpec.model_validate({"group": group, "latent": latent, **settings}), (1, 8, 8), 3).eval()


def discriminator(group: str | tuple[str, ...] = "C4", **more: Any) -> Discriminator:
    """Of images of 8 x 8."""
    torch.manual_seed(0)
    return Discriminator(DiscriminatorSpec(group=group, **{"widths": (4, 8), **more}), (1, 8, 8), 3).eval()
