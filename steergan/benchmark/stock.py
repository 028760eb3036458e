"""A recipe's pair as an escnn user would build it without steergan: stock modules only.

A rival for timing, with the sizes of `steergan.networks`, and the same function where their spectral norm is off and
maps are even (escnn's average pool counts padding in). escnn has no spectral norm: the rival works without one, which
favours it.
"""

from collections.abc import Iterator
from typing import Any

import torch
from escnn import nn as enn
from torch import Tensor, nn

from steergan.benchmark.stock_layers import (
    StockDiscriminatorBlock,
    StockGeneratorBlock,
    StockStage,
    stock_activation,
    stock_convolution,
    stock_pool,
    upsampled,
)
from steergan.errors import RecipeError
from steergan.networks import DiscriminatorSpec, GeneratorSpec
from steergan.networks.generator import seed_size, symmetrizing_elements
from steergan.networks.stages import DiscriminatorStage, discriminator_stages, generator_stages
from steergan.networks.trunk import LEAKY_SLOPE
from steergan.symmetry import grid_permutation, gspace, trivial_type


class QuickToWalk(nn.Module):
    """Lists its modules once: escnn's are slow to walk, and the rival shall not pay for our step's walks."""

    def modules(self, *args: Any, **kwargs: Any) -> Iterator[nn.Module]:
        """Every module below this one, as it was at the first call."""
        if "listed" not in self.__dict__:
            self.__dict__["listed"] = list(super().modules())
        return iter(self.__dict__["listed"])


class StockGenerator(QuickToWalk):
    """`networks.Generator` of a dense or symmetrized latent and a finite group, from stock modules.

    Args:
        spec: of the generator; its spectral norm and first weights are left out.
        image_shape: (C, H, W) in pixels.
        classes: number of labels K.

    Raises:
        RecipeError: attention.
    """

    def __init__(self, spec: GeneratorSpec, image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        check_layers(spec, "generator")
        space = gspace(spec.group)
        self.z_dim, self.classes, self.image_shape = spec.z_dim, classes, image_shape
        self.seed_shape = (spec.seed_width, *seed_size(*image_shape[1:], spec.upsamplings, len(spec.widths)))
        conditioning = spec.z_dim + spec.embedding_dim
        self.embedding = nn.Embedding(classes, spec.embedding_dim)
        self.seed = nn.Linear(conditioning, self.seed_shape[0] * self.seed_shape[1] * self.seed_shape[2])
        *stages, last = generator_stages(spec, image_shape[0], conditioning, self.seed_shape[1:])
        make = {"plain": StockStage, "residual": StockGeneratorBlock}[spec.architecture]
        self.in_type = stages[0].in_type
        self.stages = nn.ModuleList(make(stage) for stage in stages)
        before = stock_activation(last.in_type, True) if spec.architecture == "residual" else []
        self.to_image = nn.Sequential(
            *before,
            *upsampled(last.in_type, last.upsample),
            stock_convolution(last.in_type, last.out_type, last.kernel_size),
            enn.GroupPooling(last.out_type),
        )
        self.elements = symmetrizing_elements(space) if spec.latent == "symmetrized" else 0
        if self.elements:
            self.register_buffer("turn_GP", torch.from_numpy(grid_permutation(space, *self.seed_shape[1:])))

    def forward(self, z: Tensor, y: Tensor, element: Tensor | None = None) -> Tensor:
        """Latents (B, Z), labels (B,) int64, elements (B,) int64 or None -> images (B, C, H, W) in [-1, 1]."""
        c = torch.cat([z, self.embedding(y)], dim=1)
        x_BCP = self.seed(c).unflatten(1, self.seed_shape).flatten(2)
        if element is not None and self.elements:
            x_BCP = x_BCP.gather(2, self.get_buffer("turn_GP")[element].unsqueeze(1).expand(-1, x_BCP.shape[1], -1))
        x = self.in_type(x_BCP.unflatten(2, self.seed_shape[1:]))
        for stage in self.stages:
            x = stage(x, c)
        return torch.tanh(self.to_image(x).tensor)


class StockDiscriminator(QuickToWalk):
    """`networks.Discriminator` of one finite group and without plain layers but the last block's, from stock modules.

    Args:
        spec: of the discriminator; its spectral norm and first weights are left out.
        image_shape: (C, H, W) in pixels.
        classes: number of labels K.

    Raises:
        RecipeError: attention.
    """

    def __init__(self, spec: DiscriminatorSpec, image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        check_layers(spec, "discriminator")
        self.global_pool = spec.global_pool
        steered, plain = discriminator_stages(spec, image_shape)
        layers = {"plain": plain_layers, "residual": residual_layers}[spec.architecture]
        self.in_type, pooled_type = steered[0].in_type, steered[-1].out_type
        x_type = (plain or steered)[-1].out_type
        last = [enn.ReLU(x_type)] if spec.architecture == "residual" else []
        self.trunk = nn.Sequential(*[layer for stage in steered for layer in layers(stage, spec)])
        self.group_pool = enn.GroupPooling(pooled_type)
        self.tail = nn.Sequential(*[layer for stage in plain for layer in layers(stage, spec)])
        (self.tail if plain else self.trunk).extend(last)
        self.plain_type = trivial_type(gspace("trivial"), len(pooled_type))
        self.linear = nn.Linear(len(x_type), 1)
        self.embedding = nn.Embedding(classes, len(x_type))

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        """Images (B, C, H, W) in [-1, 1] and labels (B,) int64 -> scores (B,)."""
        x = self.group_pool(self.trunk(self.in_type(image)))
        if len(self.tail):
            x = self.tail(self.plain_type(x.tensor))
        phi_BD = x.tensor.sum(dim=(2, 3)) if self.global_pool == "sum" else x.tensor.mean(dim=(2, 3))
        score: Tensor = self.linear(phi_BD).squeeze(1)
        return score + (self.embedding(y) * phi_BD).sum(1)


def check_layers(spec: GeneratorSpec | DiscriminatorSpec, table: str) -> None:
    """Refuse what escnn has no layers for.

    Raises:
        RecipeError: attention.
    """
    if any(spec.attention):
        raise RecipeError(f"escnn has no attention, so nothing can be compared with {table}.attention; leave it out")


def plain_layers(stage: DiscriminatorStage, spec: DiscriminatorSpec) -> list[nn.Module]:
    """Convolution, norm (if asked), leaky ReLU, pool (if there is one)."""
    norm = [enn.InnerBatchNorm(stage.out_type)] if spec.batch_norm else []
    pool = [] if stage.pool is None else [stock_pool(stage.pool, stage.out_type)]
    convolution = stock_convolution(stage.in_type, stage.out_type, stage.kernel_size, bias=not spec.batch_norm)
    return [convolution, *norm, enn.LeakyReLU(stage.out_type, LEAKY_SLOPE), *pool]


def residual_layers(stage: DiscriminatorStage, spec: DiscriminatorSpec) -> list[nn.Module]:
    """A block."""
    return [StockDiscriminatorBlock(stage, batch_norm=spec.batch_norm)]
