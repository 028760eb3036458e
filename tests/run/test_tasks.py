"""A run that translates images: pair_run, resumed to the bit, measured, proved, used, and refused where it can't do."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from steergan import run
from steergan.errors import RecipeError, RunError, SteerganError
from steergan.run.blindness import moves_notice
from steergan.run.exporting import export_run
from steergan.run.plan import plan
from steergan.training import load_state, load_weights
from tests.notes import Notes
from tests.run.states import same
from tests.run.translation import recipe_of

pytestmark = pytest.mark.usefixtures("blank_curves")


def rows(folder: Path, name: str = "metric-pairs") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]


def test_translations_come_nearer_and_a_network_that_turns_has_one_figure_for_all_poses(pair_run: Path) -> None:
    found = rows(pair_run)
    assert [row["step"] for row in found] == [0, 3, 6]
    assert found[-1]["l1"] < 0.9 * found[0]["l1"]
    for name in ("l1", "psnr", "ssim"):
        assert found[-1][f"turned_{name}"] == pytest.approx(found[-1][name], rel=2e-3)
    assert found[-1]["equivariance_error"] < 1e-5
    assert {"fakes-init.png", "fakes-000006.png", "reals.png"} <= {path.name for path in pair_run.iterdir()}
    assert {"reconstruction", "r1"} <= rows(pair_run, "stats")[-1].keys()
    about = json.loads((pair_run / "run.json").read_text())["data"]
    assert (about["image_shape"], about["input_shape"], about["class_names"]) == ([3, 16, 16], [3, 16, 16], [])


def test_a_stopped_run_goes_on_to_the_same_bits(pair_recipe: Path, pair_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run.train(recipe_of(pair_recipe), out, report=Notes(stop_after=2))
    run.resume(out, report=Notes())
    assert same(load_state(pair_run / "state-000006.pt"), load_state(out / "state-000006.pt"))
    for name in ("generator", "discriminator"):
        assert same(*(load_weights(folder / f"{name}.safetensors")[0] for folder in (pair_run, out)))
    assert rows(pair_run) == rows(out)


def test_cuts_dropout_and_batch_norm_resume_to_the_bit_too(pair_recipe: Path, tmp_path: Path) -> None:
    more = (
        "data.size=12", "data.load_size=16", "data.moves=D1", "generator.dropout=0.5", "generator.norm=batch",
        "generator.group=trivial", "training.ema_batch_norm=reestimate", "training.steps=4",
        "training.checkpoint_every=2", "evaluation.every=4",
    )  # fmt: skip
    whole = run.train(recipe_of(pair_recipe, *more), tmp_path / "whole", report=Notes())
    stopped = run.train(recipe_of(pair_recipe, *more), tmp_path / "stopped", report=Notes(stop_after=2))
    run.resume(stopped, report=Notes())
    assert same(*(load_weights(folder / "generator.safetensors")[0] for folder in (whole, stopped)))
    assert rows(whole) == rows(stopped)
    assert rows(whole)[-1]["equivariance_error"] > 1e-3  # a plain CNN does not turn


def test_it_is_measured_again_as_it_was(pair_run: Path) -> None:
    found, known = run.evaluate(pair_run), rows(pair_run)[-1]
    assert {name: found[name] for name in ("step", "l1", "turned_l1", "ssim")} == {
        name: known[name] for name in ("step", "l1", "turned_l1", "ssim")
    }
    seen = run.evaluate(pair_run, features="scattering")
    assert seen["kid_blocks"] == pytest.approx(seen["kid"])  # all fit into one block
    assert seen["turned_kid"] > -1
    assert seen["label_law"] == "held-out inputs, each once"
    with pytest.raises(RunError, match=r"translates images; --neighbours is for runs that draw them"):
        run.evaluate(pair_run, neighbours=run.Neighbours(pair_run / "n.png"))


def test_both_networks_are_proved(pair_run: Path, pair_recipe: Path) -> None:
    for certificates in (
        run.verify_run(pair_run, level=2, quick=True),
        run.verify_recipe(recipe_of(pair_recipe), level=2, quick=True),
    ):
        assert [one.verdict for one in certificates] == ["proved", "proved"]
        assert [one.name for one in certificates] == ["discriminator of pairs", "translator"]


def test_what_draws_from_latents_says_what_to_use_instead(pair_run: Path, tiny_run: Path) -> None:
    words = (
        rf"{pair_run}: this run translates images and draws none from latents; `steergan translate {pair_run} FOLDER`"
    )
    with pytest.raises(RunError, match=words):
        run.sample(pair_run, [0])
    with pytest.raises(RunError, match=words):
        run.project(pair_run, torch.zeros(1, 3, 16, 16, dtype=torch.uint8))
    with pytest.raises(RunError, match=r"this run draws images from latents and translates none; `steergan sample"):
        run.load_translation(tiny_run)


def test_a_plan_tells_layers_pace_and_pairs(pair_recipe: Path) -> None:
    text = plan(recipe_of(pair_recipe, "data.moves=C4"))
    assert "9 training and 6 held-out images of 6 x 16 x 16" in text
    assert "network.downs.0" in text
    assert "pairs: D4 translates, moved by a random element of C4" in text
    assert 'data.moves = "C4" does nothing here: translator and discriminator are equivariant under D4' in text


@pytest.mark.parametrize(
    ("groups", "moves", "idle"),
    [
        (("D4", "D4"), "D4", True), (("C4", "D4"), "C4", True), (("trivial", "D4"), "C4", False),
        (("C4", "C4"), "D1", False), (("D4", "D4"), "trivial", False),
    ],
)  # fmt: skip
def test_moves_that_do_nothing_are_named(pair_recipe: Path, groups: tuple[str, str], moves: str, idle: bool) -> None:
    of = (f"generator.group={groups[0]}", f"discriminator.group={groups[1]}", f"data.moves={moves}")
    assert bool(moves_notice(recipe_of(pair_recipe, *of))) == idle


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("data.load_size=12",), r"data.load_size = 12 with data.size = 0: pairs are cut from larger ones"),
        (("data.disk=true",), r"data.disk = true: pairs are translated as a whole"),
        (("data.name=digits", "data.path="), r"data.name = 'digits': no pairs of images; pairs, relief or stain"),
        (("generator.widths=[8, 8, 8, 8, 8]",), r"16 x 16"),
    ],
)
def test_what_can_not_be_translated_is_refused(
    pair_recipe: Path, tmp_path: Path, more: tuple[str, ...], words: str
) -> None:
    with pytest.raises(SteerganError, match=words):
        run.train(recipe_of(pair_recipe, *more), tmp_path / "run", report=Notes())
    assert not (tmp_path / "run").exists()


def test_augmentation_is_refused_because_it_knows_no_pairs(pair_recipe: Path) -> None:
    for key in ("augmentation.standard=true", "augmentation.consistency_real=1.0", "augmentation.adaptive_target=0.6"):
        with pytest.raises(RecipeError, match=r"augmentation = .*data.moves moves pairs"):
            recipe_of(pair_recipe, key)


def test_weights_of_an_older_run_start_a_new_one(pair_run: Path, pair_recipe: Path, tmp_path: Path) -> None:
    told = Notes()
    made = run.train(
        recipe_of(pair_recipe, "training.steps=1", "training.generator_rate=1e-9", "evaluation.every=1"),
        tmp_path / "run", report=told, init_from=pair_run,
    )  # fmt: skip
    assert any("the generator starts from all" in line for line in told.messages)
    assert rows(made)[0]["l1"] == pytest.approx(rows(pair_run)[-1]["l1"], rel=0.05)


def test_the_translator_is_exported_the_same(pair_run: Path, tmp_path: Path) -> None:
    found = export_run(pair_run, to="torch", out=tmp_path / "plain")
    assert found.report["certificate"]["verdict"] == "proved"
    assert max(one["difference"] for one in found.report["measured"].values()) < 1e-4
    with pytest.raises(SteerganError, match="generator or discriminator"):
        export_run(pair_run, to="torch", part="synthesis", out=tmp_path / "no")


def test_figures_do_not_depend_on_how_many_are_computed_at_once(
    pair_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steergan.run.translation_evaluation.RENDERED_PIXELS", 1)
    found = run.evaluate(pair_run)
    assert found["l1"] == pytest.approx(rows(pair_run)[-1]["l1"], rel=1e-3)
