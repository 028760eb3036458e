"""The paper's residual networks for ANHIR at half their size, to be timed: 64 pixels instead of 128."""

import torch
from torch import Tensor, nn

from steergan.benchmark.rivals import Pair
from steergan.layers import (
    DiscriminatorBlock,
    FieldBatchNorm,
    GeneratorBlock,
    GroupConvolution,
    GroupPool,
    Pointwise,
    ProjectionHead,
    SpectralLinear,
)
from steergan.randomness import stream_seed
from steergan.symmetry import fields_for_width, gspace, regular_type, trivial_type

WIDTHS = (512, 256, 128, 64)
"""Of the generator's blocks; the discriminator's are the reverse. Those that reach 128 pixels are left out."""
LATENT, SEED_WIDTH, SEED_SIZE, CHANNELS, CLASSES = 128, 128, 4, 3, 5


class ResidualGenerator(nn.Module):
    """Draws images: generator(z, y) -> image. Each block doubles the seed map's size.

    Args:
        group: a name of `symmetry.GROUPS`.
        widths: channels that a plain CNN would have, per block.

    Shapes: z (B, Z), y (B,) int64 -> (B, 3, H, W) in [-1, 1].
    Symmetry: equivariant from the seed map on.
    Source: Dey et al. 2021, Tables 7 and 8, Figure 13, C.2.2.
    """

    elements = 0

    def __init__(self, group: str, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        space = gspace(group)
        size = SEED_SIZE * 2 ** len(widths)
        self.z_dim, self.classes, self.image_shape = LATENT, CLASSES, (CHANNELS, size, size)
        self.embedding = nn.Embedding(CLASSES, LATENT)
        self.seed = SpectralLinear(2 * LATENT, SEED_WIDTH * SEED_SIZE**2)
        self.in_type = x_type = trivial_type(space, SEED_WIDTH)
        self.blocks = nn.ModuleList()
        for width in widths:
            out_type = regular_type(space, fields_for_width(space, width))
            self.blocks.append(GeneratorBlock(x_type, out_type, 2 * LATENT))
            x_type = out_type
        to_image = GroupConvolution(x_type, regular_type(space, CHANNELS), 3, spectral_norm=True)
        self.tail = nn.Sequential(
            FieldBatchNorm(x_type), Pointwise(x_type, "relu"), to_image, GroupPool(to_image.out_type, "max")
        )

    def forward(self, z: Tensor, y: Tensor, element: Tensor | None = None) -> Tensor:
        c = torch.cat([z, self.embedding(y)], dim=1)
        x = self.in_type(self.seed(c).view(-1, SEED_WIDTH, SEED_SIZE, SEED_SIZE))
        for block in self.blocks:
            x = block(x, c)
        return torch.tanh(self.tail(x).tensor)


class ResidualDiscriminator(nn.Module):
    """Scores images: discriminator(image, y) -> logit. Each block halves the size.

    Args:
        group: a name of `symmetry.GROUPS`.
        widths: channels that a plain CNN would have, per block.

    Shapes: image (B, 3, H, W) in [-1, 1], y (B,) int64 -> score (B,).
    Symmetry: invariant.
    Source: Dey et al. 2021, Tables 7 and 8, Figure 13, C.2.2; max pooling: C.2.4, which says what it changes.
    """

    def __init__(self, group: str, widths: tuple[int, ...] = WIDTHS[::-1]) -> None:
        super().__init__()
        space = gspace(group)
        self.in_type = x_type = trivial_type(space, CHANNELS)
        blocks = []
        for i, width in enumerate(widths):
            out_type = regular_type(space, fields_for_width(space, width))
            blocks.append(DiscriminatorBlock(x_type, out_type, first=i == 0, pooling="max"))
            x_type = out_type
        self.trunk = nn.Sequential(*blocks, Pointwise(x_type, "relu"), GroupPool(x_type, "max"))
        self.head = ProjectionHead(len(x_type), CLASSES)

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        phi_BD = self.trunk(self.in_type(image)).tensor.mean(dim=(2, 3))
        return self.head(phi_BD, y)


def residual_pair(group: str, widths: tuple[int, ...] = WIDTHS) -> Pair:
    """Both networks, always with the same first weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(0, "initial residual pair"))
        return Pair(ResidualGenerator(group, widths), ResidualDiscriminator(group, widths[::-1]))
