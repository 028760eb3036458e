"""Accelerated models can be traced, exported and pickled, as they could before."""

import pickle
from typing import Any

import pytest
import torch
from escnn import nn as enn
from torch import Tensor, nn

import steergan
from steergan.layers import GroupConvolution
from steergan.symmetry import gspace, regular_type, trivial_type

IMAGE, FIELDS = trivial_type(gspace("C4"), 1), regular_type(gspace("C4"), 2)


class Plain(nn.Module):
    """A model whose inputs and outputs are tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.in_type = IMAGE
        self.net = enn.SequentialModule(
            enn.R2Conv(IMAGE, FIELDS, 3, padding=1),
            enn.InnerBatchNorm(FIELDS),
            enn.ReLU(FIELDS),
            enn.R2Conv(FIELDS, FIELDS, 3, padding=1),
            enn.GroupPooling(FIELDS),
        )

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.net(self.in_type(x)).tensor
        return found


@pytest.fixture(scope="module")
def accelerated() -> tuple[nn.Module, Tensor, Tensor]:
    """An accelerated model, a batch, and what the model made of it before."""
    torch.manual_seed(0)
    model, x = Plain().eval(), torch.randn(2, 1, 9, 9)
    with torch.no_grad():
        before = model(x)
        steergan.accelerate(model, for_=None, sizes=[9], certify=False)
        assert any(isinstance(layer, GroupConvolution) for layer in model.modules())
    return model, x, before


@pytest.mark.filterwarnings("ignore:`torch.jit.trace:FutureWarning", "ignore::torch.jit.TracerWarning")
def test_accelerated_models_are_traced(accelerated: tuple[nn.Module, Tensor, Tensor]) -> None:
    model, x, before = accelerated
    with torch.no_grad():
        traced: Any = torch.jit.trace(model, torch.zeros(2, 1, 9, 9))
        torch.testing.assert_close(traced(x), before, atol=1e-5, rtol=1e-4)


def test_accelerated_models_are_exported(accelerated: tuple[nn.Module, Tensor, Tensor]) -> None:
    model, x, before = accelerated
    with torch.no_grad():
        program = torch.export.export(model, (torch.zeros(2, 1, 9, 9),)).module()
        torch.testing.assert_close(program(x), before, atol=1e-5, rtol=1e-4)


def test_accelerated_models_are_pickled(accelerated: tuple[nn.Module, Tensor, Tensor]) -> None:
    model, x, before = accelerated
    again = pickle.loads(pickle.dumps(model))
    with torch.no_grad():
        assert torch.equal(again(x), model(x))
        torch.testing.assert_close(again(x), before, atol=1e-5, rtol=1e-4)
