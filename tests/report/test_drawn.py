"""Pictures of a page."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steergan import run as runs
from steergan.errors import RunError
from steergan.report.drawn import angles, paths, reals, samples, spread, step_of, training, truncation
from steergan.run import load_run
from steergan.run.folder import RunFolder
from tests.report.test_images import opened

SHAPE, NAMES = (1, 8, 8), ("0", "1")


def test_samples_are_those_of_the_command(tiny_run: Path) -> None:
    found = samples(load_run(tiny_run))
    images = runs.sample(tiny_run, range(8)).numpy()
    assert found["lossless"]
    assert [label for label, _ in found["rows"]] == ["0", "1"]
    np.testing.assert_array_equal(np.asarray(opened(found["rows"][1][1][5]).convert("L")), images[1, 5, 0])


def test_truncations_are_those_of_the_command(tiny_run: Path) -> None:
    found = truncation(load_run(tiny_run))
    pixels = np.asarray(opened(found.uri).convert("L"))
    expected = runs.sample(tiny_run, [0], [1], truncation=0.5).numpy()[0, 0, 0]
    np.testing.assert_array_equal(pixels[9:17, 9:17], expected)
    assert found.heads[1] == "0.5"


def test_steerable_latents_are_drawn_at_the_angles_that_the_group_has(tiny_run: Path, steerable: Path) -> None:
    assert angles(load_run(tiny_run)) is None
    found = angles(load_run(steerable))
    assert found is not None
    assert [words for words, _ in found["frames"]] == ["0°", "90°", "180°", "270°"]
    pixels = np.asarray(opened(found["frames"][1][1].uri).convert("L"))
    expected = runs.sample(steerable, [1], [0], poses=[runs.Pose(90.0)]).numpy()[0, 0, 0, 0]
    np.testing.assert_allclose(pixels[9:17, :8].astype(int), expected, atol=1)  # computed beside others


def test_paths_are_those_of_the_command(tiny_run: Path, steerable: Path) -> None:
    between, classes = paths(load_run(tiny_run), 3)
    assert (between[0], classes[0]) == ("Between two latents", "Between classes")
    assert classes[1].labels == ["0 to 1", "1 to 0"]
    expected = runs.interpolate(tiny_run, images=3).numpy()
    np.testing.assert_array_equal(np.asarray(opened(classes[1].uri).convert("L"))[9:17, 9:17], expected[3, 1, 0])
    assert [title for title, _ in paths(load_run(steerable), 2)][2:] == ["The latent turned"]


def test_the_slider_begins_before_training_and_ends_with_the_last_step(tiny_run: Path) -> None:
    found = training(RunFolder(tiny_run), SHAPE, NAMES)
    assert [step for step, _ in found] == ["before training", "step 3", "step 6"]
    assert found[0][1].labels[0] == "0"
    assert found[0][1].tile == 8
    real = reals(RunFolder(tiny_run), SHAPE, NAMES)
    assert real is not None
    assert real.alt == "Real images of 0, 1."


def test_a_damaged_grid_is_named(tiny_run: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_run / "fakes-init.png", tmp_path)
    (tmp_path / "fakes-000003.png").write_bytes(b"no picture")
    with pytest.raises(RunError, match=r"fakes-000003\.png: cannot be read"):
        training(RunFolder(tmp_path), SHAPE, NAMES)


def test_other_pictures_stay_as_they_are(tmp_path: Path) -> None:
    Image.new("L", (30, 20)).save(tmp_path / "fakes-000003.png")
    ((step, found),) = training(RunFolder(tmp_path), SHAPE, NAMES)
    assert (step, found.size, found.width) == ("step 3", (30, 20), 30)
    assert training(RunFolder(tmp_path / "none"), SHAPE, NAMES) == []
    assert reals(RunFolder(tmp_path), SHAPE, NAMES) is None


def test_of_many_steps_some_are_shown() -> None:
    files = [Path(f"fakes-{step:06d}.png") for step in range(0, 1_001_000, 1000)]
    chosen = spread(files, 24)
    assert len(chosen) == 24
    assert [step_of(chosen[0]), step_of(chosen[-1])] == [0, 1_000_000]
