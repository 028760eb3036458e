"""`--set section.key=value`."""

from pathlib import Path

import pytest

from steergan.errors import RecipeError
from steergan.recipe import read_recipe
from tests.recipe.minimal import SETTABLE, write_minimal


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    return write_minimal(tmp_path)


@pytest.mark.parametrize("key", SETTABLE)
def test_every_promised_key_can_be_set(recipe_file: Path, key: str) -> None:
    section, name = key.split(".")
    before = getattr(getattr(read_recipe(recipe_file), section), name)
    after = getattr(getattr(read_recipe(recipe_file, [f"{key}={SETTABLE[key]}"]), section), name)
    assert before != after
    assert str(after).strip("()").replace("'", "") == SETTABLE[key].strip('[]"')


def test_unquoted_words_are_strings_on_the_command_line(recipe_file: Path) -> None:
    assert read_recipe(recipe_file, ["generator.group=C8"]).generator.group == "C8"


def test_a_number_is_text_where_text_is_wanted(recipe_file: Path) -> None:
    assert read_recipe(recipe_file, ["data.path=2024"]).data.path == "2024"


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.step=5", ("training.step", "training.steps")),
        ("generater.group=C4", ("generater.group", "generator.group")),
        ("training.steps=many", ("training.steps", "'many'", "integer")),
        ("training.steps=0", ("training.steps", "0", "greater")),
        ("training.seed=true", ("training.seed", "True", "integer")),
        ("data.fraction=1.5", ("data.fraction", "1.5", "less than or equal to 1")),
        ("generator.group=C65", ("generator.group", "'C65'", "D4")),
        ("generator.group=[\"C8\", \"C4\"]", ("generator.group", "one name", "turn")),
        ("discriminator.group=[\"C8\", \"p4\"]", ("discriminator.group", "'p4'", "one per block")),
        ("generator.kernel_size=4", ("generator.kernel_size", "4", "odd")),
        ("discriminator.frequency=0", ("discriminator.frequency", "0", "greater")),
        ("performance.convolution=fast", ("performance.convolution", "'fast'", "'auto', 'fourier' or 'dense'")),
        ("nosuch.key=1", ("unknown key", "valid keys and sections: name, data, ")),
        ("training.wwwwwwww=1", ("unknown key", "valid keys: training.steps, ")),
        ("performance.convolutions=dense", ("unknown key", "did you mean performance.convolution?")),
        ("generator.widths=[]", ("generator.widths", "at least 1")),
        ("loss.r1_weight=nan", ("loss.r1_weight", "finite")),
        ("training", ("training", "KEY=VALUE")),
    ],
)
def test_a_bad_override_is_one_line_with_key_value_and_what_was_wanted(
    recipe_file: Path, override: str, words: tuple[str, ...]
) -> None:
    with pytest.raises(RecipeError) as fault:
        read_recipe(recipe_file, [override])
    message = str(fault.value)
    assert "\n" not in message
    assert all(word in message for word in words), message
