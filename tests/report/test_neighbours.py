"""Neighbours on a page."""

from pathlib import Path

import pytest

from steergan.errors import RunError
from steergan.report.neighbours import is_quick, neighbours
from steergan.run import load_run
from tests.notes import Notes


def test_the_closest_samples_stand_before_their_nearest_training_images(tiny_run: Path) -> None:
    found = neighbours(load_run(tiny_run), None, Notes())
    shown = found["picture"]
    assert shown.heads == ["sample", "1", "2", "3", "4", "5"]
    assert [float(label) for label in shown.labels] == sorted(float(label) for label in shown.labels)
    assert found["record"]["train_count"] == 24
    assert "of samples closer than" in found["sentence"]


def test_only_what_takes_seconds_is_looked_for_unasked(tiny_run: Path) -> None:
    run = load_run(tiny_run)
    assert is_quick(run)
    train = run.about.data.train.model_copy(update={"images": 100_000})
    about = run.about.model_copy(update={"data": run.about.data.model_copy(update={"train": train})})
    assert not is_quick(run._replace(about=about))


def test_without_features_there_are_no_neighbours(tiny_run: Path) -> None:
    run = load_run(tiny_run)
    evaluation = run.recipe.evaluation.model_copy(update={"features": "none"})
    without = run._replace(recipe=run.recipe.model_copy(update={"evaluation": evaluation}))
    assert not is_quick(without)
    with pytest.raises(RunError, match="nothing to compare images with"):
        neighbours(without, None, Notes())
