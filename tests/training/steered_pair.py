"""A small C4 pair made of steergan's layers: spectral norm, conditional batch norm, the projection head."""

import torch
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.layers import (
    AveragePool,
    ConditionalBatchNorm,
    GroupConvolution,
    GroupPool,
    Pointwise,
    ProjectionHead,
    SpectralLinear,
    Upsample,
)
from steergan.symmetry import gspace

C4 = gspace("C4")
IMAGE = FieldType(C4, [C4.trivial_repr])
SEED = FieldType(C4, 4 * [C4.trivial_repr])
REGULAR = FieldType(C4, 3 * [C4.regular_repr])
ONE = FieldType(C4, [C4.regular_repr])


class SteeredGenerator(nn.Module):
    z_dim = 5
    classes = 2
    image_shape = (1, 4, 4)
    elements = 4

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(2, 3)
        self.seed = SpectralLinear(8, 16)
        self.first = GroupConvolution(SEED, REGULAR, 3, bias=False, spectral_norm=True)
        self.norm = ConditionalBatchNorm(REGULAR, 8)
        self.relu = Pointwise(REGULAR, "relu")
        self.up = Upsample(REGULAR)
        self.last = GroupConvolution(REGULAR, ONE, 3, spectral_norm=True)
        self.pool = GroupPool(ONE)

    def forward(self, z: Tensor, y: Tensor, element: Tensor | None = None) -> Tensor:
        assert element is not None
        c = torch.cat([z, self.embed(y)], 1)
        seeds = zip(self.seed(c).view(-1, 4, 2, 2), element, strict=True)
        seed = torch.stack([torch.rot90(s, int(k), (1, 2)) for s, k in seeds])
        x = self.up(self.relu(self.norm(self.first(GeometricTensor(seed, SEED)), c)))
        return self.pool(self.last(x)).tensor.tanh()


class SteeredDiscriminator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = GroupConvolution(IMAGE, REGULAR, 3, spectral_norm=True)
        self.relu = Pointwise(REGULAR, "leaky_relu")
        self.shrink = AveragePool(REGULAR)
        self.pool = GroupPool(REGULAR)
        self.head = ProjectionHead(3, 2)

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        x = self.pool(self.shrink(self.relu(self.first(GeometricTensor(image, IMAGE)))))
        return self.head(x.tensor.mean((2, 3)), y)
