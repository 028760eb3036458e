"""Gated fields."""

import torch
from escnn.nn import EquivariantModule, FieldType, GeometricTensor

from steergan.errors import SymmetryError
from steergan.layers.fields import gated_frequency, typed_tensor
from steergan.layers.plain import as_graph
from steergan.layers.plain_fields import Gates
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

    Examples:
        >>> from steergan.symmetry import gated_representation, gspace
        >>> space = gspace("SO2")
        >>> fields = FieldType(space, [gated_representation(space, 1)])
        >>> x = torch.tensor([0.0, 2.0, 4.0, 6.0]).view(1, 4, 1, 1)  # the gate, and three coefficients
        >>> Gated(fields)(fields(x)).tensor.flatten().tolist()
        [1.0, 2.0, 3.0]
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
        """(B, C, H, W) -> (B, C - F, H, W), F being the number of fields."""
        x_BFSHW = typed_tensor(self, x).unflatten(1, (len(self.in_type), -1))
        return self.out_type((torch.sigmoid(x_BFSHW[:, :, :1]) * x_BFSHW[:, :, 1:]).flatten(1, 2))

    def export(self) -> torch.nn.Module:
        """Plain torch on tensors."""
        return as_graph(Gates(len(self.in_type)))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        batch, _, height, width = input_shape
        return (batch, self.out_type.size, height, width)
