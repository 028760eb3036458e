"""Gated fields."""

import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor

from steergan.errors import SymmetryError
from steergan.layers.fields import gated_frequency, typed_tensor
from steergan.symmetry import fourier_representation


class Gated(EquivariantModule):
    """Every field multiplied by the logistic function of its gate.

    Args:
        in_type: fields of one `symmetry.gated_representation`: a trivial gate, and behind it a Fourier field.

    Shapes: (B, C, H, W) -> (B, C - F, H, W), Fourier fields without their gates.
    Symmetry: equivariant, exact: a field is multiplied by an invariant number.
    Raises:
        SymmetryError: other fields.
    Source: Weiler et al. 2018 (3D steerable CNNs), section 4.3.
    """

    def __init__(self, in_type: FieldType) -> None:
        super().__init__()
        space, found = in_type.gspace, set(in_type.representations)
        frequency = gated_frequency(space, next(iter(found))) if len(found) == 1 else None
        if frequency is None:
            raise SymmetryError(
                f"Gated got fields of {in_type}; give it fields of one gated_representation of SO2 or O2"
            )
        self.in_type = in_type
        self.out_type = FieldType(space, [fourier_representation(space, frequency)] * len(in_type))

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        x_BFSHW = typed_tensor(self, x).unflatten(1, (len(self.in_type), -1))
        return self.out_type((torch.sigmoid(x_BFSHW[:, :, :1]) * x_BFSHW[:, :, 1:]).flatten(1, 2))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        batch, _, height, width = input_shape
        return (batch, self.out_type.size, height, width)
