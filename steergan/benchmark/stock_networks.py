"""Networks as escnn's users write them, of its own modules: what `accelerate` is measured on."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from escnn import gspaces
from escnn import nn as enn
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.symmetry import gspace, regular_type, trivial_type


def convolution(in_type: FieldType, out_type: FieldType, size: int, **settings: Any) -> enn.R2Conv:
    """An R2Conv with escnn's default band limit; escnn's own initialisation takes minutes and changes no time."""
    layer = enn.R2Conv(in_type, out_type, size, initialize=False, **{"padding": size // 2, "bias": False, **settings})
    nn.init.normal_(layer.weights, std=(len(in_type) * size) ** -0.5)
    return layer


class ResidualBlock(nn.Module):
    """Two convolutions with norms and a shortcut, which is a strided 1x1 convolution where the block halves the map."""

    def __init__(self, in_type: FieldType, out_type: FieldType, stride: int) -> None:
        super().__init__()
        self.body = enn.SequentialModule(
            convolution(in_type, out_type, 3, stride=stride),
            enn.InnerBatchNorm(out_type),
            enn.ReLU(out_type, inplace=True),
            convolution(out_type, out_type, 3),
            enn.InnerBatchNorm(out_type),
        )
        self.end = enn.ReLU(out_type)
        self.shortcut = convolution(in_type, out_type, 1, stride=stride) if stride > 1 or in_type != out_type else None

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """The map, halved by a stride of 2."""
        beside = x if self.shortcut is None else self.shortcut(x)
        summed: GeometricTensor = self.end(self.body(x) + beside)
        return summed


class ResNet(nn.Module):
    """A wide residual classifier: three stages of two blocks, the later ones begin with a stride of 2.

    Args:
        widths: regular fields of D4 in each stage.
    """

    def __init__(self, widths: Sequence[int] = (16, 32, 64)) -> None:
        super().__init__()
        space = gspace("D4")
        self.input_type = trivial_type(space, 3)
        types = [regular_type(space, width) for width in (widths[0], *widths)]
        self.lift = convolution(self.input_type, types[0], 3)
        self.blocks = nn.ModuleList(
            ResidualBlock(a, b, stride)
            for stage, pair in enumerate(pairwise(types))
            for a, b, stride in ((*pair, 2 if stage else 1), (pair[1], pair[1], 1))
        )
        self.pool, self.head = enn.GroupPooling(types[-1]), nn.Linear(widths[-1], 10)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 10)."""
        x = self.lift(GeometricTensor(image, self.input_type))
        for block in self.blocks:
            x = block(x)
        scores: Tensor = self.head(self.pool(x).tensor.mean((2, 3)))
        return scores


class UNet(nn.Module):
    """An encoder by average pools, a decoder by a transposed convolution and by upsampling, maps of equal size joined.

    Args:
        widths: regular fields of C4 at full, half and quarter size.
    """

    def __init__(self, widths: Sequence[int] = (16, 32, 64)) -> None:
        super().__init__()
        space = gspace("C4")
        self.input_type = trivial_type(space, 3)
        a, b, c = (regular_type(space, width) for width in widths)
        self.first, self.second, self.third = twice(self.input_type, a), twice(a, b), twice(b, c)
        self.shrink, self.shrink_again = (enn.PointwiseAvgPool2D(field, 2) for field in (a, b))
        self.to_half = enn.R2ConvTransposed(c, b, 4, stride=2, padding=1, bias=False, initialize=False)
        nn.init.normal_(self.to_half.weights, std=(len(c) * 4) ** -0.5)
        self.after_half = twice(b + b, b)
        self.to_full = enn.SequentialModule(enn.R2Upsampling(b, 2), convolution(b, a, 3))
        self.after_full = twice(a + a, a)
        self.out = convolution(a, trivial_type(space, 1), 1)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> a mask, (B, 1, H, W)."""
        full = self.first(GeometricTensor(image, self.input_type))
        half = self.second(self.shrink(full))
        lowest = self.third(self.shrink_again(half))
        half = self.after_half(enn.tensor_directsum([half, self.to_half(lowest)]))
        mask: Tensor = self.out(self.after_full(enn.tensor_directsum([full, self.to_full(half)]))).tensor
        return mask


def twice(in_type: FieldType, out_type: FieldType) -> enn.SequentialModule:
    """Convolution, norm and ReLU, two times."""
    layers = []
    for field in (in_type, out_type):
        layers += [convolution(field, out_type, 3), enn.InnerBatchNorm(out_type), enn.ReLU(out_type, inplace=True)]
    return enn.SequentialModule(*layers)


class FourierNet(nn.Module):
    """A classifier under SO(2): convolutions of 5x5, batch norm, Fourier ELU on 16 samples, antialiased pools.

    Args:
        widths: fields of each block.
    """

    def __init__(self, widths: Sequence[int] = (8, 16, 16)) -> None:
        super().__init__()
        space = gspaces.rot2dOnR2(-1, maximum_frequency=6)
        self.input_type = x_type = FieldType(space, [space.trivial_repr])
        layers: list[enn.EquivariantModule] = []
        for width in widths:
            activation = enn.FourierELU(space, width, irreps=space.fibergroup.bl_irreps(2), N=16, inplace=True)
            layers += [convolution(x_type, activation.in_type, 5), enn.IIDBatchNorm2d(activation.in_type), activation]
            layers += [enn.PointwiseAvgPoolAntialiased(activation.out_type, sigma=0.66, stride=2)]
            x_type = activation.out_type
        invariants = FieldType(space, [space.trivial_repr] * 32)
        self.body = enn.SequentialModule(*layers, convolution(x_type, invariants, 1))
        self.head = nn.Linear(32, 10)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 1, H, W) -> (B, 10)."""
        scores: Tensor = self.head(self.body(GeometricTensor(image, self.input_type)).tensor.mean((2, 3)))
        return scores


class Actor(nn.Module):
    """A policy that turns with what it sees: two numbers that are a vector of D4, and three that don't move."""

    def __init__(self, widths: Sequence[int] = (8, 16, 32)) -> None:
        super().__init__()
        space = gspace("D4")
        self.input_type = x_type = trivial_type(space, 2)
        layers: list[enn.EquivariantModule] = []
        for width in widths:
            out_type = regular_type(space, width)
            layers += [convolution(x_type, out_type, 3, bias=True), enn.ReLU(out_type, inplace=True)]
            layers += [enn.PointwiseMaxPool2D(out_type, 2)]
            x_type = out_type
        action = FieldType(space, [space.irrep(1, 1), *[space.trivial_repr] * 3])
        self.body = enn.SequentialModule(*layers, convolution(x_type, action, 1))

    def forward(self, image: Tensor) -> Tensor:
        """(B, 2, H, W) -> (B, 5)."""
        action: Tensor = self.body(GeometricTensor(image, self.input_type)).tensor.mean((2, 3))
        return action


NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "D4 ResNet": (ResNet, 33),
    "C4 U-Net": (UNet, 32),
    "SO2 Fourier": (FourierNet, 29),
    "D4 actor": (Actor, 32),
}
"""How to build each, and the side of its images in pixels."""


def exported(model: nn.Module) -> nn.Module:
    """A copy in evaluation mode, in which escnn's own `export()` stands for every module that has one.

    Args:
        model: of escnn's modules; a copy of it that nobody else holds.
    """
    model.eval()
    for name, child in list(model._modules.items()):
        if child is None:
            continue
        plain = _exported_layer(child)
        model._modules[name] = exported(child) if plain is None else plain
    return model


def _exported_layer(layer: nn.Module) -> nn.Module | None:
    if not isinstance(layer, enn.EquivariantModule) or isinstance(layer, enn.SequentialModule):
        return None
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):  # first weights of plain layers are drawn
            return Exported(layer.export(), layer.out_type)
    except (NotImplementedError, AttributeError, AssertionError):
        return None


class Exported(nn.Module):
    """A plain module where an equivariant one stood.

    Args:
        plain: what `export()` returned.
        out_type: of its results.
    """

    def __init__(self, plain: nn.Module, out_type: FieldType) -> None:
        super().__init__()
        self.plain, self.out_type = plain, out_type

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """The result of the plain module, with its type."""
        return GeometricTensor(self.plain(x.tensor), self.out_type)
