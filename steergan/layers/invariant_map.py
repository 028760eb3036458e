"""Invariants of any fields."""

import numpy as np
import torch
from escnn.group import Representation
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.layers.fields import field_kinds, typed_tensor
from steergan.layers.plain import as_graph
from steergan.layers.plain_fields import ByKind, Invariants
from steergan.symmetry import trivial_type

SOFTNESS = 0.1
"""Norms are smoothed below about this size: their second derivative at 0 is its inverse, which R1 meets."""


class InvariantMap(EquivariantModule):
    """One invariant number for every irrep of every field: a trivial irrep itself, the norm of any other.

    The norm is smooth, sqrt(|x|^2 + s^2) - s, so that gradient penalties are finite where a map is zero.

    Args:
        in_type: any orthogonal representations.
        softness: s.

    Shapes: (B, C, H, W) -> (B, irreps of all fields, H, W), field by field, irreps in the representation's own order.
    Symmetry: equivariant, exact to rounding; the output's channels are left alone by the group.
    Source: norms of irreps as in escnn's NormPool; Weiler and Cesa 2019, section 2.6.
    Differs: trivial irreps keep their sign; the norm is smooth.

    Examples:
        >>> from steergan.symmetry import fourier_representation, gspace
        >>> space = gspace("SO2")
        >>> fields = FieldType(space, [fourier_representation(space, 1)])
        >>> x = torch.tensor([-2.0, 3.0, 4.0]).view(1, 3, 1, 1)  # frequency 0, and the pair of frequency 1
        >>> InvariantMap(fields, softness=0)(fields(x)).tensor.flatten().tolist()
        [-2.0, 5.0]
    """

    def __init__(self, in_type: FieldType, softness: float = SOFTNESS) -> None:
        super().__init__()
        self.in_type, self.softness = in_type, softness
        kinds = field_kinds(in_type)
        counts = [len(representation.irreps) for representation in in_type.representations]
        self.out_type = trivial_type(in_type.gspace, sum(counts))
        self.parts = nn.ModuleList(IrrepNorms(kind.representation, softness) for kind in kinds)
        starts = np.cumsum([0, *counts])
        order = [int(starts[f]) + i for kind in kinds for f in kind.fields for i in range(counts[f])]
        self.mixed = len(kinds) > 1
        for number, kind in enumerate(kinds if self.mixed else []):
            self.register_buffer(f"channels{number}", torch.tensor(kind.channels), persistent=False)
        self.register_buffer("order", torch.tensor(order).argsort() if self.mixed else None, persistent=False)

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, C, H, W) -> (B, irreps of all fields, H, W)."""
        tensor = typed_tensor(self, x)
        if not self.mixed:
            return self.out_type(self.parts[0](tensor))
        found = [
            part(tensor.index_select(1, self.get_buffer(f"channels{number}"))) for number, part in enumerate(self.parts)
        ]
        return self.out_type(torch.cat(found, dim=1).index_select(1, self.get_buffer("order")))

    def export(self) -> nn.Module:
        """Plain torch on tensors."""
        parts = []
        for number, part in enumerate(self.parts):
            plain = Invariants(part.to_irreps, part.members, part.trivial, self.softness)  # type: ignore[arg-type]
            parts.append((plain, self.get_buffer(f"channels{number}") if self.mixed else None))
        order: Tensor | None = self.order
        return as_graph(ByKind(parts, order))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        batch, _, height, width = input_shape
        return (batch, self.out_type.size, height, width)


class IrrepNorms(nn.Module):
    """The invariants of fields of one representation, (B, F * size, H, W) -> (B, F * irreps, H, W)."""

    to_irreps: Tensor | None
    members: Tensor
    trivial: Tensor

    def __init__(self, representation: Representation, softness: float) -> None:
        super().__init__()
        size, irreps = representation.size, [representation.group.irrep(*name) for name in representation.irreps]
        self.size, self.softness = size, softness
        members = np.zeros((len(irreps), size))
        start = 0
        for row, irrep in enumerate(irreps):
            members[row, start : start + irrep.size] = 1
            start += irrep.size
        change = np.asarray(representation.change_of_basis_inv)
        plain = np.array_equal(change, np.eye(size))
        for name, matrix in (("to_irreps", None if plain else change), ("members", members)):
            buffer = None if matrix is None else torch.from_numpy(matrix.copy()).to(torch.get_default_dtype())
            self.register_buffer(name, buffer, persistent=False)
        is_trivial = torch.tensor([bool(irrep.is_trivial()) for irrep in irreps])
        self.register_buffer("trivial", is_trivial[:, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, F * size, H, W) -> (B, F * irreps, H, W)."""
        y = x.unflatten(1, (-1, self.size)).flatten(3)
        if self.to_irreps is not None:
            y = self.to_irreps @ y
        norms = (self.members @ y.square() + self.softness**2).sqrt() - self.softness
        found = torch.where(self.trivial, self.members @ y, norms)
        return found.flatten(1, 2).unflatten(2, x.shape[2:])
