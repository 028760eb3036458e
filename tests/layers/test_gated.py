"""Gated fields are exact at any angle."""

import pytest

from steergan.errors import SymmetryError
from steergan.layers import (
    Gated,
)
from steergan.symmetry import (
    elements_of,
    gspace,
    regular_type,
)
from tests.layers.equivariance import fibre_error, gated


@pytest.mark.parametrize("name", ["SO2", "O2"])
def test_gates_are_exact_at_any_angle(name: str) -> None:
    layer = Gated(gated(name)).double()
    assert max(fibre_error(layer, g) for g in elements_of(gspace(name), 7)) < 1e-6


def test_fields_without_gates_are_refused() -> None:
    with pytest.raises(SymmetryError, match="SO2 or O2"):
        Gated(regular_type(gspace("C8"), 1))
