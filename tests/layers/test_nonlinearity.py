from typing import Any

import pytest
import torch
from escnn.nn import FieldType
from torch.nn import functional as F

from steergan.errors import SteerganError, SymmetryError
from steergan.layers import Pointwise
from steergan.symmetry import gspace, regular_type


@pytest.mark.parametrize(
    ("name", "reference"),
    [("relu", F.relu), ("leaky_relu", lambda x: F.leaky_relu(x, 0.2)), ("elu", F.elu), ("tanh", torch.tanh)],
)
def test_each_function_is_torchs(name: str, reference: Any) -> None:
    field_type = regular_type(gspace("D4"), 2)
    x = torch.linspace(-3, 3, 16 * 4).view(1, 16, 2, 2)
    assert torch.equal(Pointwise(field_type, name)(field_type(x)).tensor, reference(x))


def test_the_slope_is_that_of_leaky_relu() -> None:
    field_type = regular_type(gspace("C2"), 1)
    x = torch.tensor([-1.0, 2.0]).view(1, 2, 1, 1)
    assert Pointwise(field_type, "leaky_relu", 0.5)(field_type(x)).tensor.flatten().tolist() == [-0.5, 2]


def test_an_unknown_function_is_refused() -> None:
    with pytest.raises(SteerganError, match="'swish' is not known; choose one of relu"):
        Pointwise(regular_type(gspace("C4"), 1), "swish")


@pytest.mark.parametrize("function", ["relu", "leaky_relu", "elu"])
def test_a_function_that_is_not_odd_is_refused_on_signs(function: str) -> None:
    space = gspace("C2")
    with pytest.raises(SymmetryError, match="irrep_1"):
        Pointwise(FieldType(space, [space.irrep(1)]), function)


def test_tanh_is_refused_where_channels_mix() -> None:
    space = gspace("C8")
    with pytest.raises(SymmetryError, match="signed permutation"):
        Pointwise(FieldType(space, [space.regular_repr, space.irrep(1)]), "tanh")
