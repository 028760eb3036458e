"""The convolutional part of a discriminator, as plain stages or as residual blocks."""

from collections.abc import Sequence

from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import nn

from steergan.errors import SymmetryError
from steergan.layers import DiscriminatorBlock, FieldBatchNorm, GroupConvolution, Pointwise, filter_size
from steergan.layers.residual import POOLS
from steergan.symmetry import fields_for_width, group_order, regular_type

LEAKY_SLOPE = 0.2
"""Source: Dey et al. 2021, appendix C.2."""


class Trunk(EquivariantModule):
    """Fields -> regular fields: plain stages (convolution, leaky ReLU, pool) or residual blocks, then ReLU.

    Args:
        in_type: trivial fields: an image, or what group pooling left.
        size: (H, W) in pixels.
        widths: channels that a plain CNN would have, per stage or block; see `symmetry.fields_for_width`.
        architecture: `"plain"` or `"residual"`.
        downsample: whether each stage or block ends in a pool by 2.
        pool: `"average"` or `"max"`.
        pooling: `"exact"`: 2x2 pools on even maps, 3x3 with stride 2 and padding 1 on odd ones; `"paper"`: 2x2
            everywhere, which drops a row and a column of an odd map.
        batch_norm: in front of every ReLU of a stage or block (not of the last one: Tables 9 and 10).
        spectral_norm: of every convolution.
        first: the input is an image: a residual block has no ReLU in front of its first convolution.
        last: nothing comes after it: ReLU after the last residual block.

    Symmetry: equivariant; exact for groups that permute pixels with `"exact"`, broken with `"paper"` on an odd map.

    Raises:
        SymmetryError: a map too small to pool, or (exact) with one odd and one even side.

    Source: Dey et al. 2021, Figure 13, Tables 5 to 14. Differs: the odd pool, because 7 -> 3 loses the equivariance.
    """

    def __init__(
        self,
        in_type: FieldType,
        size: tuple[int, int],
        widths: Sequence[int],
        *,
        architecture: str = "plain",
        downsample: Sequence[bool],
        pool: str = "average",
        pooling: str = "exact",
        batch_norm: bool = False,
        spectral_norm: bool = True,
        first: bool = True,
        last: bool = True,
    ) -> None:
        super().__init__()
        self.in_type = x_type = in_type
        space = in_type.gspace
        strict = pooling == "exact" and group_order(space) > 1
        stages: list[nn.Module] = []
        for i, (width, shrinks) in enumerate(zip(widths, downsample, strict=True)):
            out_type = regular_type(space, fields_for_width(space, width))
            window = (2, 0)
            if shrinks:
                window = pool_geometry(*size, pooling, strict, f"discriminator {WORDS[architecture]} {i + 1}")
                size = pooled(size, window)
            if architecture == "residual":
                stages.append(
                    DiscriminatorBlock(
                        x_type, out_type, downsample=shrinks, first=first and i == 0, pooling=pool,
                        batch_norm=batch_norm, spectral_norm=spectral_norm,
                        kernel_size=window[0], padding=window[1], strict=strict,
                    )
                )  # fmt: skip
            else:
                stages.append(
                    GroupConvolution(
                        x_type, out_type, filter_size(space), bias=not batch_norm, spectral_norm=spectral_norm
                    )
                )
                stages += [FieldBatchNorm(out_type)] if batch_norm else []
                stages.append(Pointwise(out_type, "leaky_relu", slope=LEAKY_SLOPE))
                stages += [POOLS[pool](out_type, window[0], 2, window[1], strict=strict)] if shrinks else []
            x_type = out_type
        if architecture == "residual" and last:
            stages.append(Pointwise(x_type, "relu"))
        self.out_type, self.size = x_type, size
        self.stages = nn.ModuleList(stages)

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        for stage in self.stages:
            x = stage(x)
        return x

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        for stage in self.stages:
            input_shape = stage.evaluate_output_shape(input_shape)  # type: ignore[operator]
        return input_shape


WORDS = {"plain": "stage", "residual": "block"}


def pool_geometry(height: int, width: int, pooling: str, strict: bool, layer: str) -> tuple[int, int]:
    """(kernel size, padding) of the pool with stride 2 that suits a map of this size."""
    if min(height, width) < 2:
        raise SymmetryError(
            f"{layer}: a map of {height} x {width} is too small to pool; use fewer discriminator.widths, "
            "or set discriminator.downsample"
        )
    if height % 2 == 1 and width % 2 == 1 and pooling == "exact":
        return 3, 1
    if not strict or (height % 2 == 0 and width % 2 == 0):
        return 2, 0
    raise SymmetryError(
        f"{layer}: no pool by 2 is exact on a map of {height} x {width}; "
        f'choose sizes whose sides stay both even or both odd, or discriminator.pooling = "paper"'
    )


def pooled(size: tuple[int, int], window: tuple[int, int]) -> tuple[int, int]:
    """(H, W) after a pool with stride 2 and this (kernel size, padding)."""
    height, width = ((n + 2 * window[1] - window[0]) // 2 + 1 for n in size)
    return height, width
