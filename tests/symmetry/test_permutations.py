"""What permutes pixels and channels does it as escnn's own action."""

import numpy as np
import pytest
import torch

from steergan.errors import SymmetryError
from steergan.symmetry import (
    grid_elements,
    grid_permutation,
    gspace,
    is_grid_group,
    is_permutation,
    signed_permutation,
    trivial_type,
)

ORDERS = {"trivial": 1, "C2": 2, "C4": 4, "C8": 8, "C16": 16, "D1": 2, "D2": 4, "D4": 8, "D8": 16}


@pytest.mark.parametrize("name", ORDERS)
def test_only_more_than_four_rotations_leave_the_grid(name: str) -> None:
    assert is_grid_group(gspace(name)) == (name not in {"C8", "C16", "D8"})
    assert len(grid_elements(gspace(name))) == min(ORDERS[name], 4 if name in {"C8", "C16"} else 8)


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
