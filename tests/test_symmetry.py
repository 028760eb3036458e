"""Names, sizes and actions of groups agree with escnn's own."""

import numpy as np
import pytest
import torch
from escnn import gspaces
from escnn.group import Representation
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType, R2Conv

from steergan.errors import SymmetryError
from steergan.symmetry import (
    GROUPS,
    contains,
    fields_for_width,
    filter_weights,
    fourier_representation,
    gated_representation,
    grid_elements,
    grid_permutation,
    group_name,
    group_order,
    gspace,
    is_grid_group,
    is_permutation,
    regular_type,
    signed_permutation,
    trivial_type,
)

ORDERS = {"trivial": 1, "C2": 2, "C4": 4, "C8": 8, "C16": 16, "D1": 2, "D2": 4, "D4": 8, "D8": 16}


@pytest.mark.parametrize("name", ORDERS)
def test_orders_are_those_of_the_groups(name: str) -> None:
    assert group_order(gspace(name)) == ORDERS[name]


@pytest.mark.parametrize("name", ORDERS)
def test_only_more_than_four_rotations_leave_the_grid(name: str) -> None:
    assert is_grid_group(gspace(name)) == (name not in {"C8", "C16", "D8"})
    assert len(grid_elements(gspace(name))) == min(ORDERS[name], 4 if name in {"C8", "C16"} else 8)


@pytest.mark.parametrize("name", [*GROUPS, "C3", "C12", "D6", "D16"])
def test_names_of_gspaces_are_found_again(name: str) -> None:
    assert group_name(gspace(name)) == name


def test_a_gspace_without_a_name_keeps_that_of_escnn() -> None:
    tilted = gspaces.flipRot2dOnR2(4, axis=0.3)
    assert group_name(tilted) == tilted.name


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("size", [4, 5])
def test_grid_permutation_is_the_action_of_escnn(name: str, size: int) -> None:
    space = gspace(name)
    x = torch.randn(1, 1, size, size, dtype=torch.float64)
    image = trivial_type(space, 1)(x)
    index = torch.from_numpy(grid_permutation(space, size, size))
    for source, position in zip(index, grid_elements(space), strict=True):
        element = space.fibergroup.elements[position]
        assert torch.equal(image.transform(element).tensor.flatten(), x.flatten()[source])


def test_half_turns_and_flips_keep_rectangles() -> None:
    x = torch.arange(24.0).reshape(4, 6)
    half_turn = grid_permutation(gspace("C2"), 4, 6)[1]
    assert torch.equal(x.flatten()[half_turn], torch.rot90(x, 2).flatten())


@pytest.mark.parametrize("name", ["C4", "D4", "C8"])
def test_quarter_turns_of_a_rectangle_are_refused(name: str) -> None:
    with pytest.raises(SymmetryError, match="4 x 6"):
        grid_permutation(gspace(name), 4, 6)


@pytest.mark.parametrize("name", ORDERS)
def test_regular_representation_is_a_permutation_and_homomorphic(name: str) -> None:
    group = gspace(name).fibergroup
    found = signed_permutation(gspace(name).regular_repr)
    assert found is not None
    assert is_permutation(gspace(name).regular_repr)
    index = found[0]
    elements = list(group.elements)
    for g, row_g in zip(elements, index, strict=True):
        for h, row_h in zip(elements, index, strict=True):
            assert np.array_equal(index[elements.index(g @ h)], row_h[row_g])


def test_irreps_of_c8_are_no_signed_permutations_and_those_of_c4_are_signed() -> None:
    assert signed_permutation(gspace("C8").irrep(1)) is None
    found = signed_permutation(gspace("C4").irrep(1))
    assert found is not None
    assert (found[1] == -1).any()
    assert not is_permutation(gspace("C4").irrep(1))


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


@pytest.mark.parametrize("name", ["p4", "C0", "C1", "C65", "D0", "C04", "SO3", ""])
def test_unknown_group_is_refused_by_name(name: str) -> None:
    with pytest.raises(SymmetryError, match=rf"'{name}'.*C4"):
        gspace(name)


def test_continuous_group_has_no_order() -> None:
    space = gspaces.rot2dOnR2(-1)
    assert not is_grid_group(space)
    assert signed_permutation(space.trivial_repr) is None
    with pytest.raises(SymmetryError, match="infinitely many"):
        group_order(space)
    with pytest.raises(SymmetryError, match="SO2 is continuous"):
        grid_elements(space)


SUBGROUPS = {
    "trivial": {"trivial"},
    "C2": {"trivial", "C2"},
    "C4": {"trivial", "C2", "C4"},
    "C8": {"trivial", "C2", "C4", "C8"},
    "D1": {"trivial", "D1"},
    "D2": {"trivial", "C2", "D1", "D2"},
    "D4": {"trivial", "C2", "C4", "D1", "D2", "D4"},
    "C16": {"trivial", "C2", "C4", "C8", "C16"},
    "D8": {"trivial", "C2", "C4", "C8", "D1", "D2", "D4", "D8"},
    "SO2": {"trivial", "C2", "C4", "C8", "C16", "SO2"},
    "O2": set(GROUPS),
}


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_contains_its_subgroups_and_no_other(group: str) -> None:
    assert {part for part in GROUPS if contains(group, part)} == SUBGROUPS[group]
