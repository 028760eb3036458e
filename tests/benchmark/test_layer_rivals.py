"""The rivals of single layers compute what they are said to compute."""

import pytest
import torch

from steergan.benchmark.layer_rivals import (
    CONDITIONAL,
    CONVOLUTION,
    GROUP_POOL,
    LAST,
    NORM,
    POOL,
    RELU,
    TASKS,
    UPSAMPLING,
    WRITTEN,
    HandWritten,
    LayerCase,
    own_layers,
    rivals_of,
    stock_layer,
)
from steergan.benchmark.rivals import CHANNELS, DENSE, OWN, PARAMETERS, STOCK
from steergan.layers import GroupConvolution
from steergan.symmetry import gspace

EVERYWHERE = [OWN, STOCK]


def case(kind: str, group: str = "C4") -> LayerCase:
    return LayerCase(kind, group, 3, 2 if kind in (CONVOLUTION, UPSAMPLING) else 3, 6, 2)


@pytest.mark.parametrize("group", ["C2", "C4", "D2", "D4"])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_hand_written_filters_are_ours(group: str, kernel: int) -> None:
    convolution = LayerCase(CONVOLUTION, group, 3, 2, 6, 2, kernel)
    own = own_layers(convolution, gspace(group))[OWN]
    assert isinstance(own, GroupConvolution)
    bank = own.filter_bank().detach()
    order = bank.shape[0] // 2
    written = HandWritten(convolution, gspace(group))
    with torch.no_grad():
        written.weight.copy_(bank.unflatten(1, (3, order)).unflatten(0, (2, order))[:, 0])
        written.bias.normal_()
        assert own.bias is not None
        own.bias.copy_(written.bias)
        assert torch.equal(written.bank(), bank)
        x = torch.randn(2, 3 * order, 6, 6)
        torch.testing.assert_close(written(x), own(own.in_type(x)).tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (CONVOLUTION, [DENSE, CHANNELS, LAST, PARAMETERS, WRITTEN]),
        (UPSAMPLING, [DENSE, CHANNELS, LAST, PARAMETERS]),
        (NORM, [CHANNELS]),
        (CONDITIONAL, [CHANNELS]),
        (RELU, [CHANNELS]),
        (POOL, [CHANNELS]),
        (GROUP_POOL, []),
    ],
)
def test_every_layer_has_its_rivals_and_all_can_do_every_task(kind: str, more: list[str]) -> None:
    rivals = rivals_of(case(kind))
    assert set(rivals) == {*EVERYWHERE, *more}
    for rival in rivals.values():
        for task in TASKS.values():
            assert task(rival) is not None
    shapes = {name: rival.call(rival.x).shape for name, rival in rivals.items() if name != PARAMETERS}
    assert len(set(shapes.values())) == 1


@pytest.mark.parametrize("kind", [NORM, CONDITIONAL, RELU, POOL, GROUP_POOL])
@pytest.mark.parametrize("group", ["C4", "D4"])
def test_layers_without_filters_compute_what_their_rivals_compute(kind: str, group: str) -> None:
    rivals = rivals_of(case(kind, group))
    own = rivals[OWN]
    with torch.no_grad():
        for theirs, ours in zip(rivals[STOCK].parameters, own.parameters, strict=True):
            theirs.copy_(ours.view_as(theirs))
        assert torch.equal(rivals[STOCK].x, own.x)
        torch.testing.assert_close(rivals[STOCK].call(own.x), own.call(own.x), rtol=1e-4, atol=1e-5)
        if kind in (RELU, POOL):
            torch.testing.assert_close(rivals[CHANNELS].call(own.x), own.call(own.x))


@pytest.mark.parametrize("kind", [CONVOLUTION, UPSAMPLING])
@pytest.mark.parametrize("group", ["C4", "D4"])
def test_convolutions_compute_what_escnns_compute(kind: str, group: str) -> None:
    space, one = gspace(group), case(kind, group)
    own = own_layers(one, space)[OWN]
    inner = own if kind == CONVOLUTION else own.convolution
    assert isinstance(inner, GroupConvolution)
    stock = stock_layer(one, space)
    target = stock if kind == CONVOLUTION else list(stock.children())[-1]
    target.load_state_dict(inner.to_r2conv().state_dict(), strict=False)
    x = inner.in_type(torch.randn(2, inner.in_type.size, 6, 6))
    torch.testing.assert_close(stock(x).tensor, own(x).tensor, rtol=1e-4, atol=1e-5)


def test_channels_last_rival_has_all_it_takes_in_that_order() -> None:
    rivals = rivals_of(LayerCase(CONVOLUTION, "D4", 2, 3, 6, 2))
    last, plain = rivals[LAST], rivals[CHANNELS]
    for tensor in (last.x, last.grad, max(last.parameters, key=torch.Tensor.numel)):
        assert tensor.is_contiguous(memory_format=torch.channels_last)
        assert not tensor.is_contiguous()
    assert last.x.is_leaf
    assert last.x.requires_grad
    assert torch.equal(last.x, plain.x)
    assert torch.equal(last.grad, plain.grad)


def test_a_penalty_is_the_derivative_of_the_squared_gradient() -> None:
    rival = rivals_of(LayerCase(CONVOLUTION, "D4", 1, 2, 3, 1))[OWN]
    found = TASKS["with R1"](rival)
    assert isinstance(found, tuple)
    bias = rival.call(torch.zeros_like(rival.x)).flatten()
    matrix = torch.autograd.functional.jacobian(rival.call, rival.x).reshape(len(bias), -1)
    slope = matrix.mT @ (matrix @ rival.x.detach().flatten() + bias)  # by x, of half the squared result
    by_x = (2 * matrix.mT @ (matrix @ slope)).detach()
    torch.testing.assert_close(found[0].flatten(), by_x, rtol=1e-4, atol=1e-4 * float(by_x.abs().max()))
