"""The models of the benchmark are right, and so are their rivals."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from steergan.acceleration import replacements
from steergan.benchmark import acceleration as measured
from steergan.benchmark.stock_networks import NETWORKS, Actor, FourierNet, ResNet, UNet, exported
from steergan.copies import copied
from steergan.layers import StridedConvolution, TransposedConvolution
from steergan.verification import verify

SMALL: dict[str, tuple[Callable[[], Any], int, set[Any]]] = {
    "ResNet": (lambda: ResNet((1, 2, 2)), 9, {StridedConvolution}),
    "UNet": (lambda: UNet((1, 2, 2)), 8, {TransposedConvolution}),
    "FourierNet": (lambda: FourierNet((1, 2)), 9, set()),
    "Actor": (lambda: Actor((1, 2)), 8, set()),
}


@pytest.mark.parametrize("name", SMALL)
def test_their_exports_compute_the_same_and_layers_have_counterparts(name: str) -> None:
    torch.manual_seed(0)
    build, size, kinds = SMALL[name]
    model = build().eval()
    x = torch.randn(2, model.input_type.size, size, size)
    plain = exported(copied(model))
    assert torch.allclose(plain(x), model(x), atol=1e-4)
    assert not any(type(layer).__name__ in ("R2Conv", "R2ConvTransposed") for layer in plain.modules())
    assert kinds <= {type(row.new) for row in replacements(model)}


def test_a_stride_on_odd_maps_is_equivariant() -> None:
    torch.manual_seed(0)
    assert verify(ResNet((1, 1, 1)), 9, off_grid=False, modes=("evaluation",)).verdict == "proved"


def test_every_name_can_be_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "NETWORKS", dict.fromkeys(NETWORKS, (nn.Identity, 7)))
    monkeypatch.setitem(measured.WIDTHS, "wide", (1, 1, 1, 1, 1, 1))
    for name in measured.MODELS:
        assert measured.built(*name.split())[1] in (7, measured.SIZE)
