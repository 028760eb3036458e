"""From a group to a subgroup."""

from collections.abc import Iterator
from typing import Any

from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import nn

from steergan.errors import SymmetryError
from steergan.layers.fields import typed_tensor
from steergan.symmetry import group_name


class Restriction(EquivariantModule):
    """A feature map's numbers with the field type that they have under a subgroup: behind it, less symmetry is kept.

    Args:
        in_type: any field type.
        space: the gspace of a subgroup.

    Shapes: (B, C, H, W) -> the same.
    Symmetry: equivariant under the subgroup, exact.

    Raises:
        SymmetryError: the gspace is not that of a subgroup.
    Source: Weiler and Cesa 2019, section 2.7 (group restriction).

    Examples:
        >>> import torch
        >>> from steergan.symmetry import gspace, regular_type
        >>> layer = Restriction(regular_type(gspace("D4"), 1), gspace("C4"))
        >>> layer(layer.in_type(torch.randn(1, 8, 3, 3))).type.gspace == gspace("C4")
        True
    """

    def __init__(self, in_type: FieldType, space: GSpace2D) -> None:
        super().__init__()
        self.in_type, self.out_type = in_type, restricted(in_type, space)

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, C, H, W) -> (B, C, H, W), of the subgroup's type."""
        return self.out_type(typed_tensor(self, x))

    def export(self) -> nn.Identity:
        """The numbers stay."""
        return nn.Identity().eval()

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        return input_shape

    def extra_repr(self) -> str:
        """What stands in the parentheses of the printed layer."""
        return f"{self.in_type} -> {self.out_type}"


def restricted(field_type: FieldType, space: GSpace2D) -> FieldType:
    """A field type, taken for one of a subgroup.

    Raises:
        SymmetryError: the gspace is not that of a subgroup.
    """
    if space == field_type.gspace:
        return field_type
    for name in candidates(field_type.gspace, space):
        try:
            part = field_type.gspace.restrict(name)[0]
        except (AssertionError, ValueError, TypeError, KeyError):  # escnn's answers to what is no subgroup
            continue
        if part == space:
            found: FieldType = field_type.restrict(name)
            return found
    raise SymmetryError(
        f"{group_name(space)} is no subgroup of {group_name(field_type.gspace)} that escnn can restrict to; "
        "name a part of the group"
    )


def candidates(space: GSpace2D, part: GSpace2D) -> Iterator[Any]:
    """Under which names escnn may know a subgroup: N rotations, or an axis of reflection and N rotations."""
    order, whole = int(part.fibergroup.order()), int(space.fibergroup.order())
    rotations = order if order > 0 else -1
    yield rotations
    yield (None, rotations)
    # Axes are angles in a continuous group, numbers in a finite one.
    yield (0.0, rotations if rotations < 0 else order // 2)
    for axis in range(max(whole, 0)):
        yield (axis, order // 2)
