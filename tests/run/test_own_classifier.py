"""A run's own classifier: announced with its cost behind the first grid, paid for once, and gone on with."""

from collections.abc import Callable
from pathlib import Path

import pytest

from steergan import run
from steergan.recipe import Recipe
from tests.notes import Notes


@pytest.mark.usefixtures("blank_curves", "short_classifier")
def test_the_classifier_is_announced_behind_the_first_grid_and_two_runs_pay_once(
    recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    made = recipe("evaluation.features=classifier", "training.steps=1")
    stopped = Notes(leave_at="classifier")
    folder = run.train(made, tmp_path / "first", report=stopped)
    assert (folder / "fakes-init.png").exists()
    assert not (folder / "classifier.safetensors").exists()
    (said,) = [line for line in stopped.messages if line.startswith("training a classifier")]
    assert "24 training images, for label agreement and features of its own: 30 updates of 24 images, about" in said
    assert stopped.stages["classifier"] == [(1, 30)]
    gone_on, other = Notes(), Notes()
    run.train(made, folder, report=gone_on)
    assert gone_on.stages["classifier"] == [(k, 30) for k in range(2, 31)]
    assert any("30 updates of 24 images, 1 of which are done" in line for line in gone_on.messages)
    again = run.train(recipe("evaluation.features=classifier", "training.steps=2"), tmp_path / "second", report=other)
    assert "classifier" not in other.stages
    assert any(line.startswith("classifier: taken from the cache") for line in other.messages)
    assert (again / "classifier.safetensors").read_bytes() == (folder / "classifier.safetensors").read_bytes()


@pytest.mark.usefixtures("blank_curves", "short_classifier")
def test_updates_of_the_classifier_are_a_key(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    told = Notes()
    keys = ("evaluation.features=classifier", "evaluation.classifier_updates=2", "training.steps=1")
    run.train(recipe(*keys), tmp_path / "run", report=told)
    assert told.stages["classifier"] == [(1, 2), (2, 2)]
