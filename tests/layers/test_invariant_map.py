"""Invariants of any fields: exact at any angle, in the order of the fields, smooth at zero."""

import pytest
import torch
from escnn.nn import FieldType

from steergan.layers import (
    InvariantMap,
)
from steergan.symmetry import (
    elements_of,
    fourier_representation,
    gspace,
    is_continuous,
)
from tests.layers.equivariance import fibre_error, fourier, gated


@pytest.mark.parametrize("name", ["SO2", "O2"])
def test_invariants_are_exact_at_any_angle(name: str) -> None:
    for layer in (InvariantMap(fourier(name)), InvariantMap(gated(name))):
        assert max(fibre_error(layer.double(), g) for g in elements_of(gspace(name), 7)) < 1e-6


@pytest.mark.parametrize("name", ["C4", "C8", "D4", "D8", "SO2", "O2"])
def test_an_invariant_map_gives_one_number_per_irrep_in_the_order_of_the_fields(name: str) -> None:
    space = gspace(name)
    field = fourier_representation(space, 2) if is_continuous(space) else space.regular_repr
    mixed = FieldType(space, [field, space.trivial_repr, space.irrep(*field.irreps[-1]), field])
    layer = InvariantMap(mixed, softness=1e-6).double()
    assert len(layer.out_type) == 2 * len(field.irreps) + 2
    for element in elements_of(space, 5):
        assert fibre_error(layer, element) < 1e-6
    x = torch.zeros(1, mixed.size, 1, 1, dtype=torch.float64)
    x[0, field.size] = -3  # the trivial field keeps its sign
    found = layer(mixed(x)).tensor[0, :, 0, 0]
    assert torch.allclose(found[len(field.irreps)], torch.tensor(-3.0).double())
    assert int((found.abs() > 1e-9).sum()) == 1


def test_norms_are_smooth_at_zero() -> None:
    layer = InvariantMap(fourier("SO2")).double()
    x = torch.zeros(1, layer.in_type.size, 2, 2, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(layer(layer.in_type(x)).tensor.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum() + first.sum(), x)
    assert first.isfinite().all()
    assert second.isfinite().all()
