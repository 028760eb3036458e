"""The action of elements that permute pixels: escnn's own, and to the last bit where channels are permuted."""

import pytest
import torch
from escnn.nn import FieldType

from steergan.errors import SymmetryError
from steergan.symmetry import gspace, regular_type
from steergan.verification import grid_elements, transform
from steergan.verification.elements import IDENTITY, NAMES, channel_action, fiber_matrix, pixel_action

QUARTER = (0, -1, 1, 0)


@pytest.mark.parametrize("group", ["C2", "C4", "C8", "D1", "D2", "D4"])
def test_transform_is_that_of_escnn_on_mixed_fields(group: str) -> None:
    space = gspace(group)
    field_type = FieldType(space, [space.regular_repr, space.trivial_repr, *space.fibergroup.irreps()])
    x = torch.randn(2, field_type.size, 5, 5)
    for matrix, element in grid_elements(space).items():
        wanted = field_type(x).transform(element).tensor
        assert torch.allclose(transform(x, field_type, matrix), wanted, atol=1e-6)


def test_transform_keeps_every_bit_of_regular_fields() -> None:
    field_type = regular_type(gspace("D4"), 2)
    x = torch.randn(1, 16, 4, 4, dtype=torch.float64)
    assert len(grid_elements(field_type.gspace)) == 8
    for matrix in grid_elements(field_type.gspace):
        assert torch.equal(transform(x, field_type, matrix).flatten().sort()[0], x.flatten().sort()[0])


@pytest.mark.parametrize(
    ("group", "count"), [("C4", 4), ("D4", 8), ("C8", 4), ("SO2", 4), ("O2", 8), ("C3", 1), ("D1", 2)]
)
def test_elements_of_the_grid_are_named_and_the_identity_comes_first(group: str, count: int) -> None:
    found = grid_elements(gspace(group))
    assert len(found) == count
    assert next(iter(found)) == IDENTITY
    assert found.keys() <= NAMES.keys()


def test_channels_move_by_index_and_sign_or_are_said_not_to() -> None:
    space = gspace("C4")
    signs = FieldType(space, [space.irrep(2), space.regular_repr])
    action = channel_action(signs, QUARTER)
    assert action is not None
    assert action.sign.tolist() == [-1, 1, 1, 1, 1]
    assert action.index.tolist() == [0, 4, 1, 2, 3]
    rho = torch.from_numpy(fiber_matrix(signs, QUARTER))
    v = torch.randn(5, dtype=torch.float64)
    assert torch.allclose(rho @ v, action.sign * v[action.index], atol=1e-12)
    so2 = gspace("SO2")
    slanted = FieldType(so2, [so2.irrep(0) + so2.irrep(1)])
    assert channel_action(slanted, QUARTER) is not None
    assert channel_action(regular_type(gspace("C2"), 1), QUARTER) is None


def test_a_rectangle_is_not_turned() -> None:
    assert pixel_action(QUARTER, 4, 6) is None
    image = regular_type(gspace("C4"), 1)
    with pytest.raises(SymmetryError, match=r"does not act on fields of .* on a 4 x 6 map"):
        transform(torch.zeros(1, 4, 4, 6), image, QUARTER)
    with pytest.raises(SymmetryError, match="does not act"):
        transform(torch.zeros(1, 2, 4, 4), regular_type(gspace("C2"), 1), QUARTER)
