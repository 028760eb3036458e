"""What loggers keep, read back by their own readers; those that are not installed are skipped."""

import sqlite3
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image

from steergan.recipe import LoggingSettings, Recipe, read_recipe
from steergan.run.folder import RunFolder
from steergan.run.logger_kinds import KINDS, log_id
from steergan_cli.resume import LOGGERS

GRAY, COLOURS = Image.new("L", (6, 4), 100), Image.new("RGB", (5, 3), (250, 0, 0))


@pytest.fixture
def recipe() -> Recipe:
    return read_recipe("steergan:quickstart")


def needs(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed")


def train(name: str, folder: RunFolder, recipe: Recipe) -> None:
    """A run of five steps that is stopped behind a checkpoint at the third, and goes on from there."""
    for checkpoint, values in ((0, (0.0, 1.0, 2.0, 3.0, 40.0, 50.0)), (3, (4.0, 5.0))):
        logger = KINDS[name](folder, recipe, checkpoint)
        first = checkpoint + 1 if checkpoint else 0
        for step, value in enumerate(values, first):
            logger.scalars(step, {"stats/generator_loss": value, "kid/kid": value / 10})
        logger.picture(first + len(values) - 1, "fakes", COLOURS if checkpoint else GRAY)
        logger.close()


def test_names_stand_in_three_places() -> None:
    (item, _) = get_args(LoggingSettings.model_fields["to"].annotation)
    assert set(get_args(item)) == set(KINDS) == set(LOGGERS)


@needs("tensorboard")
def test_tensorboard_reads_back_what_was_logged_and_purges_what_a_resumed_run_repeats(
    tmp_path: Path, recipe: Recipe
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train("tensorboard", RunFolder(tmp_path), recipe)
    found: Any = EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert found.Tags()["scalars"] == ["stats/generator_loss", "kid/kid"]
    rows = [(event.step, event.value) for event in found.Scalars("stats/generator_loss")]
    assert rows == [(step, float(step)) for step in range(6)]
    assert [round(event.value, 5) for event in found.Scalars("kid/kid")] == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    (picture,) = found.Images("fakes")
    assert (picture.step, picture.width, picture.height) == (5, 5, 3)


@needs("tensorboard")
def test_tensorboard_forgets_a_run_that_never_came_to_a_checkpoint(tmp_path: Path, recipe: Recipe) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for value in (7.0, 8.0):
        logger = KINDS["tensorboard"](RunFolder(tmp_path), recipe, 0)
        logger.scalars(1, {"x": value})
        logger.close()
    found: Any = EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert [event.value for event in found.Scalars("x")] == [8.0]


@needs("wandb")
def test_wandb_offline_goes_on_under_the_run_s_id(
    tmp_path: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    train("wandb", RunFolder(tmp_path), recipe)
    files = list((tmp_path / "wandb").glob("offline-run-*/run-*.wandb"))
    assert {file.stem for file in files} == {f"run-{log_id(RunFolder(tmp_path), 3)}"}
    content = b"".join(file.read_bytes() for file in files)
    assert b"stats/generator_loss" in content
    pictures = [np.asarray(Image.open(path)).shape[:2] for path in (tmp_path / "wandb").rglob("fakes_*.png")]
    assert sorted(pictures) == [(3, 5), (4, 6)]


@needs("trackio")
def test_trackio_keeps_every_step_of_one_run(tmp_path: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "kept"))
    train("trackio", RunFolder(tmp_path), recipe)
    (file,) = (tmp_path / "kept").glob("*.db")
    rows = sqlite3.connect(file).execute("select run_name, step, metrics from metrics").fetchall()
    assert {name for name, _, _ in rows} == {f"{tmp_path.name}-{log_id(RunFolder(tmp_path), 3)}"}
    assert {step for _, step, _ in rows} == set(range(6))
    assert any(b"generator_loss" in metrics for _, _, metrics in rows)


def test_an_id_is_kept_over_a_resume_and_new_where_a_run_begins_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    first = log_id(folder, 0)
    assert log_id(folder, 3) == first != log_id(folder, 0)
    (tmp_path / "log-id").unlink()
    assert log_id(folder, 3) == log_id(folder, 3)
