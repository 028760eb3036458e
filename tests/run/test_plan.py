"""What a recipe would build, as text."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from steergan.errors import DataError
from steergan.recipe import Recipe, TranslationRecipe, read_any_recipe, read_recipe
from steergan.run.build import build_discriminator, build_generator
from steergan.run.plan import images_of, plan

MakeRecipe = Callable[..., Recipe]
RECIPES = Path(__file__).parents[2] / "recipes"


def test_a_plan_names_the_data_every_layer_and_the_recipe(recipe: MakeRecipe) -> None:
    data, generator, discriminator, convolutions, *_ = plan(recipe()).split("\n\n")
    assert data.splitlines() == [
        "data: 24 training and 16 held-out images of 1 x 8 x 8, 2 classes",
        "class  name  training  held out",
        "    0  0           12         8",
        "    1  1           12         8",
        "read as: arrays of a .npz file, 0.4 of every class held out, seed 0",
    ]
    for text, build in ((generator, build_generator), (discriminator, build_discriminator)):
        network = build(recipe(), (1, 8, 8), 2)
        *rows, total = text.splitlines()[2:]
        assert total.split()[:2] == ["total", f"{sum(p.numel() for p in network.parameters()):,}"]
        assert len(rows) == len({row.split()[0] for row in rows}) > 4
    assert convolutions.startswith("convolutions: ")
    assert "steps = 6" in plan(recipe())


def test_a_plan_says_how_long_it_will_take_where_that_can_be_found_out(recipe: MakeRecipe) -> None:
    assert re.search(r"\npace: \S+ s a step, .* for 6 steps, \d+\.\d GB of memory, evaluations aside\n", plan(recipe()))
    if not torch.backends.mps.is_available():
        dense = recipe("performance.convolution=dense")
        assert "pace: not measured, this machine has no mps device" in plan(dense, device="mps")


def test_a_plan_says_which_latent_was_chosen(recipe: MakeRecipe) -> None:
    steered = plan(recipe("generator.group=SO2", "generator.frequency=1", "generator.kernel_size=3"))
    assert "\n\nlatent: steerable, SO2 acts on it, and the picture turns with it\n\n" in steered
    assert "\n\nlatent: symmetrized, a random element of C4 turns each seed map\n\n" in plan(recipe())


def test_columns_of_a_plan_are_aligned(recipe: MakeRecipe) -> None:
    lines = plan(recipe()).split("\n\n")[1].splitlines()[1:]
    assert len({len(line) for line in lines}) == 1
    assert all(line[lines[0].index("kind") - 2 :].startswith("  ") for line in lines)


@pytest.fixture
def nothing_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No original files, and no prepared set."""
    monkeypatch.setenv("STEERGAN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("path", sorted(path.relative_to(RECIPES) for path in RECIPES.rglob("*.toml")), ids=str)
def test_every_recipe_can_be_planned_without_its_data(nothing_there: None, path: Path) -> None:
    if path.parts[0] == "studies" or path.stem in ("base", "table2", "table3"):
        return
    settings = read_any_recipe(RECIPES / path).data
    found = images_of(settings)
    if settings.name in ("pairs", "folder"):  # nothing is published of what a folder of that name would have to hold
        assert found.text.startswith("data: not here; taken for ")
        assert f"{settings.path!r}: no such file or folder here or in STEERGAN_DATA" in found.text
        return
    missing = settings.name not in ("digits", "galaxies", "patches", "stain")  # those come with installed packages
    assert missing == (f"as published; they are not here\n{settings.name}: no originals in" in found.text)


@pytest.mark.parametrize(
    ("name", "more", "counts"),
    [
        ("rotmnist", "data.fraction=0.33", "3960 training and 50000 held-out images of 1 x 28 x 28, 10 classes"),
        ("paper/lysto/g-g", "data.split=none", "20000 training and 20000 held-out images of 3 x 256 x 256, 3 classes"),
        ("anhir", "data.held_out=0.25", "28407 training and 9469 held-out images of 3 x 128 x 128, 5 classes"),
        ("food101", "data.size=32", "75750 training and 25250 held-out images of 3 x 32 x 32, 101 classes"),
    ],
)
def test_what_is_published_counts_where_nothing_is_there(
    nothing_there: None, name: str, more: str, counts: str
) -> None:
    settings = read_recipe(RECIPES / f"{name}.toml", [more]).data
    assert images_of(settings).text.startswith(f"data: {counts}, as published")


def test_a_whole_plan_without_data_says_how_they_would_be_had(nothing_there: None) -> None:
    found = plan(read_recipe(RECIPES / "rotmnist-small.toml", ["performance.convolution=dense"]))
    assert "or run `steergan data prepare rotmnist --download`\n\ngenerator\n" in found
    assert re.search(r"\npace: \S+ s a step", found)


def test_pairs_that_are_not_there_are_planned_for_if_their_size_is_said(nothing_there: None) -> None:
    recipe = read_any_recipe(RECIPES / "paper/maps/p4-in-d.toml", ["training.batch_size=1"])
    assert isinstance(recipe, TranslationRecipe)
    found = images_of(recipe.data)
    assert (found.shape, found.inputs) == ((6, 256, 256), 3)
    assert "pairs, inputs and outputs in colour, of 256 x 256 pixels" in found.text
    with pytest.raises(DataError, match="no such file or folder"):
        images_of(recipe.data.model_copy(update={"size": 0, "load_size": 0}))


def test_a_path_that_is_not_there_is_refused_in_a_plan_too(nothing_there: None) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        plan(read_recipe(RECIPES / "rotmnist-small.toml"), "nowhere")
