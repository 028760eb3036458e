from typing import Any

import pytest
import torch

from steergan.errors import SteerganError
from steergan.layers import Upsample
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


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(SteerganError, match="'cubic' is not known"):
        Upsample(IMAGE, 2, "cubic")


@pytest.mark.parametrize("factor", [0, 1.5])
def test_a_scale_factor_that_is_no_whole_number_is_refused(factor: Any) -> None:
    with pytest.raises(SteerganError, match="whole number"):
        Upsample(IMAGE, factor)
