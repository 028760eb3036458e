"""Resampling and filters against waves, which mirrors at the edges continue exactly."""

import math

import pytest
import torch
from torch import Tensor

from steergan.augmentation.drawing import band_gains, composed
from steergan.augmentation.resampling import BANDS, filter_bands, lanczos, reflected, warp

SIZE = 25


def wave(down: Tensor, right: Tensor, k: int, size: int = SIZE) -> Tensor:
    """k half waves down and two to the right, at places in pixels."""
    return torch.cos(math.pi * k * down / (size - 1)) * torch.cos(math.pi * 2 * right / (size - 1))


def pixels(k: int, size: int = SIZE) -> Tensor:
    place = torch.arange(size, dtype=torch.float64)
    return wave(place[:, None], place[None], k, size)[None, None]


def moves(count: int) -> Tensor:
    """Affine maps, far enough that many pixels come from behind the edges."""
    draw = torch.Generator().manual_seed(0)
    one, two, stretch, scale = torch.rand(4, count, generator=draw, dtype=torch.float64)
    angles = (6.3 * one, 6.3 * two)
    return composed(4 * torch.randn(count, 2, generator=draw).double(), 0.8 + scale, angles, 0.8 + 0.5 * stretch,
                    3 * torch.randn(count, 2, generator=draw).double())  # fmt: skip


@pytest.mark.parametrize(("k", "error"), [(1, 2e-3), (4, 2e-2)])
def test_a_moved_wave_is_the_wave_at_the_places_that_pixels_come_from(k: int, error: float) -> None:
    affine, middle = moves(20), (SIZE - 1) / 2
    offset = torch.arange(SIZE, dtype=torch.float64) - middle
    down, right = torch.meshgrid(offset, offset, indexing="ij")
    source = affine @ torch.stack([down, right, torch.ones_like(down)]).flatten(1)
    expected = wave(source[:, 0] + middle, source[:, 1] + middle, k).unflatten(1, (SIZE, SIZE))[:, None]
    moved = warp(pixels(k).expand(20, -1, -1, -1), affine)
    assert (moved - expected).abs().mean() < error
    assert (moved - expected).abs().max() < 10 * error


def test_shrinking_lets_no_frequency_pass_that_pixels_cannot_show() -> None:
    """At half the size stripes of one pixel would come out as a constant of 1 without its low pass."""
    half = torch.tensor([[[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]]], dtype=torch.float64)
    assert pixels(SIZE - 1)[0, 0, ::2, 0].min() > 0.99
    assert warp(pixels(SIZE - 1), half)[0, 0, :, 0].abs().max() < 0.05


def test_a_line_is_filtered_as_its_mirrored_continuation_is() -> None:
    draw = torch.Generator().manual_seed(0)
    for size, step in ((1, 1), (2, 4), (5, 8), (9, 2)):
        line, place = torch.rand(size, generator=draw, dtype=torch.float64), torch.tensor([0.0, (size - 1) / 3])
        taps = torch.arange(-60, 61, dtype=torch.float64)
        longer = line[reflected(taps, size).long()]
        distance = (place.double()[:, None] - taps) / step
        weight = distance.sinc() * (distance / 3).sinc() * (distance.abs() < 3)
        expected = (weight @ longer) / weight.sum(1)
        assert torch.allclose(lanczos(size, place.double(), step) @ line, expected, atol=1e-12)


def test_an_octave_has_its_own_gain() -> None:
    """Waves from the middle of each octave: constant, 3/16, 3/8 and all of the largest frequency."""
    size, gain = 65, torch.tensor([[0.5, 2.0, 3.0, 0.25]], dtype=torch.float64)
    place = torch.arange(size, dtype=torch.float64)
    for frequency, expected, error in ((0, 0.5, 1e-9), (12, 2.0, 0.2), (24, 3.0, 0.35), (64, 0.25, 0.02)):
        stripes = torch.cos(math.pi * frequency * place / (size - 1)).expand(1, 1, size, size)
        assert torch.allclose(filter_bands(stripes, gain), expected * stripes, atol=error)


def test_gains_keep_the_power_that_is_expected() -> None:
    gain = band_gains(torch.randn(50, BANDS, generator=torch.Generator().manual_seed(0)))
    power = gain.square() @ torch.tensor([10 / 13, 1 / 13, 1 / 13, 1 / 13])
    assert torch.allclose(power, torch.ones(50, BANDS), atol=1e-5)
    assert (gain.argmax(2) == torch.arange(BANDS)).double().mean() > 0.4
