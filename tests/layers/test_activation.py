"""The nonlinearity that suits a field type."""

from typing import Any

import pytest
from escnn.nn import FieldType

from steergan.errors import SymmetryError
from steergan.layers import (
    FourierPointwise,
    Gated,
    Pointwise,
    activation,
)
from steergan.symmetry import (
    gspace,
    regular_type,
)
from tests.layers.equivariance import fourier, gated


def test_field_types_choose_their_nonlinearity() -> None:
    assert isinstance(activation(regular_type(gspace("C8"), 2), "elu"), Pointwise)
    assert isinstance(activation(fourier("O2")), FourierPointwise)
    found = activation(gated("SO2"))
    assert isinstance(found, Gated)
    assert found.out_type == fourier("SO2", 2)


@pytest.mark.parametrize("representations", [lambda s: [s.irrep(1)], lambda s: [s.irrep(0), s.irrep(1)]])
def test_loose_irreps_are_refused_with_what_would_do(representations: Any) -> None:
    space = gspace("SO2")
    with pytest.raises(SymmetryError, match=r"pointwise.*fourier_representation"):
        activation(FieldType(space, representations(space)))
