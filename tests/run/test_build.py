"""What a recipe says reaches its networks."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from steergan.data import image_kind
from steergan.errors import RecipeError
from steergan.layers import GroupConvolution
from steergan.recipe import Recipe, read_any_recipe
from steergan.run.build import build_discriminator, build_generator, check_computable
from steergan.training import Processes

RECIPES = Path(__file__).parents[2] / "recipes"
MakeRecipe = Callable[..., Recipe]

BCR = ("augmentation.consistency_real=0.1", "augmentation.consistency_fake=0.05")
STANDARD = "augmentation.standard=true"
ROTATIONS = ("augmentation.rotation_discriminator=1.0", "augmentation.rotation_generator=0.2")
ADAPTIVE = ("augmentation.adaptive_target=0.01", "augmentation.adaptive_images=60")
PLAIN = "discriminator.group=trivial"


def test_the_choice_of_a_recipe_reaches_every_convolution(recipe: MakeRecipe) -> None:
    settings = recipe("performance.convolution=dense")
    networks = build_generator(settings, (1, 8, 8), 2), build_discriminator(settings, (1, 8, 8), 2)
    layers = [module for n in networks for module in n.modules() if isinstance(module, GroupConvolution)]
    assert len(layers) >= 4
    assert all(layer.convolution_choice == "dense" for layer in layers)


def test_only_auxiliary_rotations_add_a_head_and_no_other_weight_moves(recipe: MakeRecipe) -> None:
    shape = (1, 8, 8)
    plain = build_discriminator(recipe(STANDARD, *BCR, *ADAPTIVE), shape, 2).state_dict()
    same = build_discriminator(recipe(), shape, 2).state_dict()
    headed = build_discriminator(recipe(*ROTATIONS), shape, 2).state_dict()
    assert plain.keys() == same.keys()
    assert {name for name in headed.keys() - same.keys() if not name.startswith("rotation_head")} == set()
    assert all(torch.equal(plain[name], same[name]) for name in same)
    assert all(torch.equal(headed[name], same[name]) for name in same)


def test_images_that_are_compared_are_in_one_part_of_one_process(recipe: MakeRecipe) -> None:
    four = recipe("discriminator.minibatch_deviation=4", "training.batch_size=8", "training.accumulate=2")
    check_computable(four, "cpu")
    with pytest.raises(RecipeError) as caught:
        check_computable(four, "cpu", Processes(count=2))
    assert str(caught.value) == (
        "discriminator.minibatch_deviation = 4: 2 images go through the networks at once (training.batch_size = 8), "
        "which are no groups of 4; choose a divisor of 2"
    )
    with pytest.raises(RecipeError, match=r"minibatch_deviation = 1; wanted: 2 images or more, or 0 for none"):
        recipe("discriminator.minibatch_deviation=1")


@pytest.mark.parametrize(
    "path", sorted([*RECIPES.glob("groups/*.toml"), *RECIPES.glob("*-demo*.toml")]), ids=lambda path: path.stem
)
def test_networks_of_our_own_recipes_can_be_run_and_differentiated(path: Path) -> None:
    """At the widths that recipes have: there layers choose ways that they do not choose in small networks."""
    recipe = read_any_recipe(path)
    if not isinstance(recipe, Recipe):
        return
    shape, classes = image_kind(recipe.data)
    generator, discriminator = build_generator(recipe, shape, classes), build_discriminator(recipe, shape, classes)
    y = torch.zeros(2, dtype=torch.int64)
    z = torch.randn(2, recipe.generator.z_dim)
    images = generator(z, y, y if generator.elements else None)
    assert images.shape == (2, *shape)
    discriminator(images, y).sum().backward()
    for network in (generator, discriminator):
        assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in network.parameters())
