"""Where large images are cut."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from steergan.data.picture_files import large_images
from steergan.data.slides import Cut, grid_corners, left_part, right_part
from steergan.errors import DataError

sides, shares = st.integers(1, 90), st.floats(0.01, 0.99)


@given(sides, sides, st.integers(1, 20), st.integers(1, 25), shares)
def test_no_pixel_is_on_both_sides_of_the_border(
    width: int, height: int, size: int, stride: int, held_out: float
) -> None:
    cut = Cut(size, stride, 0.0, 3)
    columns = []
    for part in (left_part, right_part):
        try:
            corners = grid_corners((width, height), cut, partial(part, held_out))
        except DataError:
            return
        assert (corners >= 0).all()
        assert (corners + size <= (height, width)).all()
        columns.append({left + x for left in corners[:, 1].tolist() for x in range(size)})
    assert not columns[0] & columns[1]


def test_pillows_limit_is_lifted_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with large_images():
        assert Image.MAX_IMAGE_PIXELS is None
    assert Image.MAX_IMAGE_PIXELS == 100


def test_not_even_one_patch_is_refused() -> None:
    with pytest.raises(DataError, match=r"^20 x 7 pixels; a patch needs 8 x 8"):
        grid_corners((20, 7), Cut(8, 8, 0.0, 3), lambda width: (0, width))
    with pytest.raises(DataError, match=r"^a part of 4 x 20 pixels"):
        grid_corners((20, 20), Cut(8, 8, 0.0, 3), lambda width: (0, 4))
    np.testing.assert_array_equal(grid_corners((17, 8), Cut(8, 4, 0.0, 3), lambda w: (0, w)), [[0, 0], [0, 4], [0, 8]])
