"""Images at the size of an ImageNet network: as clean-fid resizes them."""

import numpy as np
import pytest
import torch

from steergan.errors import DataError
from steergan.metrics.resizing import resize


@pytest.mark.parametrize("size", [(28, 28), (64, 48), (400, 512)])
def test_resizing_is_clean_fids(size: tuple[int, int]) -> None:
    from cleanfid.resize import build_resizer

    # Extreme pixels, so that the bicubic overshoot and its clipping count.
    pixels = 255 * np.random.default_rng(0).integers(0, 2, size=(*size, 3)).astype(np.uint8)
    expected = build_resizer("clean")(pixels).transpose(2, 0, 1)
    found = resize(torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None])[0].numpy()
    np.testing.assert_allclose(found, expected, atol=0.02)  # of 255; both round their filter weights


def test_gray_images_are_repeated_to_three_channels() -> None:
    gray = torch.randint(0, 256, (2, 1, 20, 20), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(resize(gray), resize(gray.repeat(1, 3, 1, 1)))


def test_images_of_two_channels_are_refused() -> None:
    with pytest.raises(DataError, match="images of 2 channels; Inception takes 1 or 3"):
        resize(torch.zeros(1, 2, 8, 8, dtype=torch.uint8))
