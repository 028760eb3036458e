"""What a decoded image says of itself, and how values become bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from steergan.data.decoded import Decoded, ends_of, stretched


def test_both_kinds_of_pixels_say_the_same_of_themselves() -> None:
    pixels = np.random.default_rng(0).integers(3, 200, (4, 6, 3), dtype=np.uint8)
    for colours in (pixels, pixels[..., :1]):
        shallow = Decoded(Image.fromarray(colours[..., 0] if colours.shape[2] == 1 else colours), None, ())
        deep = Decoded(colours, None, ())
        for one in (shallow, deep):
            assert (one.size, one.gray, one.dtype) == ((4, 6), colours.shape[2] == 1, np.dtype(np.uint8))
            assert one.extremes == (colours.min(), colours.max())


@pytest.mark.parametrize(
    ("kind", "ends"), [("uint16", (0, 65535)), ("int16", (-32768, 32767)), ("float32", (0, 1)), ("uint8", (0, 255))]
)
def test_types_end_where_they_do(kind: str, ends: tuple[int, int]) -> None:
    assert ends_of(np.dtype(kind)) == ends


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ends_become_black_and_white_and_what_lies_beyond_is_clipped(low: float, width: float) -> None:
    high = low + width
    found = stretched(np.array([low - width, low, high, high + width]), low, high)
    assert found.tolist() == [0, 0, 255, 255]


def test_images_are_stretched_in_parts_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).integers(0, 4096, (9, 5, 3))
    whole = stretched(values, 100, 4000)
    monkeypatch.setattr("steergan.data.decoded.AT_ONCE", 31)
    np.testing.assert_array_equal(stretched(values, 100, 4000), whole)


def test_levels_are_rounded_to_even_and_one_value_alone_is_black() -> None:
    assert stretched(np.array([0, 1, 2, 3]), 0, 510).tolist() == [0, 0, 1, 2]
    assert stretched(np.array([7, 7]), 7, 7).tolist() == [0, 0]
