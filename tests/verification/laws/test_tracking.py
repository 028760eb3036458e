"""Programs that are right on the inputs of a check and wrong on others: none of them is proved."""

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import torch
from escnn import nn as enn
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.verification import verify
from steergan.verification.certificate import Certificate

C4 = gspace("C4")
IMAGE, REGULAR = trivial_type(C4, 1), regular_type(C4, 1)
SIGNS = FieldType(C4, [C4.irrep(2)])  # a quarter turn changes the sign
Code = Callable[[Tensor], Tensor]


class Coded(EquivariantModule):
    """A user's code between field types."""

    def __init__(self, code: Code, in_type: FieldType = IMAGE, out_type: FieldType | None = None) -> None:
        super().__init__()
        self.code, self.in_type, self.out_type = code, in_type, out_type or in_type

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        return GeometricTensor(self.code(x.tensor), self.out_type)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape


def certificate(code: Code, *types: FieldType, **about: Any) -> Certificate:
    return verify(Coded(code, *types), 8, level=2, modes=("evaluation",), off_grid=False, **about)


def bright(x: Tensor) -> Tensor:
    """Zero on whatever a check looks at."""
    return x * (x.abs() > 100)


def taken(x: Tensor, way: str) -> Tensor:
    """Dark images as they are, bright ones mirrored, by positions that are an invariant of the image."""
    number = (x.mean((1, 2, 3)) > 5).long()
    both = torch.stack([x, x.flip(3)])
    if way == "index":
        return both[number, torch.arange(len(x))]
    if way == "gather":
        return both.gather(0, number.view(1, -1, 1, 1, 1).expand(1, *x.shape))[0]
    return both.index_select(0, number)[0]


def put(x: Tensor) -> Tensor:
    mask = x.mean((1, 2, 3)) > 5
    x = x.clone()
    x[mask] = torch.arange(64, dtype=x.dtype).view(1, 8, 8)
    return x


def into(operator: Callable[..., Any]) -> Code:
    """The positions of maxima, by `out=`, added to the maxima."""

    def code(x: Tensor) -> Tensor:
        values, places = x.new_empty(0), torch.empty(0, dtype=torch.int64)
        operator(torch.relu(x - 100), out=(values, places))
        return x.amax(1, keepdim=True) + places

    return code


def truth_copied(x: Tensor) -> Tensor:
    return x + torch.empty(x.shape, dtype=torch.bool).copy_(bright(x))


def truth_filled(x: Tensor) -> Tensor:
    return x + torch.empty(x.shape, dtype=torch.bool).fill_(bright(x).sum())


def overlapping(x: Tensor) -> Tensor:
    windows = torch.relu(x - 100)
    windows.unfold(3, 3, 1).mul_(2)
    return x + windows


def sign_of_zero(x: Tensor) -> Tensor:
    zeros = torch.tensor([0.0, -0.0, 0.0, -0.0], dtype=x.dtype).view(1, 4, 1, 1)
    return x + torch.relu(x - 100) * torch.atan2(zeros.expand(x.shape), -x.abs() - 1)


def other_numbers(x: Tensor) -> Tensor:
    """A second name of the memory, as whole numbers, after the first was written to."""
    x = bright(x)
    bits = x.view(torch.int32 if x.dtype == torch.float32 else torch.int64)
    x.mul_(1.0)
    return x + 1e-3 * bits.to(x).clamp(-1, 1)


def layer_norm_mean(x: Tensor) -> Tensor:
    return x.abs() + torch.native_layer_norm(bright(x), [1, 8, 8], None, None, 1e-5)[1]


def group_norm_mean(x: Tensor) -> Tensor:
    return x.abs() + torch.native_group_norm(bright(x), None, None, 2, 1, 64, 1, 1e-5)[1].view(2, 1, 1, 1)


def batch_norm_mean(x: Tensor) -> Tensor:
    return x.abs() + torch.native_batch_norm(bright(x), None, None, None, None, True, 0.1, 1e-5)[1].view(1, 1, 1, 1)


@torch.library.custom_op("steergan_tests::add", mutates_args=())
def add(a: Tensor, b: Tensor) -> Tensor:
    return a + b + torch.relu(a - 100)


@torch.library.custom_op("steergan_tests::new_map", mutates_args=())
def new_map(x: Tensor) -> Tensor:
    return torch.relu(x - 100).flip(3)


def own_sum(x: Tensor) -> Tensor:
    plus = torch.ops.steergan_tests.add
    a, b, c, d = x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]
    return plus(plus(plus(a, b), c), d)


def truths_summed(x: Tensor) -> Tensor:
    y = x > 100
    a, b, c, d = y[..., ::2, ::2], y[..., 1::2, ::2], y[..., ::2, 1::2], y[..., 1::2, 1::2]
    return (a + b) * 0.25 + c * 0.25 + d * 0.25


def bytes_summed(x: Tensor) -> Tensor:
    y = x.clamp(0, 255).to(torch.uint8)
    a, b, c, d = y[..., ::2, ::2], y[..., 1::2, ::2], y[..., ::2, 1::2], y[..., 1::2, 1::2]
    return (a + b) + (c + 0.0) + (d + 0.0)


WRONG: dict[str, tuple[Code, tuple[FieldType, ...]]] = {
    "index by the image": (lambda x: taken(x, "index"), ()),
    "gather by the image": (lambda x: taken(x, "gather"), ()),
    "index_select by the image": (lambda x: taken(x, "index_select"), ()),
    "index_put by the image": (put, ()),
    "index by chance": (lambda x: torch.stack([x, x.flip(3)])[torch.randint(0, 2, (1,))][0], ()),
    "out= of max": (into(lambda x, out: torch.max(x, 1, keepdim=True, out=out)), (REGULAR, IMAGE)),
    "out= of topk": (into(lambda x, out: torch.topk(x, 1, 1, out=out)), (REGULAR, IMAGE)),
    "copied as truth values": (truth_copied, (SIGNS,)),
    "filled as truth values": (truth_filled, (SIGNS,)),
    "a sum as a truth value": (lambda x: x + bright(x).sum(1, keepdim=True, dtype=torch.bool), (SIGNS,)),
    "written through overlapping windows": (overlapping, ()),
    "the sign of zero": (sign_of_zero, (REGULAR,)),
    "bits after a write": (other_numbers, (SIGNS,)),
    "mean of layer norm": (layer_norm_mean, (SIGNS, IMAGE)),
    "mean of group norm": (group_norm_mean, (SIGNS, IMAGE)),
    "mean of batch norm": (batch_norm_mean, (SIGNS, IMAGE)),
    "an add of one's own": (own_sum, ()),
    "a new_ of one's own": (lambda x: x + torch.ops.steergan_tests.new_map(x), ()),
    "a sum of truth values": (truths_summed, ()),
    "a sum of bytes": (bytes_summed, ()),
    "Python's chance": (lambda x: x.flip(3) if random.random() < 0.5 else x, ()),
    "numpy's chance": (lambda x: x.flip(3) if np.random.rand() < 0.5 else x, ()),  # noqa: NPY002
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_right_at_hand_alone_is_not_proved(name: str) -> None:
    code, types = WRONG[name]
    found = certificate(code, *types)
    assert found.verdict == "not proved", found.sentence


RIGHT: dict[str, tuple[Code, tuple[FieldType, ...]]] = {
    "constant positions": (lambda x: x[:, torch.tensor([2, 3, 0, 1])], (REGULAR,)),
    "truth values at constant positions": (lambda x: (x > 0)[:, torch.tensor([0])] * x, ()),
    "cat out=": (lambda x: torch.cat([x, x], 1, out=x.new_empty(0))[:, :1], ()),
    "a deviation of layer norm": (
        lambda x: x.abs() * torch.native_layer_norm(x, [1, 8, 8], None, None, 1e-5)[2],
        (SIGNS, IMAGE),
    ),
    "signs kept in a copy": (lambda x: torch.empty_like(x).copy_(x), (SIGNS,)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_stays_proved(name: str) -> None:
    code, types = RIGHT[name]
    found = certificate(code, *types)
    assert found.verdict == "proved", found.sentence


class ByLabel(nn.Module):
    """Mirrors the images of class 1."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.in_type = self.out_type = IMAGE
        self.way = way

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        if self.way == "branch":
            return x.flip(3) if int(y[0]) == 1 else x
        return torch.stack([x, x.flip(3)], 1)[torch.arange(len(x)), y]


@pytest.mark.parametrize("way", ["branch", "index"])
def test_what_labels_decide_is_said_to_be_of_the_labels_at_hand(way: str) -> None:
    found = verify(ByLabel(way), 8, level=2, off_grid=False)
    assert found.verdict == "proved"
    assert "Nothing is said of inputs in which what the group leaves alone, such as labels, has other" in found.sentence
    ones = (torch.ones(2, dtype=torch.int64),)
    assert verify(ByLabel(way), 8, level=2, off_grid=False, others=ones).verdict == "not proved"


class Positions(EquivariantModule):
    """Adds where each cyclic shift of its weights is largest: the same everywhere only while they are equal."""

    def __init__(self) -> None:
        super().__init__()
        self.in_type = self.out_type = REGULAR
        self.w = nn.Parameter(torch.zeros(4))

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        turns = torch.stack([torch.arange(4).roll(-k) for k in range(4)])
        return GeometricTensor(x.tensor + self.w[turns].max(1).indices.to(x.tensor).view(1, 4, 1, 1), self.out_type)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape


def test_where_the_largest_weight_stands_is_not_known_for_all_weights() -> None:
    assert verify(Positions(), 8, level=2, off_grid=False).verdict == "not proved"


class Recovering(EquivariantModule):
    """Goes on after an error in a certified layer."""

    def __init__(self) -> None:
        super().__init__()
        self.in_type, self.out_type = IMAGE, None
        self.layer = enn.R2Conv(IMAGE, REGULAR, 5)

    def forward(self, x: GeometricTensor) -> Tensor:
        with suppress(RuntimeError):
            self.layer(GeometricTensor(x.tensor[:, :, 2:6, 2:6], IMAGE))
        return torch.relu(x.tensor - 100)[:, 0, 0, 0] * 1

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape


def test_an_error_in_a_certified_layer_does_not_end_the_walk() -> None:
    found = verify(Recovering(), 8, "invariant", level=2, off_grid=False)
    assert found.verdict == "not proved"
    assert "moves" in found.sentence


def test_a_certified_layer_that_writes_to_its_input_writes_to_its_views() -> None:
    relu = enn.ReLU(IMAGE, inplace=True)

    def code(x: Tensor) -> Tensor:
        x = x + 100
        copy, first, last = x.clone(), x[..., ::2, ::2], x[..., 1::2, 1::2]
        relu(GeometricTensor(x, IMAGE))
        return first + last + copy[..., 1::2, ::2] + copy[..., ::2, 1::2]

    module = Coded(code)
    module.relu = relu
    assert verify(module, 8, level=2, off_grid=False).verdict == "not proved"
