"""First weights: orthogonal where there are orbits, and rows of the bank of length one."""

import pytest
import torch
from escnn.nn import FieldType

from steergan.layers import GroupConvolution
from steergan.symmetry import gspace, regular_type, trivial_type
from tests.layers.equivariance import every_irrep, permutation_type


def test_first_weights_are_orthogonal_as_a_matrix_of_fields() -> None:
    space = gspace("D4")
    weights = GroupConvolution(regular_type(space, 3), regular_type(space, 20), 3).weights[0].detach().flatten(1)
    assert torch.allclose(weights @ weights.mT, torch.eye(20), atol=1e-5)


@pytest.mark.parametrize(("name", "spread"), [("trivial", 1e-5), ("C4", 1e-5), ("D4", 1e-5), ("C8", 0.25)])
def test_every_row_of_the_first_bank_has_length_one(name: str, spread: float) -> None:
    torch.manual_seed(0)
    space = gspace(name)
    into = every_irrep(space)
    for out in (permutation_type(space), trivial_type(space, 2)):
        layer = GroupConvolution(FieldType(space, into.representations * 4), out, 3)
        lengths = layer.filter_bank().detach().flatten(1).norm(dim=1)
        assert float((lengths - 1).abs().max()) < spread
