"""The convolutional part of a discriminator, as plain stages or as residual blocks."""

from collections.abc import Sequence

from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import nn

from steergan.errors import SymmetryError
from steergan.layers import (
    DiscriminatorBlock,
    FieldBatchNorm,
    GroupConvolution,
    HalvingPool,
    Restriction,
    activation,
    run,
)
from steergan.networks.hidden_fields import HiddenFields
from steergan.symmetry import is_trivial

LEAKY_SLOPE = 0.2
"""Source: Dey et al. 2021, appendix C.2."""


class Trunk(EquivariantModule):
    """Fields -> hidden fields: plain stages (convolution, leaky ReLU, pool) or residual blocks, then ReLU.

    Args:
        in_type: trivial fields: an image, or what group pooling left.
        size: (H, W) in pixels.
        widths: channels that a plain CNN would have, per stage or block; see `symmetry.fields_for_width`.
        architecture: `"plain"` or `"residual"`.
        downsample: whether each stage or block ends in a pool by 2.
        spaces: the gspace of each stage or block, every one the former's or a subgroup's; None: the input's throughout.
        fields: which fields stand between the layers.
        pool: `"average"` or `"max"`.
        pooling: `"exact"`: 2x2 pools on even maps, 3x3 with stride 2 and padding 1 on odd ones; `"paper"`: 2x2
            everywhere, which drops a row and a column of an odd map. Averages off the grid are antialiased.
        batch_norm: in front of every ReLU of a stage or block (not of the last one: Tables 9 and 10).
        spectral_norm: of every convolution.
        first: the input is an image: a residual block has no ReLU in front of its first convolution.
        last: nothing comes after it: ReLU after the last residual block.

    Attributes:
        restrictions: positions in `stages` of the layers that take a subgroup.

    Symmetry: equivariant under the last group; exact for groups that permute pixels with `"exact"`, broken with
        `"paper"` on an odd map. Before a restriction, under the larger group.

    Raises:
        SymmetryError: a map too small to pool, or (exact) with one odd and one even side; a gspace that is no subgroup
            of the one before; fields and kernels that don't suit each other.

    Source: Dey et al. 2021, Figure 13, Tables 5 to 14. Differs: the odd pool, because 7 -> 3 loses the equivariance.
        Restriction: Weiler and Cesa 2019, section 2.7.
    """

    def __init__(
        self,
        in_type: FieldType,
        size: tuple[int, int],
        widths: Sequence[int],
        *,
        architecture: str = "plain",
        downsample: Sequence[bool],
        spaces: Sequence[GSpace2D] | None = None,
        fields: HiddenFields | None = None,
        pool: str = "average",
        pooling: str = "exact",
        batch_norm: bool = False,
        spectral_norm: bool = True,
        first: bool = True,
        last: bool = True,
    ) -> None:
        super().__init__()
        self.in_type = x_type = in_type
        fields = fields or HiddenFields()
        residual = architecture == "residual"
        stages: list[EquivariantModule] = []
        self.restrictions: list[int] = []
        is_image = first  # what comes in, and needs no nonlinearity before a residual block
        for i, (width, shrinks) in enumerate(zip(widths, downsample, strict=True)):
            space = spaces[i] if spaces else in_type.gspace
            if space != x_type.gspace:
                # A residual block's nonlinearity is for the fields as they were, so it comes before.
                stages += [] if is_image or not residual else nonlinearity(x_type, "relu", batch_norm)
                self.restrictions.append(len(stages))
                stages.append(Restriction(stages[-1].out_type if stages else x_type, space))
                x_type, is_image = stages[-1].out_type, True
            out_type = fields.of_width(space, width)
            strict = pooling == "exact" and not is_trivial(space)
            halving = None
            if shrinks:
                layer = f"discriminator {WORDS[architecture]} {i + 1}"
                window, padding = pool_geometry(*size, pooling, strict, layer)
                size = pooled(size, (window, padding))
                halving = HalvingPool(pool, window, padding, strict)
            if residual:
                stages.append(
                    DiscriminatorBlock(
                        x_type, out_type, pool=halving, first=is_image, batch_norm=batch_norm,
                        spectral_norm=spectral_norm, kernel_size=fields.filter_size(space),
                    )
                )  # fmt: skip
            else:
                convolution = GroupConvolution(
                    x_type, out_type, fields.filter_size(space), bias=not batch_norm, spectral_norm=spectral_norm
                )
                stages += [convolution, *nonlinearity(out_type, "leaky_relu", batch_norm)]
                out_type = stages[-1].out_type
                if halving is not None:
                    stages.append(halving(out_type))
            x_type, is_image = out_type, False
        if residual and last:
            stages += nonlinearity(x_type, "relu", False)
            x_type = stages[-1].out_type
        self.out_type, self.size = x_type, size
        self.stages = nn.ModuleList(stages)

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        for stage in self.stages:
            x = run(stage, x)
        return x

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        for stage in self.stages:
            input_shape = stage.evaluate_output_shape(input_shape)  # type: ignore[operator]
        return input_shape


def nonlinearity(field_type: FieldType, function: str, batch_norm: bool) -> list[EquivariantModule]:
    """What suits the fields, perhaps with a norm in front."""
    layer = activation(field_type, function, LEAKY_SLOPE)
    return [FieldBatchNorm(field_type), layer] if batch_norm else [layer]


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
