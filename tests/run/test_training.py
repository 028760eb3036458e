"""A run ends with the same bits however often it was stopped, measured or damaged on the way."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from steergan import run
from steergan.errors import DataError, RecipeError, RunError, SteerganError
from steergan.kernels import library
from steergan.recipe import Recipe
from steergan.run import tasks
from steergan.run.plan import plan
from steergan.training import load_state, load_weights
from tests.networks.modern import modern_recipe
from tests.notes import Notes
from tests.processes import started
from tests.run.states import assert_same_run, same
from tests.thorough import also

MakeRecipe = Callable[..., Recipe]

pytestmark = pytest.mark.usefixtures("blank_curves")

BCR = ("augmentation.consistency_real=0.1", "augmentation.consistency_fake=0.05")
STANDARD = "augmentation.standard=true"
ROTATIONS = ("augmentation.rotation_discriminator=1.0", "augmentation.rotation_generator=0.2")
ADAPTIVE = ("augmentation.adaptive_target=0.01", "augmentation.adaptive_images=60")
PLAIN = "discriminator.group=trivial"


@pytest.mark.parametrize("stop_after", [2, 3])
def test_a_stopped_run_goes_on_to_the_same_bits(
    tiny_run: Path, recipe: MakeRecipe, tmp_path: Path, stop_after: int
) -> None:
    out = tmp_path / "run"
    run.train(recipe(), out, report=Notes(stop_after))
    assert not (out / "generator.safetensors").exists()
    run.resume(out, report=Notes())
    assert_same_run(tiny_run, out)


def test_a_stopped_run_on_the_fourier_path_goes_on_to_the_same_bits(recipe: MakeRecipe, tmp_path: Path) -> None:
    if library.native() is None:
        pytest.skip(f"no kernels: {library.absence()}")
    choice = ('performance.convolution="fourier"', "generator.widths=[8, 8, 4]", "training.ema_batch_norm=reestimate")
    uninterrupted = run.train(recipe(*choice), tmp_path / "whole", report=Notes())
    stopped = run.train(recipe(*choice), tmp_path / "run", report=Notes(stop_after=2))
    run.resume(stopped, report=Notes())
    assert_same_run(uninterrupted, stopped)
    dense = run.train(recipe('performance.convolution="dense"', *choice[1:]), tmp_path / "dense", report=Notes())
    weights = [load_weights(folder / "generator.safetensors")[0] for folder in (uninterrupted, dense)]
    assert not same(*weights)  # so the kernels did compute the run


def test_a_stopped_run_of_a_modern_pair_goes_on_to_the_same_bits_and_is_drawn_from(
    recipe: MakeRecipe, tmp_path: Path
) -> None:
    settings = modern_recipe(recipe("training.steps=4"), noise=True, conditioning="style")
    whole = run.train(settings, tmp_path / "whole", report=Notes())
    stopped = run.train(settings, tmp_path / "run", report=Notes(stop_after=2))
    run.resume(stopped, report=Notes())
    assert same(*(load_state(folder / "state-000004.pt") for folder in (whole, stopped)))
    images = run.sample(whole, seeds=[0, 1])
    assert torch.equal(run.sample(stopped, seeds=[1]), images[:, 1:])
    assert not torch.equal(run.sample(whole, seeds=[0, 1], truncation=0.5), images)
    assert run.interpolate(whole, seeds=(0, 1), images=3).shape[1:] == (3, 1, 8, 8)


@pytest.mark.parametrize("how", also("recompute=true", 'memory_format="channels-last"', 'precision="bfloat16"'))
def test_a_stopped_run_with_attention_goes_on_to_the_same_bits(recipe: MakeRecipe, tmp_path: Path, how: str) -> None:
    attention = ("generator.attention=[false, true]", "discriminator.attention=[true, false]")
    more = ("generator.attention_biases=true", 'discriminator.attention_scores="oriented"', f"performance.{how}")
    uninterrupted = run.train(recipe(*attention, *more), tmp_path / "whole", report=Notes())
    stopped = run.train(recipe(*attention, *more), tmp_path / "run", report=Notes(stop_after=2))
    run.resume(stopped, report=Notes())
    assert_same_run(uninterrupted, stopped)


def test_a_killed_run_goes_on_to_the_same_bits(tiny_run: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    """kill -9 as soon as the first checkpoint is there."""
    out = tmp_path / "run"
    with started(tmp_path, "train", tiny_recipe, "--out", out, "--device", "cpu") as command:
        command.wait_until((out / "state-000003.pt").exists)
        os.kill(command.pid, signal.SIGKILL)
        command.end()
    assert (out / "state-000003.pt").exists()
    run.resume(out, report=Notes())
    assert_same_run(tiny_run, out)


@pytest.mark.usefixtures("short_classifier")
def test_what_takes_a_while_is_reported_and_a_user_who_stops_before_the_first_step_need_not_wait(
    tiny_run: Path, recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often, and the same command goes on to the same weights, whatever measures them."""
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))  # no features of real images are kept there yet
    out = tmp_path / "run"
    settings = recipe("evaluation.features=classifier", "evaluation.samples=18")
    for stage in ("classifier", "features of real images", "samples"):
        told = Notes(leave_at=stage)
        run.train(settings, out, report=told)
        assert told.messages[-1] == f"{out}: stopped before its first step"
        done, total = told.stages[stage][-1]
        assert len(told.stages[stage]) == 1
        assert done < total or stage != "classifier"
        assert not list(out.glob("state-*.pt"))
        if stage == "features of real images":  # by now the classifier is trained
            assert told.stages["classifier"][-1][0] == told.stages["classifier"][-1][1] > 1
    told = Notes()
    run.train(settings, out, report=told)
    assert told.stages["samples"][-1] == (18, 18)
    assert same(load_state(tiny_run / "state-000006.pt"), load_state(out / "state-000006.pt"))


def test_a_user_who_stops_while_data_are_prepared_leaves_no_run(
    recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    with pytest.raises(KeyboardInterrupt):
        run.train(recipe(), tmp_path / "run", report=Notes(leave_at="preparing npz"))
    assert not (tmp_path / "run").exists()


def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_says_so(
    tiny_run: Path, recipe: MakeRecipe, tmp_path: Path
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
    assert_same_run(tiny_run, out)


def test_the_seed_changes_the_weights(tiny_run: Path, recipe: MakeRecipe, tmp_path: Path) -> None:
    out = run.train(recipe("training.seed=1"), tmp_path / "run", report=Notes())
    assert not same(load_weights(tiny_run / "generator.safetensors")[0], load_weights(out / "generator.safetensors")[0])


def test_a_finished_run_takes_more_steps_to_the_bits_of_one_that_was_asked_for_as_many(
    tiny_run: Path, recipe: MakeRecipe, tmp_path: Path
) -> None:
    out = run.train(recipe("training.steps=3"), tmp_path / "run", report=Notes())
    for steps in (3, 2):
        with pytest.raises(RunError, match="has taken 3 steps"):
            run.resume(out, report=Notes(), steps=steps)
    assert (out / "generator.safetensors").exists()
    stopped = run.resume(out, report=Notes(stop_after=1), steps=6)
    assert not (stopped / "generator.safetensors").exists()
    run.resume(out, report=Notes())
    assert_same_run(tiny_run, out)
    for name in ("generator", "discriminator"):
        assert (out / f"{name}.safetensors").read_bytes() == (tiny_run / f"{name}.safetensors").read_bytes()


def test_a_run_whose_rates_fall_takes_more_steps_only_where_they_are_those_of_a_longer_run(
    recipe: MakeRecipe, tmp_path: Path
) -> None:
    falling = ("training.rate_decay=cosine", "training.rate_decay_start=0.75")
    longer = run.train(recipe(*falling), tmp_path / "longer", report=Notes())
    out = run.train(recipe(*falling, "training.steps=5"), tmp_path / "run", report=Notes(stop_after=3))
    run.resume(out, report=Notes(), steps=6)  # step 4 would be the first with another rate
    assert_same_run(longer, out)
    short = run.train(recipe(*falling, "training.steps=5"), tmp_path / "short", report=Notes())
    with pytest.raises(RunError, match=r'its rates have begun to fall towards step 5 \(training.rate_decay = "cosine"'):
        run.resume(short, report=Notes(), steps=6)
    assert (short / "generator.safetensors").exists()


def test_damaged_weights_are_made_anew_from_the_last_checkpoint(tiny_run: Path, tmp_path: Path) -> None:
    out = shutil.copytree(tiny_run, tmp_path / "run")
    content = bytearray((out / "discriminator.safetensors").read_bytes())
    content[-5] ^= 1
    (out / "discriminator.safetensors").write_bytes(content)
    with pytest.raises(RunError, match="another sha256"):
        run.load_run(out)
    (out / "generator.safetensors").unlink()
    run.resume(out, report=Notes())
    assert_same_run(tiny_run, out)


def test_a_finished_run_without_checkpoints_takes_no_more_steps(tiny_run: Path, tmp_path: Path) -> None:
    out = shutil.copytree(tiny_run, tmp_path / "run")
    for state in out.glob("state-*.pt"):
        state.unlink()
    with pytest.raises(RunError, match="no checkpoint"):
        run.resume(out, report=Notes(), steps=9)
    assert (out / "generator.safetensors").exists()


def test_a_finished_run_is_left_alone(tiny_run: Path, recipe: MakeRecipe) -> None:
    before = {path: path.read_bytes() for path in tiny_run.rglob("*") if path.is_file()}
    told = Notes()
    run.train(recipe(), tiny_run, report=told)
    assert any("finished" in message for message in told.messages)
    assert {path: path.read_bytes() for path in tiny_run.rglob("*") if path.is_file()} == before


def test_a_diverging_run_stops_with_the_step_and_keeps_what_was_good(recipe: MakeRecipe, tmp_path: Path) -> None:
    out = tmp_path / "run"
    wild = recipe("training.generator_rate=1e30", "training.discriminator_rate=1e30")
    with pytest.raises(RunError, match="step"):
        run.train(wild, out, report=Notes())
    assert not (out / "generator.safetensors").exists()


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


def test_a_killed_run_from_old_weights_goes_on_from_them(tiny_run: Path, recipe: MakeRecipe, tmp_path: Path) -> None:
    other = "discriminator.widths=[4, 12]", "discriminator.initial_gradient=2"  # in part from the old weights
    settings = recipe("training.steps=2", "training.checkpoint_every=2", "evaluation.every=2", *other)
    told = Notes()
    straight = run.train(settings, tmp_path / "straight", report=told, init_from=tiny_run)
    assert any("the generator starts from all" in line for line in told.messages)
    assert any("the discriminator takes 1 of 4 layers" in line for line in told.messages), told.messages
    assert any("scores times" in line for line in told.messages)
    stopped = tmp_path / "stopped"
    run.train(settings, stopped, report=Notes(stop_after=1), init_from=tiny_run)
    (stopped / "state-000001.pt").unlink()  # as if it had been killed before its first checkpoint
    run.resume(stopped, report=Notes())
    assert same(load_state(straight / "state-000002.pt"), load_state(stopped / "state-000002.pt"))
    about = json.loads((stopped / "run.json").read_text())
    assert about["init_from"] == str(tiny_run.resolve())
    assert about["transfer"]["discriminator"]["layers"] == 1
    assert about["transfer"] == json.loads((straight / "run.json").read_text())["transfer"]


@pytest.mark.parametrize("there", [False, True])
def test_a_run_that_failed_before_training_leaves_nothing_and_does_not_block_its_folder(
    recipe: MakeRecipe, tmp_path: Path, there: bool
) -> None:
    out = tmp_path / "run"
    if there:
        out.mkdir()
    with pytest.raises(SteerganError, match=r"nothere\.safetensors"):
        run.train(recipe(f"evaluation.features={tmp_path}/nothere.safetensors"), out, report=Notes())
    assert out.exists() == there  # what somebody else made is left
    run.train(recipe(), out, report=Notes())
    assert (out / "generator.safetensors").exists()


def test_a_training_and_a_plan_say_what_is_in_vain_and_the_run_goes_on(recipe: MakeRecipe, tmp_path: Path) -> None:
    report, settings = Notes(), recipe(STANDARD)
    out = run.train(settings, tmp_path / "run", report=report)
    assert (out / "generator.safetensors").exists()
    (position,) = [i for i, text in enumerate(report.messages) if "does nothing or little here" in text]
    assert position < next(i for i, text in enumerate(report.messages) if text.startswith("step 0:"))
    assert report.messages[position] in plan(settings)
    assert "does nothing" not in plan(recipe())


def test_a_run_on_fresh_angles_goes_on_to_the_same_bits_and_is_measured_on_the_prepared_ones(
    recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = ("data.name=digits", "data.path=", "evaluation.features=none")
    fresh = (*digits, "data.turn=fresh")
    whole = run.train(recipe(*fresh), tmp_path / "whole", report=Notes())
    stopped = run.train(recipe(*fresh, "performance.prefetch=2"), tmp_path / "run", report=Notes(stop_after=2))
    run.resume(stopped, report=Notes())
    once = run.train(recipe(*digits), tmp_path / "once", report=Notes())
    whole_end, stopped_end, once_end = (load_state(folder / "state-000006.pt") for folder in (whole, stopped, once))
    assert same(whole_end, stopped_end)
    assert not same(whole_end["generator"], once_end["generator"])
    assert (whole / "reals.png").read_bytes() == (once / "reals.png").read_bytes()
    about = [json.loads((folder / "run.json").read_text())["data"] for folder in (whole, once)]
    assert about[0] == about[1]

    def asked(recipe: Recipe, *_: object) -> None:
        raise DataError(recipe.data.turn)

    monkeypatch.setattr(tasks, "load_data", asked)
    with pytest.raises(DataError, match=r"^once$"):  # where the originals are gone, the prepared set serves
        run.evaluate(whole, features="scattering")


def test_a_run_with_everything_goes_on_to_the_same_bits_and_records_its_probability(
    recipe: MakeRecipe, tmp_path: Path
) -> None:
    more = (
        'augmentation.transforms=["colour", "cutout"]',
        "training.discriminator_rate=0.02",
        "loss.name=relativistic-average",
    )
    settings = recipe(PLAIN, STANDARD, *BCR, *ROTATIONS, *ADAPTIVE, *more)
    whole = run.train(settings, tmp_path / "whole", report=Notes())
    stopped = run.train(settings, tmp_path / "run", report=Notes(stop_after=2))
    run.resume(stopped, report=Notes())
    last = "state-000006.pt"
    one, other = load_state(whole / last), load_state(stopped / last)
    assert one["augmentation"]["probability"] > 0
    for part in ("generator", "discriminator", "augmentation"):
        assert all(torch.equal(torch.as_tensor(a), torch.as_tensor(other[part][k])) for k, a in one[part].items())
    rows = [json.loads(line) for line in (whole / "stats.jsonl").read_text().splitlines()]
    assert rows[-1]["augmentation_probability"] == pytest.approx(one["augmentation"]["probability"].item())
    assert "rotation_head.weight" in load_weights(whole / "discriminator.safetensors")[0]


def test_what_cannot_work_is_refused_before_there_is_a_folder(recipe: MakeRecipe, tmp_path: Path) -> None:
    settings = recipe("augmentation.rotation_generator=0.2")
    with pytest.raises(RecipeError, match="set augmentation"):
        run.train(settings, tmp_path / "run", report=Notes())
    assert not (tmp_path / "run").exists()
    with pytest.raises(RecipeError, match="set augmentation"):
        plan(settings)
