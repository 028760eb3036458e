"""Operations that gather entries, each by itself: what its law predicts is what comes out on numbers."""

from typing import Any

import pytest
import torch
from escnn.nn import FieldType, R2Conv
from torch import Tensor, nn

from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.verification import verify
from tests.verification.fourier_networks import C4, HIDDEN, loaded, require_kernels
from tests.verification.laws.programs import REDUCTIONS, STEPS, assert_law_of_step

C8 = gspace("C8")
EIGHT = regular_type(C8, 1)


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


# --- exported filters


def exported(off: float = 0.0) -> Any:
    """A convolution of escnn as a plain one, whose filters are equal up to float32's rounding."""
    torch.manual_seed(0)
    plain = R2Conv(trivial_type(C8, 1), EIGHT, 3, padding=1, bias=False).export()
    weight = plain.weight.data
    weight[3, 0, 0, 1] += off * weight.abs().max()
    about: dict[str, Any] = {"in_type": trivial_type(C8, 1), "out_type": EIGHT}
    return verify(nn.Sequential(plain), [5], "equivariant", level=4, modes=("evaluation",), **about)


def test_exported_filters_are_proved_up_to_a_bound_and_with_one_entry_off_they_are_broken() -> None:
    found = exported()
    assert found.verdict == "proved", found.sentence
    (record,) = [r for r in found.records if r.level == 2]
    assert (record.finding.kind, record.finding.scope) == ("bounded", "these weights")
    assert 0 < (record.finding.bound or 0) < 2**-16
    assert "the weights at hand up to the bounds of its filters and matrices" in found.sentence
    assert exported(1e-2).verdict == "broken"
    assert exported(1e-4).verdict == "broken"


class Made(nn.Module):
    """Filters that are right at hand, and of which a bright input makes wrong ones."""

    def __init__(self) -> None:
        super().__init__()
        self.in_type = trivial_type(C4, 1)
        self.filters = nn.Parameter(torch.ones(1, 1, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        corner = torch.zeros(1, 1, 3, 3)
        corner[..., 0, 0] = 1
        return torch.nn.functional.conv2d(x, self.filters + corner * (x.mean() - 100).relu(), padding=1)


def test_filters_that_an_input_may_change_are_not_taken_for_those_at_hand() -> None:
    found = verify(Made(), [5], "equivariant", out_type=trivial_type(C4, 1), level=2)
    assert found.verdict == "not proved"
    assert "a convolution whose filters depend on the input" in found.sentence
