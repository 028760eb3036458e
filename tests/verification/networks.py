"""Small networks that tests of verification share, right ones and wrong ones."""

import copy
from typing import Any

import torch
from escnn import nn as enn
from escnn.nn import GeometricTensor
from torch import Tensor, nn

from steergan.layers import GroupConvolution
from steergan.symmetry import gspace, regular_type, trivial_type

C4 = gspace("C4")
IMAGE, HIDDEN = trivial_type(C4, 1), regular_type(C4, 2)


def stock() -> enn.SequentialModule:
    """An escnn user's own network, of escnn's own layers."""
    network = enn.SequentialModule(
        enn.R2Conv(IMAGE, HIDDEN, 3, padding=1),
        enn.InnerBatchNorm(HIDDEN),
        enn.ReLU(HIDDEN),
        enn.R2Conv(HIDDEN, HIDDEN, 3, padding=1),
    )
    # A copy: escnn's layers share bases through a cache, and another dtype here would be another dtype everywhere.
    return copy.deepcopy(network)


def lift() -> GroupConvolution:
    """One convolution, image -> two regular fields of C4."""
    return GroupConvolution(IMAGE, HIDDEN, 3)


def rolled(x: GeometricTensor) -> GeometricTensor:
    """A map shifted by a pixel, which is not equivariant."""
    return GeometricTensor(x.tensor.roll(1, 3), x.type)


class Shifts(enn.SequentialModule):
    """Right layers, and a shift of the grid."""

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        return rolled(super().forward(x))


class Program(nn.Module):
    """A user's tensor code on an image of C4."""

    def __init__(self, way: Any) -> None:
        super().__init__()
        self.in_type, self.way = IMAGE, way

    def forward(self, x: Tensor) -> Tensor:
        return self.way(x)


def state_of(module: nn.Module) -> tuple[Any, ...]:
    """Everything that verification has to leave as it was."""
    state = {key: value.clone() for key, value in module.state_dict().items()}
    modes = [(path, part.training) for path, part in module.named_modules()]
    return state, modes, [(p.dtype, p.grad is None) for p in module.parameters()]


def assert_same(before: tuple[Any, ...], after: tuple[Any, ...]) -> None:
    """Two states of one module, bit by bit."""
    assert before[1:] == after[1:]
    assert before[0].keys() == after[0].keys()
    for key, value in before[0].items():
        assert value.dtype == after[0][key].dtype
        assert torch.equal(value, after[0][key]), key


class Says(nn.Module):
    """A module without an in_type, whose forward is `way(layer, *inputs)`."""

    def __init__(self, way: Any) -> None:
        super().__init__()
        self.layer, self.way = lift(), way

    def forward(self, *inputs: Any) -> Any:
        return self.way(self.layer, *inputs)
