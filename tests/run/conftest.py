"""Runs that several modules go on with."""

from pathlib import Path

import pytest

from steergan import run
from steergan.metrics import ClassifierTraining
from steergan.recipe import read_recipe
from tests.notes import Notes


@pytest.fixture(scope="session")
def half(tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped after two steps, without kernels."""
    dense = read_recipe(tiny_recipe, ["performance.convolution=dense"])
    return run.train(dense, tmp_path_factory.mktemp("runs") / "half", report=Notes(stop_after=2))


@pytest.fixture
def short_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classifiers that runs train for themselves are small, and trained for a moment."""
    short = ClassifierTraining(widths=(2, 2, 2, 2, 2, 2), features=4, updates=(30, 30))
    monkeypatch.setattr("steergan.metrics.classifier_training.ClassifierTraining", lambda: short)
