"""Nearly round average pools: exact at quarter turns, better between."""

from math import pi

import numpy as np
import pytest
import torch
from torch import Tensor

from steergan.errors import SteerganError, SymmetryError
from steergan.layers import (
    AntialiasedPool,
    AveragePool,
)
from steergan.symmetry import (
    gspace,
    trivial_type,
)


@pytest.mark.parametrize(("size", "kernel_size"), [(8, 4), (7, 3)])
def test_antialiased_pools_commute_with_quarter_turns_and_keep_constants(size: int, kernel_size: int) -> None:
    image = trivial_type(gspace("D8"), 2)
    pool = AntialiasedPool(image, kernel_size).double()
    x = torch.randn(1, 2, size, size, dtype=torch.float64)
    y = pool(image(x)).tensor
    assert y.shape == pool.evaluate_output_shape((1, 2, size, size)) == (1, 2, 4, 4)
    assert torch.allclose(pool(image(torch.rot90(x, 1, (2, 3)))).tensor, torch.rot90(y, 1, (2, 3)), atol=1e-12)
    assert torch.allclose(pool(image(x.flip(3))).tensor, y.flip(3), atol=1e-12)
    assert torch.allclose(pool(image(torch.ones_like(x))).tensor, torch.ones_like(y))


@pytest.mark.parametrize(("size", "kernel_size"), [((8, 6), 4), ((7, 7), 3), ((48, 48), 4)])
def test_antialiased_pools_are_the_mean_under_binomial_weights(size: tuple[int, int], kernel_size: int) -> None:
    """Against a depthwise convolution, divided by what it finds on ones; maps of one product and of two."""
    taps = torch.tensor({3: [1.0, 2, 1], 4: [1.0, 3, 3, 1]}[kernel_size], dtype=torch.float64)

    def filtered(x: Tensor) -> Tensor:
        bank = torch.outer(taps, taps).expand(x.shape[1], 1, -1, -1)
        return torch.conv2d(x, bank, stride=2, padding=1, groups=x.shape[1])

    x = torch.randn(2, 3, *size, dtype=torch.float64)
    fields = trivial_type(gspace("C2"), 3)
    found = AntialiasedPool(fields, kernel_size).double()(fields(x)).tensor
    assert torch.allclose(found, filtered(x) / filtered(torch.ones_like(x)), atol=1e-13)


def test_antialiased_pools_of_integers_turn_bit_for_bit() -> None:
    image = trivial_type(gspace("D8"), 2)
    for size, kernel_size in ((8, 4), (7, 3)):
        pool = AntialiasedPool(image, kernel_size)
        x = torch.randint(-99, 100, (1, 2, size, size)).float()
        assert torch.equal(pool(image(x.rot90(1, (2, 3)))).tensor, pool(image(x)).tensor.rot90(1, (2, 3)))


def test_antialiased_pools_err_less_between_the_quarter_turns() -> None:
    def bumps(angle: float, size: int) -> Tensor:
        """Three Gaussian bumps, turned about the centre."""
        row, column = torch.meshgrid(*[torch.arange(size).double() - (size - 1) / 2] * 2, indexing="ij")
        total = torch.zeros(size, size).double()
        for radius, phase in ((4.0, 0.3), (6.0, 2.1), (2.0, 4.0)):
            x, y = radius * np.cos(phase + angle), radius * np.sin(phase + angle)
            total += torch.exp(-((column - x) ** 2 + (row + y) ** 2) / (2 * 1.1**2))
        return total[None, None]

    image = trivial_type(gspace("C8"), 1)
    errors = {}
    for pool in (AveragePool(image), AntialiasedPool(image)):
        found, wanted = [], []
        for angle in np.arange(0, 2 * pi, pi / 4):
            found.append(pool.double()(image(bumps(angle, 24))).tensor)
            # What an ideal pool of these widths would give: the same bumps, on the coarse grid, a little wider.
            wanted.append(found[0].square().sum())
        errors[type(pool)] = np.std([float(f.square().sum()) for f in found]) / float(wanted[0])
    assert errors[AntialiasedPool] < errors[AveragePool] / 2


def test_askew_windows_and_other_kernels_are_refused() -> None:
    image = trivial_type(gspace("C8"), 1)
    with pytest.raises(SymmetryError, match="askew"):
        AntialiasedPool(image)(image(torch.randn(1, 1, 7, 7)))
    with pytest.raises(SteerganError, match="kernel 5"):
        AntialiasedPool(image, 5, padding=2)
