"""The convolutional part of a discriminator, as plain stages or as residual blocks."""

from collections.abc import Sequence

from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import nn

from steergan.layers import DiscriminatorBlock, FieldBatchNorm, GroupConvolution, Restriction, activation, run
from steergan.layers.plain import Compound
from steergan.networks.spec import DiscriminatorSpec
from steergan.networks.stages import DiscriminatorStage

LEAKY_SLOPE = 0.2
"""Source: Dey et al. 2021, appendix C.2."""


class LayerChain(Compound):
    """Layers, one behind the other.

    Args:
        layers: each takes what the one before puts out.
        ends: positions of the last layers of each stage or block.

    Attributes:
        restrictions: positions in `stages` of the layers that take a subgroup.
        ends: positions in `stages` of the last layers of each stage or block.

    Shapes: (B, channels of in_type, H, W) -> (B, channels of out_type, h, w).
    """

    def __init__(self, layers: Sequence[EquivariantModule], ends: Sequence[int]) -> None:
        super().__init__()
        self.ends = list(ends)
        self.in_type, self.out_type = layers[0].in_type, layers[-1].out_type
        self.stages = nn.ModuleList(layers)
        self.restrictions = [i for i, layer in enumerate(layers) if isinstance(layer, Restriction)]

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, channels of in_type, H, W) -> (B, channels of out_type, h, w)."""
        for stage in self.stages:
            x = run(stage, x)
        return x

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of what comes in -> shape of what comes out."""
        for stage in self.stages:
            input_shape = stage.evaluate_output_shape(input_shape)  # type: ignore[operator]
        return input_shape


class Trunk(LayerChain):
    """Fields -> hidden fields: plain stages (convolution, leaky ReLU, pool) or residual blocks, then ReLU.

    Where the spec says so, self-attention follows a stage or block.

    Args:
        stages: see `discriminator_stages`.
        spec: of the discriminator: `architecture`, `batch_norm` (in front of every ReLU of a stage or block, not of the
            last one: Tables 9 and 10) and `spectral_norm` are read.
        last: nothing comes after it: ReLU after the last residual block.

    Shapes: (B, channels of in_type, H, W) -> (B, channels of out_type, h, w), halved by every pool.

    Symmetry: equivariant under the last group; exact for groups that permute pixels with `"exact"`, broken with
        `"paper"` on an odd map. Before a restriction, under the larger group.

    Raises:
        SymmetryError: a gspace that is no subgroup of the one before; fields and kernels that don't suit each other.

    Source: Dey et al. 2021, Figure 13, Tables 5 to 14. Differs: the odd pool, because 7 -> 3 loses the equivariance.
        Restriction: Weiler and Cesa 2019, section 2.7.
    """

    def __init__(self, stages: Sequence[DiscriminatorStage], spec: DiscriminatorSpec, *, last: bool = True) -> None:
        layers_of = LAYERS[spec.architecture]
        layers: list[EquivariantModule] = []
        ends: list[int] = []
        for stage in stages:
            layers += layers_of(stage, spec)
            if stage.attention is not None:
                layers.append(spec.attention_on(layers[-1].out_type, stage.attention, spec.spectral_norm))
            ends.append(len(layers) - 1)
        if spec.architecture == "residual" and last:
            layers += nonlinearity(layers[-1].out_type, "relu", False)
            ends[-1] = len(layers) - 1
        super().__init__(layers, ends)


def plain_layers(stage: DiscriminatorStage, spec: DiscriminatorSpec) -> list[EquivariantModule]:
    """Restriction (if there is one), convolution, norm (if asked), leaky ReLU, pool (if there is one)."""
    layers, x_type = [], stage.in_type
    if x_type.gspace != stage.out_type.gspace:
        layers.append(Restriction(x_type, stage.out_type.gspace))
        x_type = layers[-1].out_type
    layers.append(
        GroupConvolution(
            x_type,
            stage.out_type,
            stage.kernel_size,
            bias=not spec.batch_norm,
            spectral_norm=spec.spectral_norm,
            band_limited=spec.band_limited,
        )
    )
    layers += nonlinearity(stage.out_type, "leaky_relu", spec.batch_norm)
    if stage.pool is not None:
        layers.append(stage.pool(layers[-1].out_type))
    return layers


def residual_layers(stage: DiscriminatorStage, spec: DiscriminatorSpec) -> list[EquivariantModule]:
    """Restriction (if there is one) and block.

    A block begins with a nonlinearity, which is for the fields as they were: it comes before the restriction, and the
    block does without.
    """
    layers, x_type, first = [], stage.in_type, stage.first
    if x_type.gspace != stage.out_type.gspace:
        if not first:
            layers += nonlinearity(x_type, "relu", spec.batch_norm)
            x_type = layers[-1].out_type
        layers.append(Restriction(x_type, stage.out_type.gspace))
        x_type, first = layers[-1].out_type, True
    block = DiscriminatorBlock(
        x_type, stage.out_type, pool=stage.pool, first=first, batch_norm=spec.batch_norm,
        spectral_norm=spec.spectral_norm, kernel_size=stage.kernel_size,
    )  # fmt: skip
    return [*layers, block]


LAYERS = {"plain": plain_layers, "residual": residual_layers}
"""What an architecture makes of a stage."""


def nonlinearity(field_type: FieldType, function: str, batch_norm: bool) -> list[EquivariantModule]:
    """What suits the fields, perhaps with a norm in front."""
    layer = activation(field_type, function, LEAKY_SLOPE)
    return [FieldBatchNorm(field_type), layer] if batch_norm else [layer]
