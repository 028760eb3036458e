"""Softmax and norms, each by itself: what its law predicts is what comes out on numbers."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from steergan.verification import verify
from tests.verification.laws.programs import NORMS, STEPS, assert_law_of_step
from tests.verification.networks import HIDDEN, Program


@pytest.mark.parametrize("name", sorted(NORMS))
def test_the_law_of_every_norm_is_what_happens(name: str) -> None:
    assert_law_of_step(STEPS[name])


@pytest.mark.parametrize(
    ("norm", "verdict"),
    [
        (nn.GroupNorm(2, 8, affine=False), "proved"),  # a field in each group
        (nn.GroupNorm(1, 8, affine=False), "proved"),
        (nn.GroupNorm(4, 8, affine=False), "not proved"),  # half a field
        (nn.GroupNorm(2, 8), "not proved"),  # a weight for each channel, whatever its value is at the start
        (nn.LayerNorm([8, 5, 5], elementwise_affine=False), "proved"),
        (nn.LayerNorm([5], elementwise_affine=False), "not proved"),  # rows
    ],
)
def test_groups_of_whole_fields_are_proved(norm: nn.Module, verdict: str) -> None:
    network = Program(norm)
    network.in_type = HIDDEN
    found = verify(network, [5], "equivariant", out_type=HIDDEN, level=2, modes=("evaluation",))
    assert found.verdict == verdict, found.sentence


def test_a_weight_that_depends_on_the_input_costs_the_proof() -> None:
    def way(x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[1:], x[0], None)

    network = Program(way)
    network.in_type = HIDDEN
    found = verify(network, [5], "equivariant", out_type=HIDDEN, level=2, modes=("evaluation",))
    assert "weights that depend on the input" in found.sentence


def test_orders_give_values_and_no_positions() -> None:
    def by_position(x: Tensor) -> Tensor:
        flat = x.flatten(2)
        return torch.zeros_like(flat).scatter(2, flat.topk(3, 2)[1], 1.0).view(x.shape)

    network = Program(by_position)
    network.in_type = HIDDEN
    found = verify(network, [5], "equivariant", out_type=HIDDEN, level=2, modes=("evaluation",))
    assert found.verdict == "not proved"
    assert "topk says where the largest are; of two that are equal, the one that happens to be first" in found.sentence
