"""Generators whose images are moved by group elements: every element, and the law that comes of drawing them."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import steergan
from steergan.errors import SymmetryError
from steergan.invariance.samples import draw, latent_claim
from steergan.networks import Generator, GeneratorSpec, Symmetrized, symmetrize
from steergan.randomness import torch_stream
from steergan.symmetry import gspace
from steergan.training import draw_latents


class Foreign(nn.Module):
    """Somebody's generator of images without any symmetry, which takes no elements and does not say so."""

    z_dim, classes, image_shape = 3, 2, (1, 4, 4)

    def __init__(self) -> None:
        super().__init__()
        self.paint = nn.Linear(3, 16)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return (self.paint(z) + y[:, None]).tanh().view(-1, 1, 4, 4)


def by_escnn(group: str, image: Tensor, number: int) -> Tensor:
    space = gspace(group)
    element = list(space.fibergroup.elements)[number]
    one = space.type(space.trivial_repr)
    moved: Tensor = one(image).transform(element).tensor
    return moved


@pytest.mark.parametrize("group", ["C2", "C4", "D1", "D2", "D4"])
def test_every_element_moves_the_image_as_escnn_does(group: str) -> None:
    torch.manual_seed(0)
    foreign = Foreign()
    moved = symmetrize(foreign, group)
    order = gspace(group).fibergroup.order()
    assert moved.elements == order
    z, y = torch.randn(1, 3), torch.tensor([1])
    for number in range(order):
        assert torch.equal(moved(z, y, torch.tensor([number])), by_escnn(group, foreign(z, y), number))


def test_a_generators_own_elements_are_drawn_too() -> None:
    torch.manual_seed(0)
    own = Generator(GeneratorSpec(widths=(8,), upsamplings=1, z_dim=4, seed_width=4), (1, 8, 8), 2).eval()
    moved = symmetrize(own, "D1")
    assert moved.elements == 4 * 2
    z, y = torch.randn(1, 4), torch.tensor([0])
    for number in range(8):
        inner = own(z, y, torch.tensor([number // 2]))
        assert torch.equal(moved(z, y, torch.tensor([number])), by_escnn("D1", inner, number % 2))


def test_the_law_is_proved_and_a_wrong_table_is_not() -> None:
    moved = symmetrize(Foreign(), "D4")
    claim = latent_claim(moved)
    assert (claim.group, claim.kind, claim.holds) == ("D4", "exact", True)
    assert "whatever the generator does" in claim.argument
    moved.moves_GP[[1, 2]] = moved.moves_GP[[2, 1]]
    wrong = latent_claim(moved)
    assert (wrong.kind, wrong.holds) == ("measured", None)
    assert "is not: g the rotation by 90 degrees" in wrong.argument


def test_samples_are_the_generators_moved_by_uniform_elements() -> None:
    moved = symmetrize(Foreign(), "C4")
    labels = torch.zeros(400, dtype=torch.int64)
    images = draw(moved, labels, 0, seed=0, law="normal")
    assert images.shape == (400, 1, 4, 4)
    latents: Any = draw_latents(moved, 4000, torch_stream(0, "test/0"))
    assert latents.element.bincount(minlength=4).tolist() == pytest.approx([1000] * 4, abs=120)


@pytest.mark.parametrize(("group", "words"), [("trivial", "C2, C4, D1, D2 or D4"), ("C8", "C2, C4"), ("SO2", "C2, C4")])
def test_groups_that_permute_no_pixels_are_refused(group: str, words: str) -> None:
    with pytest.raises(SymmetryError, match=words):
        symmetrize(Foreign(), group)


def test_rectangles_and_missing_elements_are_refused() -> None:
    wide = Foreign()
    wide.image_shape = (1, 4, 6)
    with pytest.raises(SymmetryError, match="another shape"):
        symmetrize(wide, "C4")
    with pytest.raises(SymmetryError, match="wants an element for each image"):
        symmetrize(Foreign())(torch.zeros(1, 3), torch.tensor([0]))


def test_it_is_found_where_the_readme_says() -> None:
    assert steergan.symmetrize is symmetrize
    assert isinstance(steergan.symmetrize(Foreign()), Symmetrized)
