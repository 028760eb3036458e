"""Measuring runs: KID where a Frechet distance would mean nothing, references kept, nearest training images."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from steergan import run
from steergan.errors import RunError
from steergan.metrics import build_backbone, classifier_bytes
from steergan.recipe import Recipe
from steergan.run.build import build_generator
from steergan.run.evaluation import Evaluation
from steergan.run.load import load_data
from steergan.symmetry.actions import act, action_table
from tests.commands import invoke
from tests.notes import Notes

KID_STANDS_IN = (
    "16 held-out images and 16 samples, 512 features: a Frechet distance needs more images than features; "
    "KID is given instead"
)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("backbone") / "resnet.safetensors"
    path.write_bytes(classifier_bytes(build_backbone("resnet18", 2, side=32), {"class_names": '["0", "1"]'}))
    return path


def test_a_run_of_few_images_is_told_once_that_kid_stands_in(
    recipe: Callable[..., Recipe], backbone: Path, tmp_path: Path
) -> None:
    told = Notes()
    made = recipe(f"evaluation.features={backbone}", "training.steps=1")
    folder = run.train(made, tmp_path / "run", report=told)
    said = [line for line in told.messages if "KID is given instead" in line]
    assert said == [KID_STANDS_IN]
    assert any(line.startswith("KID: ") for line in told.messages)
    rows = [json.loads(line) for line in (folder / "metric-frechet.jsonl").read_text().splitlines()]
    assert {row["frechet_invariant"] for row in rows} == {None}
    more = [json.loads(line) for line in (folder / "metric-density-coverage.jsonl").read_text().splitlines()]
    assert all(row["coverage"] is None and 0 <= row["floor_coverage"] <= 1 for row in more)
    few = "left out: density, coverage (16 images, fewer than 50 for each of k = 5 neighbours)"
    assert told.messages.count(few) == 1
    assert list(more[0]["left_out"]) == ["precision", "recall", "density", "coverage"]
    with Image.open(folder / "curves.png") as picture:
        assert picture.width > 100
    assert run.evaluate(folder)["kid"] == json.loads((folder / "metric-kid.jsonl").read_text().splitlines()[-1])["kid"]


def test_a_symmetrized_generator_is_measured_at_drawn_elements(tiny_run: Path, recipe: Callable[..., Recipe]) -> None:
    folder, images = run.load_run(tiny_run).folder, load_data(run.load_run(tiny_run).recipe, None, Notes())
    dense = ["generator.latent=dense", "evaluation.samples=64"]  # without elements of its own

    def drawn(group: str) -> torch.Tensor:
        made = recipe(*dense, f"evaluation.symmetrize={group}")
        generator = build_generator(made, images.train.image_shape, images.train.classes).eval()
        return Evaluation(made, images, folder, torch.device("cpu"), Notes()).draw(generator)

    plain, moved = drawn("none"), drawn("D4")
    table = action_table("D4", *plain.shape[2:])
    same = torch.stack([(act(plain, table, torch.full((64,), g)) == moved).flatten(1).all(1) for g in range(8)])
    assert same.any(0).all()
    assert same.any(1).all()


def test_references_are_taken_from_the_cache(tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path))
    first = run.evaluate(tiny_run)
    (kept,) = (tmp_path / "references").iterdir()
    before = kept.stat().st_mtime_ns
    assert run.evaluate(tiny_run) == first
    assert kept.stat().st_mtime_ns == before


def test_every_metric_row_carries_its_protocol(tiny_run: Path) -> None:
    rows = [json.loads(line) for line in (tiny_run / "metric-frechet.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 3, 6]
    wanted = {"extractor_sha256", "real_count", "fake_count", "label_law", "ema", "batch_norm"}
    assert all(wanted | {"floor_frechet_invariant"} <= row.keys() for row in rows)


def test_evaluating_a_finished_run_gives_its_last_figures(tiny_run: Path) -> None:
    last = json.loads((tiny_run / "metric-frechet.jsonl").read_text().splitlines()[-1])
    found = run.evaluate(tiny_run)
    assert found["frechet_invariant"] == last["frechet_invariant"]
    assert found["protocol"] == last["protocol"]


def test_evaluation_on_other_images_is_refused(tiny_run: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    stored = np.load(tiny_recipe.with_name("tiny.npz"))
    np.savez(tmp_path / "other.npz", images=stored["images"] ^ 1, labels=stored["labels"])
    with pytest.raises(RunError, match="not those"):
        run.evaluate(tiny_run, data_path=str(tmp_path / "other.npz"))


@pytest.mark.usefixtures("blank_curves")
def test_runs_on_shares_of_the_data_have_the_same_floor(
    tiny_run: Path, recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    out = run.train(recipe("data.fraction=0.5", "training.steps=1"), tmp_path / "run", report=Notes())
    floors = [json.loads((p / "metric-frechet.jsonl").read_text().splitlines()[0]) for p in (tiny_run, out)]
    assert floors[0]["floor_frechet_invariant"] == floors[1]["floor_frechet_invariant"]
    assert floors[0]["floor_count"] == floors[1]["floor_count"] == 16


@pytest.mark.usefixtures("blank_curves")
def test_without_features_samples_are_drawn_and_nothing_is_measured(
    recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steergan.run.evaluation.prepare_reference", pytest.fail)
    monkeypatch.setattr("steergan.run.evaluation.own_classifier", pytest.fail)
    told = Notes()
    folder = run.train(recipe("evaluation.features=none", "training.steps=3"), tmp_path / "run", report=told)
    (said,) = [line for line in told.messages if "nothing is measured" in line]
    for figure in ("Frechet", "KID", "precision", "recall", "density", "coverage", "label agreement"):
        assert figure in said
    assert told.messages[-1] == "nothing was measured"
    assert list(folder.glob("metric-*")) == []
    assert sorted(path.name for path in folder.glob("fakes-*")) == ["fakes-000003.png", "fakes-init.png"]
    with pytest.raises(RunError, match="nothing to measure with; name some, --features auto"):
        run.evaluate(folder)


@pytest.mark.usefixtures("short_classifier")
def test_a_run_is_measured_by_other_features_that_are_named(tiny_run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_run, tmp_path / "run"))  # where a classifier for label agreement is kept
    found = run.evaluate(copy, features="scattering")
    assert found["extractor"] == "scattering"
    assert found["frechet_invariant"] is None  # 19 features, 16 images
    assert found["kid"] != run.evaluate(tiny_run)["kid"]


def one_class(folder: Path) -> Path:
    """Images of a single class."""
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    np.savez(folder / "one.npz", images=images, labels=np.zeros(60, dtype=np.int64))
    return folder / "one.npz"


@pytest.mark.usefixtures("blank_curves")
@pytest.mark.parametrize(("features", "words"), [("auto", "texture metric: "), ("classifier", "untrained features: ")])
def test_figures_of_a_single_class_say_what_they_are_worth(
    recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, features: str, words: str
) -> None:
    monkeypatch.setattr("steergan.metrics.choice.find_inception", lambda: None)
    told = Notes()
    made = recipe(f"data.path={one_class(tmp_path)}", f"evaluation.features={features}", "training.steps=1")
    folder = run.train(made, tmp_path / "run", report=told)
    figures = [line for line in told.messages if "real against real" in line]
    assert len(figures) == 3
    assert all(words in line for line in figures)
    assert sum(line.startswith("features: ") for line in told.messages) == 1
    said = invoke("evaluate", folder, "--device", "cpu").stdout
    assert any(line.startswith(words[:-2]) and "generated" in line for line in said.splitlines())
    assert "precision" in json.loads((folder / "metric-kid.jsonl").read_text().splitlines()[0])["left_out"]
