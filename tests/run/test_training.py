"""A run ends with the same bits however often it was stopped, measured or damaged on the way."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from steergan import run
from steergan.errors import RunError, SteerganError
from steergan.kernels import library
from steergan.recipe import Recipe
from steergan.training import load_state, load_weights
from tests.notes import Notes
from tests.processes import started

MakeRecipe = Callable[..., Recipe]


def same(a: Any, b: Any) -> bool:
    """Whether two nested states agree to the last bit."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


@pytest.fixture
def whole(tiny_run: Path) -> Path:
    """A run that was never stopped."""
    return tiny_run


def assert_same_run(a: Path, b: Path) -> None:
    assert same(load_state(a / "state-000006.pt"), load_state(b / "state-000006.pt"))
    for name in ("generator", "discriminator"):
        assert same(load_weights(a / f"{name}.safetensors")[0], load_weights(b / f"{name}.safetensors")[0])
    assert (a / "metric-frechet.jsonl").read_text() == (b / "metric-frechet.jsonl").read_text()


def test_a_run_leaves_everything_that_was_promised(whole: Path) -> None:
    names = {path.name for path in whole.iterdir()} - {".lock"}
    assert names == {
        "resolved.toml", "run.json", "stats.jsonl", "curves.png", "reals.png",
        "fakes-init.png", "fakes-000003.png", "fakes-000006.png",
        "metric-frechet.jsonl", "metric-kid.jsonl", "metric-label-agreement.jsonl", "metric-precision-recall.jsonl",
        "metric-density-coverage.jsonl",
        "state-000003.pt", "state-000006.pt", "generator.safetensors", "discriminator.safetensors",
    }  # fmt: skip
    about = json.loads((whole / "run.json").read_text())
    assert {"versions", "hardware", "seeds", "data", "started"} <= about.keys()
    assert about["data"]["train"]["images"] == 24


def test_every_metric_row_carries_its_protocol(whole: Path) -> None:
    rows = [json.loads(line) for line in (whole / "metric-frechet.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 3, 6]
    wanted = {"extractor_sha256", "real_count", "fake_count", "label_law", "ema", "batch_norm"}
    assert all(wanted | {"floor_frechet_invariant"} <= row.keys() for row in rows)


@pytest.mark.parametrize("stop_after", [2, 3])
def test_a_stopped_run_goes_on_to_the_same_bits(
    whole: Path, recipe: MakeRecipe, tmp_path: Path, stop_after: int
) -> None:
    out = tmp_path / "run"
    run.train(recipe(), out, report=Notes(stop_after))
    assert not (out / "generator.safetensors").exists()
    run.resume(out, report=Notes())
    assert_same_run(whole, out)


def test_a_stopped_run_on_the_fourier_path_goes_on_to_the_same_bits(
    recipe: MakeRecipe, tmp_path: Path
) -> None:
    if library.native() is None:
        pytest.skip(f"no kernels: {library.absence()}")
    choice = ('performance.convolution="fourier"', "generator.widths=[8, 8, 4]")
    uninterrupted = run.train(recipe(*choice), tmp_path / "whole", report=Notes())
    stopped = run.train(recipe(*choice), tmp_path / "run", report=Notes(stop_after=2))
    run.resume(stopped, report=Notes())
    assert_same_run(uninterrupted, stopped)
    dense = run.train(recipe('performance.convolution="dense"', choice[1]), tmp_path / "dense", report=Notes())
    weights = [load_weights(folder / "generator.safetensors")[0] for folder in (uninterrupted, dense)]
    assert not same(*weights)  # so the kernels did compute the run


def test_a_killed_run_goes_on_to_the_same_bits(whole: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    """kill -9 as soon as the first checkpoint is there."""
    out = tmp_path / "run"
    with started(tmp_path, "train", tiny_recipe, "--out", out, "--device", "cpu") as command:
        command.wait_until((out / "state-000003.pt").exists)
        os.kill(command.pid, signal.SIGKILL)
        command.end()
    assert (out / "state-000003.pt").exists()
    run.resume(out, report=Notes())
    assert_same_run(whole, out)


@pytest.mark.parametrize("stage", ["classifier", "features of real images", "samples"])
def test_a_user_who_stops_before_the_first_step_need_not_wait(
    whole: Path, recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """And the same command goes on to the same weights, whatever measures them."""
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))  # no features of real images are kept there yet
    out, told = tmp_path / "run", Notes(leave_at=stage)
    settings = recipe("evaluation.features=classifier", "evaluation.samples=18")
    run.train(settings, out, report=told)
    assert told.messages[-1] == f"{out}: stopped before its first step"
    done, total = told.stages[stage][-1]
    assert len(told.stages[stage]) == 1
    assert done < total or stage != "classifier"
    assert not list(out.glob("state-*.pt"))
    run.train(settings, out, report=Notes())
    assert same(load_state(whole / "state-000006.pt"), load_state(out / "state-000006.pt"))


def test_a_user_who_stops_while_data_are_prepared_leaves_no_run(
    recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    with pytest.raises(KeyboardInterrupt):
        run.train(recipe(), tmp_path / "run", report=Notes(leave_at="preparing npz"))
    assert not (tmp_path / "run").exists()


def test_measuring_more_often_does_not_change_the_training(
    whole: Path, recipe: MakeRecipe, tmp_path: Path
) -> None:
    out = run.train(recipe("evaluation.every=1", "evaluation.samples=20"), tmp_path / "run", report=Notes())
    assert same(load_state(whole / "state-000006.pt"), load_state(out / "state-000006.pt"))


def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_says_so(
    whole: Path, recipe: MakeRecipe, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run.train(recipe(), out, report=Notes(stop_after=5))
    newest = out / "state-000005.pt"
    content = bytearray(newest.read_bytes())
    middle = len(content) // 2
    # More than the padding between two tensors, which may be damaged at no loss.
    content[middle : middle + 128] = bytes(byte ^ 1 for byte in content[middle : middle + 128])
    newest.write_bytes(content)
    told = Notes()
    run.resume(out, report=told)
    assert any("state-000005.pt is damaged" in m and "state-000003.pt" in m for m in told.messages)
    assert_same_run(whole, out)


def test_the_seed_changes_the_weights(whole: Path, recipe: MakeRecipe, tmp_path: Path) -> None:
    out = run.train(recipe("training.seed=1"), tmp_path / "run", report=Notes())
    assert not same(load_weights(whole / "generator.safetensors")[0], load_weights(out / "generator.safetensors")[0])


def test_a_finished_run_is_left_alone(whole: Path, recipe: MakeRecipe) -> None:
    before = {path.name: path.read_bytes() for path in whole.iterdir()}
    told = Notes()
    run.train(recipe(), whole, report=told)
    assert any("finished" in message for message in told.messages)
    assert {path.name: path.read_bytes() for path in whole.iterdir()} == before


def test_another_recipe_is_refused_with_the_key(whole: Path, recipe: MakeRecipe) -> None:
    with pytest.raises(RunError, match=r"loss\.r1_weight = 0\.1 there, 0\.5 here"):
        run.train(recipe("loss.r1_weight=0.5"), whole, report=Notes())


def test_a_folder_of_something_else_is_refused(recipe: MakeRecipe, tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("precious")
    with pytest.raises(RunError, match="not a run folder"):
        run.train(recipe(), tmp_path, report=Notes())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


def test_other_images_are_refused_on_resume(
    recipe: MakeRecipe, tiny_recipe: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run.train(recipe(), out, report=Notes(stop_after=3))
    stored = np.load(tiny_recipe.with_name("tiny.npz"))
    np.savez(tmp_path / "other.npz", images=stored["images"] ^ 1, labels=stored["labels"])
    with pytest.raises(RunError, match="train images are not those"):
        run.resume(out, data_path=str(tmp_path / "other.npz"), report=Notes())


def test_a_diverging_run_stops_with_the_step_and_keeps_what_was_good(
    recipe: MakeRecipe, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    wild = recipe("training.generator_rate=1e30", "training.discriminator_rate=1e30")
    with pytest.raises(RunError, match="step"):
        run.train(wild, out, report=Notes())
    assert not (out / "generator.safetensors").exists()


def test_two_processes_cannot_train_in_one_folder(recipe: MakeRecipe, tmp_path: Path) -> None:
    from steergan.run.folder import claim_folder

    folder = claim_folder(recipe(), tmp_path / "run")
    with folder.locked(), pytest.raises(RunError, match="another process"):
        run.train(recipe(), folder.path, report=Notes())


def test_runs_are_numbered(tmp_path: Path) -> None:
    from steergan.run.folder import next_free

    assert next_free(tmp_path / "runs", "a").name == "00000-a"
    for name in ("00000-a", "00007-b", "notes"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    assert next_free(tmp_path / "runs", "c").name == "00008-c"


def test_new_runs_can_start_from_old_weights(whole: Path, recipe: MakeRecipe, tmp_path: Path) -> None:
    told = Notes()
    out = run.train(recipe("training.steps=1", "evaluation.every=1"), tmp_path / "run", report=told, init_from=whole)
    ended = json.loads((whole / "metric-frechet.jsonl").read_text().splitlines()[-1])
    began = json.loads((out / "metric-frechet.jsonl").read_text().splitlines()[0])
    scratch = json.loads((whole / "metric-frechet.jsonl").read_text().splitlines()[0])
    assert abs(began["frechet_invariant"] - ended["frechet_invariant"]) < abs(
        began["frechet_invariant"] - scratch["frechet_invariant"]
    )


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_full_disk_is_one_line_and_the_run_goes_on_to_the_same_bits(
    recipe: MakeRecipe, tiny_recipe: Path, tmp_path: Path
) -> None:
    """The kernel refuses to write any file past a size that only the checkpoints of this recipe exceed."""
    override = "generator.seed_width=64"
    whole = run.train(recipe(override), tmp_path / "whole", report=Notes())
    most = (whole / "state-000003.pt").stat().st_size - 1
    assert max(path.stat().st_size for path in whole.iterdir() if path.suffix != ".pt") < most
    out = tmp_path / "run"
    words = ("train", tiny_recipe, "--out", out, "--set", override, "--device", "cpu")
    with started(tmp_path, *words, largest_file=most) as command:
        code, _, errors = command.end()
    assert code == 1
    assert errors.startswith("steergan: ")
    assert errors.count("\n") == 1
    assert "state-000003.pt" in errors
    run.resume(out, report=Notes())
    assert_same_run(whole, out)


def test_evaluating_a_finished_run_gives_its_last_figures(whole: Path) -> None:
    last = json.loads((whole / "metric-frechet.jsonl").read_text().splitlines()[-1])
    found = run.evaluate(whole)
    assert found["frechet_invariant"] == last["frechet_invariant"]
    assert found["protocol"] == last["protocol"]


def test_what_takes_a_while_is_reported(recipe: MakeRecipe, tmp_path: Path) -> None:
    told = Notes()
    run.train(recipe("training.steps=1", "evaluation.features=classifier"), tmp_path / "run", report=told)
    assert told.stages["samples"][-1] == (16, 16)
    assert told.stages["classifier"][-1][0] == told.stages["classifier"][-1][1] > 1


def test_a_killed_run_from_old_weights_goes_on_from_them(
    whole: Path, recipe: MakeRecipe, tmp_path: Path
) -> None:
    settings = recipe("training.steps=2", "training.checkpoint_every=2", "evaluation.every=2")
    straight = run.train(settings, tmp_path / "straight", report=Notes(), init_from=whole)
    stopped = tmp_path / "stopped"
    run.train(settings, stopped, report=Notes(stop_after=1), init_from=whole)
    (stopped / "state-000001.pt").unlink()  # as if it had been killed before its first checkpoint
    run.resume(stopped, report=Notes())
    assert same(load_state(straight / "state-000002.pt"), load_state(stopped / "state-000002.pt"))
    assert json.loads((stopped / "run.json").read_text())["init_from"] == str(whole.resolve())


def test_a_run_that_failed_before_training_does_not_block_its_folder(
    recipe: MakeRecipe, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with pytest.raises(SteerganError, match=r"nothere\.safetensors"):
        run.train(recipe(f"evaluation.features={tmp_path}/nothere.safetensors"), out, report=Notes())
    run.train(recipe(), out, report=Notes())
    assert (out / "generator.safetensors").exists()


def test_a_leftover_of_a_killed_write_does_not_block_the_folder(
    recipe: MakeRecipe, tmp_path: Path
) -> None:
    (tmp_path / "resolved.toml.partial").write_text("name = ")
    run.train(recipe("training.steps=1", "evaluation.every=1"), tmp_path, report=Notes())
    assert (tmp_path / "generator.safetensors").exists()


def test_a_file_in_place_of_the_folder_is_refused(recipe: MakeRecipe, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(RunError, match="is a file"):
        run.train(recipe(), tmp_path / "run", report=Notes())


def test_evaluation_on_other_images_is_refused(whole: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    stored = np.load(tiny_recipe.with_name("tiny.npz"))
    np.savez(tmp_path / "other.npz", images=stored["images"] ^ 1, labels=stored["labels"])
    with pytest.raises(RunError, match="not those"):
        run.evaluate(whole, data_path=str(tmp_path / "other.npz"))


def test_data_found_through_the_environment_is_found_again(
    recipe: MakeRecipe, tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEERGAN_DATA", str(tiny_recipe.parent))
    out = tmp_path / "run"
    run.train(recipe("data.path=tiny.npz"), out, report=Notes(stop_after=1))
    monkeypatch.delenv("STEERGAN_DATA")
    run.resume(out, report=Notes())
    assert (out / "generator.safetensors").exists()


def test_runs_on_shares_of_the_data_have_the_same_floor(
    whole: Path, recipe: MakeRecipe, tmp_path: Path
) -> None:
    out = run.train(recipe("data.fraction=0.5", "training.steps=1"), tmp_path / "run", report=Notes())
    floors = [json.loads((p / "metric-frechet.jsonl").read_text().splitlines()[0]) for p in (whole, out)]
    assert floors[0]["floor_frechet_invariant"] == floors[1]["floor_frechet_invariant"]
    assert floors[0]["floor_count"] == floors[1]["floor_count"] == 16


def test_numbered_folders_are_claimed_once(recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from steergan.run.folder import claim_folder

    monkeypatch.chdir(tmp_path)
    assert claim_folder(recipe(), None).path.name == "00000-tiny"
    assert claim_folder(recipe(), None).path.name == "00001-tiny"
