"""`steergan train`: what it leaves, says and refuses."""

from pathlib import Path

import pytest

from tests.commands import invoke


def test_training_leaves_a_whole_run_folder(tiny_run: Path) -> None:
    names = {path.name for path in tiny_run.iterdir() if not path.name.startswith(".")}
    pictures = {"reals.png", "fakes-init.png", "fakes-000003.png", "fakes-000006.png", "curves.png"}
    weights = {"state-000003.pt", "state-000006.pt", "generator.safetensors", "discriminator.safetensors"}
    assert {"resolved.toml", "run.json", "stats.jsonl"} | pictures | weights <= names


def test_training_again_in_a_finished_run_changes_nothing(tiny_run: Path, tiny_recipe: Path) -> None:
    before = {path.name: path.read_bytes() for path in tiny_run.iterdir() if path.is_file()}
    again = invoke("train", tiny_recipe, "--out", tiny_run, "--device", "cpu")
    assert again.exit_code == 0
    assert f"this run is finished; `steergan sample {tiny_run}` draws from it" in again.stdout
    assert {path.name: path.read_bytes() for path in tiny_run.iterdir() if path.is_file()} == before


def test_training_another_recipe_in_the_folder_is_refused(tiny_run: Path, tiny_recipe: Path) -> None:
    refused = invoke("train", tiny_recipe, "--out", tiny_run, "--set", "loss.r1_weight=3", "--device", "cpu")
    assert refused.exit_code == 1
    assert "holds a run of another recipe (loss.r1_weight = 0.1 there, 3.0 here)" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_dry_run_prints_layers_and_recipe_and_writes_nothing(
    tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = invoke("train", tiny_recipe, "--dry-run", "--set", "training.steps=77")
    assert told.exit_code == 0, told.output
    assert "GroupConvolution" in told.stdout
    assert "steps = 77" in told.stdout
    assert list(tmp_path.iterdir()) == []


def test_missing_recipe_is_refused_in_one_line() -> None:
    refused = invoke("train", "missing.toml")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("steergan: missing.toml: no such recipe")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.stepz=3", "unknown key training.stepz; did you mean training.steps?"),
        ("training.steps=many", "training.steps = 'many'; wanted: integer"),
        ("training.steps=0", "training.steps = 0; wanted: greater than or equal to 1"),
        ("generator.group=p4", "generator.group = 'p4'; wanted:"),
        ("training.accumulate=7", "can't be divided by 7 (training.accumulate = 7)"),
        ("performance.compile=cuda-graphs", '"cuda-graphs" needs an NVIDIA GPU, and this computes on cpu'),
        ("discriminator", "KEY=VALUE was wanted"),
    ],
)
def test_wrong_override_is_refused_in_one_line(override: str, message: str, tiny_recipe: Path) -> None:
    refused = invoke("train", tiny_recipe, "--dry-run", "--set", override)
    assert refused.exit_code == 2
    assert message in refused.stderr
    assert refused.stderr.startswith("steergan: ")
    assert refused.stderr.count("\n") == 1


def test_missing_data_is_refused_in_one_line(tiny_recipe: Path, tmp_path: Path) -> None:
    refused = invoke("train", tiny_recipe, "--data", tmp_path / "nowhere.npz", "--out", tmp_path / "run")
    assert refused.exit_code == 1
    assert "nowhere.npz" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()
