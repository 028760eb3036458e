"""What counts as the same function."""

import pytest
import torch
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.acceleration import AccelerationError, accelerate, checking
from steergan.symmetry import gspace, regular_type
from tests.stock_models import convolution


def test_differences_that_a_nudge_of_the_input_makes_are_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    class Chaos(nn.Module):
        """Multiplies its input by so much that rounding decides."""

        def __init__(self) -> None:
            super().__init__()
            self.in_type = FieldType(gspace("C4"), [gspace("C4").trivial_repr])
            self.lift = convolution(self.in_type, regular_type(gspace("C4"), 2))

        def forward(self, x: GeometricTensor) -> Tensor:
            return torch.sin(self.lift(x).tensor * 1e5).mean((2, 3))

    torch.manual_seed(0)
    accelerate(Chaos(), 9, for_=None, certify=False)
    monkeypatch.setattr(checking, "NUDGES", 0)
    with pytest.raises(AccelerationError, match="something else"):
        accelerate(Chaos(), 9, for_=None, certify=False)


def test_outputs_that_are_no_numbers_are_not_the_same() -> None:
    nan, one = torch.tensor([float("nan")]), torch.ones(1)
    assert not checking.distance([nan], [nan]) <= 1
    assert checking.distance([one], [one, one]) == float("inf")
    assert checking.distance([one], [one]) == 0
