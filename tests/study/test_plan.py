"""Which runs a study makes, and what it refuses."""

from pathlib import Path

import pytest

from steergan.errors import RecipeError
from steergan.recipe import Recipe, TranslationRecipe, read_recipe, write_recipe
from steergan.study import Study, read_study
from tests.study.studies import ROOT, axis, options, write_study


def drawn(recipe: Recipe | TranslationRecipe) -> Recipe:
    """A recipe that draws images from latents."""
    assert isinstance(recipe, Recipe)
    return recipe


def test_cells_are_the_product_of_the_axes_and_each_is_run_with_every_seed(grid: Study) -> None:
    assert grid.cells == [("CNN in D", "10 %"), ("CNN in D", "100 %"), ("C4 in D", "10 %"), ("C4 in D", "100 %")]
    assert [run.seed for run in grid.runs] == [0, 1] * 4
    recipes = [(run.labels, run.recipe) for run in grid.runs]
    chosen = {(labels, r.discriminator.group, r.data.fraction, r.training.seed) for labels, r in recipes}
    groups, fractions = {"CNN in D": "trivial", "C4 in D": "C4"}, {"10 %": 0.1, "100 %": 1.0}
    assert chosen == {((d, f), groups[d], fractions[f], seed) for d in groups for f in fractions for seed in (0, 1)}
    assert grid.runs[0].folder == "cnn-in-d-10-seed0"
    assert all(drawn(run.recipe).generator.z_dim == 4 for run in grid.runs)


def test_study_without_axes_repeats_its_recipe(tmp_path: Path) -> None:
    grid = read_study(write_study(tmp_path, ""))
    assert grid.cells == [()]
    assert [run.folder for run in grid.runs] == ["seed0", "seed1"]


def test_small_study_has_the_four_settings_at_two_sizes_and_three_seeds() -> None:
    grid = read_study(ROOT / "recipes" / "studies" / "rotmnist-small.toml")
    settings = {(r.recipe.generator.group, r.recipe.discriminator.group, r.recipe.data.fraction) for r in grid.runs}
    assert settings == {(g, d, f) for g in ("trivial", "C4") for d in ("trivial", "C4") for f in (0.1, 1.0)}
    assert len(grid.runs) == 24
    assert {drawn(run.recipe).discriminator.pooling for run in grid.runs} == {"exact"}
    assert len({drawn(run.recipe).generator.latent for run in grid.runs}) == 1


def test_table_2_runs_the_recipes_of_its_cells() -> None:
    folder = ROOT / "recipes" / "paper" / "rotmnist"
    losses = {"NSGAN": "nsgan", "WGAN": "wgan", "RaGAN": "ragan"}
    settings = {"CNN in G & D": "cnn-cnn", "G-CNN in G; CNN in D": "c4-cnn", "CNN in G; G-CNN in D": "cnn-c4"}
    settings["G-CNN in G & D"] = "c4-c4"
    runs = read_study(folder / "table2.toml").runs
    assert len(runs) == 3 * 4 * 4 * 3
    for run in runs[::3]:
        loss, setting, percent = run.labels
        cell = read_recipe(folder / f"{losses[loss]}-{settings[setting]}-{percent.removesuffix(' %')}.toml")
        assert run.recipe == cell.model_copy(update={"name": run.recipe.name}), run.labels


TABLE_3 = {
    "CNN in G & D": "cnn-cnn",
    "G-CNN in G; CNN in D": "g-cnn",
    "CNN in G; G-CNN in D": "cnn-g",
    "G-CNN in G & D": "g-g",
    "CNN in G & D + Standard Aug.": "cnn-cnn-standard",
    "CNN in G & D + bCR": "cnn-cnn-bcr",
    "CNN in G & D + AR": "cnn-cnn-ar",
    "G-CNN in G & D + bCR": "g-g-bcr",
}


@pytest.mark.parametrize(("name", "posed"), [("anhir", False), ("lysto", False), ("cifar10", True), ("food101", True)])
def test_table_3_runs_the_recipes_of_its_cells_and_their_labels_are_true(name: str, posed: bool) -> None:
    folder = ROOT / "recipes" / "paper" / name
    grid = read_study(folder / "table3.toml")
    assert grid.cells == [(label,) for label in TABLE_3 if posed or "AR" not in label]
    for run in grid.runs[:: len(grid.file.seeds)]:
        ((label,), recipe) = run.labels, run.recipe
        assert recipe == read_recipe(folder / f"{TABLE_3[label]}.toml")
        first, _, added = label.partition(" + ")
        group = {True: "C4" if posed else "D4", False: "trivial"}
        both = "G & D" in first
        steered = ["G-CNN in G" in first, "G-CNN in D" in first or (both and first.startswith("G-CNN"))]
        assert [recipe.generator.group, recipe.discriminator.group] == [group[found] for found in steered], label
        treated = recipe.augmentation
        chosen = (treated.standard, treated.consistency_real > 0, treated.rotation_discriminator > 0)
        assert chosen == (added == "Standard Aug.", added == "bCR", added == "AR"), label


@pytest.mark.parametrize(
    ("study", "cells", "recipes"),
    [
        ("anhir-grid", 64, ["anhir/g-g"]),
        (
            "cifar10-pooling",
            10,
            [f"cifar10/{name}" for name in ("cnn-cnn", "g-cnn", "cnn-g", "g-g", "g-g-plain32", "g-g-average")],
        ),
        ("food101-bcr", 3, ["food101/g-g", "food101/g-g-bcr", "food101/g-g-bcr10"]),
    ],
)
def test_what_the_paper_tried_beside_its_tables_holds_its_recipes(study: str, cells: int, recipes: list[str]) -> None:
    grid = read_study(ROOT / "recipes" / "studies" / f"{study}.toml")
    found = [run.recipe.model_copy(update={"name": ""}) for run in grid.runs[:: len(grid.file.seeds)]]
    assert len(found) == len(set(map(write_recipe, found))) == len(grid.cells) == cells
    for name in recipes:
        recipe = read_recipe(ROOT / "recipes" / "paper" / f"{name}.toml")
        assert found.count(recipe.model_copy(update={"name": ""})) == 1, name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("jobs = 3", "unknown key jobs"),
        ("seeds = []", "seeds = []; wanted: a list of at least 1"),
        ('[[axis]]\nname = "x"\noption = []', "unknown key axis.0.option; an axis has name, draw, options"),
        (
            '[[axis]]\nname = "x"\noptions = [{ lable = "y" }]',
            "unknown key axis.0.options.0.lable; an option has label, recipe, set",
        ),
        ("[data]\nname = 'digits'", "this is a recipe: steergan train runs it"),
        ("[[axis]]\nname = 'a'\noptions = []", "axis.0.options"),
        ("[[axis]]\nname = 'a'", "axis.0.options is missing"),
        (axis('"discriminator.gruop" = "C4"'), "did you mean discriminator.group"),
        (axis('"discriminator.group" = "p4"'), "discriminator.group = 'p4'"),
        (axis('"training.seed" = 4'), "list the seeds in seeds"),
        (axis('"evaluation.samples" = 50'), "evaluation.samples is 32 for plain, 50 for x"),
        (axis('"training.ema_decay" = 0.5'), "can't be compared"),
        (axis('"training.steps" = 4'), "can't be compared"),
        (axis('"data.held_out" = 0.5'), "can't be compared"),
        (options('{ label = "x" }'), "option 'x' of axis 'a' has neither recipe nor set"),
        (options('{ label = "x", set = {} }, { label = "x", set = {} }'), "axis 'a' has two options 'x'"),
        (options('{ label = "x", recipe = "gone.toml" }'), "gone.toml: no such recipe"),
        (
            options('{ label = "x", recipe = "tiny.toml" }') + options('{ label = "y", recipe = "tiny.toml" }', "b"),
            "axes 'a' and 'b' both name recipes",
        ),
        (axis('"data.fraction" = 0.5') + axis('"data.fraction" = 1.0', "b"), "axes 'a' and 'b' both set data.fraction"),
        (axis('"data.fraction" = 0.5') * 2, "two axes have the same name"),
        (axis('"data.fraction" = 0.5').replace("plain", "X "), "share the folder x-seed0"),
        ("this is no TOML", "not TOML"),
    ],
)
def test_study_that_cannot_be_run_is_one_line(tmp_path: Path, text: str, reason: str) -> None:
    head = 'name = "mine"\n' + ("seeds = [0]\n" if "seeds" not in text else "")
    with pytest.raises(RecipeError) as found:
        read_study(write_study(tmp_path, text, head))
    assert reason in str(found.value)
    assert "\n" not in str(found.value)


def test_option_may_name_a_recipe_and_other_axes_set_keys_over_it(tmp_path: Path) -> None:
    other = 'recipe = "other.toml"'
    choices = f'{{ label = "own", {other} }}, {{ label = "both", {other}, set = {{ generator.z_dim = 6 }} }}'
    (tmp_path / "other.toml").write_text('extends = "tiny.toml"\n[generator]\nz_dim = 5\n[data]\nfraction = 0.5\n')
    text = options(f'{{ label = "plain", set = {{}} }}, {choices}')
    text += options('{ label = "10 %", set = { data.fraction = 0.1 } }', "data")
    recipes = [run.recipe for run in read_study(write_study(tmp_path, text)).runs[::2]]
    assert [drawn(recipe).generator.z_dim for recipe in recipes] == [4, 5, 6]
    assert [recipe.data.fraction for recipe in recipes] == [0.1] * 3
    path = tmp_path / "mine.toml"
    without = 'name = "mine"\nseeds = [0]\n'
    path.write_text(without + options(choices))
    assert [drawn(run.recipe).generator.z_dim for run in read_study(path).runs] == [5, 6]
    path.write_text(without + options(f'{choices}, {{ label = "plain", set = {{}} }}'))
    with pytest.raises(RecipeError, match="no recipe for plain; name one as recipe = PATH"):
        read_study(path)


def test_recipes_that_are_measured_differently_make_no_study(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('extends = "tiny.toml"\n[evaluation]\nsamples = 64\n')
    text = options('{ label = "plain", set = {} }, { label = "other", recipe = "other.toml" }')
    with pytest.raises(RecipeError, match=r"evaluation.samples is 32 for plain, 64 for other; .* can't be compared"):
        read_study(write_study(tmp_path, text))


def test_cells_of_equal_seconds_have_steps_of_their_own_if_they_are_evaluated_equally_often(tmp_path: Path) -> None:
    slow = '{ label = "slow", set = { training.steps = 4, evaluation.every = 2 } }'
    fast = '{ label = "fast", set = { training.steps = 10, evaluation.every = 5 } }'
    head = 'name = "mine"\nseeds = [0]\n'
    text = options(f"{slow}, {fast}")
    with pytest.raises(RecipeError, match=r"training.steps is 4 for slow, 10 for fast"):
        read_study(write_study(tmp_path, text, head))
    runs = read_study(write_study(tmp_path, text, head + 'equal = "seconds"\n')).runs
    assert [run.recipe.training.steps for run in runs] == [4, 10]
    often = '{ label = "often", set = { training.steps = 10, evaluation.every = 2 } }'
    with pytest.raises(RecipeError, match=r'equal = "seconds" takes runs .* training.steps over .* 10/2 and 4/2'):
        read_study(write_study(tmp_path, options(f"{slow}, {often}"), head + 'equal = "seconds"\n'))
    fewer = '{ label = "fewer", set = { evaluation.samples = 20, training.steps = 4, evaluation.every = 2 } }'
    with pytest.raises(RecipeError, match=r"evaluation.samples is 32 for slow, 20 for fewer"):
        read_study(write_study(tmp_path, options(f"{slow}, {fewer}"), head + 'equal = "seconds"\n'))


def test_missing_study_and_missing_recipe_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such study"):
        read_study(tmp_path / "nothing.toml")
    path = write_study(tmp_path)
    (tmp_path / "tiny.toml").unlink()
    with pytest.raises(RecipeError, match="no such recipe"):
        read_study(path)
