"""Recipes are strict, inherit, and survive a round trip."""

from pathlib import Path

import pytest

from steergan.errors import RecipeError
from steergan.recipe import read_recipe, recipe_keys, write_recipe

MINIMAL = 'name = "small"\n[data]\nname = "digits"\n'

SETTABLE = {
    "data.name": '"npz"',
    "data.path": '"images.npz"',
    "data.fraction": "0.33",
    "generator.group": '"D4"',
    "generator.latent": '"dense"',
    "generator.widths": "[64, 32]",
    "discriminator.group": '"trivial"',
    "discriminator.pooling": '"paper"',
    "loss.name": '"wasserstein"',
    "loss.r1_weight": "0.5",
    "augmentation.group": '"D4"',
    "augmentation.consistency_real": "0.1",
    "augmentation.rotation_discriminator": "1.0",
    "augmentation.adaptive_target": "0.6",
    "augmentation.transforms": "[]",
    "training.steps": "7",
    "training.batch_size": "9",
    "training.seed": "3",
    "training.discriminator_updates": "1",
    "evaluation.every": "5",
    "evaluation.samples": "99",
    "performance.convolution": '"dense"',
}
"""Keys that the issue promises to users, each with a value that is not the default."""


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(MINIMAL)
    return path


@pytest.mark.parametrize("key", SETTABLE)
def test_every_promised_key_can_be_set(recipe_file: Path, key: str) -> None:
    section, name = key.split(".")
    before = getattr(getattr(read_recipe(recipe_file), section), name)
    after = getattr(getattr(read_recipe(recipe_file, [f"{key}={SETTABLE[key]}"]), section), name)
    assert before != after
    assert str(after).strip("()").replace("'", "") == SETTABLE[key].strip('[]"')


def test_written_recipe_reads_back_the_same(recipe_file: Path, tmp_path: Path) -> None:
    recipe = read_recipe(recipe_file, [f"{key}={value}" for key, value in SETTABLE.items()])
    copy = tmp_path / "copy.toml"
    copy.write_text(write_recipe(recipe))
    assert read_recipe(copy) == recipe


def test_written_recipe_spells_out_every_key(recipe_file: Path) -> None:
    text = write_recipe(read_recipe(recipe_file))
    assert all(f"{key.rsplit('.', 1)[-1]} = " in text for key in recipe_keys())


def test_recipes_from_before_a_section_existed_have_its_defaults(recipe_file: Path, tmp_path: Path) -> None:
    recipe = read_recipe(recipe_file)
    old = tmp_path / "resolved.toml"
    old.write_text(write_recipe(recipe).partition("[performance]")[0])
    assert "performance" not in old.read_text()
    assert read_recipe(old) == recipe


def test_unquoted_words_are_strings_on_the_command_line(recipe_file: Path) -> None:
    assert read_recipe(recipe_file, ["generator.group=C8"]).generator.group == "C8"


def test_a_number_is_text_where_text_is_wanted(recipe_file: Path) -> None:
    assert read_recipe(recipe_file, ["data.path=2024"]).data.path == "2024"


def test_extends_inherits_key_by_key(recipe_file: Path, tmp_path: Path) -> None:
    child = tmp_path / "deeper" / "child.toml"
    child.parent.mkdir()
    child.write_text('extends = "../small.toml"\nname = "child"\n[training]\nsteps = 5\n')
    grandchild = child.with_name("grandchild.toml")
    grandchild.write_text('extends = "child.toml"\n[training]\nseed = 4\n')
    recipe = read_recipe(grandchild)
    assert (recipe.name, recipe.data.name, recipe.training.steps, recipe.training.seed) == ("child", "digits", 5, 4)


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


def test_shipped_recipes_say_what_table_2_says() -> None:
    folder = Path(__file__).parents[2] / "recipes" / "paper" / "rotmnist"
    cells = {path.stem: read_recipe(path) for path in folder.glob("*-*-*-*.toml")}
    assert len(cells) == 3 * 4 * 4
    wgan = cells["wgan-cnn-c4-33"]
    assert (wgan.loss.name, wgan.loss.r1_weight, wgan.loss.wgan_gp_weight) == ("wasserstein", 0.0, 10.0)
    assert (wgan.generator.group, wgan.discriminator.group, wgan.data.fraction) == ("trivial", "C4", 0.33)
    for name, recipe in cells.items():
        assert recipe.name == f"table2-{name}"
        assert (recipe.generator.latent, recipe.discriminator.pooling) == ("dense", "paper")
        assert (recipe.training.steps, recipe.training.batch_size, recipe.training.ema_decay) == (20_000, 64, 0.9999)
