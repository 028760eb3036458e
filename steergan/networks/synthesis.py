"""From the seed map to the image: the equivariant half of a generator, as plain stages or as residual blocks."""

from collections.abc import Sequence

from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.layers import (
    ConditionalBatchNorm,
    FieldBatchNorm,
    GeneratorBlock,
    GroupPool,
    Pointwise,
    upsampled_convolution,
)
from steergan.symmetry import fields_for_width, regular_type, trivial_type


class Stage(EquivariantModule):
    """Upsampling by 2 (if asked), convolution, conditional batch norm (except in the first stage), ReLU."""

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        conditioning: int | None,
        *,
        upsample: bool,
        spectral_norm: bool,
    ) -> None:
        super().__init__()
        self.in_type, self.out_type = in_type, out_type
        self.upsample, self.convolution = upsampled_convolution(
            in_type, out_type, upsample=upsample, bias=conditioning is None, spectral_norm=spectral_norm
        )
        self.norm = None
        if conditioning is not None:
            self.norm = ConditionalBatchNorm(out_type, conditioning, spectral_norm=spectral_norm)
        self.activation = Pointwise(out_type, "relu")

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        if self.upsample is not None:
            x = self.upsample(x)
        x = self.convolution(x)
        if self.norm is not None:
            x = self.norm(x, c)
        return self.activation(x)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        if self.upsample is not None:
            input_shape = self.upsample.evaluate_output_shape(input_shape)
        return self.convolution.evaluate_output_shape(input_shape)


class Synthesis(EquivariantModule):
    """Seed map and conditioning vector -> image fields, before tanh.

    Args:
        space: the group's gspace.
        seed_channels: trivial fields of the seed map.
        widths: channels that a plain CNN would have, per stage; see `symmetry.fields_for_width`.
        channels: of the image.
        conditioning: length of the conditioning vector c.
        upsamplings: the first so many stages are followed by an upsampling by 2.
        spectral_norm: of every convolution and of the dense layers in the conditional batch norms.

    Shapes:
        x (B, seed_channels, h, w), c (B, conditioning) -> (B, channels, 2^upsamplings h, 2^upsamplings w).

    Symmetry: equivariant in x for c fixed; exact for the groups that permute pixels.

    Source: Dey et al. 2021, Tables 5 and 6, appendix C.2.1.
    """

    def __init__(
        self,
        space: GSpace2D,
        seed_channels: int,
        widths: Sequence[int],
        channels: int,
        conditioning: int,
        *,
        upsamplings: int,
        spectral_norm: bool = True,
    ) -> None:
        super().__init__()
        self.in_type = trivial_type(space, seed_channels)
        self.out_type = trivial_type(space, channels)
        stages, x_type = [], self.in_type
        for i, width in enumerate(widths):
            out_type = regular_type(space, fields_for_width(space, width))
            stages.append(
                Stage(
                    x_type,
                    out_type,
                    conditioning if i > 0 else None,
                    upsample=0 < i <= upsamplings,
                    spectral_norm=spectral_norm,
                )
            )
            x_type = out_type
        self.stages = nn.ModuleList(stages)
        self.upsample, self.to_image = upsampled_convolution(
            x_type, regular_type(space, channels), upsample=0 < len(widths) <= upsamplings, spectral_norm=spectral_norm
        )
        self.group_pool = GroupPool(self.to_image.out_type, "max")

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        for stage in self.stages:
            x = stage(x, c)
        if self.upsample is not None:
            x = self.upsample(x)
        return self.group_pool(self.to_image(x))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        for stage in self.stages:
            input_shape = stage.evaluate_output_shape(input_shape)  # type: ignore[operator]
        if self.upsample is not None:
            input_shape = self.upsample.evaluate_output_shape(input_shape)
        return self.group_pool.evaluate_output_shape(self.to_image.evaluate_output_shape(input_shape))


class ResidualSynthesis(EquivariantModule):
    """Seed map and conditioning vector -> image fields, before tanh: residual blocks, batch norm, ReLU, convolution.

    Args:
        space: the group's gspace.
        seed_channels: trivial fields of the seed map.
        widths: channels that a plain CNN would have, per block; see `symmetry.fields_for_width`.
        channels: of the image.
        conditioning: length of the conditioning vector c.
        upsamplings: the first so many blocks upsample by 2.
        spectral_norm: of every convolution and of the dense layers in the conditional batch norms.

    Shapes:
        x (B, seed_channels, h, w), c (B, conditioning) -> (B, channels, 2^upsamplings h, 2^upsamplings w).

    Symmetry: equivariant in x for c fixed; exact for the groups that permute pixels.

    Source: Dey et al. 2021, Figure 13, Tables 7 to 14, C.2.2: the last batch norm is unconditional.
    """

    def __init__(
        self,
        space: GSpace2D,
        seed_channels: int,
        widths: Sequence[int],
        channels: int,
        conditioning: int,
        *,
        upsamplings: int,
        spectral_norm: bool = True,
    ) -> None:
        super().__init__()
        self.in_type = x_type = trivial_type(space, seed_channels)
        self.out_type = trivial_type(space, channels)
        blocks = []
        for i, width in enumerate(widths):
            out_type = regular_type(space, fields_for_width(space, width))
            blocks.append(
                GeneratorBlock(x_type, out_type, conditioning, upsample=i < upsamplings, spectral_norm=spectral_norm)
            )
            x_type = out_type
        self.blocks = nn.ModuleList(blocks)
        self.norm = FieldBatchNorm(x_type)
        self.activation = Pointwise(x_type, "relu")
        _, self.to_image = upsampled_convolution(
            x_type, regular_type(space, channels), upsample=False, spectral_norm=spectral_norm
        )
        self.group_pool = GroupPool(self.to_image.out_type, "max")

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        for block in self.blocks:
            x = block(x, c)
        return self.group_pool(self.to_image(self.activation(self.norm(x))))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        for block in self.blocks:
            input_shape = block.evaluate_output_shape(input_shape)  # type: ignore[operator]
        return self.group_pool.evaluate_output_shape(self.to_image.evaluate_output_shape(input_shape))


SYNTHESES: dict[str, type[Synthesis] | type[ResidualSynthesis]] = {
    "plain": Synthesis,
    "residual": ResidualSynthesis,
}
"""By `generator.architecture`."""
