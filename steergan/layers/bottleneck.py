"""Residual blocks without norms: their first weights alone keep feature maps at one scale, however many there are."""

import math

import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor

from steergan.errors import SymmetryError
from steergan.layers.activation import activation
from steergan.layers.convolution import GroupConvolution
from steergan.layers.grouped_convolution import GroupedConvolution
from steergan.layers.modulation import FieldModulation
from steergan.layers.recomputation import Recomputable
from steergan.layers.upsample_convolution import filter_size

SLOPE = 0.2
"""Of the leaky ReLU."""

GAIN = math.sqrt(2 / (1 + SLOPE**2))
"""What a layer in front of a leaky ReLU has to amplify by, so that the mean square behind it is that in front."""


class Bottleneck(Recomputable):
    """x + f(x), f: 1x1, leaky ReLU, 3x3 (perhaps in parts), leaky ReLU, 1x1; no norm of any kind.

    f's first weights make its mean square `share` of that of x, so that n blocks with a share of 1 / n multiply it by
    less than e. The place of the leaky ReLU is taken by what suits the fields, see `activation`; groups that don't
    permute pixels get 5x5.

    Args:
        in_type: what comes in and goes out, as a nonlinearity leaves it.
        hidden_type: between the convolutions, as a nonlinearity gets it; of the same gspace.
        cardinality: parts of the 3x3 convolution, see `GroupedConvolution`.
        kernel_size: of the 3x3 convolution; None: `filter_size` of the group.
        conditioning: length of c, which modulates the hidden fields; 0: it does not, see `FieldModulation`.
        share: mean square of f(x) over that of x, before training.

    Shapes: (B, C, H, W), and c (B, conditioning) if conditioned -> (B, C, H, W).
    Symmetry: equivariant in the feature map, exact to rounding for grid groups, where c is invariant.

    Raises:
        SymmetryError: fields that no nonlinearity suits, or that the parts don't divide; the gspaces differ.
    Source: Huang et al. 2024 (R3GAN): blocks of ResNeXt (Xie et al. 2017) without norms, by the initialisation of
        Zhang et al. 2019 (Fixup).
    Differs: the last convolution begins small, where Fixup has 0: all weights have a gradient in the first step.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> space = gspace("C4")
        >>> block = Bottleneck(regular_type(space, 4), regular_type(space, 2))
        >>> block(block.in_type(torch.randn(5, 16, 6, 6))).shape
        torch.Size([5, 16, 6, 6])
    """

    def __init__(
        self,
        in_type: FieldType,
        hidden_type: FieldType,
        *,
        cardinality: int = 1,
        kernel_size: int | None = None,
        conditioning: int = 0,
        share: float = 1.0,
    ) -> None:
        super().__init__()
        if in_type.gspace != hidden_type.gspace:
            raise SymmetryError(
                f"in_type is of {in_type.gspace.name}, hidden_type of {hidden_type.gspace.name}; use one gspace"
            )
        self.in_type = self.out_type = in_type
        self.conditioned = conditioning > 0
        size = kernel_size or filter_size(in_type.gspace)
        self.convolution1 = GroupConvolution(in_type, hidden_type, 1)
        self.activation1 = activation(hidden_type, "leaky_relu", SLOPE)
        inner: FieldType = self.activation1.out_type
        self.modulation = FieldModulation(inner, conditioning) if conditioning else None
        self.convolution2: GroupConvolution | GroupedConvolution
        if cardinality == 1:
            self.convolution2 = GroupConvolution(inner, hidden_type, size)
        else:
            self.convolution2 = GroupedConvolution(inner, hidden_type, size, cardinality=cardinality)
        self.activation2 = activation(hidden_type, "leaky_relu", SLOPE)
        self.convolution3 = GroupConvolution(inner, in_type, 1, bias=False)
        for layer, length in ((self.convolution1, GAIN), (self.convolution2, GAIN), (self.convolution3, share**0.5)):
            set_row_length(layer, length)

    def forward(self, x: GeometricTensor, c: Tensor | None = None) -> GeometricTensor:
        """(B, C, H, W), and c (B, conditioning) if conditioned -> (B, C, H, W)."""
        h = self.activation1(self.convolution1(x))
        if self.modulation is not None:
            h = self.modulation(h, c)
        return x + self.convolution3(self.activation2(self.convolution2(h)))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        return input_shape


@torch.no_grad()
def set_row_length(layer: EquivariantModule, length: float) -> None:
    """Scale a convolution's weights so that the rows of its filter bank have this root mean square length.

    Independent inputs with a mean square of 1 then give outputs with one of length^2, whatever the group and the number
    of fields.

    Args:
        layer: a `GroupConvolution`, or a layer that holds one as `convolution`; without a spectral norm.
        length: wanted.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("D4"), 2)
        >>> layer = GroupConvolution(regular, regular, 3)
        >>> set_row_length(layer, 0.5)
        >>> f"{layer.filter_bank().flatten(1).norm(dim=1).square().mean().sqrt():.3f}"
        '0.500'
    """
    held = layer if isinstance(layer, GroupConvolution) else layer.convolution
    found = held.raw_filter().square().sum(1).mean().sqrt()
    for weight in held.filter_weights():
        weight.mul_(length / found)
