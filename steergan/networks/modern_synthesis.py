"""The equivariant half of the modern generator: residual blocks without norms, between upsamplings."""

from typing import cast

from escnn.nn import FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.layers import (
    Bottleneck,
    FieldNoise,
    GroupConvolution,
    Upsample,
    run,
    set_row_length,
)
from steergan.layers.bottleneck import GAIN, SLOPE
from steergan.layers.plain import Compound
from steergan.networks.modern_spec import ModernGeneratorSpec
from steergan.networks.modern_stage import stage_layers
from steergan.networks.noise_maps import NoiseMaps
from steergan.symmetry import gspace, trivial_type


class ModernStage(Compound):
    """A convolution (1x1, upsampled by 2, or the first, of the seed map), noise, residual blocks, attention.

    The upsampling is bilinear, whose filter is symmetric about the corners between pixels: exact on the grid, and good
    between.

    Args:
        spec: of the generator.
        in_type: what comes in.
        width: channels of a plain CNN.
        style: length of the style; 0: there is none.
        first: it keeps the seed map's size.
        attention: (H, W) of its map where self-attention follows the blocks, else None.

    Shapes: (B, C_in, H, W), style (B, style), noise (B, 1, 2 H, 2 W) -> (B, C_out, 2 H, 2 W); the first H and W.
    """

    def __init__(
        self,
        spec: ModernGeneratorSpec,
        in_type: FieldType,
        width: int,
        *,
        style: int,
        first: bool,
        attention: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.convolution, blocks = stage_layers(spec, in_type, width, first=first, conditioning=style)
        self.in_type, self.out_type = in_type, self.convolution.out_type
        self.upsample = None if first else Upsample(self.out_type, 2, "bilinear")
        self.noise = FieldNoise(self.out_type) if spec.noise else None
        self.blocks = nn.ModuleList(blocks)
        self.attention = spec.attention_on(self.out_type, attention, spec.spectral_norm) if attention else None

    def forward(self, x: GeometricTensor, style: Tensor | None, noise: Tensor | None) -> GeometricTensor:
        """Map, style (B, style) or None, noise (B, 1, H, W) or None -> map."""
        x = self.convolution(x)
        if self.upsample is not None:
            x = self.upsample(x)
        if self.noise is not None:
            x = self.noise(x, noise)
        for block in self.blocks:
            x = run(cast(Bottleneck, block), x) if style is None else run(cast(Bottleneck, block), x, style)
        return x if self.attention is None else run(self.attention, x)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of what comes in -> shape of what comes out."""
        shape = self.convolution.evaluate_output_shape(input_shape)
        for layer in (self.upsample, self.attention):
            shape = shape if layer is None else layer.evaluate_output_shape(shape)
        return shape


class ModernSynthesis(Compound):
    """Seed map and conditioning vector -> image fields, before tanh.

    Args:
        spec: of the generator.
        channels: of the image.
        conditioning: length of the conditioning vector c, without noise.
        seed_pixels: (h, w) of the seed map.
        noise: where in c the maps of noise stand; one for each stage, or none.

    Shapes:
        x (B, channels of in_type, h, w), c (B, conditioning and numbers of noise) -> (B, channels, H, W).

    Symmetry: equivariant in x and the maps of noise together, for what else is in c fixed; exact for the groups that
        permute pixels.

    Source: Huang et al. 2024 (R3GAN); fields in place of channels: own.
    Differs: the filter of its upsampling, [1, 2, 1], is askew on even maps; ours, [1, 3, 3, 1], is not. The image's
        convolution is 3x3, since on a group's fields one of 1x1 would see their averages alone.
    """

    conditioned = True

    def __init__(
        self,
        spec: ModernGeneratorSpec,
        channels: int,
        conditioning: int,
        seed_pixels: tuple[int, int],
        noise: NoiseMaps,
    ) -> None:
        super().__init__()
        space = gspace(spec.group)
        self.in_type = x_type = seed_type(spec)
        self.noise = noise
        self.mapping = style_network(conditioning) if spec.conditioning == "style" else None
        style = conditioning if self.mapping is not None else 0
        self.stages = nn.ModuleList()
        for i, (width, attends) in enumerate(
            zip(spec.widths, spec.attends(len(spec.widths), "generator"), strict=True)
        ):
            looked_over = (seed_pixels[0] << i, seed_pixels[1] << i) if attends else None
            self.stages.append(ModernStage(spec, x_type, width, style=style, first=i == 0, attention=looked_over))
            x_type = cast(ModernStage, self.stages[-1]).out_type
        self.out_type = trivial_type(space, channels)
        self.to_image = GroupConvolution(x_type, self.out_type, spec.filter_size(space))
        set_row_length(self.to_image, 1)

    def forward(self, x: GeometricTensor, c: Tensor) -> GeometricTensor:
        """Seed map (B, C, h, w) and c (B, conditioning and noise) -> image fields (B, channels, H, W)."""
        style = None if self.mapping is None else self.mapping(self.noise.without(c))
        maps = self.noise.maps(c) or (None,) * len(self.stages)
        for stage, noise in zip(self.stages, maps, strict=True):
            x = stage(x, style, noise)
        return self.to_image(x)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of a seed map -> shape of the image fields."""
        for stage in self.stages:
            input_shape = cast(ModernStage, stage).evaluate_output_shape(input_shape)
        return self.to_image.evaluate_output_shape(input_shape)


def seed_type(spec: ModernGeneratorSpec) -> FieldType:
    """What a seed map consists of: trivial fields, or hidden ones where the latent turns."""
    space = gspace(spec.group)
    if spec.latent == "steerable":
        return spec.after(spec.of_width(space, spec.seed_width))
    return trivial_type(space, spec.seed_width)


def style_network(conditioning: int) -> nn.Sequential:
    """Two dense layers, each with a leaky ReLU, (B, conditioning) -> (B, conditioning), which keep the mean square."""
    layers: list[nn.Module] = []
    for _ in range(2):
        dense = nn.Linear(conditioning, conditioning)
        nn.init.normal_(dense.weight, std=GAIN * conditioning**-0.5)
        nn.init.zeros_(dense.bias)
        layers += [dense, nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers)
