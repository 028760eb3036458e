"""Layers that treat every pixel alike are proved on a small map; constants per channel are not."""

from typing import Any

import pytest
import torch
from escnn import nn as enn
from escnn.nn import FieldType

from steergan.layers import (
    ConditionalBatchNorm,
    FieldBatchNorm,
    FieldDropout,
    FieldInstanceNorm,
    FieldLayerNorm,
    GroupPool,
    Pointwise,
)
from steergan.verification import Situation, grid_elements
from steergan.verification.certificates.pixelwise import ARGUMENTS, pixelwise
from tests.verification.networks import C4, HIDDEN

SIGNS = FieldType(C4, [C4.irrep(2)])


def found(layer: Any, training: bool = True) -> tuple[str, str, str]:
    wanted = {ConditionalBatchNorm: (2, 3), FieldDropout: (2, len(HIDDEN))}.get(type(layer))
    others = (torch.rand(wanted),) if wanted else ()
    shape = (2, layer.in_type.size, 5, 5)
    at = Situation(tuple(grid_elements(C4)), shape, (), others, training)
    (finding,) = pixelwise(layer.train(training), at)
    return finding.kind, finding.verdict, finding.argument


LAYERS = [
    FieldBatchNorm(HIDDEN),
    ConditionalBatchNorm(HIDDEN, 3),
    FieldDropout(HIDDEN, 0.5),
    FieldInstanceNorm(HIDDEN),
    FieldLayerNorm(HIDDEN),
    Pointwise(HIDDEN, "relu"),
    GroupPool(HIDDEN),
    enn.InnerBatchNorm(HIDDEN),
    enn.GroupPooling(HIDDEN),
]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("layer", LAYERS, ids=[type(layer).__name__ for layer in LAYERS])
def test_layers_that_look_at_one_pixel_are_exact(layer: Any, training: bool) -> None:
    assert found(layer, training) == ("exact", "holds", ARGUMENTS[type(layer)])


def test_every_type_with_this_certificate_is_tried() -> None:
    assert {type(layer) for layer in LAYERS} == set(ARGUMENTS)


def test_a_function_of_entries_that_change_sign_is_not_proved() -> None:
    layer = Pointwise(HIDDEN, "relu")
    layer.in_type = layer.out_type = SIGNS
    kind, verdict, argument = found(layer)
    assert (kind, verdict) == ("unknown", "not proved")
    assert "a function that is not odd was applied to entries that change sign" in argument


def test_a_shift_per_channel_is_not_proved() -> None:
    layer = FieldBatchNorm(HIDDEN)
    layer.register_forward_hook(lambda module, args, out: HIDDEN(out.tensor + torch.arange(8.0)[:, None, None]))
    kind, verdict, _ = found(layer, training=False)
    assert (kind, verdict) == ("unknown", "not proved")
