"""Translated images beside what they should be: closed forms, and an independent SSIM."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from steergan.errors import DataError
from steergan.metrics.paired import paired_figures

TRUTH = np.random.default_rng(0).integers(20, 200, (3, 2, 20, 24), dtype=np.uint8)


def test_an_offset_has_its_closed_forms() -> None:
    found = paired_figures(TRUTH + np.uint8(10), TRUTH)
    assert found.l1 == 10
    assert found.psnr == pytest.approx(20 * np.log10(255 / 10))


def test_a_copy_is_as_near_as_bytes_can_be() -> None:
    found = paired_figures(TRUTH, TRUTH)
    assert (found.l1, found.ssim) == (0, 1)
    assert found.psnr == pytest.approx(20 * np.log10(255 / 0.5))


def test_ssim_is_that_of_its_formula() -> None:
    images = np.random.default_rng(1).integers(0, 256, TRUTH.shape, dtype=np.uint8)

    def mean(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(gaussian_filter(x, 1.5, truncate=3.5))

    values = []
    for x, y in zip(images.reshape(-1, 20, 24).astype(float), TRUTH.reshape(-1, 20, 24).astype(float), strict=True):
        mx, my = mean(x), mean(y)
        vx, vy, vxy = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        whole = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
        values.append(whole[5:-5, 5:-5].mean())
    assert paired_figures(images, TRUTH).ssim == pytest.approx(np.mean(values), rel=1e-6)


def test_figures_of_unlike_sets_are_refused() -> None:
    with pytest.raises(DataError, match="equal shapes"):
        paired_figures(TRUTH[:2], TRUTH)
    with pytest.raises(DataError, match=r"images of 24 x 8 pixels; SSIM takes 11 x 11 or more"):
        paired_figures(TRUTH[:, :, :8], TRUTH[:, :, :8])
