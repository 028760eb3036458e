"""Names, sizes and actions of groups agree with escnn's own."""

import numpy as np
import pytest
import torch

from steergan.errors import SymmetryError
from steergan.symmetry import (
    GROUPS,
    contains,
    fields_for_width,
    grid_elements,
    grid_permutation,
    group_order,
    gspace,
    is_grid_group,
    is_permutation,
    regular_type,
    signed_permutation,
    trivial_type,
)

ORDERS = {"trivial": 1, "C2": 2, "C4": 4, "C8": 8, "D1": 2, "D2": 4, "D4": 8, "D8": 16}


@pytest.mark.parametrize("name", GROUPS)
def test_orders_are_those_of_the_groups(name: str) -> None:
    assert group_order(gspace(name)) == ORDERS[name]


@pytest.mark.parametrize("name", GROUPS)
def test_only_c8_and_d8_leave_the_grid(name: str) -> None:
    assert is_grid_group(gspace(name)) == (name not in {"C8", "D8"})
    assert len(grid_elements(gspace(name))) == min(ORDERS[name], 4 if name == "C8" else 8)


@pytest.mark.parametrize("name", GROUPS)
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


@pytest.mark.parametrize("name", GROUPS)
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


@pytest.mark.parametrize(("name", "fields"), [("trivial", 512), ("C4", 256), ("D4", 181), ("C8", 181), ("D8", 128)])
def test_widths_follow_the_paper(name: str, fields: int) -> None:
    assert fields_for_width(gspace(name), 512) == fields
    assert fields_for_width(gspace(name), 1) == 1


def test_field_types_have_the_asked_number_of_fields() -> None:
    assert (len(regular_type(gspace("D4"), 3)), regular_type(gspace("D4"), 3).size) == (3, 24)
    assert (len(trivial_type(gspace("D4"), 3)), trivial_type(gspace("D4"), 3).size) == (3, 3)


def test_unknown_group_is_refused_by_name() -> None:
    with pytest.raises(SymmetryError, match=r"'p4'.*C4"):
        gspace("p4")


def test_continuous_group_has_no_order() -> None:
    from escnn.gspaces import rot2dOnR2

    space = rot2dOnR2(-1)
    assert not is_grid_group(space)
    assert signed_permutation(space.trivial_repr) is None
    with pytest.raises(SymmetryError, match="infinitely many"):
        group_order(space)


SUBGROUPS = {
    "trivial": {"trivial"},
    "C2": {"trivial", "C2"},
    "C4": {"trivial", "C2", "C4"},
    "C8": {"trivial", "C2", "C4", "C8"},
    "D1": {"trivial", "D1"},
    "D2": {"trivial", "C2", "D1", "D2"},
    "D4": {"trivial", "C2", "C4", "D1", "D2", "D4"},
    "D8": set(GROUPS),
}


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_contains_its_subgroups_and_no_other(group: str) -> None:
    assert {part for part in GROUPS if contains(group, part)} == SUBGROUPS[group]
