"""Studies: which runs they make, how those are run, and what is said about them."""

import csv
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from steergan import study
from steergan.errors import RecipeError, RunError
from steergan.recipe import read_recipe, write_recipe
from steergan.results import read_results
from steergan.run.about import About
from steergan.run.folder import RunFolder
from steergan.study import Run, Study, combine, effects, find, read_study, report, run_study, runs, steps_done
from steergan.study.pictures import curves_figure, precision_recall_figure, samples_page
from steergan.study.worker import LOG, Event, Log, Task, train_run
from steergan.tables import Mean
from steergan.training import JsonLines
from steergan_cli.main import steergan

ROOT = Path(__file__).parents[2]

RECIPE = """
name = "tiny"
[data]
name = "digits"
[generator]
z_dim = 4
embedding_dim = 4
seed_width = 4
widths = [8, 4]
[discriminator]
widths = [4, 8]
[training]
steps = 2
batch_size = 8
discriminator_updates = 1
checkpoint_every = 1
[evaluation]
every = 2
samples = 32
"""
AXES = """
[[axis]]
name = "discriminator"
options = [
    { label = "CNN in D", set = { "discriminator.group" = "trivial" } },
    { label = "C4 in D", set = { discriminator.group = "C4" } },
]
[[axis]]
name = "data"
options = [
    { label = "10 %", set = { "data.fraction" = 0.1 } },
    { label = "100 %", set = { "data.fraction" = 1.0 } },
]
"""


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def write_study(folder: Path, text: str = AXES, head: str = 'name = "mine"\nseeds = [0, 1]\n') -> Path:
    (folder / "tiny.toml").write_text(RECIPE)
    path = folder / "mine.toml"
    path.write_text(f'{head}recipe = "tiny.toml"\n{text}')
    return path


@pytest.fixture
def grid(tmp_path: Path) -> Study:
    return read_study(write_study(tmp_path))


def test_cells_are_the_product_of_the_axes_and_each_is_run_with_every_seed(grid: Study) -> None:
    assert grid.cells == [("CNN in D", "10 %"), ("CNN in D", "100 %"), ("C4 in D", "10 %"), ("C4 in D", "100 %")]
    assert [run.seed for run in grid.runs] == [0, 1] * 4
    recipes = [(run.labels, run.recipe) for run in grid.runs]
    chosen = {(labels, r.discriminator.group, r.data.fraction, r.training.seed) for labels, r in recipes}
    groups, fractions = {"CNN in D": "trivial", "C4 in D": "C4"}, {"10 %": 0.1, "100 %": 1.0}
    assert chosen == {((d, f), groups[d], fractions[f], seed) for d in groups for f in fractions for seed in (0, 1)}
    assert grid.runs[0].folder == "cnn-in-d-10-seed0"
    assert all(run.recipe.generator.z_dim == 4 for run in grid.runs)


def test_study_without_axes_repeats_its_recipe(tmp_path: Path) -> None:
    grid = read_study(write_study(tmp_path, ""))
    assert grid.cells == [()]
    assert [run.folder for run in grid.runs] == ["seed0", "seed1"]


def test_small_study_has_the_four_settings_at_two_sizes_and_three_seeds() -> None:
    grid = read_study(ROOT / "recipes" / "studies" / "rotmnist-small.toml")
    settings = {(r.recipe.generator.group, r.recipe.discriminator.group, r.recipe.data.fraction) for r in grid.runs}
    assert settings == {(g, d, f) for g in ("trivial", "C4") for d in ("trivial", "C4") for f in (0.1, 1.0)}
    assert len(grid.runs) == 24
    assert {run.recipe.discriminator.pooling for run in grid.runs} == {"exact"}
    assert len({run.recipe.generator.latent for run in grid.runs}) == 1


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


def axis(settings: str, name: str = "a") -> str:
    return options(f'{{ label = "plain", set = {{}} }}, {{ label = "x", set = {{ {settings} }} }}', name)


def options(text: str, name: str = "a") -> str:
    return f'[[axis]]\nname = "{name}"\noptions = [{text}]\n'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("jobs = 3", "unknown key jobs"),
        ("[data]\nname = 'digits'", "this is a recipe: steergan train runs it"),
        ("seeds = []", "seeds"),
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
    assert [recipe.generator.z_dim for recipe in recipes] == [4, 5, 6]
    assert [recipe.data.fraction for recipe in recipes] == [0.1] * 3
    path = tmp_path / "mine.toml"
    without = 'name = "mine"\nseeds = [0]\n'
    path.write_text(without + options(choices))
    assert [run.recipe.generator.z_dim for run in read_study(path).runs] == [5, 6]
    path.write_text(without + options(f'{choices}, {{ label = "plain", set = {{}} }}'))
    with pytest.raises(RecipeError, match="no recipe for plain; name one as recipe = PATH"):
        read_study(path)


def test_recipes_that_are_measured_differently_make_no_study(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('extends = "tiny.toml"\n[evaluation]\nsamples = 64\n')
    text = options('{ label = "plain", set = {} }, { label = "other", recipe = "other.toml" }')
    with pytest.raises(RecipeError, match=r"evaluation.samples is 32 for plain, 64 for other; .* can't be compared"):
        read_study(write_study(tmp_path, text))


def test_missing_study_and_missing_recipe_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such study"):
        read_study(tmp_path / "nothing.toml")
    path = write_study(tmp_path)
    (tmp_path / "tiny.toml").unlink()
    with pytest.raises(RecipeError, match="no such recipe"):
        read_study(path)


# What runs leave behind, made up.


DATA: dict[str, Any] = {
    "path": None,
    "image_shape": [1, 16, 16],
    "class_names": ["a", "b"],
    "train": {"images": 64, "checksum": "cafe"},
    "held_out": {"images": 32, "checksum": "c0ffee"},
}


def pretend(run: Run, root: Path, distances: Sequence[float], **changes: Any) -> None:
    """A finished run that measured these distances, at step 0 first."""
    folder = RunFolder(root / run.folder)
    folder.path.mkdir(parents=True)
    folder.recipe.write_text(write_recipe(run.recipe))
    about = {
        "data": DATA,
        "hardware": {"processor": "made up", "threads": 1},
        "versions": {"torch": "2.6"},
    }
    folder.write_about(About.model_validate(about | changes.pop("about", {})))
    protocol = {"extractor": "p4", "extractor_sha256": "abc", "real_count": 32, "fake_count": 32} | changes
    for step, distance in enumerate(distances):
        row = {"step": step, "frechet_invariant": distance, "frechet_equivariant": 3 * distance}
        floors = {"floor_frechet_invariant": 0.5, "floor_frechet_equivariant": 1.5}
        JsonLines(folder.metric("frechet")).append(row | floors | protocol)
        JsonLines(folder.metric("label-agreement")).append(
            {"step": step, "label_agreement": 1 - distance / 100, "label_agreement_real": 0.95}
        )
        JsonLines(folder.metric("kid")).append({"step": step, "kid": distance / 1000 - 0.005, "floor_kid": 1e-4})
        shares = {"precision": 1 / distance, "recall": 1 - 1 / distance, "floor_precision": 0.8, "floor_recall": 0.7}
        JsonLines(folder.metric("precision-recall")).append({"step": step, **shares})
    for seconds in (0.5, 0.1, 0.3):
        JsonLines(folder.stats).append({"step": 1, "seconds_per_step": seconds})
    Image.new("L", (64 * 10, 64 * 10), 20 * run.seed).save(folder.fakes(run.recipe.training.steps))
    folder.generator.write_bytes(b"")


def distances(run: Run) -> list[float]:
    """C4 in D halves every distance; the seed and the fraction change it, too."""
    last = (4.0 if "C4 in D" in run.labels else 8.0) * (2 if "10 %" in run.labels else 1) + run.seed
    return [100.0, last, 2 * last]


@pytest.fixture
def pretended(grid: Study, tmp_path: Path) -> tuple[Study, Path]:
    root = tmp_path / "out"
    for run in grid.runs:
        pretend(run, root, distances(run))
    return grid, root


def test_least_and_mean_are_over_the_evaluations_without_step_zero(pretended: tuple[Study, Path]) -> None:
    grid, root = pretended
    findings = find(grid, root)
    labels = ("CNN in D", "100 %")  # lasts of 8 and 9
    found = {which: findings.mean(labels, f"frechet_invariant_{which}") for which in ("min", "mean", "last")}
    assert all(found.values())
    assert {which: (m.mean, m.sd) for which, m in found.items() if m} == {
        "min": (8.5, pytest.approx(0.5**0.5)),
        "mean": (12.75, pytest.approx(1.5 * 0.5**0.5)),
        "last": (17, pytest.approx(2 * 0.5**0.5)),
    }
    equivariant = findings.mean(labels, "frechet_equivariant_min")
    assert equivariant is not None
    assert equivariant.values == [24, 27]
    agreement = findings.mean(labels, "label_agreement")
    assert agreement is not None
    assert agreement.values == pytest.approx([0.84, 0.82])
    seconds = findings.mean(labels, "seconds_per_step")
    assert seconds is not None
    assert seconds.values == [0.3, 0.3]


def test_parameters_are_those_of_the_networks(pretended: tuple[Study, Path]) -> None:
    findings = find(*pretended)
    plain, steered = (findings.mean((d, "10 %"), "discriminator_parameters") for d in ("CNN in D", "C4 in D"))
    assert plain is not None
    assert steered is not None
    # Filters and biases of two convolutions, then the head: w, b, and an embedding of two classes.
    assert plain.mean == (4 * 9 + 4) + (8 * 4 * 9 + 8) + (8 + 1 + 2 * 8)
    assert steered.mean == (2 * 9 + 2) + (4 * 2 * 4 * 9 + 4) + (4 + 1 + 2 * 4)


def test_effect_of_an_option_is_a_ratio_in_pairs_that_differ_in_nothing_else(pretended: tuple[Study, Path]) -> None:
    found = {(e.option, e.within): e for e in effects(find(*pretended), ["frechet_invariant_min"])}
    assert set(found) == {("C4 in D", "10 %"), ("C4 in D", "100 %"), ("100 %", "")}
    effect = found["C4 in D", "100 %"]
    assert effect.reference == "CNN in D"
    assert effect.ratio["frechet_invariant_min"].values == [4 / 8, 5 / 9]
    assert effect.ratio["frechet_invariant_min"].centre == pytest.approx((4 / 8 * 5 / 9) ** 0.5)
    assert (effect.lower["frechet_invariant_min"], effect.pairs) == (2, 2)
    assert found["100 %", ""].pairs == 4


def test_runs_that_are_not_finished_are_left_out_and_counted(pretended: tuple[Study, Path]) -> None:
    grid, root = pretended
    (root / grid.runs[0].folder / "generator.safetensors").unlink()
    text = study.page(find(grid, root))
    assert "1 of 2" in text
    assert find(grid, root).mean(grid.cells[0], "frechet_invariant_last").values == [34]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"extractor_sha256": "def"}, "extractor_sha256 is 'abc'"),
        ({"fake_count": 64}, "fake_count is 32"),
        ({"about": {"data": {**DATA, "held_out": {"images": 32, "checksum": "x"}}}},
         "held_out_checksum is 'c0ffee'"),
    ],
)  # fmt: skip
def test_figures_of_unlike_protocols_are_not_tabulated(
    grid: Study, tmp_path: Path, change: Mapping[str, Any], named: str
) -> None:
    pretend(grid.runs[0], tmp_path, distances(grid.runs[0]))
    pretend(grid.runs[1], tmp_path, distances(grid.runs[1]), **change)
    with pytest.raises(RunError, match="can't be tabulated") as found:
        report(grid, tmp_path)
    assert named in str(found.value)
    assert not (tmp_path / "table.md").exists()


def test_nothing_finished_and_incomplete_records_are_refused(grid: Study, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nothing to tabulate"):
        find(grid, tmp_path)
    pretend(grid.runs[0], tmp_path, distances(grid.runs[0]))
    (tmp_path / grid.runs[0].folder / "metric-frechet.jsonl").unlink()
    with pytest.raises(RunError, match="records are incomplete"):
        find(grid, tmp_path)


def test_report_writes_tables_json_and_pictures(pretended: tuple[Study, Path]) -> None:
    grid, root = pretended
    report(grid, root)
    text = (root / "table.md").read_text()
    row = next(line for line in text.splitlines() if line.startswith("| C4 in D       | 100 %"))
    assert [cell.strip() for cell in row.split("|")[3:6]] == ["2", "100", "4.50 ± 0.71"]  # start and least
    assert "- extractor sha256: abc" in text
    rows = list(csv.DictReader((root / "table.csv").read_text().splitlines()))
    assert [float(row["frechet_invariant_min mean"]) for row in rows] == [16.5, 8.5, 8.5, 4.5]
    table = json.loads((root / "study.json").read_text())
    assert table["cells"][3]["figures"]["frechet_invariant_min"]["values"] == [4, 5]
    snapshots = table["cells"][3]["runs"][1]["snapshots"]
    assert [(row["step"], row["frechet_invariant"]) for row in snapshots] == [(0, 100), (1, 5), (2, 10)]
    assert [row["recall"] for row in snapshots] == pytest.approx([0.99, 0.8, 0.9])
    assert table["protocol"]["real_count"] == 32
    for name in ("curves", "precision-recall", "samples"):
        with Image.open(root / f"{name}.png") as picture:
            assert picture.width > 300


def test_curves_have_a_panel_for_every_option_of_the_last_axis_and_lines_through_the_means(
    pretended: tuple[Study, Path],
) -> None:
    figure = curves_figure(find(*pretended))
    assert [axes.get_title() for axes in figure.axes] == ["10 %", "100 %"]
    line = next(line for line in figure.axes[1].get_lines() if line.get_label() == "C4 in D")
    assert np.asarray(line.get_ydata()).tolist() == [100, 4.5, 9]
    assert len(figure.axes[1].collections) == 2, "a band for each cell"


def test_draw_keys_make_rows_columns_and_lines(tmp_path: Path) -> None:
    text = AXES.replace('name = "data"', 'name = "data"\ndraw = "rows"') + axis("generator.z_dim = 5", "latent")
    grid = read_study(write_study(tmp_path, text.replace('name = "latent"', 'name = "latent"\ndraw = "columns"')))
    for run in grid.runs:
        pretend(run, tmp_path / "out", distances(run))
    findings = find(grid, tmp_path / "out")
    for figure in (curves_figure(findings), precision_recall_figure(findings)):
        assert figure is not None
        assert [axes.get_title() for axes in figure.axes] == ["plain, 10 %", "x, 10 %", "plain, 100 %", "x, 100 %"]
        (legend,) = figure.legends
        assert {text.get_text() for text in legend.get_texts()} == {"CNN in D", "C4 in D", "real against real"}


def test_precision_and_recall_of_every_snapshot_are_drawn_without_step_zero(pretended: tuple[Study, Path]) -> None:
    figure = precision_recall_figure(find(*pretended))
    assert figure is not None
    points = {tuple(np.round(p, 6)) for c in figure.axes[1].collections for p in np.asarray(c.get_offsets())}
    drawn = [d for last in (8, 9, 4, 5) for d in (last, 2 * last)]
    assert points == {(round(1 - 1 / d, 6), round(1 / d, 6)) for d in drawn} | {(0.7, 0.8)}


def test_study_without_frechet_distances_is_judged_by_kid(grid: Study, tmp_path: Path) -> None:
    for run in grid.runs:
        pretend(run, tmp_path, distances(run))
        for path in (tmp_path / run.folder).glob("metric-frechet.jsonl"):
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            hidden = dict.fromkeys(("frechet_invariant", "frechet_equivariant", "floor_frechet_invariant"))
            path.write_text("".join(json.dumps(row | hidden) + "\n" for row in rows))
    findings = report(grid, tmp_path)
    text = (tmp_path / "table.md").read_text()
    assert "Kernel distance (KID)" in text
    assert "Frechet distance, invariant" not in text
    assert curves_figure(findings).axes[0].get_ylabel() == "KID"
    # Least of "C4 in D" at 100 %: 4 and 5 over a thousand, less 0.005: not above zero, so there is no ratio.
    found = {(e.option, e.within): e.pairs for e in effects(findings, ["kid_min"])}
    assert found == {("C4 in D", "10 %"): 2, ("100 %", ""): 2}
    assert "mean KID times" in study.result(findings, "x", "steergan study mine.toml").verdict


def test_samples_page_shows_the_first_seed_of_every_cell(pretended: tuple[Study, Path]) -> None:
    grid, root = pretended
    (RunFolder(root / grid.runs[-2].folder).fakes(2)).unlink()
    page = samples_page(grid, root)
    assert page is not None
    pixels = np.asarray(page)
    assert page.width > 2 * 200
    black = [(pixels[y : y + 90, x : x + 90] == 0).all() for y in (100, 370) for x in (100, 330)]
    assert black == [True, True, True, False], "the last cell has no grid"


def test_studies_of_several_data_sets_become_columns_of_one_table(
    pretended: tuple[Study, Path], tmp_path: Path
) -> None:
    grid, root = pretended
    report(grid, root)
    (tmp_path / "second").mkdir()
    path = write_study(tmp_path / "second", AXES.replace("C4 in D", "C8 in D").replace('"C4"', '"C8"'))
    path.write_text(path.read_text().replace('"mine"', '"second"'))
    second = read_study(path)
    for run in second.runs:
        pretend(run, tmp_path / "two", [9.0, 7.0, 8.0])
    report(second, tmp_path / "two")
    found = invoke("--combine", root, tmp_path / "two", "--out", tmp_path / "both")
    assert found.exit_code == 0, found.output
    least, last = combine([root, tmp_path / "two"])
    assert least.columns == ["discriminator", "data", "mine, Frechet distance", "second, Frechet distance"]
    assert [row[:2] for row in least.rows] == [
        [d, f] for d in ("CNN in D", "C4 in D", "C8 in D") for f in ("10 %", "100 %")
    ]
    assert least.rows[3] == ["C4 in D", "100 %", Mean(mean=4.5, sd=0.5**0.5, values=[4, 5]), None]
    assert last.rows[1][3] == Mean(mean=8, sd=0, values=[8, 8])
    assert (tmp_path / "both" / "table.md").read_text() in found.output
    assert "| C4 in D       | 100 % |            4.50 ± 0.71 |                        - |" in found.output
    rows = list(csv.DictReader((tmp_path / "both" / "table.csv").read_text().splitlines()))
    assert rows[5]["second, Frechet distance mean"] == "7.0"


def test_what_cannot_be_combined_is_named(pretended: tuple[Study, Path], tmp_path: Path) -> None:
    grid, root = pretended
    with pytest.raises(RunError, match=r"no study\.json; give the folder of a study"):
        combine([root])
    report(grid, root)
    (tmp_path / "lonely").mkdir()
    lonely = read_study(write_study(tmp_path / "lonely", ""))
    for run in lonely.runs:
        pretend(run, tmp_path / "one", distances(run))
    report(lonely, tmp_path / "one")
    with pytest.raises(RunError, match=r"its axes are none, those of .* are discriminator, data"):
        combine([root, tmp_path / "one"])
    (root / "study.json").write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        combine([root])
    (root / "study.json").write_text("{}")
    with pytest.raises(RunError, match="not what `steergan study` writes"):
        combine([root])


def test_two_studies_at_once_are_refused(tmp_path: Path) -> None:
    found = invoke(tmp_path / "a.toml", tmp_path / "b.toml")
    assert found.exit_code == 2
    assert "2 studies came; one at a time, or folders of studies with --combine" in found.output


def test_leaving_the_jobs_of_a_cluster_tabulates_what_is_finished(
    pretended: tuple[Study, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid, root = pretended
    (root / grid.runs[0].folder / "generator.safetensors").unlink()
    left = study.Outcome(finished=[run.folder for run in grid.runs[1:]], stopped=True)
    monkeypatch.setattr(study, "slurm_executor", lambda *_, **__: None)
    monkeypatch.setattr(study, "run_on_cluster", lambda *_, **__: left)
    found = invoke(tmp_path / "mine.toml", "--out", root, "--slurm")
    assert found.exit_code == 130, found.output
    assert "of the 7 finished runs" in found.output
    assert "1 of 2" in (root / "table.md").read_text()


def test_verdict_compares_options_in_plain_sentences(pretended: tuple[Study, Path], tmp_path: Path) -> None:
    claim = study.result(find(*pretended), "x", "steergan study mine.toml")
    ratio = (4 / 8 * 5 / 9) ** 0.5
    assert f"C4 in D against CNN in D (100 %): mean Frechet distance times {ratio:.3f}" in claim.verdict
    assert "lower in 2 of 2 pairs of runs." in claim.verdict
    lonely = read_study(write_study(tmp_path, ""))
    for run in lonely.runs:
        pretend(run, tmp_path / "lonely", distances(run))
    claim = study.result(find(lonely, tmp_path / "lonely"), "x", "steergan study mine.toml")
    assert claim.verdict == "Lowest mean Frechet distance: 12.8 ± 1.1 (the recipe)."


# Real runs. Most are trained in threads of this process: a fresh interpreter takes seconds to import torch.


class Listener:
    """A user who reads everything, and may wish to stop."""

    def __init__(self, stop: bool = False) -> None:
        self.lines: list[str] = []
        self.seen: list[tuple[int, int, int, int]] = []
        self.stop = stop

    def message(self, text: str) -> None:
        self.lines.append(text)

    def overall(self, steps: int, total: int, runs: int, running: Sequence[str]) -> None:
        self.seen.append((steps, total, runs, len(running)))

    def stop_requested(self) -> bool:
        return self.stop


class Thread(threading.Thread):
    """A process for the study, and a thread in truth."""

    exitcode = 0

    def terminate(self) -> None:
        self.join()


def launch_thread(run: Run, task: Task) -> runs.Worker:
    ours, theirs = multiprocessing.Pipe()
    thread = Thread(target=train_run, args=(task, theirs), daemon=True)
    thread.start()
    return runs.Worker(run, thread, ours, time.monotonic())


@pytest.fixture
def trained(tiny_study: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny study; its runs are trained in threads."""
    monkeypatch.setattr(runs, "launch", launch_thread)
    return tiny_study()


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(steergan, ["study", *map(str, arguments)])


def test_failing_run_does_not_stop_the_others_and_what_was_stopped_goes_on(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, record = tmp_path / "out", tmp_path / "claims" / "tiny.json"
    first, _, last = read_study(trained).runs
    ours, theirs = multiprocessing.Pipe()
    ours.send("stop")
    train_run(Task(first.recipe, root / first.folder, "cpu", None, 1), theirs)
    assert ours.recv() == Event("stopped")
    assert steps_done(first, root) == 0  # asked before its first step, it left at once
    ours, theirs = multiprocessing.Pipe()
    ours.send("stop")
    monkeypatch.setattr(Log, "leave_requested", lambda self: False)
    train_run(Task(first.recipe, root / first.folder, "cpu", None, 1), theirs)
    assert ours.recv() == Event("stopped")
    assert steps_done(first, root) == 1
    listed = invoke(trained, "--out", root, "--dry-run")
    assert f"{root / first.folder}  1 of 2 steps\n" in listed.output
    assert not (root / last.folder).exists()

    found = invoke(trained, "--out", root, "--device", "cpu", "--record", record)
    assert found.exit_code == 1, found.output
    assert "steergan: none-seed0 failed: data.fraction = 1e-05 leaves" in found.output
    assert "| C4 in D  | 1      |" in found.output
    assert "| none     | 0 of 1 |" in found.output
    assert "goes on after step 1" in (root / first.folder / LOG).read_text()
    assert "step 2 of 2  images_seen 16" in (root / last.folder / LOG).read_text()
    (claim,) = read_results(record.parent)
    assert claim.protocol["generator_steps"] == [2]

    again = run_study(read_study(trained), root, report=(listener := Listener()))
    assert listener.lines[0] == "2 of 3 runs are finished already"
    assert len(again.finished) == 2
    assert list(again.failed) == ["none-seed0"]
    assert listener.seen[-1][:3] == (4, 4, 2), "the failed run's steps are not waited for"


def test_run_of_another_recipe_in_the_way_is_refused_before_anything_starts(trained: Path, tmp_path: Path) -> None:
    grid = read_study(trained)
    other = RunFolder(tmp_path / "out" / grid.runs[2].folder)
    other.path.mkdir(parents=True)
    other.recipe.write_text(write_recipe(grid.runs[0].recipe))
    with pytest.raises(RunError, match="another recipe"):
        run_study(grid, tmp_path / "out", report=Listener())
    assert not (tmp_path / "out" / grid.runs[0].folder).exists()


def test_process_that_dies_is_a_failure_with_a_reason(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Thread):
        exitcode = -9

    def launch(run: Run, task: Task) -> runs.Worker:
        ours, theirs = multiprocessing.Pipe()
        thread = Killed(target=theirs.close)
        thread.start()
        return runs.Worker(run, thread, ours, 0.0)

    monkeypatch.setattr(runs, "launch", launch)
    outcome = run_study(read_study(trained), tmp_path / "out", jobs=2, report=Listener())
    assert len(outcome.failed) == 3
    assert outcome.failed["none-seed0"] == "its process died (signal 9; there may have been too little memory)"


def test_wish_to_stop_reaches_the_running_and_cancels_the_waiting(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener()

    def train(task: Task, connection: Connection) -> None:
        connection.send(Event("step", 1))
        listener.stop = True
        assert connection.recv() == "stop"
        connection.send(Event("stopped"))
        connection.close()

    def launch(run: Run, task: Task) -> runs.Worker:
        ours, theirs = multiprocessing.Pipe()
        thread = Thread(target=train, args=(task, theirs))
        thread.start()
        return runs.Worker(run, thread, ours, 0.0)

    monkeypatch.setattr(runs, "launch", launch)
    outcome = run_study(read_study(trained), tmp_path / "out", jobs=2, report=listener)
    assert outcome.stopped
    assert outcome.failed == {}
    assert max(running for *_, running in listener.seen) == 2, "two at a time, and the third never began"


def test_run_stops_when_nobody_listens_any_more(tmp_path: Path) -> None:
    ours, theirs = multiprocessing.Pipe()
    log = Log(tmp_path, theirs)
    assert not log.stop_requested()
    ours.close()
    assert log.stop_requested()
    log.say(Event("step", 1))
    assert log.stop_requested()


def test_ctrl_c_saves_what_runs_in_processes_of_its_own_and_exits_with_130(
    tiny_study: Callable[..., Path], tmp_path: Path
) -> None:
    path, root = tiny_study(steps=100_000), tmp_path / "out"
    first, saved = root / "cnn-in-d-seed0", "state-*[1-9]*.pt"  # whichever: only the newest two stay there

    def press_ctrl_c() -> None:
        while not (any(first.glob(saved)) or done.is_set()):
            time.sleep(0.05)
        if done.is_set():
            return
        for child in multiprocessing.active_children():
            os.kill(child.pid or 0, signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    done = threading.Event()
    presser = threading.Thread(target=press_ctrl_c)
    presser.start()
    try:
        found = invoke(path, "--out", root, "--device", "cpu")
    finally:
        done.set()
        presser.join()
    assert found.exit_code == 130, found.output
    assert "steergan: stopped and saved; the same command goes on from here" in found.output
    assert multiprocessing.active_children() == []
    assert not (root / "c4-in-d-seed0").exists()
    assert 0 < steps_done(read_study(path).runs[0], root) < 100_000
