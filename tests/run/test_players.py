"""How the players stand: figures against closed forms, and what is said of players that do nothing any more."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from steergan import run
from steergan.data import ImageSet
from steergan.recipe import LossSettings, Recipe
from steergan.run.players import Row, idle_words, score_players, subset
from steergan.training import JsonLines
from tests.notes import Notes

GOOD = {"auc_train": 0.8, "auc_held_out": 0.75, "gradient_norm": 1.0, "penalty_share": 0.1, "bent_share": 0.3}


class Slope(nn.Module):
    """Score = slope * (mean of the pixels) + bias."""

    def __init__(self, slope: float, bias: float = 0.0) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))
        self.bias = nn.Parameter(torch.tensor(bias))

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        return self.slope * image.mean((1, 2, 3)) + self.bias


def constant(values: list[int]) -> ImageSet:
    """An image of 4 x 4 pixels for each value."""
    images = np.repeat(np.array(values, np.uint8), 16).reshape(-1, 1, 4, 4)
    return ImageSet(images, np.zeros(len(values), np.int64), ("only",), "")


def looked_at(slope: float, train: list[int], held_out: list[int], fake: list[int], loss: LossSettings) -> Row:
    drawn = constant(fake)
    pair = torch.from_numpy(drawn.images), torch.from_numpy(drawn.labels)
    discriminator: Any = Slope(slope)
    return score_players(discriminator, pair, constant(train), constant(held_out), loss)


def test_images_that_are_looked_at_first_are_of_all_classes() -> None:
    """Files come class by class, and the gradient is measured at the first images of all."""
    images = ImageSet(np.zeros((400, 1, 4, 4), np.uint8), np.arange(400) // 200, ("a", "b"), "")
    _, labels = subset(images, 200)
    assert 10 < int(labels[:50].sum()) < 40
    assert torch.equal(labels, subset(images, 200)[1])


def test_figures_of_a_linear_discriminator_are_those_of_the_closed_form() -> None:
    loss = LossSettings(name="hinge", r1_weight=2.0)
    # Pixels 0 and 255 are -1 and 1: scores -3 and 3.
    found = looked_at(3.0, train=[255, 255, 255, 0], held_out=[255, 0], fake=[0, 0, 255, 255], loss=loss)
    assert found["real_score"] == pytest.approx(1.5)
    assert found["held_out_score"] == pytest.approx(0)
    assert found["fake_score"] == pytest.approx(0)
    assert found["auc_train"] == pytest.approx(3 / 4 * 1 / 2 + 1 / 2 * (3 / 4 * 1 / 2 + 1 / 4 * 1 / 2))
    assert found["auc_held_out"] == pytest.approx(0.5)
    assert found["gradient_norm"] == pytest.approx(3 / 4)  # 16 pixels of 3 / 16 each
    hinge = (0 + 0 + 0 + 4) / 4 + (0 + 0 + 4 + 4) / 4
    gain = 2 - hinge
    assert found["penalty_share"] == pytest.approx((9 / 16) / (9 / 16 + abs(gain)))
    assert found["bent_share"] == pytest.approx(5 / 8)


def test_what_a_loss_does_not_have_is_not_said() -> None:
    found = looked_at(1.0, [255, 0], [255, 0], [0, 255], LossSettings(name="wasserstein", r1_weight=0))
    assert (found["bent_share"], found["penalty_share"]) == (None, None)


@pytest.mark.parametrize(
    ("kind", "row", "words"),
    [
        ("hinge", {"bent_share": 0.001, "gradient_norm": 0.02}, "the hinge has never bent.*gradient is 0.02"),
        ("penalty", {"penalty_share": 2e-3}, "the penalty is 0.2% of what the discriminator gains"),
        ("overfitting", {"auc_train": 0.96, "auc_held_out": 0.55}, "96% of them.*held-out images 55%"),
        ("apart", {"auc_train": 1.0, "auc_held_out": 0.99}, "every real image scores above every generated one"),
    ],
)
def test_an_idle_player_is_named(kind: str, row: dict[str, float], words: str) -> None:
    rows = [{"step": 0, **GOOD, **row}, {"step": 10, **GOOD, **row}]
    found = idle_words(rows)
    assert list(found) == [kind]
    assert re.search(words, found[kind]), found[kind]
    assert "\n" not in found[kind]


def test_a_lively_game_and_a_game_that_has_not_begun_are_not_spoken_of() -> None:
    assert idle_words([]) == {}
    assert idle_words([{"step": 10, **GOOD}]) == {}
    assert idle_words([{"step": 0, **GOOD, "bent_share": 0.0, "penalty_share": 0.0}]) == {}
    once = {"step": 20, **GOOD, "auc_train": 1.0, "auc_held_out": 1.0}
    assert idle_words([{"step": 10, **GOOD}, once]) == {}
    assert idle_words([{"step": 20, **GOOD, "bent_share": None, "penalty_share": None}]) == {}
    assert idle_words([{"step": 0, **GOOD}, {"step": 10, **GOOD, "bent_share": 0.0}]) == {}  # even, and able to bend


def test_a_run_records_its_players_at_every_evaluation(tiny_run: Path) -> None:
    rows = JsonLines(tiny_run / "metric-players.jsonl").rows()
    assert [row["step"] for row in rows] == [0, 3, 6]
    assert all(row["gradient_norm"] > 0 for row in rows)
    assert rows[0]["real_score"] != rows[-1]["real_score"]


@pytest.mark.usefixtures("blank_curves")
def test_a_run_starts_at_the_scale_that_its_recipe_asks_for(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    settings = recipe("discriminator.initial_gradient=2", "training.steps=1", "evaluation.every=1")
    told = Notes()
    out = run.train(settings, tmp_path / "run", report=told)
    before = JsonLines(out / "metric-players.jsonl").rows()[0]
    assert before["gradient_norm"] == pytest.approx(2, rel=0.2)  # of other images, and in evaluation mode
    (line,) = [line for line in told.messages if line.startswith("discriminator: scores times")]
    gain = load_file(out / "discriminator.safetensors")["gain"]
    assert f"scores times {float(gain):g}," in line
    # What goes on keeps its gain, and the bits of a run that never stopped.
    stopped = run.train(settings.model_copy(update={"training": settings.training.model_copy(update={"steps": 2})}),
                        tmp_path / "two", report=Notes())  # fmt: skip
    run.resume(out, report=Notes(), steps=2)
    for name in ("generator", "discriminator"):
        assert (out / f"{name}.safetensors").read_bytes() == (stopped / f"{name}.safetensors").read_bytes()


@pytest.mark.usefixtures("blank_curves")
def test_weights_of_a_run_without_a_gain_start_one_with_it_and_the_other_way_round(
    recipe: Callable[..., Recipe], tiny_run: Path, tmp_path: Path
) -> None:
    one_step = "training.steps=1", "evaluation.every=1"
    told = Notes()
    scaled = recipe(*one_step, "discriminator.initial_gradient=2")
    with_gain = run.train(scaled, tmp_path / "a", report=told, init_from=tiny_run)
    assert any("scores times" in line for line in told.messages)  # the old weights' gradient is what is brought to 2
    first = JsonLines(with_gain / "metric-players.jsonl").rows()[0]
    assert first["gradient_norm"] == pytest.approx(2, rel=0.2)
    again, kept = Notes(), load_file(with_gain / "discriminator.safetensors")["gain"]
    later = run.train(scaled, tmp_path / "b", report=again, init_from=with_gain)
    assert not any("scores times" in line for line in again.messages)
    assert torch.equal(load_file(later / "discriminator.safetensors")["gain"], kept)
    without = run.train(recipe(*one_step), tmp_path / "c", report=Notes(), init_from=with_gain)
    assert "gain" not in load_file(without / "discriminator.safetensors")
