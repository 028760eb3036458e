"""Fields by number and by size: widths buy as many weights, Fourier fields hold all frequencies."""

import numpy as np
import pytest
from escnn.group import Representation
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType, R2Conv

from steergan.errors import SymmetryError
from steergan.symmetry import (
    fields_for_width,
    filter_weights,
    fourier_representation,
    gated_representation,
    gspace,
    regular_type,
    trivial_type,
)


@pytest.mark.parametrize(("name", "fields"), [("trivial", 512), ("C2", 362), ("C4", 256), ("D4", 181)])
def test_widths_on_the_grid_follow_the_paper(name: str, fields: int) -> None:
    assert fields_for_width(gspace(name), 512) == fields
    assert fields_for_width(gspace(name), 1) == 1


def hidden(space: GSpace2D) -> Representation:
    """What stands between layers."""
    return space.regular_repr if space.fibergroup.order() > 0 else fourier_representation(space, 3)


@pytest.mark.parametrize("name", ["C8", "C16", "D8", "C12", "C3", "SO2", "O2"])
@pytest.mark.parametrize("kernel_size", [3, 5, 7])
def test_widths_off_the_grid_buy_as_many_filter_weights(name: str, kernel_size: int) -> None:
    space = gspace(name)
    fields = fields_for_width(space, 512, kernel_size, hidden(space))
    weights = fields**2 * filter_weights(space, hidden(space), hidden(space), kernel_size)
    assert weights == pytest.approx(9 * 512**2, rel=0.02)
    assert fields_for_width(space, 1, kernel_size, hidden(space)) == 1


@pytest.mark.parametrize("name", ["C8", "C16", "C12", "C3", "SO2"])
@pytest.mark.parametrize("kernel_size", [1, 3, 5, 7])
def test_filter_weights_are_as_many_as_the_basis_of_escnn_has(name: str, kernel_size: int) -> None:
    space = gspace(name)
    trivial, field = space.trivial_repr, hidden(space)
    for out_field, in_field in ((field, field), (field, trivial), (trivial, field), (trivial, trivial)):
        types = FieldType(space, [in_field]), FieldType(space, [out_field])
        basis = R2Conv(*types, kernel_size, bias=False, initialize=False).basisexpansion
        assert filter_weights(space, out_field, in_field, kernel_size) == basis.dimension()


@pytest.mark.parametrize(("name", "size"), [("SO2", 7), ("O2", 14)])
def test_fourier_fields_hold_all_frequencies_up_to_the_highest(name: str, size: int) -> None:
    space = gspace(name)
    field = fourier_representation(space, 3)
    assert field.size == size
    assert {irrep[-1] for irrep in field.irreps} == {0, 1, 2, 3}
    assert np.array_equal(field.change_of_basis, np.eye(size))
    assert gated_representation(space, 3).irreps == [space.trivial_repr.irreps[0], *field.irreps]


def test_fourier_fields_are_for_continuous_groups_and_frequencies_in_range() -> None:
    with pytest.raises(SymmetryError, match="C8 is finite"):
        fourier_representation(gspace("C8"), 3)
    with pytest.raises(SymmetryError, match="frequency 17"):
        fourier_representation(gspace("SO2"), 17)


def test_field_types_have_the_asked_number_of_fields() -> None:
    assert (len(regular_type(gspace("D4"), 3)), regular_type(gspace("D4"), 3).size) == (3, 24)
    assert (len(trivial_type(gspace("D4"), 3)), trivial_type(gspace("D4"), 3).size) == (3, 3)
