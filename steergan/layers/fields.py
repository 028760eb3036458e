"""Which channels belong to which fields, and the checks that every layer makes of its field types."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from escnn.group import Representation
from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor

from steergan.errors import SymmetryError
from steergan.symmetry import (
    HIGHEST_FREQUENCY,
    fourier_representation,
    gated_representation,
    group_name,
    is_continuous,
    is_permutation,
)


class FieldKind(NamedTuple):
    """One representation of a field type, and the numbers of its fields and of their channels there."""

    representation: Representation
    fields: list[int]
    channels: list[int]


def field_kinds(field_type: FieldType) -> list[FieldKind]:
    """The representations of a type, each once, in order of first appearance."""
    kinds: dict[Representation, FieldKind] = {}
    channel = 0
    for field, representation in enumerate(field_type.representations):
        kind = kinds.setdefault(representation, FieldKind(representation, [], []))
        kind.fields.append(field)
        kind.channels.extend(range(channel, channel + representation.size))
        channel += representation.size
    return list(kinds.values())


def typed_tensor(layer: EquivariantModule, x: GeometricTensor) -> Tensor:
    """The tensor of a feature map that has the layer's `in_type`.

    Raises:
        SymmetryError: it has another field type.
    """
    if x.type != layer.in_type:
        name = type(layer).__name__
        raise SymmetryError(f"{name} got a feature map of type {x.type}; give it its in_type, {layer.in_type}")
    tensor: Tensor = x.tensor
    return tensor


def require_permutations(layer: str, field_type: FieldType, why: str) -> None:
    """Refuse field types on which a layer is not equivariant.

    Raises:
        SymmetryError: a representation is not a permutation.
    """
    for kind in field_kinds(field_type):
        if not is_permutation(kind.representation):
            raise SymmetryError(
                f"{layer} got fields of {kind.representation.name!r}, on which {why}; "
                "give it permutation representations (trivial, regular, quotient)"
            )


def bias_slots(representation: Representation) -> list[int]:
    """Which bias each channel of a field gets, -1 for none: one for a permutation, one for each trivial irrep.

    Trivial irreps are looked for only where the representation is a plain sum of irreps.
    """
    if is_permutation(representation):
        return [0] * representation.size
    slots = [-1] * representation.size
    if not np.array_equal(representation.change_of_basis, np.eye(representation.size)):
        return slots
    channel, count = 0, 0
    for name in representation.irreps:
        irrep = representation.group.irrep(*name)
        if irrep.is_trivial():
            slots[channel] = count
            count += 1
        channel += irrep.size
    return slots


def channel_owners(field_type: FieldType) -> Tensor:
    """The number of the field that each channel belongs to, (C,) int64.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> channel_owners(regular_type(gspace("C2"), 3)).tolist()
        [0, 0, 1, 1, 2, 2]
    """
    sizes = torch.tensor([int(representation.size) for representation in field_type.representations])
    return torch.arange(len(sizes)).repeat_interleave(sizes)


def bias_places(field_type: FieldType) -> tuple[list[int], int]:
    """Where each channel's bias stands among those of all fields, and how many there are; channels without: behind."""
    slots = {representation: bias_slots(representation) for representation in set(field_type.representations)}
    places: list[int] = []
    count = 0
    for representation in field_type.representations:
        found = slots[representation]
        places += [-1 if slot < 0 else count + slot for slot in found]
        count += max(found) + 1
    return [count if place < 0 else place for place in places], count


def fourier_frequency(space: GSpace2D, representation: Representation) -> int | None:
    """The frequency of a `fourier_representation`; None for any other representation."""
    return _frequency(space, representation, representation.size, fourier_representation)


def gated_frequency(space: GSpace2D, representation: Representation) -> int | None:
    """The frequency of a `gated_representation`; None for any other representation."""
    return _frequency(space, representation, representation.size - 1, gated_representation)


def _frequency(
    space: GSpace2D, representation: Representation, size: int, make: Callable[[GSpace2D, int], Representation]
) -> int | None:
    if not is_continuous(space):
        return None
    coefficients, rest = divmod(size, 2 if group_name(space) == "O2" else 1)
    frequency = (coefficients - 1) // 2
    possible = rest == 0 and coefficients % 2 == 1 and 0 <= frequency <= HIGHEST_FREQUENCY
    return frequency if possible and representation == make(space, frequency) else None


class FieldLayout(torch.nn.Module):
    """Takes a feature map apart into fields, one tensor for each field size, and puts it together again.

    Args:
        field_type: any field type; with fields of one size nothing is copied.
    """

    def __init__(self, field_type: FieldType) -> None:
        super().__init__()
        representations = field_type.representations
        self.sizes = list(dict.fromkeys(int(r.size) for r in representations))
        self.fields = [[f for f, r in enumerate(representations) if r.size == size] for size in self.sizes]
        starts = torch.tensor([0] + [int(r.size) for r in representations]).cumsum(0)
        self.mixed = len(self.sizes) > 1
        if not self.mixed:
            return
        channels = [
            torch.cat([torch.arange(int(starts[f]), int(starts[f + 1])) for f in fields]) for fields in self.fields
        ]
        for number, selected in enumerate(channels):
            self.register_buffer(f"channels{number}", selected, persistent=False)
        self.register_buffer("channel_order", torch.cat(channels).argsort(), persistent=False)
        field_order = torch.tensor([f for fields in self.fields for f in fields]).argsort()
        self.register_buffer("field_order", field_order, persistent=False)

    def split(self, x: Tensor) -> list[Tensor]:
        """(B, C, H, W) -> for each size s in `sizes`, (B, F_s, s, H, W)."""
        if not self.mixed:
            return [x.unflatten(1, (-1, self.sizes[0]))]
        return [
            x.index_select(1, self.get_buffer(f"channels{number}")).unflatten(1, (-1, size))
            for number, size in enumerate(self.sizes)
        ]

    def join(self, parts: list[Tensor]) -> Tensor:
        """The inverse of `split`."""
        if not self.mixed:
            return parts[0].flatten(1, 2)
        x = torch.cat([part.flatten(1, 2) for part in parts], dim=1)
        return x.index_select(1, self.get_buffer("channel_order"))

    def join_fields(self, parts: list[Tensor]) -> Tensor:
        """For each size (B, F_s, H, W) -> (B, F, H, W), fields in the type's own order."""
        if not self.mixed:
            return parts[0]
        return torch.cat(parts, dim=1).index_select(1, self.get_buffer("field_order"))
