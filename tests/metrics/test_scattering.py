"""Scattering: each map is a direct convolution, D4 permutes angles, shifts shift maps, and only orientation is lost."""

from collections.abc import Callable
from math import pi

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.fft import fft2

from steergan.metrics import ScatteringExtractor
from steergan.metrics.scattering import (
    ANGLES,
    FREQUENCY,
    GRAY,
    SCALES,
    SLANT,
    WIDTH,
    Amplitudes,
    amplitudes,
    equivariant,
    invariant,
    opponents,
    through,
    wavelets,
)

MOVES: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[int], int]]] = {
    "rotation by 90 degrees": (lambda x: torch.rot90(x, 1, (-2, -1)), lambda angle: angle + ANGLES // 2),
    "reflection of columns": (lambda x: x.flip(-1), lambda angle: -angle),
    "reflection of rows": (lambda x: x.flip(-2), lambda angle: -angle),
    "transposition": (lambda x: x.mT, lambda angle: ANGLES // 2 - angle),
}
"""What is done to images, and where an angle's number goes: generators of D4, and some of what they generate."""


def drawn(*shape: int) -> Tensor:
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 - 1


def convolved(plane: NDArray[np.float64], scale: float, angle: int, stride: int) -> NDArray[np.float64]:
    """Amplitudes behind a Morlet wavelet, by its own formula, summed over all periods that matter, pixel by pixel."""
    (height, width), sigma, theta = plane.shape, WIDTH * scale, pi * angle / ANGLES
    offset, bell, wave = (stride - 1) / 2, np.zeros(plane.shape), np.zeros(plane.shape, dtype=complex)
    for down in range(-(60 // height + 1), 60 // height + 2):
        for right in range(-(60 // width + 1), 60 // width + 2):
            y, x = (np.arange(side) + offset + turn * side for side, turn in ((height, down), (width, right)))
            along = x * np.cos(theta) - y[:, None] * np.sin(theta)
            across = x * np.sin(theta) + y[:, None] * np.cos(theta)
            part = SLANT / (2 * pi * sigma**2) * np.exp(-(along**2 + SLANT**2 * across**2) / (2 * sigma**2))
            bell += part
            wave += part * np.exp(1j * FREQUENCY / scale * along)
    wave -= wave.sum() / bell.sum() * bell  # a constant gives nothing
    found = np.empty((height // stride, width // stride))
    for i, row in enumerate(range(0, height, stride)):
        for j, column in enumerate(range(0, width, stride)):
            rows, columns = (row - np.arange(height)) % height, (column - np.arange(width)) % width
            found[i, j] = abs((plane * wave[np.ix_(rows, columns)]).sum())
    return found


@pytest.mark.parametrize(("scale", "stride"), [(1.0, 1), (2.0, 2), (4.0, 4), (2.0, 1)])
def test_each_map_is_a_direct_convolution(scale: float, stride: int) -> None:
    plane = drawn(8, 12)
    found = through(fft2(plane[None]), wavelets((8, 12), scale, stride, torch.float64))[0]
    for angle in (0, 3, 6):
        expected = convolved(plane.numpy(), scale, angle, stride)
        np.testing.assert_allclose(found[angle].numpy(), expected, atol=1e-12)


def test_the_second_order_is_a_wavelet_of_the_first_ones_amplitudes() -> None:
    # Sides of 2 mod 4 get 9 mirrored pixels, so that 14 become 32: all strides are in play.
    plane = drawn(1, 14, 14)
    wide = np.pad(plane[0].numpy(), 9, mode="symmetric")
    found = amplitudes(plane)
    inner = convolved(wide, 1.0, 2, 1)
    np.testing.assert_allclose(found.first[0, 0, 2], inner[9:-9, 9:-9].mean(), rtol=1e-9)
    outer = convolved(inner, 4.0, 5, 4)
    np.testing.assert_allclose(found.second[0, 1, 2, 5], outer[2:-2, 2:-2].mean(), rtol=1e-9)
    again = convolved(convolved(wide, 2.0, 7, 2), 2.0, 1, 2)  # scale 2 on a grid of every second pixel
    np.testing.assert_allclose(found.second[0, 2, 7, 1], again[2:-2, 2:-2].mean(), rtol=1e-9)


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("size", [(16, 16), (30, 30), (17, 17), (12, 20), (5, 5)])
def test_d4_permutes_the_angles_exactly(move: str, size: tuple[int, int]) -> None:
    act, goes_to = MOVES[move]
    plane = drawn(2, *size)
    before, after = amplitudes(plane), amplitudes(act(plane).contiguous())
    angles = [goes_to(angle) % ANGLES for angle in range(ANGLES)]
    torch.testing.assert_close(after.first[:, :, angles], before.first, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(after.second[:, :, angles][..., angles], before.second, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(invariant(after), invariant(before), rtol=1e-12, atol=1e-13)
    assert (equivariant(after) - equivariant(before)).abs().max() > 1e-2


def test_a_turn_that_is_none_of_d4_is_seen_by_both() -> None:
    rows = torch.arange(24, dtype=torch.float64)[:, None]
    steep, slanted = torch.cos(0.9 * rows).expand(24, 24), torch.cos(0.9 * (rows + torch.arange(24)) / 2**0.5)
    a, b = (invariant(amplitudes(plane[None])) for plane in (steep, slanted))
    assert (a - b).abs().max() > 1e-3


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_what_moves_a_map_moves_what_comes_of_it(stride: int) -> None:
    plane, bank = drawn(1, 16, 24), wavelets((16, 24), 2.0, stride, torch.float64)
    moved = through(fft2(plane.roll((stride, -3 * stride), (1, 2))), bank)
    torch.testing.assert_close(moved, through(fft2(plane), bank).roll((1, -3), (2, 3)), rtol=0, atol=1e-12)


def test_a_constant_has_nothing_but_its_mean() -> None:
    found = amplitudes(torch.full((1, 20, 20), 0.3, dtype=torch.float64))
    assert found.mean.item() == pytest.approx(0.3)
    assert max(found.first.max().item(), found.second.max().item()) < 1e-14


def test_a_wave_has_the_amplitude_that_the_wavelets_spectrum_gives_it() -> None:
    # 12 waves on 32 pixels are the smallest wavelet's own frequency; the others' spectra are Gaussians about theirs.
    plane = torch.cos(2 * pi * 12 / 32 * torch.arange(32, dtype=torch.float64)).expand(32, 32)
    found = through(fft2(plane[None]), wavelets((32, 32), 1.0, 1, torch.float64))[0]
    still = np.exp(-((WIDTH * FREQUENCY) ** 2) / 2)
    negative = np.exp(-((WIDTH * (2 * pi - 2 * FREQUENCY)) ** 2) / 2)  # of the wave's other half, one period away
    expected = (1 - still**2) / 2
    assert found[0].mean().item() == pytest.approx(expected, abs=negative / 2)
    across = np.exp(-((WIDTH / SLANT * FREQUENCY) ** 2) / 2)
    assert found[ANGLES // 2].max().item() < 2 * across + 2 * still**2


def test_invariant_features_are_means_over_turns_of_both_angles() -> None:
    draw = np.random.default_rng(0)
    first, second = draw.random((1, SCALES, ANGLES)), draw.random((1, 3, ANGLES, ANGLES))
    found = invariant(Amplitudes(torch.tensor([0.5]).double(), torch.tensor(first), torch.tensor(second)))[0].numpy()
    means = [first[0, scale].mean() for scale in range(SCALES)]
    for pair in range(3):
        for apart in range(ANGLES // 2 + 1):
            both = [second[0, pair, a, (a + sign * apart) % ANGLES] for a in range(ANGLES) for sign in (1, -1)]
            means.append(np.mean(both))
    np.testing.assert_allclose(found, [0.5, *np.log1p(np.array(means) / GRAY)], rtol=1e-12)


def test_colours_are_seen_apart_from_brightness() -> None:
    gray = drawn(2, 1, 6, 6).expand(-1, 3, -1, -1)
    found = opponents(gray)
    torch.testing.assert_close(found[:, 0], gray[:, 0] * 3**0.5)
    assert found[:, 1:].abs().max() < 1e-12
    image = drawn(2, 3, 6, 6)
    torch.testing.assert_close(opponents(image).square().sum(1), image.square().sum(1))
    red_minus_blue = (image[:, 0] - image[:, 2]) / 2**0.5
    torch.testing.assert_close(opponents(image)[:, 1], red_minus_blue)


def test_features_do_not_depend_on_batch_mates() -> None:
    images = torch.randint(0, 256, (5, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    extractor = ScatteringExtractor()
    whole, alone = extractor(images), extractor(images[3:4])
    torch.testing.assert_close(alone.invariant, whole.invariant[3:4])
    assert alone.equivariant is not None
    assert whole.equivariant is not None
    torch.testing.assert_close(alone.equivariant, whole.equivariant[3:4])
