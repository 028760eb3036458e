"""Runs with augmentation: told beforehand what is in vain, resumed to the last bit, and as symmetric as without."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from steergan import run
from steergan.errors import RecipeError
from steergan.recipe import Recipe
from steergan.run.blindness import augmentation_notice, is_blind
from steergan.run.build import build_discriminator
from steergan.run.plan import plan
from steergan.run.verifying import verify_recipe, verify_run
from steergan.training import load_state, load_weights
from tests.notes import Notes

MakeRecipe = Callable[..., Recipe]

BCR = ("augmentation.consistency_real=0.1", "augmentation.consistency_fake=0.05")
STANDARD = "augmentation.standard=true"
ROTATIONS = ("augmentation.rotation_discriminator=1.0", "augmentation.rotation_generator=0.2")
ADAPTIVE = ("augmentation.adaptive_target=0.01", "augmentation.adaptive_images=60")
PLAIN = "discriminator.group=trivial"


@pytest.mark.parametrize(
    ("overrides", "blind"),
    [
        (("discriminator.group=C4", "augmentation.group=C4"), True),
        (("discriminator.group=D4", "augmentation.group=C4"), True),
        (("discriminator.group=C4", "augmentation.group=D4"), False),
        (("discriminator.group=C8", "augmentation.group=C2"), True),
        ((PLAIN, "augmentation.group=C2"), False),
        (("discriminator.group=C4", "discriminator.group_pool=before-last-block"), False),
        (("discriminator.group=C4", "discriminator.plain_width=4"), False),
        (("discriminator.group=C4", "discriminator.pooling=paper"), False),
    ],
)
def test_a_discriminator_is_blind_for_its_own_group_if_nothing_behind_its_pooling_sees_the_pose(
    recipe: MakeRecipe, overrides: tuple[str, ...], blind: bool
) -> None:
    settings = recipe(*overrides)
    assert is_blind(settings, settings.augmentation.group) == blind


def test_what_is_in_vain_is_named_with_a_remedy(recipe: MakeRecipe) -> None:
    in_vain = augmentation_notice(recipe(STANDARD, *BCR, *ROTATIONS))
    assert in_vain is not None
    assert "\n" not in in_vain
    assert all(
        word in in_vain for word in ("standard: the C4", "penalty is zero", "rotations:", "adaptive_target = 0.6")
    )
    assert "rotation_generator: latent" in in_vain


@pytest.mark.parametrize(
    "overrides",
    [(), (ADAPTIVE[0], "augmentation.adaptive_images=40"), (PLAIN, STANDARD, *BCR), (STANDARD, "augmentation.group=D4"),
     (PLAIN, *ROTATIONS, "generator.latent=dense"), (PLAIN, *ROTATIONS, "generator.group=D1")],
)  # fmt: skip
def test_what_works_is_not_mentioned(recipe: MakeRecipe, overrides: tuple[str, ...]) -> None:
    assert augmentation_notice(recipe(*overrides)) is None


def test_a_run_too_short_for_its_adaptive_augmentation_is_told_how_far_it_gets(recipe: MakeRecipe) -> None:
    """6 steps of 4 images."""
    notice = augmentation_notice(recipe("augmentation.adaptive_target=0.6", "augmentation.adaptive_images=240"))
    assert notice is not None
    assert "can reach 0.1 at most; lower augmentation.adaptive_images = 240" in notice


def test_a_training_and_a_plan_say_what_is_in_vain_and_the_run_goes_on(
    recipe: MakeRecipe, tmp_path: Path
) -> None:
    report, settings = Notes(), recipe(STANDARD)
    out = run.train(settings, tmp_path / "run", report=report)
    assert (out / "generator.safetensors").exists()
    (position,) = [i for i, text in enumerate(report.messages) if "does nothing or little here" in text]
    assert position < next(i for i, text in enumerate(report.messages) if text.startswith("step 0:"))
    assert report.messages[position] in plan(settings)
    assert "does nothing" not in plan(recipe())


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


def test_the_networks_of_an_augmented_run_are_proved_as_symmetric_as_those_of_a_plain_one(
    recipe: MakeRecipe, tmp_path: Path
) -> None:
    settings = recipe(STANDARD, *ROTATIONS, *ADAPTIVE)
    out = run.train(settings, tmp_path / "run", report=Notes())
    plain = verify_recipe(recipe(), level=4, quick=True)
    for found in (verify_recipe(settings, level=4, quick=True), verify_run(out, level=4, quick=True)):
        assert [(c.name, c.group, c.verdict) for c in found] == [(c.name, c.group, c.verdict) for c in plain]
    assert [c.verdict for c in plain] == ["proved", "proved"]


def test_only_auxiliary_rotations_add_a_head_and_no_other_weight_moves(recipe: MakeRecipe) -> None:
    shape = (1, 8, 8)
    plain = build_discriminator(recipe(STANDARD, *BCR, *ADAPTIVE), shape, 2).state_dict()
    same = build_discriminator(recipe(), shape, 2).state_dict()
    headed = build_discriminator(recipe(*ROTATIONS), shape, 2).state_dict()
    assert plain.keys() == same.keys()
    assert {name for name in headed.keys() - same.keys() if not name.startswith("rotation_head")} == set()
    assert all(torch.equal(plain[name], same[name]) for name in same)
    assert all(torch.equal(headed[name], same[name]) for name in same)


def test_what_cannot_work_is_refused_before_there_is_a_folder(recipe: MakeRecipe, tmp_path: Path) -> None:
    settings = recipe("augmentation.rotation_generator=0.2")
    with pytest.raises(RecipeError, match="set augmentation"):
        run.train(settings, tmp_path / "run", report=Notes())
    assert not (tmp_path / "run").exists()
    with pytest.raises(RecipeError, match="set augmentation"):
        plan(settings)
