"""How near translated images come to those that they should be, pair by pair."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from steergan.errors import DataError
from steergan.extras import needed_by

LEVELS = 255
"""Of 8 bits, above black."""
WINDOW = 11
"""Pixels per side of the window of SSIM that a Gaussian of 1.5 pixels is cut off at."""


@dataclass(frozen=True)
class PairedFigures:
    """Means over images; `SSIM_PROTOCOL` says how SSIM is taken."""

    l1: float
    """Mean absolute difference of the pixels, in levels of 255; its least value is that of medians, so blur pays."""
    psnr: float
    """Peak signal to noise ratio in decibels, of every image by itself; an exact copy counts as one of 0.5 levels."""
    ssim: float
    """Structural similarity, at most 1."""

    def record(self, prefix: str = "") -> dict[str, float]:
        """The figures by name."""
        return {prefix + name: value for name, value in asdict(self).items()}


SSIM_PROTOCOL = "scikit-image, Gaussian window of 1.5, K1 0.01, K2 0.03, mean over channels"
"""Wang et al. 2004's settings."""


def paired_figures(images: NDArray[np.uint8], truth: NDArray[np.uint8]) -> PairedFigures:
    """Pixel by pixel figures of images beside those that they should be.

    Args:
        images: translated, uint8 (N, C, H, W).
        truth: the same shape and order.

    Raises:
        DataError: other shapes, or images smaller than the window of SSIM.

    Source: SSIM, Wang et al. 2004, as scikit-image computes it.

    Examples:
        >>> import numpy as np
        >>> truth = np.random.default_rng(0).integers(0, 200, (2, 1, 16, 16), dtype=np.uint8)
        >>> found = paired_figures(truth + np.uint8(51), truth)
        >>> found.l1, round(found.psnr, 6)  # 20 log10 (255 / 51)
        (51.0, 13.9794)
    """
    if images.shape != truth.shape or images.ndim != 4 or not len(images):
        raise DataError(f"images {images.shape} beside {truth.shape}; equal shapes (N, C, H, W) were wanted")
    if min(images.shape[2:]) < WINDOW:
        raise DataError(
            f"images of {images.shape[3]} x {images.shape[2]} pixels; SSIM takes {WINDOW} x {WINDOW} or more"
        )
    with needed_by("SSIM"):
        from skimage.metrics import structural_similarity  # slow to import, and only needed here

    l1, psnr, ssim = [], [], []
    for image, wanted in zip(images, truth, strict=True):
        difference = image.astype(np.float64) - wanted
        l1.append(np.abs(difference).mean())
        psnr.append(10 * np.log10(LEVELS**2 / max(np.square(difference).mean(), 0.25)))
        ssim.append(
            structural_similarity(
                image, wanted, channel_axis=0, data_range=LEVELS, gaussian_weights=True, use_sample_covariance=False
            )
        )
    return PairedFigures(*(float(np.mean(values)) for values in (l1, psnr, ssim)))
