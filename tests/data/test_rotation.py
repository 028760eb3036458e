from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from steergan.data.rotation import random_angles, rotate

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 9, 9), dtype=np.uint8)


@pytest.mark.parametrize("side", [8, 9, 28])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_quarter_turns_are_rot90(side: int, turns: int) -> None:
    images = np.random.default_rng(side).integers(0, 256, (4, side, side), dtype=np.uint8)
    np.testing.assert_array_equal(rotate(images, np.full(4, turns * np.pi / 2)), np.rot90(images, turns, (1, 2)))


def test_a_quarter_turn_more_turns_the_result() -> None:
    angles = random_angles(len(IMAGES), 0, "test")
    turned = np.rot90(rotate(IMAGES, angles), 1, (1, 2)).astype(int)
    assert np.abs(rotate(IMAGES, angles + np.pi / 2) - turned).max() <= 1  # exact halves may round either way


def reference(image: NDArray[Any], angle: float, size: int, scale: float) -> NDArray[Any]:
    """scipy's bilinear resampling."""
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    matrix = np.array([[cosine, sine], [-sine, cosine]])  # (row, column), rows pointing down
    centre, canvas_centre = (len(image) - 1) / 2, (size - 1) / 2
    offset = centre - matrix @ [canvas_centre, canvas_centre]
    return ndimage.affine_transform(
        image.astype(float), matrix, offset, (size, size), order=1, mode="grid-constant", cval=0
    )


@pytest.mark.parametrize(("size", "scale"), [(9, 1.0), (16, 1.5), (7, 1.0)])
def test_any_angle_agrees_with_scipy(size: int, scale: float) -> None:
    angles = random_angles(len(IMAGES), 1, "test")
    expected = np.stack([reference(image, a, size, scale) for image, a in zip(IMAGES, angles, strict=True)])
    assert np.abs(rotate(IMAGES, angles, size=size, scale=scale) - expected).max() <= 0.5 + 1e-6


def test_outside_is_black() -> None:
    corner = rotate(np.full((1, 20, 20), 255, np.uint8), np.array([np.pi / 4]))[0, :3, :3]
    assert corner.max() == 0


def test_angles_stay_below_what_is_asked() -> None:
    quarter = random_angles(1000, 0, "test", degrees=90)
    np.testing.assert_allclose(quarter, random_angles(1000, 0, "test") / 4, rtol=1e-15)
    assert (random_angles(1000, 0, "test", degrees=0) == 0).all()


def test_angles_are_uniform_and_seeded() -> None:
    angles = random_angles(20_000, 0, "test")
    assert angles.min() >= 0
    assert angles.max() < 2 * np.pi
    counts = np.histogram(angles, 8, (0, 2 * np.pi))[0]
    assert ((counts - 2500) ** 2 / 2500).sum() < 24.3  # chi-squared, 7 degrees of freedom, 0.1 %
    np.testing.assert_array_equal(angles[:5], random_angles(20_000, 0, "test")[:5])
    assert (angles != random_angles(20_000, 1, "test")).all()
