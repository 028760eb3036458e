"""Samples beside the training images that are nearest; the picture itself: tests/cli/test_evaluate.py."""

from collections.abc import Callable

import pytest

from steergan.recipe import Recipe
from steergan.run.nearest_images import larger_group


@pytest.mark.parametrize(("groups", "wanted"), [(("D4", "C4"), "D4"), (("trivial", "C8"), "C4")])
def test_the_larger_group_is_compared_over(recipe: Callable[..., Recipe], groups: tuple[str, str], wanted: str) -> None:
    generator, discriminator = groups
    made = recipe(f"generator.group={generator}", f"discriminator.group={discriminator}")
    assert larger_group(made) == wanted
