"""Level 3: integers go through a network's own code, in the Fourier form too, or it is said why they don't."""

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from escnn import nn as enn
from torch import nn

from steergan.kernels import interface, library
from steergan.layers import GroupConvolution
from steergan.layers.filters.path import choose_convolution
from steergan.symmetry import trivial_type
from steergan.verification import verify
from steergan.verification.measured.integers import IntegerMode, NotInteger, power_of_two
from tests.verification.fourier_networks import C4, HIDDEN, convolution_network, require_kernels


@pytest.fixture(autouse=True)
def _kernels() -> None:
    require_kernels()


def level_three(network: nn.Module) -> str:
    certificate = verify(network, [6], level=3)
    assert certificate.verdict == "proved", certificate.sentence
    return next(r.finding.argument for r in certificate.records if r.level == 3)


def test_level_three_runs_in_the_fourier_form_or_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    network = convolution_network()
    calls: list[int] = []
    right: Any = interface.call

    def counted(*arguments: Any) -> Any:
        calls.append(1)
        return right(*arguments)

    monkeypatch.setattr(interface, "call", counted)
    assert level_three(network).endswith("elements; 2 convolutions in the Fourier form")
    assert calls
    for choice in ("dense", "auto"):  # too few fields
        choose_convolution(network, choice)
        calls.clear()
        assert level_three(network).endswith("which no convolution takes: too few fields, or the dense path was chosen")
        assert not calls
    network = convolution_network()
    monkeypatch.setattr(library, "native", lambda: None)
    monkeypatch.setattr(library, "absence", lambda: "no compiler")
    assert level_three(network).endswith("not in the Fourier form: no compiler")


def test_level_three_has_no_integer_form_of_sums_that_may_be_rounded() -> None:
    w = torch.ones(1, 1, 4, 1, 1, dtype=torch.float64)
    for size, exact in ((2.0**53 / 4**3, False), (2.0**53 / 4**3 - 1, True)):
        x = torch.full((1, 4, 1, 1), size, dtype=torch.float64)
        with IntegerMode() as mode, nullcontext() if exact else pytest.raises(NotInteger, match=r"convolve.* 2\^53"):
            torch.ops.steergan.convolve(x, w, "C4", False)
        assert mode.fourier == exact


def test_level_three_says_nothing_of_networks_without_a_fourier_form() -> None:
    network = enn.SequentialModule(GroupConvolution(trivial_type(C4, 1), HIDDEN, 3))
    assert level_three(network).endswith("elements")


def test_level_three_sees_a_wrong_table(monkeypatch: pytest.MonkeyPatch) -> None:
    network = convolution_network()
    image, filters = interface._tables("C4", 3)
    wrong = image.copy()
    wrong[1, [0, 1]] = wrong[1, [1, 0]]
    monkeypatch.setattr(interface, "_tables", lambda group, kernel: (wrong, filters))
    found = [r for r in verify(network, [6]).records if r.level == 3]
    assert [r.finding.verdict for r in found] == ["broken"]
    assert "first seen in 2" in found[0].finding.witness
    assert {r.finding.verdict for r in verify(network, [6]).records if r.level == 4} == {"broken"}


def layer_three(module: nn.Module, size: int) -> Any:
    found = verify(module, [size], level=4, modes=("evaluation",))
    (integers,) = (r.finding for r in found.records if r.level == 3)
    return found.verdict, integers.verdict, integers.argument


def test_only_what_is_exact_is_judged_bit_for_bit() -> None:
    """Right networks of which integers know nothing: bases and blurs sampled in floating point, other resampling."""
    image, small = trivial_type(C4, 1), GroupConvolution(trivial_type(C4, 1), trivial_type(C4, 2), 3)
    pair = trivial_type(C4, 2)
    for module, words in (
        (enn.R2ConvTransposed(image, pair, 4, stride=2, padding=1), "numbers that are no integers"),
        (enn.SequentialModule(small, enn.R2Upsampling(pair, size=9, align_corners=True)), "with align_corners"),
        (enn.SequentialModule(small, enn.R2Upsampling(pair, size=8)), "by another factor than two"),
        (enn.PointwiseAvgPoolAntialiased2D(image, 0.66, 2), "numbers that are no integers"),
    ):
        verdict, integers, argument = layer_three(module, 5)
        assert verdict != "broken"
        assert (integers, words in argument) == ("not applicable", True), argument
    assert layer_three(enn.R2ConvTransposed(image, pair, 3, stride=2, padding=1, output_padding=1), 5)[0] == "broken"


def test_what_breaks_with_other_weights_alone_is_not_called_broken() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.in_type, self.out_type = trivial_type(C4, 1), trivial_type(C4, 1)
            self.blur = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.blur(x)

    network = Plain()
    assert layer_three(network, 5)[:2] == ("broken", "broken")
    with torch.no_grad():
        network.blur.weight.fill_(0.3)
    verdict, integers, argument = layer_three(network, 5)
    assert (verdict, integers) == ("proved", "not applicable")
    assert "with other weights than those at hand it breaks" in argument


def test_numbers_that_scale_whole_maps_scale_sums_alike() -> None:
    """Truncated one by one, (a + b) / 2 + (c + d) / 2 would depend on which are a and b."""

    class Pool(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.in_type, self.out_type = trivial_type(C4, 1), trivial_type(C4, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            a, b, c, d = x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]
            return ((a + b) * 0.3 + (c + d) * 0.3) * 0.5

    assert layer_three(Pool(), 8)[:2] == ("proved", "holds")
    assert [power_of_two(n) for n in (0.0, 0.3, -0.5, 1.0, 3.0, 1e9)] == [0.0, 0.5, -0.5, 1.0, 4.0, 8.0]
