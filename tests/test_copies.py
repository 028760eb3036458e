"""Copies compute the same, share no tensor, and are what `copy.deepcopy` makes, but for what never changes."""

import copy
from types import MethodType
from typing import Any

import pytest
import torch
from escnn import nn as enn
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from steergan.copies import copied
from steergan.networks import Generator, GeneratorSpec
from tests.verification.networks import HIDDEN, IMAGE, stock


class Tied(nn.Module):
    """Whatever copies get wrong: a layer used twice, a way back up, views, hooks, own methods and containers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.again = self.layer
        self.tied = nn.Linear(3, 3)
        self.tied.weight = self.layer.weight
        self.plain = weight_norm(nn.Linear(3, 3))
        self.norm = nn.BatchNorm1d(3).eval()
        self.register_buffer("table", torch.arange(12.0).reshape(3, 4), persistent=False)
        self.register_buffer("turned", torch.arange(12.0).reshape(3, 4).T)
        self.register_buffer("row", self.get_buffer("table")[1])
        self.kept = {"tensor": self.table, "list": [self.layer], "empty": ()}
        self.children_of: dict[str, Any] = {}
        self.same = self.children_of
        object.__setattr__(self, "parent", self)
        self.calls: list[str] = []
        self.layer.register_forward_hook(self.heard)
        self.forward = MethodType(Tied.way, self)

    def heard(self, *_: Any) -> None:
        self.calls.append("heard")

    def way(self, x: Tensor) -> Tensor:
        return self.norm(self.plain(self.tied(self.again(x)))) + self.get_buffer("row")[:3]


class Own(nn.Linear):
    """A module that copies itself as it likes."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "Own":
        twin = Own(self.in_features, self.out_features)
        twin.told = True  # type: ignore[assignment]
        return twin


class Reduced(nn.Linear):
    """A module that leaves out what it computed."""

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "cache": None}


def assert_alike(one: Any, other: Any, seen: dict[int, Any]) -> None:
    """The same types, numbers and ties, all the way down."""
    if id(one) in seen:
        assert seen[id(one)] is other
        return
    seen[id(one)] = other
    assert type(one) is type(other)
    if isinstance(one, Tensor):
        assert torch.equal(one, other)
        assert (one.dtype, one.stride(), one.requires_grad) == (other.dtype, other.stride(), other.requires_grad)
    elif isinstance(one, nn.Module):
        assert_alike(vars(one), vars(other), seen)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key, value in one.items():
            assert_alike(value, other[key], seen)
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_alike(a, b, seen)


def networks() -> dict[str, nn.Module]:
    spec = GeneratorSpec(z_dim=4, embedding_dim=2, seed_width=4, widths=(8, 4), upsamplings=1)
    evaluated = enn.SequentialModule(enn.R2Conv(IMAGE, HIDDEN, 3))
    with torch.no_grad():
        evaluated.eval()
    return {
        "tied": Tied(),
        "stock": stock(),
        "evaluated": evaluated,
        "generator": Generator(spec, (1, 8, 8), 2),
        "own": nn.Sequential(Own(2, 2), Reduced(2, 2)),
    }


@pytest.mark.parametrize("name", ["tied", "stock", "evaluated", "generator"])
def test_a_copy_is_what_deepcopy_makes(name: str) -> None:
    network = networks()[name]
    assert_alike(copy.deepcopy(network), copied(network), {})


@pytest.mark.parametrize("name", ["tied", "stock", "evaluated", "generator"])
def test_no_tensor_is_shared(name: str) -> None:
    network = networks()[name]
    before = {key: value.clone() for key, value in network.state_dict().items()}
    twin = copied(network)
    theirs = {tensor.data_ptr() for tensor in [*network.parameters(), *network.buffers()] if tensor.numel()}
    for tensor in [*twin.parameters(), *twin.buffers()]:
        assert tensor.data_ptr() not in theirs or not tensor.numel()
        tensor.detach().zero_()
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())


def test_containers_of_the_copy_are_its_own() -> None:
    network = Tied()
    twin: Any = copied(network)
    assert twin.parent is twin
    assert twin.same is twin.children_of
    assert twin.kept["list"] == [twin.layer]
    assert twin.kept["tensor"] is twin.get_buffer("table")
    twin.get_buffer("table").fill_(17.0)
    assert bool((twin.get_buffer("row") == 17).all())  # which is a part of the table
    assert not bool((network.get_buffer("row") == 17).any())
    twin.children_of["new"] = 1
    twin.register_forward_hook(twin.heard)
    twin(torch.randn(2, 3))
    assert twin.calls == ["heard"] * 2
    assert network.calls == []
    assert network.children_of == {}
    assert not network._forward_hooks


def test_modules_that_copy_themselves_do() -> None:
    network: Any = networks()["own"]
    network[1].cache = torch.ones(2)
    twin: Any = copied(network)
    assert twin[0].told
    assert twin[1].cache is None
    assert torch.equal(twin[1].weight, network[1].weight)


def test_what_never_changes_is_shared() -> None:
    network = stock()
    layer: Any = network[0]
    twin: Any = copied(network)
    assert twin[0].in_type is layer.in_type
    assert twin[0].in_type.gspace is layer.in_type.gspace
