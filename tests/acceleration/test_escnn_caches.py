"""escnn keeps the bases of its layers for the process: nothing that we do to a model, or fail to do, reaches them."""

from collections.abc import Callable

import pytest
import torch
from escnn import nn as enn
from escnn.nn.modules.basismanager import basisexpansion_singleblock, basissampler_singleblock
from torch import Tensor, nn

from steergan.acceleration import AccelerationError, RestorationError, accelerate, restore
from steergan.copies import copied
from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.verification import verify

CACHES = (basisexpansion_singleblock._stored_filters, basissampler_singleblock._stored_filters)


def model(group: str) -> enn.SequentialModule:
    space = gspace(group)
    image, fields = trivial_type(space, 1), regular_type(space, 2)
    lift, group_convolution = (enn.R2Conv(kind, fields, 3, padding=1) for kind in (image, fields))
    norm = enn.InnerBatchNorm(fields)
    return enn.SequentialModule(lift, norm, enn.ReLU(fields), group_convolution, enn.GroupPooling(fields))


def kept() -> dict[int, tuple[nn.Module, dict[str, Tensor]]]:
    """Every basis that escnn holds, by identity, and a copy of its numbers."""
    found = {}
    for cache in CACHES:
        for entry in cache.values():
            found[id(entry)] = (entry, {name: tensor.clone() for name, tensor in entry.named_buffers()})
    return found


def verified(network: nn.Module) -> None:
    assert verify(network, 9).verdict == "proved"
    assert verify(copied(network).double(), 9, level=4).verdict == "proved"


def accelerated_and_back(network: nn.Module) -> None:
    fast = accelerate(network, 9, for_=None, certify=False)
    assert any(p.isfinite().all() for p in fast.parameters())
    restore(fast.double())


def failing(network: nn.Module) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.input_type, self.network = network.in_type, network
            self.hidden = [next(network.children())]

        def forward(self, x: enn.GeometricTensor) -> Tensor:
            out: Tensor = self.network(x).tensor
            return out + self.hidden[0](x).tensor.amax(1, keepdim=True)

    with pytest.raises(AccelerationError):
        accelerate(Twice(), 9, for_=None)


def beyond_the_band(network: nn.Module) -> None:
    fast = accelerate(network, 9, for_=None, certify=False)
    for parameter in fast.parameters():
        nn.init.normal_(parameter)
    with pytest.raises(RestorationError):
        restore(fast)
    restore(fast, wider=True)


@pytest.mark.parametrize(
    ("group", "action"),
    [("C4", verified), ("C8", verified), ("C4", accelerated_and_back), ("C8", accelerated_and_back), ("C4", failing),
     ("C4", beyond_the_band)],
)  # fmt: skip
def test_escnns_bases_are_as_before(group: str, action: Callable[[nn.Module], None]) -> None:
    network, other = model(group), model(group)
    x = network.in_type(torch.randn(1, 1, 9, 9))
    before, wanted = kept(), other(x).tensor
    assert before
    action(network)
    after = kept()
    assert after.keys() >= before.keys()
    for number, (entry, numbers) in before.items():
        assert after[number][0] is entry
        for name, tensor in entry.named_buffers():
            assert tensor.dtype == numbers[name].dtype, name
            assert torch.equal(tensor, numbers[name]), name
    assert torch.equal(other(x).tensor, wanted)


def test_a_change_would_be_seen() -> None:
    network = model("C4")
    before = kept()
    network.double()
    changed = any(
        tensor.dtype != numbers[name].dtype
        for entry, numbers in before.values()
        for name, tensor in entry.named_buffers()
    )
    network.float()
    assert changed
