"""The commands on a tiny run: what they write and print, and what they refuse."""

import json
import os
import signal
import subprocess
import sysconfig
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from steergan import run as runs
from steergan.networks import Discriminator
from tests.commands import invoke
from tests.processes import PATIENCE, wait_until

SCRIPT = str(Path(sysconfig.get_path("scripts")) / "steergan")


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_training_leaves_a_whole_run_folder(tiny_run: Path) -> None:
    names = {path.name for path in tiny_run.iterdir() if not path.name.startswith(".")}
    pictures = {"reals.png", "fakes-init.png", "fakes-000003.png", "fakes-000006.png", "curves.png"}
    weights = {"state-000003.pt", "state-000006.pt", "generator.safetensors", "discriminator.safetensors"}
    assert {"resolved.toml", "run.json", "stats.jsonl"} | pictures | weights <= names


def test_training_ends_with_start_end_and_floor(tiny_run: Path, tiny_recipe: Path) -> None:
    lines = (tiny_run / "metric-frechet.jsonl").read_text().splitlines()
    first, last = json.loads(lines[0]), json.loads(lines[-1])
    told = invoke("evaluate", tiny_run, "--device", "cpu").stdout
    assert last["step"] == 6
    assert first["frechet_invariant"] != last["frechet_invariant"]
    rows = {line[:18].strip(): line[18:].split() for line in told.splitlines()}
    assert rows["frechet invariant"] == [f"{last['frechet_invariant']:.4g}", f"{last['floor_frechet_invariant']:.4g}"]


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


def test_samples_are_a_file_each_and_a_grid(tiny_run: Path, tmp_path: Path) -> None:
    told = invoke("sample", tiny_run, "--seeds", "0-1,7", "--classes", "1", "--out", tmp_path / "drawn")
    assert told.exit_code == 0, told.output
    names = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert names == ["class1-seed0000.png", "class1-seed0001.png", "class1-seed0007.png", "grid.png"]
    expected = runs.sample(tiny_run, [0, 1, 7], [1])
    for column, seed in enumerate((0, 1, 7)):
        drawn = pixels(tmp_path / "drawn" / f"class1-seed{seed:04d}.png")
        np.testing.assert_array_equal(drawn, expected[0, column, 0].numpy())


def test_a_sample_does_not_depend_on_what_else_is_asked_for(tiny_run: Path, tmp_path: Path) -> None:
    invoke("sample", tiny_run, "--seeds", "5", "--classes", "0", "--out", tmp_path / "alone")
    invoke("sample", tiny_run, "--seeds", "0-9", "--out", tmp_path / "many")
    alone, among = (pixels(tmp_path / name / "class0-seed0005.png") for name in ("alone", "many"))
    np.testing.assert_array_equal(alone, among)


def test_truncation_changes_the_samples(tiny_run: Path, tmp_path: Path) -> None:
    drawn = []
    for value in ("1", "0.1"):
        invoke("sample", tiny_run, "--seeds", "0-3", "--truncation", value, "--out", tmp_path / value)
        drawn.append(pixels(tmp_path / value / "grid.png"))
    assert (drawn[0] != drawn[1]).any()


def test_class_that_the_run_does_not_know_is_refused(tiny_run: Path, tmp_path: Path) -> None:
    refused = invoke("sample", tiny_run, "--classes", "2", "--out", tmp_path / "drawn")
    assert refused.exit_code == 1
    assert refused.stderr == "steergan: class 2 does not exist; this generator knows 0 to 1\n"
    assert not (tmp_path / "drawn").exists()


@pytest.mark.parametrize("command", ["resume", "sample", "interpolate", "evaluate", "verify-equivariance"])
def test_folder_that_is_no_run_is_refused(command: str, tmp_path: Path) -> None:
    refused = invoke(command, tmp_path)
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"steergan: {tmp_path}: not a run folder")
    assert refused.stderr.count("\n") == 1


def test_folder_that_cannot_be_written_is_one_line(tiny_run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = invoke("sample", tiny_run, "--seeds", "0", "--out", tmp_path / "file" / "drawn")
    assert refused.exit_code == 1
    assert refused.stderr.count("\n") == 1
    assert "cannot be written (Not a directory)" in refused.stderr


def test_interpolation_begins_and_ends_at_its_samples(tiny_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "paths.png"
    told = invoke("interpolate", tiny_run, "--seeds", 4, 9, "--images", 3, "--out", out)
    assert told.exit_code == 0, told.output
    paths = pixels(out)
    tile, pitch = 8 * 8, 8 * 8 + 2
    strip = paths.shape[1] - (3 * pitch + 2)
    assert paths.shape[0] == 4 * pitch + 2
    for label in (0, 1):
        top = 2 + label * pitch
        first = paths[top : top + tile : 8, strip + 2 : strip + 2 + tile : 8]
        np.testing.assert_array_equal(first, runs.sample(tiny_run, [4], [label])[0, 0, 0].numpy())


def test_evaluation_as_json_carries_its_protocol(tiny_run: Path) -> None:
    told = invoke("evaluate", tiny_run, "--json", "--device", "cpu")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert found["fake_count"] == 16
    assert len(found["extractor_sha256"]) == 64
    assert 0 <= found["label_agreement"] <= 1


def test_equivariance_of_a_run_is_verified(tiny_run: Path, tmp_path: Path) -> None:
    told = invoke("verify-equivariance", tiny_run, "--json", tmp_path / "errors.json")
    assert told.exit_code == 0, told.output
    networks = json.loads((tmp_path / "errors.json").read_text())["networks"]
    assert [network["claim"] for network in networks] == ["invariant", "equivariant"]
    assert all(len(network["elements"]) == 4 and network["verdict"] == "proved" for network in networks)


def test_network_that_is_not_invariant_is_caught(
    tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Discriminator.forward
    monkeypatch.setattr(Discriminator, "forward", lambda self, image, y: right(self, image, y) + image[:, 0, 0, 0])
    told = invoke("verify-equivariance", tiny_run)
    assert told.exit_code == 1
    assert "BROKEN" in told.stdout
    assert "discriminator is NOT invariant under C4" in told.stdout


def test_interrupted_training_saves_and_goes_on_to_the_same_weights(
    tiny_run: Path, tiny_recipe: Path, tmp_path: Path
) -> None:
    stopped = tmp_path / "stopped"
    command = [SCRIPT, "train", str(tiny_recipe), "--out", str(stopped), "--device", "cpu"]
    longer = ["--set", "training.steps=2000", "--set", "evaluation.every=2000"]
    training = subprocess.Popen([*command, *longer], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    saved_one = "state-*[1-9]*.pt"  # whichever: only the newest two stay there
    wait_until(lambda: any(stopped.glob(saved_one)), lambda: training.poll() is None)
    training.send_signal(signal.SIGINT)
    out, err = training.communicate(timeout=PATIENCE)
    assert training.returncode == 130, out + err
    assert f"stopped and saved; continue with: steergan resume {stopped}\n" in err
    saved = max(int(path.stem.removeprefix("state-")) for path in stopped.glob("state-*.pt"))
    assert 3 <= saved < 2000

    # A shorter way to the end of the same run, and the same run without a stop.
    resolved = stopped / "resolved.toml"
    resolved.write_text(resolved.read_text().replace("steps = 2000", f"steps = {saved + 2}"))
    resumed = invoke("resume", stopped, "--device", "cpu")
    assert resumed.exit_code == 0, resumed.output
    steps = ["--set", f"training.steps={saved + 2}", "--set", "evaluation.every=2000"]
    whole = tmp_path / "whole"
    trained = invoke("train", tiny_recipe, "--out", whole, *steps, "--device", "cpu")
    assert trained.exit_code == 0, trained.output
    for name in ("generator.safetensors", "discriminator.safetensors"):
        one, other = load_file(stopped / name), load_file(whole / name)  # the files' headers have no fixed order
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_moved_run_still_works(tiny_run: Path, tmp_path: Path) -> None:
    moved = Path(copytree(tiny_run, tmp_path / "moved"))
    told = invoke("sample", moved, "--seeds", "0")
    assert told.exit_code == 0, told.output
    assert (moved / "samples" / "grid.png").is_file()
    assert os.listdir(tmp_path) == ["moved"]
