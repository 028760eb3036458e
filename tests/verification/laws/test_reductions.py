"""Operations that gather entries, each by itself: what its law predicts is what comes out on numbers."""

from typing import Any

import pytest
import torch
from escnn.nn import FieldType
from torch import Tensor, nn

from steergan.symmetry import trivial_type
from steergan.verification import verify
from tests.verification.fourier_networks import C4, HIDDEN, loaded, require_kernels
from tests.verification.laws.programs import REDUCTIONS, STEPS, assert_law_of_step


@pytest.mark.parametrize("name", sorted(REDUCTIONS))
def test_the_law_of_every_reduction_is_what_happens(name: str) -> None:
    assert_law_of_step(STEPS[name])


# --- the kernels' operator in a module of a user's own


class Own(nn.Module):
    def __init__(self, in_type: FieldType, adjoint: bool = False, by_input: bool = False) -> None:
        super().__init__()
        self.in_type, self.adjoint, self.by_input = in_type, adjoint, by_input
        self.w = nn.Parameter(torch.randn(3, 3, 4, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        w = self.w * x[0, 0, 0, 0] if self.by_input else self.w
        out: Tensor = torch.ops.steergan.convolve(x, w, "C4", self.adjoint)
        return out


def own(network: Own) -> Any:
    return verify(network, [5], "equivariant", out_type=HIDDEN, level=2)


def test_the_operator_is_followed_by_the_values_at_hand_outside_certified_layers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require_kernels()
    found = own(Own(HIDDEN))
    assert found.verdict == "proved", found.sentence
    assert "the weights at hand" in found.sentence
    assert "filters at hand are not equivariant" in own(Own(trivial_type(C4, 12))).sentence
    assert "the adjoint of a convolution" in own(Own(HIDDEN, adjoint=True)).sentence
    assert "filters depend on the input" in own(Own(HIDDEN, by_input=True)).sentence
    loaded(monkeypatch, steergan_algebra=lambda *arguments: 1)
    assert "kernels whose algebra is wrong" in own(Own(HIDDEN)).sentence
