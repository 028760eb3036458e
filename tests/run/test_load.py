"""What a run folder gives back, and where its images come from."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steergan import run
from steergan.errors import RunError
from steergan.recipe import Recipe, validate
from steergan.run.load import load_data
from tests.notes import Notes

MakeRecipe = Callable[..., Recipe]

pytestmark = pytest.mark.usefixtures("blank_curves")


def test_left_out_slides_are_counted_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    slides = tmp_path / "slides"
    slides.mkdir()
    for k in range(2):
        Image.fromarray(np.full((16, 32, 3), 90, np.uint8)).save(slides / f"{k}.png")
    settings = {"name": "patches", "path": str(slides), "size": 16}
    recipe, notes = validate({"name": "x", "data": settings}, "x"), Notes()
    assert len(load_data(recipe, None, notes).train) == 2
    assert notes.messages == []
    (slides / "2.png").write_bytes(b"nothing")
    (slides / "3.png").write_bytes(b"nothing")
    recipe = validate({"name": "x", "data": {**settings, "split": "none"}}, "x")
    assert len(load_data(recipe, None, notes).train) == 4
    assert notes.messages == ["2 damaged or mislabelled files left out: see steergan data list"]


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        run.sample(tmp_path, [0])


def test_new_runs_can_start_from_old_weights(tiny_run: Path, recipe: MakeRecipe, tmp_path: Path) -> None:
    told = Notes()
    out = run.train(recipe("training.steps=1", "evaluation.every=1"), tmp_path / "run", report=told, init_from=tiny_run)
    ended = json.loads((tiny_run / "metric-frechet.jsonl").read_text().splitlines()[-1])
    began = json.loads((out / "metric-frechet.jsonl").read_text().splitlines()[0])
    scratch = json.loads((tiny_run / "metric-frechet.jsonl").read_text().splitlines()[0])
    assert abs(began["frechet_invariant"] - ended["frechet_invariant"]) < abs(
        began["frechet_invariant"] - scratch["frechet_invariant"]
    )


def test_data_found_through_the_environment_is_found_again(
    recipe: MakeRecipe, tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEERGAN_DATA", str(tiny_recipe.parent))
    out = tmp_path / "run"
    run.train(recipe("data.path=tiny.npz", "training.steps=2"), out, report=Notes(stop_after=1))
    monkeypatch.delenv("STEERGAN_DATA")
    run.resume(out, report=Notes())
    assert (out / "generator.safetensors").exists()
