"""From the seed map to the image: the equivariant half of a generator, as plain stages or as residual blocks."""

from collections.abc import Sequence

from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.layers import (
    ConditionalBatchNorm,
    FieldBatchNorm,
    GeneratorBlock,
    GroupConvolution,
    GroupPool,
    Recomputable,
    Upsample,
    UpsampleConvolution,
    activation,
    run,
    upsampled_convolution,
)
from steergan.networks.hidden_fields import HiddenFields
from steergan.symmetry import is_continuous, regular_type, trivial_type


class Stage(Recomputable):
    """Upsampling by 2 (if asked), convolution, conditional batch norm (except in the first stage), nonlinearity."""

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        conditioning: int | None,
        kernel_size: int,
        *,
        upsample: bool,
        spectral_norm: bool,
    ) -> None:
        super().__init__()
        self.in_type = in_type
        self.upsample, self.convolution = upsampled_convolution(
            in_type, out_type, kernel_size, upsample=upsample, bias=conditioning is None, spectral_norm=spectral_norm
        )
        self.norm = None
        if conditioning is not None:
            self.norm = ConditionalBatchNorm(out_type, conditioning, spectral_norm=spectral_norm)
        self.activation = activation(out_type, "relu")
        self.out_type = self.activation.out_type

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
        return self.activation.evaluate_output_shape(self.convolution.evaluate_output_shape(input_shape))


def image_convolution(
    in_type: FieldType, channels: int, kernel_size: int, *, upsample: bool, spectral_norm: bool
) -> tuple[Upsample | None, GroupConvolution | UpsampleConvolution, GroupPool | None]:
    """Hidden fields -> an image's: regular fields and their maximum over the group; SO2, O2: trivial ones at once."""
    space = in_type.gspace
    continuous = is_continuous(space)
    out_type = trivial_type(space, channels) if continuous else regular_type(space, channels)
    upsampling, convolution = upsampled_convolution(
        in_type, out_type, kernel_size, upsample=upsample, spectral_norm=spectral_norm
    )
    return upsampling, convolution, None if continuous else GroupPool(out_type, "max")


class Synthesis(EquivariantModule):
    """Seed map and conditioning vector -> image fields, before tanh.

    Args:
        space: the group's gspace.
        seed_channels: trivial fields of the seed map; with `steerable_seed` hidden fields in their place.
        widths: channels that a plain CNN would have, per stage; see `symmetry.fields_for_width`.
        channels: of the image.
        conditioning: length of the conditioning vector c.
        fields: which fields stand between the layers.
        steerable_seed: the seed map's channels move with the group.
        upsamplings: the first so many stages are followed by an upsampling by 2.
        spectral_norm: of every convolution and of the dense layers in the conditional batch norms.

    Shapes:
        x (B, channels of in_type, h, w), c (B, conditioning) -> (B, channels, 2^upsamplings h, 2^upsamplings w).

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
        fields: HiddenFields | None = None,
        steerable_seed: bool = False,
        upsamplings: int,
        spectral_norm: bool = True,
    ) -> None:
        super().__init__()
        fields = fields or HiddenFields()
        size = fields.filter_size(space)
        seed = fields.seed_of_width(space, seed_channels) if steerable_seed else trivial_type(space, seed_channels)
        self.in_type, self.out_type = seed, trivial_type(space, channels)
        stages, x_type = [], self.in_type
        for i, width in enumerate(widths):
            stage = Stage(
                x_type,
                fields.of_width(space, width),
                conditioning if i > 0 else None,
                size,
                upsample=0 < i <= upsamplings,
                spectral_norm=spectral_norm,
            )
            stages.append(stage)
            x_type = stage.out_type
        self.stages = nn.ModuleList(stages)
        self.upsample, self.to_image, self.group_pool = image_convolution(
            x_type, channels, size, upsample=0 < len(widths) <= upsamplings, spectral_norm=spectral_norm
        )

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        for stage in self.stages:
            x = run(stage, x, c)
        if self.upsample is not None:
            x = self.upsample(x)
        x = self.to_image(x)
        return x if self.group_pool is None else self.group_pool(x)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        for stage in self.stages:
            input_shape = stage.evaluate_output_shape(input_shape)  # type: ignore[operator]
        if self.upsample is not None:
            input_shape = self.upsample.evaluate_output_shape(input_shape)
        batch, _, height, width = self.to_image.evaluate_output_shape(input_shape)
        return (batch, self.out_type.size, height, width)


class ResidualSynthesis(EquivariantModule):
    """Seed map and conditioning vector -> image fields, before tanh: residual blocks, batch norm, ReLU, convolution.

    Args:
        space: the group's gspace.
        seed_channels: trivial fields of the seed map; with `steerable_seed` hidden fields in their place.
        widths: channels that a plain CNN would have, per block; see `symmetry.fields_for_width`.
        channels: of the image.
        conditioning: length of the conditioning vector c.
        fields: which fields stand between the layers.
        steerable_seed: the seed map's channels move with the group.
        upsamplings: the first so many blocks upsample by 2.
        spectral_norm: of every convolution and of the dense layers in the conditional batch norms.

    Shapes:
        x (B, channels of in_type, h, w), c (B, conditioning) -> (B, channels, 2^upsamplings h, 2^upsamplings w).

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
        fields: HiddenFields | None = None,
        steerable_seed: bool = False,
        upsamplings: int,
        spectral_norm: bool = True,
    ) -> None:
        super().__init__()
        fields = fields or HiddenFields()
        size = fields.filter_size(space)
        seed = fields.of_width(space, seed_channels) if steerable_seed else trivial_type(space, seed_channels)
        self.in_type, self.out_type = seed, trivial_type(space, channels)
        blocks, x_type = [], self.in_type
        for i, width in enumerate(widths):
            block = GeneratorBlock(
                x_type,
                fields.of_width(space, width),
                conditioning,
                kernel_size=size,
                upsample=i < upsamplings,
                spectral_norm=spectral_norm,
            )
            blocks.append(block)
            x_type = block.out_type
        self.blocks = nn.ModuleList(blocks)
        self.norm = FieldBatchNorm(x_type)
        self.activation = activation(x_type, "relu")
        _, self.to_image, self.group_pool = image_convolution(
            self.activation.out_type, channels, size, upsample=False, spectral_norm=spectral_norm
        )

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        for block in self.blocks:
            x = run(block, x, c)
        x = self.to_image(self.activation(self.norm(x)))
        return x if self.group_pool is None else self.group_pool(x)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        for block in self.blocks:
            input_shape = block.evaluate_output_shape(input_shape)  # type: ignore[operator]
        batch, _, height, width = self.to_image.evaluate_output_shape(input_shape)
        return (batch, self.out_type.size, height, width)


SYNTHESES: dict[str, type[Synthesis] | type[ResidualSynthesis]] = {
    "plain": Synthesis,
    "residual": ResidualSynthesis,
}
"""By `generator.architecture`."""
