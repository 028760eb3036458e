"""Matrix products: their laws predict what comes out on numbers, and a wrong matrix costs the proof."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from steergan.symmetry import field_type
from steergan.verification import Certificate, verify
from tests.verification.laws.programs import MATRICES, STEPS, assert_law_of_step

C4, D4 = field_type("regular@C4"), field_type("regular@D4")


@pytest.mark.parametrize("name", sorted(MATRICES))
def test_the_law_of_every_product_is_what_happens(name: str) -> None:
    assert_law_of_step(STEPS[name])


class Own(nn.Module):
    """A map of some type, and a user's code with a matrix, as a weight or as a constant."""

    matrix: Tensor

    def __init__(self, kinds: tuple[str, str], way: Callable[[Any, Tensor], Tensor], matrix: Any, weight: bool) -> None:
        super().__init__()
        self.in_type, self.out = (field_type(kind) for kind in kinds)
        self.way = way
        matrix = torch.as_tensor(matrix, dtype=torch.float32)
        if weight:
            self.matrix = nn.Parameter(matrix)
        else:
            self.register_buffer("matrix", matrix)

    def forward(self, x: Tensor) -> Tensor:
        return self.way(self, x)


def judged(
    kinds: tuple[str, str], way: Callable[[Any, Tensor], Tensor], matrix: Any, weight: bool = False
) -> Certificate:
    network = Own(kinds, way, matrix, weight)
    return verify(network, [4], "equivariant", out_type=network.out, level=2, modes=("evaluation",))


def mixed(network: Any, x: Tensor) -> Tensor:
    return torch.einsum("oi,bihw->bohw", network.matrix, x)


def channels_last(network: Any, x: Tensor) -> Tensor:
    return F.linear(x.permute(0, 2, 3, 1), network.matrix).permute(0, 3, 1, 2)


def activated(network: Any, x: Tensor) -> Tensor:
    samples = torch.einsum("gi,bihw->bghw", network.matrix, x).relu()
    return torch.einsum("gi,bghw->bihw", network.matrix, samples)


WAVES = torch.stack([f(torch.arange(8) * torch.pi / 4) for f in (torch.cos, torch.sin)], 1)
DIRECTIONS = [[1.0, 0, -1, 0], [0, 1, 0, -1]]
ROTATED = torch.tensor([[0.8, -0.6], [0.6, 0.8]]) @ torch.tensor(DIRECTIONS)
REGULAR_AND_BACK = torch.tensor(DIRECTIONS).T @ torch.tensor([[0.3, -1.7], [1.7, 0.3]]) @ torch.tensor(DIRECTIONS)


@pytest.mark.parametrize(
    ("kinds", "way", "matrix"),
    [
        (("regular@C4", "irrep_1@C4"), mixed, DIRECTIONS),
        (("regular@C4", "irrep_1@C4"), channels_last, DIRECTIONS),
        (("regular@C4", "irrep_1@C4"), mixed, ROTATED),
        (("irrep_1@C4", "regular@C4"), mixed, torch.tensor(DIRECTIONS).T),
        (("regular@C4", "regular@C4"), mixed, REGULAR_AND_BACK),
        (("irrep_1@C4", "irrep_1@C4"), activated, WAVES),
        (("irrep_1,1@D4", "irrep_1,1@D4"), activated, WAVES),
    ],
)
def test_a_fixed_matrix_is_proved_and_with_one_wrong_row_or_entry_it_is_not(
    kinds: tuple[str, str], way: Any, matrix: Any
) -> None:
    found = judged(kinds, way, matrix)
    assert found.verdict == "proved", found.sentence
    assert found.constants == ("matrix",)
    assert "every value of its weights" in found.sentence
    wrong = torch.as_tensor(matrix).clone()
    wrong[[0, 1]] = wrong[[1, 0]]
    if way is mixed and len(wrong) == 2:  # of four or eight rows some others are right too
        assert judged(kinds, way, wrong).verdict == "not proved"
    for size in (1e-2, 1e-5):
        wrong = torch.as_tensor(matrix).clone()
        wrong[-1, 0] += size
        assert judged(kinds, way, wrong).verdict == "not proved", size


def test_a_matrix_that_is_right_up_to_rounding_has_a_bound_in_the_sentence() -> None:
    found = judged(("irrep_1@C4", "irrep_1@C4"), activated, WAVES)
    (record,) = [r for r in found.records if r.level == 2]
    assert (record.finding.kind, record.finding.scope) == ("bounded", "all weights")
    assert 0 < (record.finding.bound or 0) < 2**-20
    assert "up to the bounds of its fixed matrices" in found.sentence
    off = WAVES.clone()
    off[3, 1] += 3e-7
    assert 1e-8 < max(r.finding.bound or 0 for r in judged(("irrep_1@C4",) * 2, activated, off).records) < 1e-6


def test_a_weight_on_what_stands_still_is_proved_of_all_values_and_on_what_moves_of_those_at_hand() -> None:
    anything = torch.randn(3, 2)
    found = judged(("2*trivial@D4", "3*trivial@D4"), channels_last, anything, weight=True)
    assert found.verdict == "proved"
    assert "every value of its weights (" in found.sentence
    found = judged(("regular@C4", "regular@C4"), channels_last, REGULAR_AND_BACK, weight=True)
    assert found.verdict == "proved"
    assert "the weights at hand" in found.sentence
    assert judged(("regular@C4", "regular@C4"), channels_last, torch.randn(4, 4), weight=True).verdict == "not proved"


def gathered(network: Any, x: Tensor) -> Tensor:
    """A circulant of free weights, and a number for each field, by indices."""
    shifts = (torch.arange(4)[None] - torch.arange(4)[:, None]) % 4
    return F.linear(x.permute(0, 2, 3, 1), network.matrix[:4][shifts], network.matrix[4:].expand(4)).permute(0, 3, 1, 2)


def gathered_wrongly(network: Any, x: Tensor) -> Tensor:
    shifts = (torch.arange(4)[None] + torch.arange(4)[:, None]) % 4
    return F.linear(x.permute(0, 2, 3, 1), network.matrix[:4][shifts], network.matrix[4:].expand(4)).permute(0, 3, 1, 2)


def with_numbers(network: Any, x: Tensor) -> Tensor:
    pixels = x.permute(0, 2, 3, 1).flatten(0, 2)
    y = F.linear(pixels, torch.eye(4), network.matrix)
    return y.unflatten(0, (x.shape[0], *x.shape[2:])).permute(0, 3, 1, 2)


def test_weights_that_are_gathered_are_followed_by_their_numbers() -> None:
    fields = ("regular@C4", "regular@C4")
    found = judged(fields, gathered, torch.randn(5), weight=True)
    assert found.verdict == "proved"
    assert "every value of its weights" in found.sentence
    assert judged(fields, gathered_wrongly, torch.randn(5), weight=True).verdict == "not proved"
    assert judged(fields, with_numbers, torch.full((4,), 0.3), weight=True).verdict == "proved"
    assert judged(fields, with_numbers, torch.tensor([0.3, 0.3, 0.3, 0.4]), weight=True).verdict == "not proved"


def by_the_input(network: Any, x: Tensor) -> Tensor:
    """The matrix at hand is right on all but very bright inputs."""
    bright = (x.mean() - 100).relu()
    return torch.einsum("oi,bihw->bohw", network.matrix + bright * torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0]]), x)


def by_data(network: Any, x: Tensor) -> Tensor:
    return torch.einsum("oi,bihw->bohw", network.matrix.data, x)


def written(network: Any, x: Tensor) -> Tensor:
    matrix = torch.zeros(2, 4)
    corner = matrix[:1, :1]
    matrix.copy_(network.matrix)
    corner.mul_((x.mean() > 100).float() + 1)
    return torch.einsum("oi,bihw->bohw", matrix, x)


def test_a_matrix_that_an_invariant_input_may_change_has_no_values_at_hand() -> None:
    for way in (by_the_input, written):
        assert judged(("regular@C4", "irrep_1@C4"), way, DIRECTIONS).verdict == "not proved", way


def test_values_of_weights_that_are_reached_by_data_are_still_weights() -> None:
    found = judged(("regular@C4", "irrep_1@C4"), by_data, DIRECTIONS, weight=True)
    assert found.verdict == "proved"
    assert "the weights at hand" in found.sentence


def squared(network: Any, x: Tensor) -> Tensor:
    """Products of a vector with itself, and what a matrix makes of them: the angle doubled."""
    products = torch.einsum("bihw,bjhw->bijhw", x, x)
    return torch.einsum("oij,bijhw->bohw", network.matrix, products)


DOUBLED = [[[1.0, 0], [0, -1]], [[0, 1], [1, 0]]]


@pytest.mark.parametrize(("kind", "doubled"), [("irrep_1@C8", "irrep_2@C8"), ("irrep_1,1@D8", "irrep_1,2@D8")])
def test_products_of_fields_are_followed_with_their_coefficients(kind: str, doubled: str) -> None:
    assert judged((kind, doubled), squared, DOUBLED).verdict == "proved"
    wrong = torch.tensor(DOUBLED)
    wrong[1, 0, 1] = -1
    assert judged((kind, doubled), squared, wrong).verdict == "not proved"
    wrong = torch.tensor(DOUBLED)
    wrong[0, 0, 0] += 1e-4
    assert judged((kind, doubled), squared, wrong).verdict == "not proved"
    assert judged((kind, kind), squared, DOUBLED).verdict == "not proved"
