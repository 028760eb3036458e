"""From the seed map to the image: the equivariant half of a generator."""

from typing import Any

from escnn.nn import FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.layers import (
    ConditionalBatchNorm,
    FieldBatchNorm,
    GeneratorBlock,
    GroupPool,
    Recomputable,
    activation,
    run,
    upsampled_convolution,
)
from steergan.layers.plain import Compound
from steergan.layers.spectral_norm import NormOf
from steergan.networks.spec import GeneratorSpec
from steergan.networks.stages import generator_stages
from steergan.symmetry import is_continuous, trivial_type


class Stage(Recomputable):
    """Upsampling by 2 (if asked), convolution, conditional batch norm (if there is a vector for it), nonlinearity.

    Args:
        in_type: what comes in.
        out_type: what the convolution puts out; `out_type` of the stage is what the nonlinearity makes of it.
        conditioning: length of c; 0 for no norm.
        kernel_size: taps along one side.
        upsample: double the height and the width first.
        spectral_norm: of the convolution and of the norm's dense layers.
        band_limited: filters and upsampling as off the grid, whatever the group.

    Shapes: (B, C_in, H, W) and c (B, conditioning) -> (B, C_out, 2 H, 2 W), or H and W as they were.
    """

    conditioned = True

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        conditioning: int,
        *,
        kernel_size: int,
        upsample: bool,
        spectral_norm: bool | NormOf,
        band_limited: bool = False,
    ) -> None:
        super().__init__()
        self.in_type = in_type
        self.upsample, self.convolution = upsampled_convolution(
            in_type, out_type, kernel_size, upsample=upsample, bias=not conditioning, spectral_norm=spectral_norm,
            band_limited=band_limited,
        )  # fmt: skip
        self.norm = None
        if conditioning:
            self.norm = ConditionalBatchNorm(out_type, conditioning, spectral_norm=spectral_norm)
        self.activation = activation(out_type, "relu")
        self.out_type = self.activation.out_type

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        """Map (B, C_in, H, W), c (B, conditioning) -> (B, C_out, H, W), or twice as high and wide."""
        if self.upsample is not None:
            x = self.upsample(x)
        x = self.convolution(x)
        if self.norm is not None:
            x = self.norm(x, c)
        return self.activation(x)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of what comes in -> shape of what comes out."""
        if self.upsample is not None:
            input_shape = self.upsample.evaluate_output_shape(input_shape)
        return self.activation.evaluate_output_shape(self.convolution.evaluate_output_shape(input_shape))


BUILT_OF: dict[str, type[Stage] | type[GeneratorBlock]] = {"plain": Stage, "residual": GeneratorBlock}
"""What an architecture makes of its stages."""

NAMES = {"plain": "stages", "residual": "blocks"}
"""Under which name checkpoints hold them."""


class Synthesis(Compound):
    """Seed map and conditioning vector -> image fields, before tanh.

    Args:
        spec: of the generator; see `generator_stages`. Behind residual blocks come an unconditional batch norm and a
            nonlinearity.
        channels: of the image.
        conditioning: length of the conditioning vector c.
        seed_pixels: (h, w) of the seed map.

    Attributes:
        attention: by the number of a stage or block, the self-attention that follows it; None: none does.

    Shapes:
        x (B, channels of in_type, h, w), c (B, conditioning) -> (B, channels, 2^upsamplings h, 2^upsamplings w).

    Symmetry: equivariant in x for c fixed; exact for the groups that permute pixels.

    Source: Dey et al. 2021, Tables 5 and 6, appendix C.2.1; Figure 13, Tables 7 to 14, C.2.2.
    """

    conditioned = True

    def __init__(self, spec: GeneratorSpec, channels: int, conditioning: int, seed_pixels: tuple[int, int]) -> None:
        super().__init__()
        *stages, last = generator_stages(spec, channels, conditioning, seed_pixels)
        self.in_type, self.out_type = stages[0].in_type, trivial_type(last.out_type.gspace, channels)
        make, self.name = BUILT_OF[spec.architecture], NAMES[spec.architecture]
        limited: dict[str, Any] = {"band_limited": True} if spec.band_limited else {}  # plain stages alone know it
        built = [
            make(
                stage.in_type, stage.out_type, stage.conditioning, kernel_size=stage.kernel_size,
                upsample=stage.upsample, spectral_norm=spec.spectral_norm, **limited,
            )
            for stage in stages
        ]  # fmt: skip
        self.add_module(self.name, nn.ModuleList(built))
        attending = {
            str(i): spec.attention_on(layer.out_type, stage.attention, spec.spectral_norm)
            for i, (layer, stage) in enumerate(zip(built, stages, strict=True))
            if stage.attention is not None
        }
        self.attention = nn.ModuleDict(attending) if attending else None
        x_type, self.norm, self.activation = last.in_type, None, None
        if spec.architecture == "residual":
            self.norm, self.activation = FieldBatchNorm(x_type), activation(x_type, "relu")
            x_type = self.activation.out_type
        self.upsample, self.to_image = upsampled_convolution(
            x_type, last.out_type, last.kernel_size, upsample=last.upsample, spectral_norm=spec.spectral_norm,
            band_limited=spec.band_limited,
        )  # fmt: skip
        self.group_pool = None if is_continuous(x_type.gspace) else GroupPool(last.out_type, "max")

    @property
    def built(self) -> list[Stage | GeneratorBlock]:
        """The stages or blocks."""
        return list(self.get_submodule(self.name).children())

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        """Seed map (B, C, h, w) and c (B, conditioning) -> image fields (B, channels, H, W)."""
        for i, stage in enumerate(self.built):
            x = run(stage, x, c)
            if self.attention is not None and str(i) in self.attention:
                x = run(self.attention[str(i)], x)
        if self.norm is not None and self.activation is not None:
            x = self.activation(self.norm(x))
        if self.upsample is not None:
            x = self.upsample(x)
        x = self.to_image(x)
        return x if self.group_pool is None else self.group_pool(x)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of a seed map -> shape of the image fields."""
        for i, stage in enumerate(self.built):
            input_shape = stage.evaluate_output_shape(input_shape)
            if self.attention is not None and str(i) in self.attention:
                input_shape = self.attention[str(i)].evaluate_output_shape(input_shape)  # type: ignore[operator]
        if self.upsample is not None:
            input_shape = self.upsample.evaluate_output_shape(input_shape)
        batch, _, height, width = self.to_image.evaluate_output_shape(input_shape)
        return (batch, self.out_type.size, height, width)
