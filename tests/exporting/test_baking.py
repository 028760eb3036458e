"""Baking: a fixed graph without debris, of any batch, and refusals that name the layer."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from escnn import nn as enn
from torch import Tensor, nn

from steergan.exporting.baking import Baked, bake
from steergan.exporting.recorder import ExportError
from tests.exporting.models import IMAGE, REGULAR, Wrapped, generator, small_model


def baked(model: nn.Module, side: int = 9, batch: int = 0) -> Baked:
    def examples(images: int) -> list[Tensor]:
        stream = torch.Generator().manual_seed(0)
        return [torch.randn(images, 1, side, side, generator=stream, dtype=torch.float64)]

    return bake(model, lambda module, x: module(x), examples, ["x"], batch)


def same(model: nn.Module, found: Baked, images: int) -> None:
    x = torch.randn(images, 1, 9, 9)
    with torch.no_grad():
        torch.testing.assert_close(found.module(x), model(x), rtol=1e-5, atol=1e-5)


def test_graph_takes_any_batch() -> None:
    model = small_model()
    found = baked(model)
    for images in (1, 4):
        same(model, found, images)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(found.module)
    x = torch.randn(2, 1, 9, 9)
    assert torch.equal(scripted(x), found.module(x))


def test_plain_generator_has_about_forty_nodes() -> None:
    network = generator(widths=(8, 8, 4), upsamplings=2)

    def examples(images: int) -> list[Tensor]:
        return [torch.ones(images, 16).double(), torch.zeros(images).long(), torch.ones(images).long()]

    found = bake(network, lambda m, *given: m(*given), examples, ["z", "y", "element"])
    assert len(found.module.graph.nodes) <= 45
    assert len(found.folded) == 2


def with_forward(forward: Callable[[Any, Tensor], Any]) -> nn.Module:
    """The small model with a forward of its own."""
    model = small_model()
    kind = type("Own", (Wrapped,), {"forward": forward})
    model.__class__ = kind
    return model


class Noise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x)


class Deciding(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


class Dropping(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(x, 0.5)


class OfTheBatch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[: len(x) // 2 + 1]


class ReadsWhatWasWritten(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = x * 1
        view = y[:, :1]
        y.add_(1)
        return view + y


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (Noise(), "part: it draws random numbers"), (Deciding(), "part: .* makes a Python number of a tensor"),
        (Dropping(), "part: it drops numbers at random"), (OfTheBatch(), "depends on the number of images"),
        (ReadsWhatWasWritten(), "reads a view of a tensor that was written to"),
    ],
)  # fmt: skip
def test_what_has_no_place_in_a_graph_is_refused_by_name(part: nn.Module, words: str) -> None:
    model = nn.Sequential()
    model.add_module("part", part)
    with pytest.raises(ExportError, match=words):
        baked(model)


def test_writing_in_place_and_by_index_is_followed() -> None:
    class Writing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            out = torch.empty(len(x), 3, *x.shape[2:], dtype=x.dtype)
            out[:, :1] = x
            out[:, [1, 2]] = x.expand(-1, 2, -1, -1) * 2
            out.relu_().add_(1)
            out /= 2
            return 1 - out.mT

    same(Writing(), baked(Writing()), 4)


def test_constants_for_every_image_are_repeated() -> None:
    class Padded(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([x, torch.ones(len(x), 1, 9, 9).to(x)], dim=1).view(len(x), -1)

    same(Padded(), baked(Padded()), 5)


def test_batch_that_was_fixed_may_decide() -> None:
    found = baked(OfTheBatch(), batch=4)
    same(OfTheBatch(), found, 4)


def test_model_that_can_not_be_run_is_refused() -> None:
    with pytest.raises(ExportError, match="can't be run on 3 x 1 x 9 x 9"):
        baked(nn.Linear(4, 4))


def test_layer_used_twice_is_one_module() -> None:
    layer = enn.R2Conv(REGULAR, REGULAR, 3, padding=1)
    model = Wrapped(enn.R2Conv(IMAGE, REGULAR, 3), layer, layer, enn.GroupPooling(REGULAR)).eval()
    found = baked(model)
    same(model, found, 3)
    assert sum(isinstance(part, nn.Conv2d) for part in found.module.modules()) == 2
