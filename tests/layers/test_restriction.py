"""Fields of a group as those of a subgroup."""

import numpy as np
import pytest
import torch
from escnn.group import GroupElement, Representation
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType

from steergan.errors import SymmetryError
from steergan.layers import (
    GroupConvolution,
    Restriction,
)
from steergan.symmetry import (
    elements_of,
    fourier_representation,
    gspace,
    is_continuous,
    regular_type,
    trivial_type,
)
from tests.layers.equivariance import fourier

PAIRS = [
    ("SO2", "C8"), ("SO2", "C4"), ("SO2", "trivial"), ("O2", "SO2"), ("O2", "D4"), ("O2", "D8"), ("O2", "C4"),
    ("O2", "D1"), ("O2", "trivial"), ("C8", "C4"), ("C16", "C2"), ("D8", "D4"), ("D8", "C8"), ("D4", "D2"),
    ("D4", "D1"), ("D4", "C4"), ("D4", "trivial"), ("C4", "trivial"),
]  # fmt: skip


def same_element(space: GSpace2D, part: GSpace2D, element: GroupElement) -> GroupElement:
    """The element of the whole group that moves the plane as one of the part does."""
    wanted = np.asarray(part.basespace_action(element))
    for candidate in elements_of(space, 16):
        if np.abs(np.asarray(space.basespace_action(candidate)) - wanted).max() < 1e-9:
            return candidate
    raise AssertionError(f"{element} is not in {space.name}")


@pytest.mark.parametrize(("name", "part"), PAIRS)
def test_restricted_fields_turn_as_they_did(name: str, part: str) -> None:
    space, subspace = gspace(name), gspace(part)
    field: Representation = fourier_representation(space, 3) if is_continuous(space) else space.regular_repr
    layer = Restriction(FieldType(space, [field, space.trivial_repr]), subspace)
    assert layer.out_type.gspace == subspace
    for element in elements_of(subspace, 8):
        wanted = layer.in_type.representation(same_element(space, subspace, element))
        assert np.allclose(layer.out_type.representation(element), wanted, atol=1e-9)
    x = torch.randn(2, layer.in_type.size, 3, 3)
    assert torch.equal(layer(layer.in_type(x)).tensor, x)


def test_restricted_fields_are_convolved_exactly() -> None:
    layer = Restriction(fourier("SO2"), gspace("C4"))
    assert GroupConvolution(layer.out_type, regular_type(gspace("C4"), 2), 3).exact


def test_what_is_no_subgroup_is_refused() -> None:
    for name, part in (("C4", "C8"), ("SO2", "D4"), ("C8", "SO2"), ("C4", "D1")):
        with pytest.raises(SymmetryError, match="no subgroup"):
            Restriction(trivial_type(gspace(name), 1), gspace(part))
