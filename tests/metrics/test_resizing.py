"""Images at the size of an ImageNet network: as clean-fid, pytorch-fid and TensorFlow 1 resize them."""

import warnings

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

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


def extremes(size: tuple[int, int]) -> Tensor:
    return 255 * torch.randint(0, 2, (2, 3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


SIZES = pytest.mark.parametrize("size", [(28, 28), (64, 48), (300, 420)])


@SIZES
def test_resizing_as_pytorch_fid_is_clean_fids_legacy_mode(size: tuple[int, int]) -> None:
    from cleanfid.resize import build_resizer

    images = extremes(size)
    with warnings.catch_warnings():  # clean-fid silences them for good
        expected = [build_resizer("legacy_pytorch")(image.permute(1, 2, 0).numpy()) for image in images]
    found = resize(images, how="pytorch").permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-3)


@SIZES
def test_resizing_as_tensorflow_is_that_of_nvidias_network(size: tuple[int, int]) -> None:
    images = extremes(size).float()
    # What is inside the TorchScript that clean-fid calls legacy_tensorflow: a grid moved by half a pixel's difference.
    theta = torch.eye(2, 3).double()
    theta[0, 2] = theta[0, 0] / size[1] - theta[0, 0] / 299
    theta[1, 2] = theta[1, 1] / size[0] - theta[1, 1] / 299
    grid = affine_grid(theta[None].expand(2, -1, -1), [2, 3, 299, 299], align_corners=False)
    expected = grid_sample(images.double(), grid, mode="bilinear", padding_mode="border", align_corners=False)
    torch.testing.assert_close(resize(images.byte(), how="tf").double(), expected, rtol=0, atol=5e-3)


def test_tensorflow_takes_pixels_at_their_upper_left_corners() -> None:
    images = torch.tensor([[0, 100], [200, 40]], dtype=torch.uint8)[None, None]
    found = resize(images, 4, "tf")[0, 0].tolist()
    assert found == [[0, 50, 100, 100], [100, 85, 70, 70], [200, 120, 40, 40], [200, 120, 40, 40]]


def test_gray_images_are_repeated_to_three_channels() -> None:
    gray = torch.randint(0, 256, (2, 1, 20, 20), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(resize(gray), resize(gray.repeat(1, 3, 1, 1)))


def test_images_of_two_channels_are_refused() -> None:
    with pytest.raises(DataError, match="images of 2 channels; Inception takes 1 or 3"):
        resize(torch.zeros(1, 2, 8, 8, dtype=torch.uint8))
