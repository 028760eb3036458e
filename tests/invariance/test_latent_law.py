"""The proof holds for the action of a group, and every fault in a table of turns is found."""

import pytest
import torch
from torch import Tensor

from steergan.errors import SymmetryError
from steergan.invariance.latent_law import Witness, element_names, symmetrization
from steergan.symmetry import grid_permutation, gspace
from tests.thorough import grid

GROUPS = ["C2", "C4", "D1", "D2", "D4"]


def table(group: str, height: int = 3, width: int = 3) -> Tensor:
    return torch.from_numpy(grid_permutation(gspace(group), height, width))


@pytest.mark.parametrize(("side", "group"), grid([1, 2, 3, 7], GROUPS))
def test_it_holds_for_the_action_of_every_grid_group(group: str, side: int) -> None:
    turns = table(group, side, side)
    found = symmetrization(turns, gspace(group), side, side)
    assert found.holds
    assert found.witness is None
    assert found.elements == len(turns)
    assert found.comparisons == (len(turns) ** 2 + 1) * side**2


@pytest.mark.parametrize("group", ["C2", "D1", "D2"])
def test_it_holds_on_rectangles_where_no_axis_is_swapped(group: str) -> None:
    assert symmetrization(table(group, 2, 5), gspace(group), 2, 5).holds


@pytest.mark.parametrize("group", GROUPS)
def test_a_uniform_turn_makes_the_law_of_a_seed_map_invariant(group: str) -> None:
    """What the proof concludes, by counting: g permutes the turned seed maps."""
    turns, seed = table(group), torch.randperm(9, generator=torch.Generator().manual_seed(0))
    orbit = sorted(seed[turn].tolist() for turn in turns)
    for g in turns:
        assert sorted(seed[turn][g].tolist() for turn in turns) == orbit


@pytest.mark.parametrize("group", GROUPS)
def test_every_single_changed_entry_is_found(group: str) -> None:
    for element in range(len(table(group))):
        for pixel in range(9):
            turns = table(group)
            turns[element, pixel] = (turns[element, pixel] + 1) % 9
            found = symmetrization(turns, gspace(group), 3, 3)
            assert not found.holds
            assert found.witness is not None


@pytest.mark.parametrize("group", GROUPS)
def test_every_swap_of_two_rows_is_found(group: str) -> None:
    order = len(table(group))
    for a in range(order):
        for b in range(a):
            turns = table(group)
            turns[[a, b]] = turns[[b, a]]
            assert symmetrization(turns, gspace(group), 3, 3).witness is not None


@pytest.mark.parametrize("group", GROUPS)
def test_missing_rows_are_found(group: str) -> None:
    turns = table(group)
    for rows in range(len(turns)):
        found = symmetrization(turns[:rows], gspace(group), 3, 3)
        assert not found.holds
        assert found.witness is not None


@pytest.mark.parametrize(
    "turns", [torch.empty(0, dtype=torch.int64), table("C4")[:, :8], table("C4", 4, 4), table("C4").fill_(-1)]
)
def test_tables_of_other_pixels_are_found(turns: Tensor) -> None:
    assert not symmetrization(turns, gspace("C4"), 3, 3).holds


def test_rows_for_no_element_are_found_though_no_pair_is_to_blame() -> None:
    found = symmetrization(torch.cat([table("C4"), table("C4")[:1]]), gspace("C4"), 3, 3)
    assert not found.holds
    assert found.witness is None


def test_an_action_after_a_fixed_shuffle_is_not_the_action() -> None:
    """It composes as it should, but its identity moves pixels."""
    shuffle = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    found = symmetrization(shuffle[table("C4")], gspace("C4"), 3, 3)
    assert found.witness is not None
    assert (found.witness.g, found.witness.h) == ("the identity", "the identity")


def test_the_turns_of_another_direction_are_found() -> None:
    """g^-1 for g composes in the wrong order, which only a group that does not commute can tell; D4 does not."""
    turns = table("D4")
    inverse = torch.stack([turn.argsort() for turn in turns])
    assert symmetrization(inverse, gspace("D4"), 3, 3).witness is not None


def test_the_witness_is_the_first_pair_and_pixel() -> None:
    turns = table("C4")
    turns[2, 5] = 0
    found = symmetrization(turns, gspace("C4"), 3, 3).witness
    # The identity maps every row onto itself, so the first pair at fault is the next: g h is the changed row.
    assert found == Witness("the rotation by 90 degrees", "the rotation by 90 degrees", (1, 2))


def test_elements_have_names_in_their_order() -> None:
    degrees = ["the rotation by 90 degrees", "the rotation by 180 degrees", "the rotation by 270 degrees"]
    assert element_names(gspace("C4")) == element_names(gspace("C8")) == ["the identity", *degrees]


def test_a_group_that_does_not_permute_pixels_is_refused() -> None:
    with pytest.raises(SymmetryError, match="C8 does not permute pixels"):
        symmetrization(table("C4"), gspace("C8"), 3, 3)


def test_a_rectangle_that_a_quarter_turn_would_turn_is_refused() -> None:
    with pytest.raises(SymmetryError, match="use a square one"):
        symmetrization(table("C4"), gspace("C4"), 3, 4)
