"""Pools and upsampling: exact where their windows lie symmetrically on the map at hand, broken where they don't."""

from typing import Any

import pytest
import torch
from escnn import nn as enn
from escnn.nn import FieldType

from steergan.layers import AntialiasedPool, AveragePool, MaxPool, Upsample
from steergan.verification import Situation, grid_elements, verify
from steergan.verification.registry import certifier_of
from tests.verification.networks import C4, HIDDEN


def verdicts(layer: Any, side: int) -> set[str]:
    certifier = certifier_of(layer)
    assert certifier is not None
    at = Situation(tuple(grid_elements(C4)), (2, layer.in_type.size, side, side), (), (), training=False)
    return {finding.verdict for finding in certifier(layer, at)}


@pytest.mark.parametrize(
    ("layer", "right", "wrong"),
    [
        (AveragePool(HIDDEN, 2), 6, 7),
        (enn.PointwiseAvgPool2D(HIDDEN, 2), 6, 7),
        (MaxPool(HIDDEN, 2), 4, 5),
        (enn.PointwiseMaxPool2D(HIDDEN, 3, stride=2, padding=1), 5, 6),
        (enn.PointwiseAvgPoolAntialiased2D(HIDDEN, sigma=0.66, stride=2), 5, 6),
        (enn.PointwiseMaxPoolAntialiased2D(HIDDEN, 3, stride=2, padding=1), 5, 6),
        (AntialiasedPool(HIDDEN, 3), 5, 6),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, torch.nn.Module) else str(value),
)
def test_a_pool_holds_where_its_windows_lie_symmetrically(layer: Any, right: int, wrong: int) -> None:
    assert verdicts(layer, right) == {"holds"}
    assert "broken" in verdicts(layer, wrong)


def test_a_maximum_of_entries_that_change_sign_is_broken() -> None:
    layer = MaxPool(HIDDEN, 2)
    layer.in_type = FieldType(C4, [C4.irrep(2)])
    assert verdicts(layer, 4) == {"holds", "broken"}


def test_a_blur_that_is_not_symmetric_or_differs_between_channels_is_not_proved() -> None:
    for change in (lambda taps: taps.roll(1, 3), lambda taps: taps * torch.arange(1.0, 9.0)[:, None, None, None]):
        layer = enn.PointwiseAvgPoolAntialiased2D(HIDDEN, sigma=0.66, stride=2)
        layer.filter = change(layer.filter)
        assert verdicts(layer, 5) == {"holds", "not proved"}


def test_taps_that_are_not_symmetric_are_not_proved() -> None:
    layer = AntialiasedPool(HIDDEN, 3)
    layer.taps.copy_(layer.taps.roll(1))
    assert verdicts(layer, 5) == {"holds", "not proved"}


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_upsampling_holds_at_every_size(mode: str) -> None:
    for side in (1, 4, 5):
        assert verdicts(Upsample(HIDDEN, 2, mode), side) == {"holds"}


def test_the_longest_field_of_a_window_is_proved_where_no_two_are_equally_long() -> None:
    fields = FieldType(C4, [C4.irrep(1), C4.irrep(1)])
    found = verify(enn.NormMaxPool(fields, 3, 2, 1), [7], level=4, modes=("evaluation",))
    assert found.verdict == "proved", found.sentence
    assert "Nothing is said of inputs in which two different fields of a window are equally long" in found.sentence
    assert verify(enn.NormMaxPool(fields, 2), [7], level=2).verdict == "broken"
    halved = enn.NormMaxPool(fields, 2)
    halved._contiguous = {1: True}  # lengths of channels, not of fields
    halved.register_buffer("indices_1", torch.tensor([0, 4]))
    assert verify(halved, [6], level=2).verdict == "not proved"
