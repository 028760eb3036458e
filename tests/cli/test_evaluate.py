"""`steergan evaluate --neighbours`."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steergan import run
from steergan.metrics import build_backbone, classifier_bytes
from steergan.recipe import Recipe
from tests.commands import invoke
from tests.notes import Notes


def test_neighbours_are_drawn_and_counted(tiny_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "neighbours.png"
    result = invoke("evaluate", tiny_run, "--device", "cpu", "--neighbours", out, "--group", "D4")
    assert result.exit_code == 0, result.output
    assert "nearest training images, over D4" in result.output
    with Image.open(out) as picture:
        assert len(np.unique(np.asarray(picture))) > 10
    found = json.loads(invoke("evaluate", tiny_run, "--device", "cpu", "--neighbours", out, "--json").stdout)[
        "memorisation"
    ]
    assert (found["group"], found["sample_count"], found["held_out_count"], found["train_count"]) == ("C4", 16, 16, 24)
    assert 0 <= found["p_value"] <= 1


def test_neighbours_want_a_png(tiny_run: Path) -> None:
    result = invoke("evaluate", tiny_run, "--neighbours", "x.jpg")
    assert result.exit_code == 2
    assert "NAME.png was wanted" in result.output


def test_deformations_of_several_runs_are_told_and_drawn(tiny_run: Path, tmp_path: Path) -> None:
    one, two = (Path(shutil.copytree(tiny_run, tmp_path / name)) for name in ("one", "two"))
    out = tmp_path / "stability.png"
    result = invoke("evaluate", one, two, "--device", "cpu", "--deformations", out)
    assert result.exit_code == 0, result.output
    assert "| C4, one | C4, two |" in " ".join(result.stdout.split())
    assert f"{out}: curves over blocks" in result.stdout
    assert (two / "metric-deformations.jsonl").exists()
    [found] = json.loads(invoke("evaluate", one, "--device", "cpu", "--deformations", out, "--json").stdout)
    assert (found["group"], found["step"]) == ("C4", 6)
    assert [block["block"] for block in found["deformation_blocks"]] == ["block 1", "block 2", "features", "score"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a", "b"), "2 runs came; one RUN is measured at a time, several with --deformations"),
        (("a", "--deformations", "x.png", "--features", "auto"), "--features is about the generator"),
        (("a", "--deformations", "x.jpg"), "'x.jpg' came; NAME.png was wanted"),
        (("--folders", "a", "b", "--deformations", "x.png"), "--deformations is for a RUN, not for --folders"),
    ],
)
def test_deformations_refuse_what_contradicts_them(words: tuple[str, ...], said: str) -> None:
    result = invoke("evaluate", *words)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


@pytest.mark.usefixtures("blank_curves")
def test_json_is_not_mixed_with_what_is_said_on_the_way(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    backbone = tmp_path / "shufflenet.safetensors"
    backbone.write_bytes(
        classifier_bytes(build_backbone("shufflenet_v2_x0_5", 2, side=32), {"class_names": '["0", "1"]'})
    )
    made = recipe(f"evaluation.features={backbone}", "training.steps=1")
    folder = run.train(made, tmp_path / "run", report=Notes())
    result = invoke("evaluate", folder, "--device", "cpu", "--json")
    assert json.loads(result.stdout)["frechet_invariant"] is None
    assert "KID is given instead" in result.stderr
    assert "frechet invariant       -" in invoke("evaluate", folder, "--device", "cpu").stdout


def test_training_ends_with_start_end_and_floor(tiny_run: Path, tiny_recipe: Path) -> None:
    lines = (tiny_run / "metric-frechet.jsonl").read_text().splitlines()
    first, last = json.loads(lines[0]), json.loads(lines[-1])
    told = invoke("evaluate", tiny_run, "--device", "cpu").stdout
    assert last["step"] == 6
    assert first["frechet_invariant"] != last["frechet_invariant"]
    rows = {line[:18].strip(): line[18:].split() for line in told.splitlines()}
    figures = (last[f"{side}frechet_invariant"] for side in ("", "floor_", "scrambled_"))
    assert rows["frechet invariant"] == [f"{figure:.4g}" for figure in figures]


def test_evaluation_as_json_carries_its_protocol(tiny_run: Path) -> None:
    told = invoke("evaluate", tiny_run, "--json", "--device", "cpu")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert found["fake_count"] == 16
    assert len(found["extractor_sha256"]) == 64
    assert 0 <= found["label_agreement"] <= 1
