"""Convolutions, norms, stages and residual blocks as an escnn user builds them without steergan."""


import torch
from escnn import nn as enn
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.layers import HalvingPool, filter_size, upsampling_mode
from steergan.networks.stages import DiscriminatorStage, GeneratorStage

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
    """InnerBatchNorm with a class-conditional scale and shift, one of each per field, on top.

    Args:
        in_type: fields that come in, and go out.
        conditioning: length of the conditioning vector.
    """

    def __init__(self, in_type: FieldType, conditioning: int) -> None:
        super().__init__()
        self.norm = enn.InnerBatchNorm(in_type, affine=False)
        self.scale = nn.Linear(conditioning, len(in_type), bias=False)
        self.shift = nn.Linear(conditioning, len(in_type), bias=False)
        self.size = in_type.size // len(in_type)

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        """Map (B, C, H, W), c (B, conditioning) -> (B, C, H, W)."""
        scale = (1 + self.scale(c)).repeat_interleave(self.size, dim=1)
        shift = self.shift(c).repeat_interleave(self.size, dim=1)
        return x.type(torch.addcmul(shift[..., None, None], scale[..., None, None], self.norm(x).tensor))


def upsampled(in_type: FieldType, upsample: bool) -> list[enn.EquivariantModule]:
    """An upsampling by 2, or nothing."""
    return [enn.R2Upsampling(in_type, scale_factor=2, mode=upsampling_mode(in_type.gspace))] if upsample else []


class StockStage(nn.Module):
    """Upsampling by 2 (if asked), convolution, conditional batch norm (except in the first stage), ReLU.

    Args:
        stage: of a plain generator.

    Shapes: (B, C_in, H, W) and c (B, conditioning) -> (B, C_out, 2 H, 2 W), or H and W as they were.
    """

    def __init__(self, stage: GeneratorStage) -> None:
        super().__init__()
        self.upsample = nn.Sequential(*upsampled(stage.in_type, stage.upsample))
        self.convolution = stock_convolution(
            stage.in_type, stage.out_type, stage.kernel_size, bias=not stage.conditioning
        )
        self.norm = None
        if stage.conditioning:
            self.norm = ConditionalInnerBatchNorm(stage.out_type, stage.conditioning)
        self.activation = enn.ReLU(stage.out_type)

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        """Map (B, C_in, H, W), c (B, conditioning) -> (B, C_out, H, W), or twice as high and wide."""
        x = self.convolution(self.upsample(x))
        return self.activation(x if self.norm is None else self.norm(x, c))


class StockGeneratorBlock(nn.Module):
    """`layers.GeneratorBlock` from stock modules.

    Args:
        stage: of a residual generator.

    Shapes: (B, C_in, H, W) and c (B, conditioning) -> (B, C_out, 2 H, 2 W), or H and W as they were.
    """

    def __init__(self, stage: GeneratorStage) -> None:
        super().__init__()
        in_type, out_type, size = stage.in_type, stage.out_type, stage.kernel_size
        self.norm1 = ConditionalInnerBatchNorm(in_type, stage.conditioning)
        self.activation1 = enn.ReLU(in_type)
        self.convolution1 = stock_convolution(in_type, out_type, size, bias=False)
        self.norm2 = ConditionalInnerBatchNorm(out_type, stage.conditioning)
        self.activation2 = enn.ReLU(out_type)
        self.convolution2 = stock_convolution(out_type, out_type, size)
        self.shortcut = stock_convolution(in_type, out_type, 1, bias=False)
        self.upsample_in = nn.Sequential(*upsampled(in_type, stage.upsample))
        self.upsample_out = nn.Sequential(*upsampled(out_type, stage.upsample))

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        """Map (B, C_in, H, W), c (B, conditioning) -> (B, C_out, H, W), or twice as high and wide."""
        h = self.convolution1(self.upsample_in(self.activation1(self.norm1(x, c))))
        total: GeometricTensor = self.convolution2(self.activation2(self.norm2(h, c)))
        return total + self.upsample_out(self.shortcut(x))


def stock_pool(pool: HalvingPool, in_type: FieldType) -> enn.EquivariantModule:
    """The pool with stride 2 that escnn has for ours."""
    pools = {"average": enn.PointwiseAvgPool2D, "max": enn.PointwiseMaxPool2D}
    return pools[pool.reduce](in_type, pool.window, 2, pool.padding)


class StockDiscriminatorBlock(nn.Module):
    """`layers.DiscriminatorBlock` from stock modules.

    Args:
        stage: of a residual discriminator of one group.
        batch_norm: in front of every ReLU.

    Shapes: (B, C_in, H, W) -> (B, C_out, h, w), halved where the stage has a pool.
    """

    def __init__(self, stage: DiscriminatorStage, *, batch_norm: bool) -> None:
        super().__init__()
        in_type, out_type, size = stage.in_type, stage.out_type, stage.kernel_size
        branch = [
            *([] if stage.first else stock_activation(in_type, batch_norm)),
            stock_convolution(in_type, out_type, size, bias=not batch_norm),
            *stock_activation(out_type, batch_norm),
            stock_convolution(out_type, out_type, size),
        ]
        shortcut = [stock_convolution(in_type, out_type, 1, bias=False)]
        if stage.pool is not None:
            branch.append(stock_pool(stage.pool, out_type))
            shortcut.insert(0, stock_pool(stage.pool, in_type))
        self.branch, self.shortcut = nn.Sequential(*branch), nn.Sequential(*shortcut)

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, C_in, H, W) -> (B, C_out, h, w)."""
        total: GeometricTensor = self.branch(x) + self.shortcut(x)
        return total


def stock_activation(in_type: FieldType, batch_norm: bool) -> list[enn.EquivariantModule]:
    """ReLU, perhaps behind a norm."""
    return [enn.InnerBatchNorm(in_type), enn.ReLU(in_type)] if batch_norm else [enn.ReLU(in_type)]
