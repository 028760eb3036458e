"""A recipe's pair as an escnn user would build it without steergan: stock modules only.

A rival for timing, with the sizes of `steergan.networks`, and the same function where their spectral norm is off and
maps are even (escnn's average pool counts padding in). escnn has no spectral norm: the rival works without one, which
favours it.
"""

from collections.abc import Iterator
from typing import Any

import torch
from escnn import nn as enn
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType
from torch import Tensor, nn

from steergan.benchmark.stock_layers import (
    StockDiscriminatorBlock,
    StockGeneratorBlock,
    StockStage,
    stock_convolution,
    stock_pool,
)
from steergan.networks.discriminator import check_blocks, check_downsample
from steergan.networks.generator import seed_size, symmetrizing_elements
from steergan.networks.trunk import LEAKY_SLOPE, pool_geometry, pooled
from steergan.recipe import DiscriminatorSettings, GeneratorSettings
from steergan.symmetry import fields_for_width, grid_permutation, gspace, regular_type, trivial_type


class QuickToWalk(nn.Module):
    """Lists its modules once: escnn's are slow to walk, and the rival shall not pay for our step's walks."""

    def modules(self, *args: Any, **kwargs: Any) -> Iterator[nn.Module]:
        if "listed" not in self.__dict__:
            self.__dict__["listed"] = list(super().modules())
        return iter(self.__dict__["listed"])


class StockGenerator(QuickToWalk):
    """As `networks.Generator`, from stock modules."""

    def __init__(self, settings: GeneratorSettings, image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        space: GSpace2D = gspace(settings.group)
        widths, upsamplings = settings.widths, settings.upsamplings
        self.z_dim, self.classes, self.image_shape = settings.z_dim, classes, image_shape
        self.seed_shape = (settings.seed_width, *seed_size(*image_shape[1:], upsamplings, len(widths)))
        conditioning = settings.z_dim + settings.embedding_dim
        self.embedding = nn.Embedding(classes, settings.embedding_dim)
        self.seed = nn.Linear(conditioning, self.seed_shape[0] * self.seed_shape[1] * self.seed_shape[2])
        self.in_type = x_type = trivial_type(space, settings.seed_width)
        residual = settings.architecture == "residual"
        stages: list[nn.Module] = []
        for i, width in enumerate(widths):
            out_type = regular_type(space, fields_for_width(space, width))
            if residual:
                stages.append(StockGeneratorBlock(x_type, out_type, conditioning, i < upsamplings))
            else:
                stages.append(StockStage(x_type, out_type, conditioning if i > 0 else None, i < upsamplings))
            x_type = out_type
        self.stages = nn.ModuleList(stages)
        self.last = nn.Sequential(enn.InnerBatchNorm(x_type), enn.ReLU(x_type)) if residual else nn.Identity()
        self.to_image = stock_convolution(x_type, regular_type(space, image_shape[0]))
        self.group_pool = enn.GroupPooling(self.to_image.out_type)
        self.elements = symmetrizing_elements(space) if settings.latent == "symmetrized" else 0
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
        return torch.tanh(self.group_pool(self.to_image(self.last(x))).tensor)


class StockDiscriminator(QuickToWalk):
    """As `networks.Discriminator` of one group and without plain layers but the last block's, from stock modules."""

    def __init__(self, settings: DiscriminatorSettings, image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        assert isinstance(settings.group, str)
        steered = check_blocks(settings.group_pool, settings.widths)
        self.global_pool = settings.global_pool
        self.in_type = x_type = trivial_type(gspace(settings.group), image_shape[0])
        size = image_shape[1:]
        layers: list[nn.Module] = []
        self.trunk = self.tail = nn.Sequential()
        for i, (width, shrinks) in enumerate(
            zip(settings.widths, check_downsample(settings.downsample, settings.widths), strict=True)
        ):
            if i == steered:
                self.trunk, self.group_pool, layers = nn.Sequential(*layers), enn.GroupPooling(x_type), []
                x_type = self.plain_type = trivial_type(gspace("trivial"), len(x_type))
            space = x_type.gspace
            out_type = regular_type(space, fields_for_width(space, width))
            geometry = None
            if shrinks:
                geometry = pool_geometry(*size, settings.pooling, False, f"discriminator layer {i + 1}")
                size = pooled(size, geometry)
            layers += stage_of(settings, x_type, out_type, geometry, first=i == 0)
            x_type = out_type
        if settings.architecture == "residual":
            layers.append(enn.ReLU(x_type))
        if steered == len(settings.widths):
            self.trunk, self.group_pool = nn.Sequential(*layers), enn.GroupPooling(x_type)
            x_type = self.group_pool.out_type
        else:
            self.tail = nn.Sequential(*layers)
        self.linear = nn.Linear(x_type.size, 1)
        self.embedding = nn.Embedding(classes, x_type.size)

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        x = self.group_pool(self.trunk(self.in_type(image)))
        if len(self.tail):
            x = self.tail(self.plain_type(x.tensor))
        phi_BD = x.tensor.sum(dim=(2, 3)) if self.global_pool == "sum" else x.tensor.mean(dim=(2, 3))
        score: Tensor = self.linear(phi_BD).squeeze(1)
        return score + (self.embedding(y) * phi_BD).sum(1)


def stage_of(
    settings: DiscriminatorSettings,
    in_type: FieldType,
    out_type: FieldType,
    geometry: tuple[int, int] | None,
    *,
    first: bool,
) -> list[nn.Module]:
    """A discriminator's next layers; the pool's window and padding, or None for no pool."""
    if settings.architecture == "residual":
        return [
            StockDiscriminatorBlock(
                in_type, out_type, geometry, first=first, pool=settings.pool, batch_norm=settings.batch_norm
            )
        ]
    norm = [enn.InnerBatchNorm(out_type)] if settings.batch_norm else []
    pool = [] if geometry is None else [stock_pool(settings.pool, out_type, *geometry)]
    convolution = stock_convolution(in_type, out_type, bias=not settings.batch_norm)
    return [convolution, *norm, enn.LeakyReLU(out_type, LEAKY_SLOPE), *pool]
