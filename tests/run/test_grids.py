"""The pictures of a run's images: which image stands where."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from steergan.data import load
from steergan.recipe import Recipe
from steergan.run.build import build_generator
from steergan.run.grids import COLUMNS, fake_grid, real_grid, row_labels, rows_of_class

MakeRecipe = Callable[..., Recipe]


@pytest.mark.parametrize(("classes", "rows"), [(1, 5), (2, 2), (4, 1), (100, 1)])
def test_few_classes_have_several_rows_each(classes: int, rows: int) -> None:
    assert rows_of_class(classes) == rows


def test_a_class_is_named_beside_the_first_of_its_rows() -> None:
    assert row_labels(["cat", "dog"], 2) == ["cat", "", "dog", ""]


def test_real_images_stand_in_the_row_of_their_class(recipe: MakeRecipe) -> None:
    sheet = np.asarray(real_grid(load(recipe().data, "train")).convert("L"))
    pitch, pixel = 8 * 8 + 2, 8  # 12 images a class: one full row of ten; a pixel is drawn as 8 x 8
    assert sheet.shape[0] == 2 * pitch + 2
    left = sheet.shape[1] - (COLUMNS * pitch + 2) + 2
    bars = sheet[2 + pixel // 2 :: pitch, left + 3 * pixel + pixel // 2 :: pitch]  # class 1 is bright up to its edge
    assert bars.shape == (2, COLUMNS)
    assert (bars[0] < 60).all()
    assert (bars[1] == 220).all()


class Noting(nn.Linear):
    """A generator of black images that notes what it was asked for."""

    z_dim, classes, image_shape, elements = 4, 2, (1, 8, 8), 4

    def __init__(self) -> None:
        super().__init__(4, 4)
        self.asked: list[tuple[Tensor, Tensor, Tensor | None]] = []

    def forward(self, z: Tensor, y: Tensor, element: Tensor | None = None) -> Tensor:  # type: ignore[override]
        self.asked.append((z, y, element))
        return torch.full((len(z), 1, 8, 8), -1.0)


def test_every_cell_has_a_latent_of_its_own_and_the_elements_come_in_turn(recipe: MakeRecipe) -> None:
    generator: Any = Noting()
    fake_grid(generator, recipe(), ["a", "b"])
    latents = torch.cat([z for z, _, _ in generator.asked])
    assert len(latents.unique(dim=0)) == len(latents) == 2 * 2 * COLUMNS
    for label, (_, y, element) in enumerate(generator.asked):
        assert (y == label).all()
        assert element is not None
        assert element.tolist() == [k % 4 for k in range(2 * COLUMNS)]


def test_generated_images_are_of_the_same_latents_at_every_step(recipe: MakeRecipe) -> None:
    settings = recipe()
    generator = build_generator(settings, (1, 8, 8), 2).eval()
    first, again = (np.asarray(fake_grid(generator, settings, ["a", "b"])) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = np.asarray(fake_grid(generator, recipe("training.seed=1"), ["a", "b"]))
    assert first.shape == other.shape
    assert (first != other).any()
    assert first.shape[1] > COLUMNS * 8
