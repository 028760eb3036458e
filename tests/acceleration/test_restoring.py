"""escnn's layers come back with the weights of now, or it is said which can't."""

import copy
from typing import Any

import pytest
import torch
from escnn import nn as enn
from escnn.nn import FieldType, GeometricTensor
from torch import nn

import steergan
from steergan.acceleration import RestorationError, accelerate, restore
from steergan.layers import GroupConvolution
from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.verification.subject import twin_of
from tests.stock_models import convolution, mixed, transposed

STOCK = (enn.R2Conv, enn.R2ConvTransposed, enn.InnerBatchNorm, enn.GroupPooling)
IMAGE, FIELDS = trivial_type(gspace("D4"), 1), mixed(gspace("D4"))
SMALL_FIELDS = mixed(gspace("C4"))  # for models of several layers, of which escnn's bases under D4 take their time
FULL: dict[str, Any] = {"frequencies_cutoff": 4.0}


def model(fields: FieldType = SMALL_FIELDS, **settings: Any) -> enn.SequentialModule:
    torch.manual_seed(0)
    return enn.SequentialModule(
        convolution(trivial_type(fields.gspace, 1), fields, **settings),
        enn.InnerBatchNorm(fields),
        enn.ReLU(fields),
        convolution(fields, fields, stride=2, **settings),
        convolution(fields, fields, 5, padding_mode="circular", **settings),
        transposed(fields, fields, 3, padding=1, **settings),
        enn.GroupPooling(fields),
    )


def trained(network: Any) -> Any:
    """After a few steps, with moments that have moved, of a loss that is bounded."""
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), 1e-2)
    for seed in range(3):
        optimizer.zero_grad()
        network(image(seed)).tensor.sigmoid().mean().backward()
        optimizer.step()
    return network


def image(seed: int = 9, group: str = "C4") -> GeometricTensor:
    x = torch.randn(2, 1, 9, 9, generator=torch.Generator().manual_seed(seed))
    return trivial_type(gspace(group), 1)(x)


def apart(found: Any, wanted: Any) -> float:
    return float((found - wanted).abs().max() / wanted.abs().max())


def swapped(network: Any) -> Any:
    return accelerate(network, 9, for_=None, certify=False)


def test_a_trained_model_comes_back_as_escnns_and_its_state_can_be_shared() -> None:
    # Of adjacent fields: where they are mixed escnn can't load a state dict of its own.
    stock = model(regular_type(gspace("C4"), 2), **FULL).train()
    ours = trained(swapped(twin_of(stock)))
    wanted = copy.deepcopy(ours).eval()(image()).tensor.detach()
    assert restore(ours) is ours
    assert [type(layer) for layer in ours.children()] == [type(layer) for layer in stock.children()]
    stock.load_state_dict(ours.train().state_dict())  # somebody without steergan
    for network in (ours, stock):
        assert apart(network.eval()(image()).tensor.detach(), wanted) < 1e-4
    assert apart(stock.train()(image()).tensor.detach(), ours.train()(image()).tensor.detach()) < 1e-5


def test_untrained_filters_of_any_band_come_back() -> None:
    stock = model()
    ours: Any = restore(swapped(twin_of(stock)))
    for found, wanted in zip(ours.parameters(), stock.parameters(), strict=True):
        assert torch.allclose(found, wanted, atol=1e-4)


def test_what_the_band_limit_does_not_hold_is_named_with_its_distance_and_wider_holds_it() -> None:
    ours = trained(swapped(model()))
    before = [*ours.modules()]
    wanted = copy.deepcopy(ours).eval()(image()).tensor.detach()
    with pytest.raises(
        RestorationError, match=r"3: escnn's basis misses the filter bank by \d\.\de.*wider=True"
    ) as error:
        restore(ours)
    assert "\n" not in str(error.value)
    assert all(a is b for a, b in zip(ours.modules(), before, strict=True))
    restore(ours, wider=True)
    assert not any(isinstance(layer, GroupConvolution) for layer in ours.modules())
    assert [layer.stride for layer in ours if isinstance(layer, enn.R2Conv)] == [1, 2, 1]
    assert apart(ours.eval()(image()).tensor.detach(), wanted) < 1e-4


def test_modes_and_frozen_weights_come_back_and_layers_used_twice_are_one() -> None:
    layer = convolution(FIELDS, FIELDS, **FULL)
    layer.weights.requires_grad_(False)
    layer.eval()
    network: Any = nn.ModuleDict({"a": layer, "b": nn.ModuleList([layer]), "norm": enn.InnerBatchNorm(FIELDS)})
    network.forward = lambda x: network["norm"](network["b"][0](network["a"](x)))
    accelerate(network, 9, for_=None, certify=False, in_type=FIELDS)
    restored: Any = restore(network)
    assert restored["a"] is restored["b"][0]
    assert isinstance(restored["a"], enn.R2Conv)
    assert not restored["a"].training
    assert not restored["a"].weights.requires_grad
    assert restored["a"].bias.requires_grad
    assert restored["norm"].training
    x = FIELDS(torch.randn(1, FIELDS.size, 5, 5))
    assert apart(restored["a"](x).tensor.detach(), layer(x).tensor.detach()) < 1e-5


def test_a_model_that_is_a_layer_itself_is_returned_as_another() -> None:
    back = steergan.restore(swapped(convolution(IMAGE, FIELDS)))
    assert isinstance(back, enn.R2Conv)


def test_a_model_without_swapped_layers_is_left_alone() -> None:
    stock = model()
    before = [*stock.modules()]
    assert restore(stock) is stock
    assert all(a is b for a, b in zip(stock.modules(), before, strict=True))


def test_float64_stays() -> None:
    stock = twin_of(enn.SequentialModule(convolution(IMAGE, FIELDS, **FULL), enn.InnerBatchNorm(FIELDS))).double()
    back = restore(swapped(stock))
    assert {tensor.dtype for tensor in [*back.parameters()]} == {torch.float64}
    later = convolution(IMAGE, FIELDS, **FULL)  # shares no basis with what was in float64
    assert later(image(group="D4")).tensor.dtype == torch.float32


def test_a_mutant_of_the_way_back_would_be_seen() -> None:
    # The check that guards it: a bank that is 1 % off is not within the tolerance.
    torch.manual_seed(0)
    ours: Any = swapped(convolution(IMAGE, FieldType(IMAGE.gspace, [IMAGE.gspace.regular_repr]), **FULL))
    ours.expansions[0].entry_sign = torch.full(ours.expansions[0].entry.shape, 1.0)
    ours.expansions[0].entry_sign[0, 0] = 1.01
    with pytest.raises(RestorationError, match=r"misses the filter bank by \d\.\de-0[23]"):
        restore(ours)
