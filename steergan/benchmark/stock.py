"""The RotMNIST pair as an escnn user would build it without steergan: stock modules only.

A rival for timing, with the sizes of `steergan.networks`, and the same function where their spectral norm is off and
maps are even (escnn's average pool counts padding in). escnn has no spectral norm: the rival works without one, which
favours it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from escnn import nn as enn
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.layers import filter_size, upsampling_mode
from steergan.layers.sampled_basis import scipy_svd
from steergan.networks.generator import seed_size, symmetrizing_elements
from steergan.networks.trunk import LEAKY_SLOPE, pool_geometry
from steergan.symmetry import fields_for_width, grid_permutation, gspace, regular_type, trivial_type

FULL_BAND = 4.0
"""With this cutoff R2Conv spans all filters, not the two thirds of its default."""


def stock_convolution(in_type: FieldType, out_type: FieldType, *, bias: bool = True) -> enn.R2Conv:
    """An R2Conv that keeps the size, with plain normal weights: escnn's initialisation takes minutes on wide layers."""
    size = filter_size(in_type.gspace)
    with scipy_svd():  # escnn's D4 bases fail where scikit-learn is installed
        convolution = enn.R2Conv(
            in_type, out_type, size, padding=size // 2, bias=bias, frequencies_cutoff=FULL_BAND, initialize=False
        )
    nn.init.normal_(convolution.weights, std=(in_type.size * size**2) ** -0.5)
    return convolution


class QuickToWalk(nn.Module):
    """Lists its modules once: escnn's are slow to walk, and the rival shall not pay for our step's walks."""

    def modules(self, *args: Any, **kwargs: Any) -> Iterator[nn.Module]:
        if "listed" not in self.__dict__:
            self.__dict__["listed"] = list(super().modules())
        return iter(self.__dict__["listed"])


class ConditionalInnerBatchNorm(nn.Module):
    """InnerBatchNorm with a class-conditional scale and shift, one of each per field, on top."""

    def __init__(self, in_type: FieldType, conditioning: int) -> None:
        super().__init__()
        self.norm = enn.InnerBatchNorm(in_type, affine=False)
        self.scale = nn.Linear(conditioning, len(in_type), bias=False)
        self.shift = nn.Linear(conditioning, len(in_type), bias=False)
        self.size = in_type.size // len(in_type)

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        scale = (1 + self.scale(c)).repeat_interleave(self.size, dim=1)
        shift = self.shift(c).repeat_interleave(self.size, dim=1)
        return x.type(torch.addcmul(shift[..., None, None], scale[..., None, None], self.norm(x).tensor))


class StockStage(nn.Module):
    """Convolution, conditional batch norm (except in the first stage), ReLU, upsampling by 2 (if asked)."""

    def __init__(self, in_type: FieldType, out_type: FieldType, conditioning: int | None, upsample: bool) -> None:
        super().__init__()
        self.convolution = stock_convolution(in_type, out_type, bias=conditioning is None)
        self.norm = None if conditioning is None else ConditionalInnerBatchNorm(out_type, conditioning)
        self.activation = enn.ReLU(out_type)
        self.upsample = None
        if upsample:
            self.upsample = enn.R2Upsampling(out_type, scale_factor=2, mode=upsampling_mode(in_type.gspace))

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        x = self.convolution(x)
        if self.norm is not None:
            x = self.norm(x, c)
        x = self.activation(x)
        return x if self.upsample is None else self.upsample(x)


class StockGenerator(QuickToWalk):
    """As `networks.Generator`, from stock modules."""

    def __init__(
        self,
        group: str,
        image_shape: tuple[int, int, int],
        classes: int,
        *,
        latent: str,
        z_dim: int,
        embedding_dim: int,
        seed_width: int,
        widths: Sequence[int],
        upsamplings: int,
    ) -> None:
        super().__init__()
        space: GSpace2D = gspace(group)
        self.z_dim, self.classes, self.image_shape = z_dim, classes, image_shape
        self.seed_shape = (seed_width, *seed_size(*image_shape[1:], upsamplings, len(widths)))
        conditioning = z_dim + embedding_dim
        self.embedding = nn.Embedding(classes, embedding_dim)
        self.seed = nn.Linear(conditioning, self.seed_shape[0] * self.seed_shape[1] * self.seed_shape[2])
        self.in_type = x_type = trivial_type(space, seed_width)
        stages = []
        for i, width in enumerate(widths):
            out_type = regular_type(space, fields_for_width(space, width))
            stages.append(StockStage(x_type, out_type, conditioning if i > 0 else None, i < upsamplings))
            x_type = out_type
        self.stages = nn.ModuleList(stages)
        self.to_image = stock_convolution(x_type, regular_type(space, image_shape[0]))
        self.group_pool = enn.GroupPooling(self.to_image.out_type)
        self.elements = symmetrizing_elements(space) if latent == "symmetrized" else 0
        if self.elements:
            self.register_buffer("turn_GP", torch.from_numpy(grid_permutation(space, *self.seed_shape[1:])))

    def forward(self, z: Tensor, y: Tensor, element: Tensor | None = None) -> Tensor:
        c = torch.cat([z, self.embedding(y)], dim=1)
        x_BCP = self.seed(c).unflatten(1, self.seed_shape).flatten(2)
        if element is not None and self.elements:
            x_BCP = x_BCP.gather(2, self.get_buffer("turn_GP")[element].unsqueeze(1).expand(-1, x_BCP.shape[1], -1))
        x = self.in_type(x_BCP.unflatten(2, self.seed_shape[1:]))
        for stage in self.stages:
            x = stage(x, c)
        return torch.tanh(self.group_pool(self.to_image(x)).tensor)


class StockDiscriminator(QuickToWalk):
    """As `networks.Discriminator`, from stock modules."""

    def __init__(
        self, group: str, image_shape: tuple[int, int, int], classes: int, *, widths: Sequence[int], pooling: str
    ) -> None:
        super().__init__()
        space = gspace(group)
        channels, height, width = image_shape
        self.in_type = x_type = trivial_type(space, channels)
        stages: list[nn.Module] = []
        for i, stage_width in enumerate(widths):
            out_type = regular_type(space, fields_for_width(space, stage_width))
            kernel_size, padding = pool_geometry(height, width, pooling, False, f"discriminator stage {i + 1}")
            stages += [
                stock_convolution(x_type, out_type),
                enn.LeakyReLU(out_type, LEAKY_SLOPE),
                enn.PointwiseAvgPool2D(out_type, kernel_size, 2, padding),
            ]
            height, width = ((n + 2 * padding - kernel_size) // 2 + 1 for n in (height, width))
            x_type = out_type
        self.trunk = nn.Sequential(*stages)
        self.group_pool = enn.GroupPooling(x_type)
        self.linear = nn.Linear(len(x_type), 1)
        self.embedding = nn.Embedding(classes, len(x_type))

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        phi_BD = self.group_pool(self.trunk(self.in_type(image))).tensor.mean(dim=(2, 3))
        score: Tensor = self.linear(phi_BD).squeeze(1)
        return score + (self.embedding(y) * phi_BD).sum(1)
