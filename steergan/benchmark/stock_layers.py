"""Convolutions, norms, stages and residual blocks as an escnn user builds them without steergan."""


import torch
from escnn import nn as enn
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.layers import filter_size, upsampling_mode

FULL_BAND = 4.0
"""With this cutoff R2Conv spans all filters, not the two thirds of its default."""


def stock_convolution(in_type: FieldType, out_type: FieldType, size: int = 0, *, bias: bool = True) -> enn.R2Conv:
    """An R2Conv that keeps the size, with plain normal weights: escnn's initialisation takes minutes on wide layers.

    Args:
        in_type: fields that come in.
        out_type: fields that go out.
        size: taps along one side; 0: what the group needs.
        bias: whether there is one.
    """
    size = size or filter_size(in_type.gspace)
    convolution = enn.R2Conv(
        in_type, out_type, size, padding=size // 2, bias=bias, frequencies_cutoff=FULL_BAND, initialize=False
    )
    nn.init.normal_(convolution.weights, std=(in_type.size * size**2) ** -0.5)
    return convolution


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


class StockGeneratorBlock(nn.Module):
    """As `layers.GeneratorBlock`."""

    def __init__(self, in_type: FieldType, out_type: FieldType, conditioning: int, upsample: bool) -> None:
        super().__init__()
        self.norm1 = ConditionalInnerBatchNorm(in_type, conditioning)
        self.activation1 = enn.ReLU(in_type)
        self.convolution1 = stock_convolution(in_type, out_type, bias=False)
        self.norm2 = ConditionalInnerBatchNorm(out_type, conditioning)
        self.activation2 = enn.ReLU(out_type)
        self.convolution2 = stock_convolution(out_type, out_type)
        self.shortcut = stock_convolution(in_type, out_type, 1, bias=False)
        self.upsample_in = self.upsample_out = None
        if upsample:
            mode = upsampling_mode(in_type.gspace)
            self.upsample_in = enn.R2Upsampling(in_type, scale_factor=2, mode=mode)
            self.upsample_out = enn.R2Upsampling(out_type, scale_factor=2, mode=mode)

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        h, shortcut = self.activation1(self.norm1(x, c)), self.shortcut(x)
        if self.upsample_in is not None and self.upsample_out is not None:
            h, shortcut = self.upsample_in(h), self.upsample_out(shortcut)
        h = self.activation2(self.norm2(self.convolution1(h), c))
        return self.convolution2(h) + shortcut


def stock_pool(name: str, in_type: FieldType, window: int, padding: int) -> enn.EquivariantModule:
    """Its pools with stride 2, by their names in recipes."""
    pools = {"average": enn.PointwiseAvgPool2D, "max": enn.PointwiseMaxPool2D}
    return pools[name](in_type, window, 2, padding)


class StockDiscriminatorBlock(nn.Module):
    """As `layers.DiscriminatorBlock`; window and padding of its pools, or None for no pool."""

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        geometry: tuple[int, int] | None,
        *,
        first: bool,
        pool: str,
        batch_norm: bool,
    ) -> None:
        super().__init__()
        before = [] if first else stock_activation(in_type, batch_norm)
        branch = [
            *before,
            stock_convolution(in_type, out_type, bias=not batch_norm),
            *stock_activation(out_type, batch_norm),
            stock_convolution(out_type, out_type),
        ]
        shortcut = [stock_convolution(in_type, out_type, 1, bias=False)]
        if geometry is not None:
            branch.append(stock_pool(pool, out_type, *geometry))
            shortcut.insert(0, stock_pool(pool, in_type, *geometry))
        self.branch, self.shortcut = nn.Sequential(*branch), nn.Sequential(*shortcut)

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        total: GeometricTensor = self.branch(x) + self.shortcut(x)
        return total


def stock_activation(in_type: FieldType, batch_norm: bool) -> list[enn.EquivariantModule]:
    """ReLU, perhaps behind a norm."""
    return [enn.InnerBatchNorm(in_type), enn.ReLU(in_type)] if batch_norm else [enn.ReLU(in_type)]
