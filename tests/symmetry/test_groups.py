"""Names, orders and subgroups of groups agree with escnn's own."""

import pytest
from escnn import gspaces

from steergan.errors import SymmetryError
from steergan.symmetry import (
    GROUPS,
    contains,
    grid_elements,
    group_name,
    group_order,
    gspace,
    is_grid_group,
    signed_permutation,
)

ORDERS = {"trivial": 1, "C2": 2, "C4": 4, "C8": 8, "C16": 16, "D1": 2, "D2": 4, "D4": 8, "D8": 16}


@pytest.mark.parametrize("name", ORDERS)
def test_orders_are_those_of_the_groups(name: str) -> None:
    assert group_order(gspace(name)) == ORDERS[name]


@pytest.mark.parametrize("name", [*GROUPS, "C3", "C12", "D6", "D16"])
def test_names_of_gspaces_are_found_again(name: str) -> None:
    assert group_name(gspace(name)) == name


def test_a_gspace_without_a_name_keeps_that_of_escnn() -> None:
    tilted = gspaces.flipRot2dOnR2(4, axis=0.3)
    assert group_name(tilted) == tilted.name


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
