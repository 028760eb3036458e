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
from steergan.verification.measured.integers import IntegerMode, NotInteger
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
    assert "first in 2" in found[0].finding.witness
    assert {r.finding.verdict for r in verify(network, [6]).records if r.level == 4} == {"broken"}
