"""Blocks of networks that translate images: convolution, change of size, norm, nonlinearity."""

import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.layers import (
    AveragePool,
    FieldBatchNorm,
    FieldDropout,
    FieldInstanceNorm,
    FieldLayerNorm,
    GroupConvolution,
    Recomputable,
    StridedConvolution,
    TransposedConvolution,
    Windows,
    activation,
    upsampled_convolution,
)
from steergan.networks.translation_spec import WINDOW, TranslationFields
from steergan.networks.trunk import LEAKY_SLOPE

NORMS: dict[str, type[FieldInstanceNorm] | type[FieldBatchNorm] | type[FieldLayerNorm]] = {
    "instance": FieldInstanceNorm,
    "batch": FieldBatchNorm,
    "layer": FieldLayerNorm,
}
HALVING = Windows(stride=2, padding=1)
"""Of strided convolutions and their transposes: n pixels become n / 2, and 2 n."""


class Block(Recomputable):
    """Layers one after another, of which one may want numbers for its dropout.

    Args:
        layers: the first takes what comes in.

    Attributes:
        dropped: fields that `keep` has numbers for; 0: it takes none.

    Shapes: (B, C_in, H, W), and keep (B, dropped) if there is dropout -> (B, C_out, h, w).
    Symmetry: equivariant, as the layers are.
    """

    def __init__(self, layers: list[EquivariantModule]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.in_type, self.out_type = layers[0].in_type, layers[-1].out_type
        places = [position for position, layer in enumerate(layers) if isinstance(layer, FieldDropout)]
        self.place = places[0] if places else None
        self.dropped = len(layers[places[0]].in_type) if places else 0
        self.conditioned = self.dropped > 0

    def forward(self, x: GeometricTensor, keep: Tensor | None = None) -> GeometricTensor:
        """Map (B, C_in, H, W), numbers (B, dropped) -> (B, C_out, h, w)."""
        for position, layer in enumerate(self.layers):
            x = layer(x, keep) if position == self.place else layer(x)
        return x

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of what comes in -> shape of what comes out."""
        for layer in self.layers:
            input_shape = layer.evaluate_output_shape(input_shape)  # type: ignore[operator]
        return input_shape


def down_block(
    in_type: FieldType, out_type: FieldType, spec: TranslationFields, *, halve: bool = True, norm: bool = True
) -> Block:
    """Convolution, pool (or its stride), norm, leaky ReLU.

    Args:
        in_type: what comes in.
        out_type: of the convolution.
        spec: of the network.
        halve: the map; else a strided form's windows lie one pixel apart, and the map loses one along each side.
        norm: whether there is one, if the spec has one.
    """
    biased = has_bias(spec, norm)
    layers: list[EquivariantModule] = []
    if spec.resampling == "strided" and halve:
        layers.append(
            StridedConvolution(
                in_type, out_type, WINDOW, windows=HALVING, bias=biased, spectral_norm=spec.spectral_norm
            )
        )
    else:
        layers.append(convolution(in_type, out_type, spec, bias=biased))
        layers += [AveragePool(out_type)] if halve else []
    layers += normed(out_type, spec, norm)
    return Block([*layers, activation(out_type, "leaky_relu", LEAKY_SLOPE)])


def up_block(
    in_type: FieldType, out_type: FieldType, spec: TranslationFields, *, norm: bool = True, dropout: float = 0.0
) -> Block:
    """Upsampling, convolution, norm, dropout, leaky ReLU; strided: ReLU, transposed convolution, norm, dropout.

    Args:
        in_type: what comes in.
        out_type: of the convolution.
        spec: of the network.
        norm: whether there is one, if the spec has one.
        dropout: share of the fields that are left out.
    """
    layers = [*doubled(in_type, out_type, spec, bias=has_bias(spec, norm)), *normed(out_type, spec, norm)]
    layers += [FieldDropout(out_type, dropout)] if dropout else []
    layers += [activation(out_type, "leaky_relu", LEAKY_SLOPE)] if spec.resampling == "pooled" else []
    return Block(layers)


def doubled(
    in_type: FieldType, out_type: FieldType, spec: TranslationFields, *, bias: bool = True
) -> list[EquivariantModule]:
    """A map twice as high and wide: nearest upsampling and a convolution, or ReLU and a transposed one."""
    if spec.resampling == "strided":
        relu = activation(in_type, "relu")
        return [
            relu,
            TransposedConvolution(
                relu.out_type, out_type, WINDOW, windows=HALVING, bias=bias, spectral_norm=spec.spectral_norm
            ),
        ]
    before, after = upsampled_convolution(
        in_type, out_type, spec.filter_size(in_type.gspace), upsample=True, bias=bias, spectral_norm=spec.spectral_norm
    )
    return [after] if before is None else [before, after]


def convolution(
    in_type: FieldType, out_type: FieldType, spec: TranslationFields, *, bias: bool = True
) -> GroupConvolution:
    """With windows one pixel apart; of 4 pixels they are padded by 1, and the map loses one along each side."""
    size = spec.filter_size(in_type.gspace)
    padding = HALVING.padding if spec.resampling == "strided" else None
    return GroupConvolution(in_type, out_type, size, padding=padding, bias=bias, spectral_norm=spec.spectral_norm)


def has_bias(spec: TranslationFields, norm: bool) -> bool:
    """Whether a convolution has a bias: not where the norm behind it takes each field's mean away."""
    return not norm or spec.norm in ("off", "layer")


def normed(field_type: FieldType, spec: TranslationFields, wanted: bool) -> list[EquivariantModule]:
    """The norm of a block, if it has one."""
    return [NORMS[spec.norm](field_type)] if wanted and spec.norm != "off" else []


def direct_sum(first: GeometricTensor, second: GeometricTensor, out_type: FieldType) -> GeometricTensor:
    """Two maps of one size, field behind field: (B, C, H, W) and (B, D, H, W) -> (B, C + D, H, W).

    Args:
        first: whose fields come first.
        second: whose fields follow.
        out_type: of both, made before: torch can't compile how escnn adds types.
    """
    return out_type(torch.cat([first.tensor, second.tensor], dim=1))
