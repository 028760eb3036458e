"""The picture of a symmetry test."""

from pathlib import Path

import numpy as np
from PIL import Image

from steergan.invariance.data import data_symmetry
from steergan.invariance.pictures import symmetry_figure
from steergan.pictures import save_png
from tests.invariance.textures import SIDE, image_set, noise, sky


def test_the_picture_shows_what_was_found_in_colour(tmp_path: Path) -> None:
    images = image_set(np.concatenate([noise((1.2, 1.2), 60), sky()[:60]]), np.repeat([0, 1], 60))
    found = data_symmetry(images, permutations=199)
    figure = symmetry_figure(images, found)
    assert [axes.get_ylabel() for axes in figure.axes[::7]] == ["all classes", "class-0", "class-1"]
    for row, subject in enumerate(found.subjects):
        for axes, element in zip(figure.axes[7 * row + 1 : 7 * row + 7], subject.elements, strict=True):
            red = axes.title.get_color() == "#b2182b"
            assert red == (element.adjusted_p_value <= 0.05)
    shown = np.asarray(figure.axes[14].images[0].get_array())[1 : SIDE + 1, 1 : SIDE + 1]
    turned = np.asarray(figure.axes[15].images[0].get_array())[1 : SIDE + 1, 1 : SIDE + 1]
    np.testing.assert_array_equal(turned, np.rot90(shown))
    save_png(figure, tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.width > 900
