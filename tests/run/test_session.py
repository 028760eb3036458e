"""What a stretch of training leaves in its folder."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from steergan import run
from steergan.recipe import Recipe
from steergan.training import load_state
from tests.notes import Notes
from tests.run.states import same

pytestmark = pytest.mark.usefixtures("blank_curves")

MakeRecipe = Callable[..., Recipe]


def test_a_run_leaves_everything_that_was_promised(tiny_run: Path) -> None:
    names = {path.name for path in tiny_run.iterdir()} - {".lock"}
    assert names == {
        "resolved.toml", "run.json", "stats.jsonl", "curves.png", "reals.png",
        "fakes-init.png", "fakes-000003.png", "fakes-000006.png",
        "metric-frechet.jsonl", "metric-kid.jsonl", "metric-label-agreement.jsonl", "metric-precision-recall.jsonl",
        "metric-density-coverage.jsonl", "metric-players.jsonl",
        "state-000003.pt", "state-000006.pt", "generator.safetensors", "discriminator.safetensors", "snapshots",
    }  # fmt: skip
    about = json.loads((tiny_run / "run.json").read_text())
    assert {"versions", "hardware", "seeds", "data", "started"} <= about.keys()
    assert about["data"]["train"]["images"] == 24


def test_measuring_more_often_does_not_change_the_training(tiny_run: Path, recipe: MakeRecipe, tmp_path: Path) -> None:
    out = run.train(recipe("evaluation.every=2", "evaluation.samples=20"), tmp_path / "run", report=Notes())
    assert same(load_state(tiny_run / "state-000006.pt"), load_state(out / "state-000006.pt"))
