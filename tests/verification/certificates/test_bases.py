"""Filter banks on sampled bases: bounded where sampling explains it, broken where the basis is."""

import pytest
import torch
from escnn.nn import R2Conv

from steergan.layers import GroupConvolution
from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.verification import Finding, Situation, grid_elements
from steergan.verification.certificates.bases import r2conv, sampled_bank, violation_of_bank
from steergan.verification.laws.matching import BASIS_ROUNDING
from steergan.verification.subject import twin_of
from tests.verification.networks import C4, HIDDEN, IMAGE

ELEMENTS = tuple(grid_elements(C4))


def layer(cutoff: float | None = None) -> R2Conv:
    convolution = R2Conv(IMAGE, HIDDEN, 3, padding=1, frequencies_cutoff=cutoff)
    return twin_of(convolution)  # escnn's layers share bases


def findings(convolution: R2Conv, side: int = 6) -> list[Finding]:
    shape = (2, 1, side, side)
    return list(r2conv(convolution, Situation(ELEMENTS, shape, (), (), convolution.training)))


def test_escnns_convolution_holds_up_to_the_rounding_of_its_basis() -> None:
    placement, bank, bias = findings(layer())
    assert (placement.kind, placement.verdict) == ("exact", "holds")
    assert (bank.kind, bank.verdict, bank.scope) == ("bounded", "holds", "these weights")
    assert bank.bound is not None
    assert 0 < bank.bound < BASIS_ROUNDING
    assert (bias.kind, bias.verdict) == ("bounded", "holds")


def test_a_basis_with_too_high_a_cutoff_is_broken() -> None:
    _, bank, _ = findings(layer(cutoff=10.0))
    assert bank.verdict == "broken"
    assert "basis element" in bank.witness
    assert bank.bound is not None
    assert bank.bound > 1e-2


def test_a_cached_filter_that_is_not_that_of_the_weights_is_not_proved() -> None:
    convolution = layer()
    with torch.no_grad():
        convolution.eval()
        assert {f.verdict for f in findings(convolution)} == {"holds"}
        convolution.weights += 1
    assert [f.verdict for f in findings(convolution)] == ["holds", "holds", "holds", "not proved"]
    assert findings(convolution)[-1].argument.startswith("the cached filter is not that of the weights")


def test_filters_of_zeros_and_askew_strides_are_said_to_be() -> None:
    convolution = layer()
    torch.nn.init.zeros_(convolution.weights)
    assert "vacuous" in findings(convolution)[-1].argument
    strided = R2Conv(IMAGE, HIDDEN, 3, padding=1, stride=2)
    assert [findings(strided, side)[0].verdict for side in (5, 6)] == ["holds", "broken"]


def test_a_bias_outside_of_the_invariant_subspace_is_broken() -> None:
    convolution = layer()
    convolution.bias_expansion = torch.eye(8, 2)
    assert [f.verdict for f in findings(convolution)] == ["holds", "holds", "broken"]


@pytest.mark.parametrize("group", ["C8", "SO2"])
def test_our_sampled_banks_are_right_to_the_rounding_of_float64(group: str) -> None:
    space = gspace(group)
    out = regular_type(space, 1) if group == "C8" else trivial_type(space, 2)
    convolution = GroupConvolution(trivial_type(space, 1), out, 5)
    elements = tuple(grid_elements(space))
    found = sampled_bank(convolution, elements)
    assert (found.kind, found.verdict) == ("bounded", "holds")
    assert found.bound is not None
    assert found.bound < 1e-13
    bank = convolution.raw_filter().detach().double().view(out.size, 1, 5, 5)
    assert float(violation_of_bank(bank, convolution.in_type, out, elements).max()) < 1e-6
    wrong = bank.roll(1, 3)
    assert float(violation_of_bank(wrong, convolution.in_type, out, elements).max()) > 1e-2
