"""One line about the first fault of a table, with the key that was probably meant."""

from typing import Any

import pytest

from steergan.errors import RecipeError
from steergan.networks import PatchDiscriminatorSpec, UNetSpec
from steergan.recipe import Recipe, TranslationRecipe, nearest, recipe_keys, validate, validate_any

TABLE: dict[str, Any] = {"name": "small", "data": {"name": "digits"}}


def test_keys_are_those_of_every_section_in_their_order() -> None:
    keys = list(recipe_keys())
    assert keys[:2] == ["name", "data.name"]
    assert len(keys) == len(set(keys))
    assert list(dict.fromkeys(key.partition(".")[0] for key in keys)) == list(Recipe.model_fields)
    assert {"generator.kernel_size", "discriminator.groups", "performance.prefetch"} - set(keys) == {
        "discriminator.groups"
    }


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("training.step", "; did you mean training.steps?"),
        ("generater.group", "; did you mean generator.group?"),
        ("performence", "; did you mean performance?"),
        ("prefetch", "; did you mean performance.prefetch?"),
        (
            "loss.wwwwww",
            "; valid keys: loss.name, loss.r1_weight, loss.r2_weight, loss.wgan_gp_weight, loss.penalty_every, "
            "loss.discriminator_weight, loss.reconstruction_weight, loss.orthogonal_weight",
        ),
    ],
)
def test_the_nearest_key_is_named(key: str, hint: str) -> None:
    assert nearest(key) == hint


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ({"training": {"steps": 0}}, "my.toml: training.steps = 0; wanted: greater than or equal to 1"),
        ({"training": {"stepz": 3}}, "my.toml: unknown key training.stepz; did you mean training.steps?"),
        ({"generator": {"widths": 3}}, "my.toml: generator.widths = 3; wanted: a list"),
        ({"data": {"name": "digits", "size": -1}}, "my.toml: data.size = -1; wanted: greater than or equal to 0"),
        ({"generator": {"group": "p4"}}, "my.toml: generator.group = 'p4'; wanted: trivial, C_N or D_N with N up to 64 "
         "(C4, D4, C8, ...), SO2 or O2"),
        ({"generator": {"architecture": "modern", "upsamplings": 2}}, "my.toml: generator.upsamplings is no key where "
         "generator.architecture = 'modern'; leave it out"),
        ({"generator": {"architecture": "modern", "latent": "dense", "noise": True}},
         'my.toml: generator.noise = True; wanted: false with latent = "dense", which claims no law that noise could '
         "keep"),
        ({"generator": {"architecture": "modern", "group": "SO2", "noise": True}}, "my.toml: generator.noise = True; "
         'wanted: false with latent = "steerable": maps of noise turn with latent = "symmetrized" alone'),
        ({"generator": {"kernel_size": 4}}, "my.toml: generator.kernel_size = 4; wanted: an odd number of pixels, or 0 "
         "for the group's own"),
    ],
)  # fmt: skip
def test_a_fault_is_one_line_with_key_value_and_what_was_wanted(section: dict[str, Any], line: str) -> None:
    with pytest.raises(RecipeError) as fault:
        validate(TABLE | section, "my.toml")
    assert str(fault.value) == line


def test_a_missing_key_is_named() -> None:
    with pytest.raises(RecipeError, match=r"my\.toml: key data is missing; it has no default"):
        validate({"name": "x"}, "my.toml")


def test_a_recipe_of_a_translation_is_known_by_its_generator() -> None:
    recipe = validate_any(TABLE | {"generator": {"architecture": "unet", "group": "D4"}}, "my.toml")
    assert isinstance(recipe, TranslationRecipe)
    assert (recipe.generator, recipe.discriminator) == (UNetSpec(group="D4"), PatchDiscriminatorSpec())
    assert isinstance(validate_any(TABLE, "my.toml"), Recipe)
    assert list(Recipe.model_fields) == list(TranslationRecipe.model_fields)


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"generator": {"architecture": "unet", "width": 3}}, "my.toml: unknown key generator.width; did you mean "
         "generator.widths?"),
        ({"generator": {"architecture": "unet"}, "discriminator": {"architecture": "plain"}},
         "my.toml: discriminator.architecture = 'plain'; wanted: 'patch'"),
        ({"discriminator": {"architecture": "patch"}}, "my.toml: discriminator.architecture = 'patch'; wanted: "
         "'plain', 'residual' or 'modern'"),
        ({"generator": {"architecture": "unet"}}, "my.toml: a recipe that translates images (data.name = 'digits', "
         "generator.architecture = 'unet') came; one that draws images from latents was wanted"),
    ],
)  # fmt: skip
def test_kinds_of_recipes_are_not_mixed(sections: dict[str, Any], line: str) -> None:
    with pytest.raises(RecipeError) as fault:
        validate(TABLE | sections, "my.toml")
    assert str(fault.value) == line
