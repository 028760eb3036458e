"""Group elements on images do exactly what escnn's do."""

import pytest
import torch

from steergan.errors import SymmetryError
from steergan.symmetry import gspace, trivial_type
from steergan.symmetry.actions import act, action_table


@pytest.mark.parametrize("group", ["C2", "C4", "D1", "D2", "D4"])
@pytest.mark.parametrize("size", [4, 5])
def test_every_element_acts_as_escnns_to_the_last_bit(group: str, size: int) -> None:
    space = gspace(group)
    elements = list(space.fibergroup.elements)
    image = torch.randn(len(elements), 2, size, size)
    moved = act(image, action_table(group, size, size), torch.arange(len(elements)))
    image_type = trivial_type(space, 2)
    for k, element in enumerate(elements):
        assert torch.equal(moved[k], image_type(image[k : k + 1]).transform(element).tensor[0])


def test_quarter_turns_of_rectangles_are_refused_and_half_turns_are_not() -> None:
    with pytest.raises(SymmetryError, match="square"):
        action_table("C4", 4, 6)
    image = torch.randn(1, 1, 4, 6)
    moved = act(image, action_table("C2", 4, 6), torch.tensor([1]))
    assert torch.equal(moved, image.flip(2, 3))
