"""Recipes as files: they inherit, survive a round trip, and are refused in a line."""

from pathlib import Path

import pytest

from steergan.errors import RecipeError
from steergan.networks import ModernDiscriminatorSpec, ModernGeneratorSpec
from steergan.recipe import flat, read_recipe, recipe_keys, write_recipe
from tests.recipe.minimal import MINIMAL, SETTABLE, write_minimal


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    return write_minimal(tmp_path)


def test_written_recipe_reads_back_the_same(recipe_file: Path, tmp_path: Path) -> None:
    recipe = read_recipe(recipe_file, [f"{key}={value}" for key, value in SETTABLE.items()])
    copy = tmp_path / "copy.toml"
    copy.write_text(write_recipe(recipe))
    assert read_recipe(copy) == recipe


def test_written_recipe_spells_out_every_key(recipe_file: Path) -> None:
    recipe = read_recipe(recipe_file)
    text, said = write_recipe(recipe), flat(recipe.model_dump(mode="json"))
    assert all(f"{key.rsplit('.', 1)[-1]} = " in text for key in said)
    others = {"generator": ModernGeneratorSpec.model_fields, "discriminator": ModernDiscriminatorSpec.model_fields}
    left = [key.partition(".") for key in recipe_keys() if key not in said]
    assert all(name in others[section] for section, _, name in left)


def test_recipes_from_before_a_section_existed_have_its_defaults(recipe_file: Path, tmp_path: Path) -> None:
    recipe = read_recipe(recipe_file)
    old = tmp_path / "resolved.toml"
    old.write_text(write_recipe(recipe).partition("[performance]")[0])
    assert "performance" not in old.read_text()
    assert read_recipe(old) == recipe


def test_extends_inherits_key_by_key(recipe_file: Path, tmp_path: Path) -> None:
    child = tmp_path / "deeper" / "child.toml"
    child.parent.mkdir()
    child.write_text('extends = "../small.toml"\nname = "child"\n[training]\nsteps = 5\n')
    grandchild = child.with_name("grandchild.toml")
    grandchild.write_text('extends = "child.toml"\n[training]\nseed = 4\n')
    recipe = read_recipe(grandchild)
    assert (recipe.name, recipe.data.name, recipe.training.steps, recipe.training.seed) == ("child", "digits", 5, 4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (MINIMAL + "colour = 3\n", ("data.colour", "unknown key")),
        (MINIMAL + "[performence]\nprecision = 3\n", ("unknown key performence; did you mean performance?",)),
        ('name = "x"\n', ("data", "missing")),
        ("name = = 3", ("not TOML",)),
        ('extends = 3\nname = "x"\n', ("extends", "path in quotes")),
        ('extends = "self.toml"\n', ("extends itself",)),
        ('extends = "absent.toml"\n', ("absent.toml", "no such recipe")),
        (MINIMAL.replace("small", "a b"), ("name", "'a b'")),
    ],
)
def test_a_bad_recipe_is_one_line(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    path = tmp_path / "self.toml"
    path.write_text(text)
    with pytest.raises(RecipeError) as fault:
        read_recipe(path)
    message = str(fault.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe(tmp_path)
