"""Runs side by side: the same state and the same random numbers each time, up to where the claim ends."""

from typing import Any

import torch
from escnn import nn as enn
from torch import Tensor, nn

from steergan.layers import FieldBatchNorm, GroupPool
from steergan.verification import Subject
from steergan.verification.measured.forward import (
    Runner,
    acted_on,
    exact_float32,
    first_broken_layer,
    parts_in_use,
    widened,
)
from tests.verification.networks import HIDDEN, IMAGE, lift, rolled

QUARTER = (0, -1, 1, 0)


def test_a_runner_forgets_what_a_forward_left_behind() -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(1)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.norm(x) + torch.rand(1)
            return out

    network = Noisy()
    run = Runner(Subject("noisy", network, IMAGE, "equivariant", IMAGE, ((3, 3),)), network)
    x, stream = torch.randn(2, 1, 3, 3), torch.get_rng_state()
    first, second = run(x)[0][0], run(x)[0][0]
    assert torch.equal(first, second)
    assert torch.equal(stream, torch.get_rng_state())


def wrong(layer: nn.Module) -> nn.Module:
    layer.register_forward_hook(lambda module, args, output: rolled(output))
    return layer


def test_the_first_layer_that_breaks_is_found() -> None:
    network = enn.SequentialModule(lift(), wrong(FieldBatchNorm(HIDDEN)), GroupPool(HIDDEN)).eval()
    subject = Subject("three", network, IMAGE, "equivariant", None, ((5, 5),))
    run, x = Runner(subject, network), torch.randn(2, 1, 5, 5)
    assert first_broken_layer(run, x, QUARTER, lambda a, b: not torch.allclose(a, b, atol=1e-5)) == "1"
    assert first_broken_layer(run, x, QUARTER, lambda a, b: False) == ""


def test_results_are_acted_on_as_the_claim_says() -> None:
    x = torch.randn(2, 1, 3, 3)
    subject = Subject("same", nn.Identity(), IMAGE, "equivariant", IMAGE, ((3, 3),))
    assert torch.equal(acted_on([(x, None)], subject, QUARTER)[0], x.rot90(1, (2, 3)))
    still = Subject("same", nn.Identity(), IMAGE, "invariant", None, ((3, 3),))
    assert acted_on([(x, None)], still, QUARTER)[0] is x


def test_a_widened_network_puts_out_float64_where_escnn_would_not() -> None:
    network = widened(enn.SequentialModule(enn.GroupPooling(HIDDEN)))
    assert network(HIDDEN(torch.randn(1, 8, 3, 3, dtype=torch.float64))).tensor.dtype == torch.float64


def test_settings_of_float32_are_put_back() -> None:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        with exact_float32():
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision(before)


def test_parts_that_run_only_behind_the_claim_are_left_out() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.again, self.last = lift(), FieldBatchNorm(HIDDEN), lift()

        def forward(self, x: Any) -> Any:
            hidden = self.again(self.first(x))
            return self.last(IMAGE(self.again(hidden).tensor[:, :1]))

    network = Shared()
    whole = Subject("shared", network, IMAGE, "equivariant", None, ((5, 5),), call=lambda m, x, others: m(IMAGE(x)))
    assert parts_in_use(whole).keys() == dict(network.named_modules()).keys()
    part = Subject(**{**vars(whole), "upto": "again"})
    left_out = dict(network.named_modules()).keys() - parts_in_use(part).keys()
    assert left_out == {path for path, _ in network.named_modules() if path.split(".")[0] == "last"}
