from typing import Any

import pytest
import torch
from torch.nn.functional import interpolate

from steergan.errors import SteerganError
from steergan.layers import Upsample
from steergan.layers.resample import LARGEST
from steergan.symmetry import gspace, trivial_type

IMAGE = trivial_type(gspace("C4"), 1)
X = torch.tensor([[0.0, 4.0], [8.0, 12.0]]).view(1, 1, 2, 2)


def test_nearest_repeats_pixels() -> None:
    y = Upsample(IMAGE, 3)(IMAGE(X)).tensor
    assert torch.equal(y, X.repeat_interleave(3, 2).repeat_interleave(3, 3))


def test_bilinear_takes_pixels_for_areas() -> None:
    y = Upsample(IMAGE, 2, "bilinear")(IMAGE(X)).tensor
    assert y[0, 0, 0].tolist() == [0, 1, 3, 4]
    assert y[0, 0, :, 0].tolist() == [0, 2, 6, 8]


@pytest.mark.parametrize("factor", [1, 2, 3])
@pytest.mark.parametrize("size", [(1, 4), (5, 5), (40, 12), (LARGEST + 1, 2)])
def test_bilinear_is_torchs_own(size: tuple[int, int], factor: int) -> None:
    """Small maps, larger ones, and such that torch does itself; pixels and their derivatives."""
    x = torch.randn(2, 1, *size, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(2, 1, factor * size[0], factor * size[1], dtype=torch.float64)
    found = Upsample(IMAGE, factor, "bilinear")(IMAGE(x)).tensor
    wanted = interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
    assert torch.allclose(found, wanted, atol=1e-13)
    slope, wanted_slope = (torch.autograd.grad((y * weights).sum(), x)[0] for y in (found, wanted))
    assert torch.allclose(slope, wanted_slope, atol=1e-12)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(SteerganError, match="'cubic' is not known"):
        Upsample(IMAGE, 2, "cubic")


@pytest.mark.parametrize("factor", [0, 1.5])
def test_a_scale_factor_that_is_no_whole_number_is_refused(factor: Any) -> None:
    with pytest.raises(SteerganError, match="whole number"):
        Upsample(IMAGE, factor)
