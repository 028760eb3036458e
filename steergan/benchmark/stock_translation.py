"""The networks of a translation as an escnn user would build them without steergan: stock modules only.

Rivals for timing, of the pooled form. escnn has no instance norm: its batch norm stands for it, which is the same
function at batch 1 in training. At the end stands the convolution to trivial fields, as in ours.
"""

import torch
from escnn import nn as enn
from escnn.nn import FieldType
from torch import Tensor, nn

from steergan.benchmark.stock import QuickToWalk
from steergan.benchmark.stock_layers import stock_convolution, upsampled
from steergan.errors import RecipeError
from steergan.networks import PatchDiscriminatorSpec, UNetSpec
from steergan.networks.trunk import LEAKY_SLOPE
from steergan.symmetry import gspace, is_continuous, trivial_type

Shape = tuple[int, int, int]


class StockUNet(QuickToWalk):
    """`networks.UNet` of a finite group, from stock modules.

    Args:
        spec: of the generator, pooled, with instance or batch norm; its first weights are left out.
        in_shape: (C, H, W) of what comes in.
        out_shape: (C', H, W) of what comes out.

    Raises:
        RecipeError: settings that have no such rival.
    """

    def __init__(self, spec: UNetSpec, in_shape: Shape, out_shape: Shape) -> None:
        super().__init__()
        check_stock(spec, "generator")
        space = gspace(spec.group)
        self.in_type, self.multiple = trivial_type(space, in_shape[0]), 2 ** len(spec.widths)
        hidden = [spec.of_width(space, width) for width in spec.widths]
        x_type, downs, ups = self.in_type, [], []
        for i, out_type in enumerate(hidden):
            pixels = (in_shape[1] * in_shape[2]) >> 2 * (i + 1)
            downs.append(down(x_type, out_type, halve=True, norm=pixels > 1))
            x_type = out_type
        for skip in hidden[-2::-1]:
            layers = upsampled(x_type, True)
            ups.append(nn.Sequential(*layers, *convolved(x_type, skip, norm=True)))
            x_type = skip + skip
        self.downs, self.ups = nn.ModuleList(downs), nn.ModuleList(ups)
        out_type = trivial_type(space, out_shape[0])
        self.to_image = nn.Sequential(*upsampled(x_type, True), stock_convolution(x_type, out_type))

    def forward(self, image: Tensor) -> Tensor:
        """Images (B, C, H, W) in [-1, 1] -> images (B, C', H, W) in [-1, 1]."""
        x, skips = self.in_type(image), []
        for block in self.downs:
            x = block(x)
            skips.append(x)
        for block, skip in zip(self.ups, skips[-2::-1], strict=True):
            x = enn.tensor_directsum([block(x), skip])
        return torch.tanh(self.to_image(x).tensor)


class StockPatchDiscriminator(QuickToWalk):
    """`networks.PatchDiscriminator` of a finite group, from stock modules.

    Args:
        spec: of the discriminator, pooled, with instance or batch norm, logits; its first weights are left out.
        in_shape: (C, H, W) of what is translated.
        out_shape: (C', H, W) of its translation.

    Raises:
        RecipeError: settings that have no such rival.
    """

    def __init__(self, spec: PatchDiscriminatorSpec, in_shape: Shape, out_shape: Shape) -> None:
        super().__init__()
        check_stock(spec, "discriminator")
        space = gspace(spec.group)
        self.in_type = x_type = trivial_type(space, in_shape[0] + out_shape[0])
        layers = []
        for i, width in enumerate(spec.widths):
            out_type = spec.of_width(space, width)
            layers.append(down(x_type, out_type, halve=i < len(spec.widths) - 1, norm=True))
            x_type = out_type
        self.body = nn.Sequential(*layers, stock_convolution(x_type, trivial_type(space, 1)))

    def forward(self, input: Tensor, output: Tensor) -> Tensor:
        """Inputs (B, C, H, W) and outputs (B, C', H, W) in [-1, 1] -> logits (B, 1, h, w)."""
        scores: Tensor = self.body(self.in_type(torch.cat([input, output], dim=1))).tensor
        return scores


def check_stock(spec: UNetSpec | PatchDiscriminatorSpec, table: str) -> None:
    """Refuse what has no rival of stock modules.

    Raises:
        RecipeError: it hasn't.
    """
    if isinstance(spec, UNetSpec) and spec.dropout:
        raise RecipeError("there is no stock escnn rival of generator.dropout, which leaves out whole fields")
    if is_continuous(gspace(spec.group)):
        raise RecipeError("there is no stock escnn rival of SO2 and O2; name a recipe of a finite group")
    if spec.resampling != "pooled" or spec.norm not in ("instance", "batch"):
        raise RecipeError(
            f'there is no stock escnn rival of {table}.resampling = "{spec.resampling}" with norm = "{spec.norm}"; '
            'name a recipe with "pooled", and "instance" or "batch"'
        )


def down(in_type: FieldType, out_type: FieldType, *, halve: bool, norm: bool) -> nn.Module:
    """Convolution, pool (if asked), norm (if asked), leaky ReLU."""
    first, *rest = convolved(in_type, out_type, norm=norm)
    return nn.Sequential(first, *([enn.PointwiseAvgPool2D(out_type, 2)] if halve else []), *rest)


def convolved(in_type: FieldType, out_type: FieldType, *, norm: bool) -> list[enn.EquivariantModule]:
    """Convolution, norm (if asked), leaky ReLU."""
    norms = [enn.InnerBatchNorm(out_type)] if norm else []
    return [stock_convolution(in_type, out_type, bias=not norm), *norms, enn.LeakyReLU(out_type, LEAKY_SLOPE)]
