"""`steergan sample`: a file for each image, and a grid."""

import os
from pathlib import Path
from shutil import copytree

import click
import numpy as np
import pytest
from PIL import Image

from steergan import run as runs
from steergan_cli.options import angles
from steergan_cli.sample import pose_name
from tests.cli.pictures import pixels
from tests.commands import invoke

CONTEXT = click.Context(click.Command("sample"))
OPTION = click.Option(["--rotate"])


def test_no_two_angles_share_a_file() -> None:
    found = angles(CONTEXT, OPTION, "0-1/100,0-360/7,-90,-0.5,22.5,270")
    assert found is not None
    poses = [runs.Pose(angle, mirrored) for angle in found for mirrored in (False, True)]
    names = [pose_name(pose) for pose in poses]
    assert len(set(names)) == len(names)
    assert {"000", "000.01", "051.428571", "mirrored-022.5", "270", "-90"} <= set(names)


def test_samples_are_a_file_each_and_a_grid(tiny_run: Path, tmp_path: Path) -> None:
    told = invoke("sample", tiny_run, "--seeds", "0-1,7", "--classes", "1", "--out", tmp_path / "drawn")
    assert told.exit_code == 0, told.output
    names = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert names == ["class1-seed0000.png", "class1-seed0001.png", "class1-seed0007.png", "grid.png"]
    expected = runs.sample(tiny_run, [0, 1, 7], [1])
    for column, seed in enumerate((0, 1, 7)):
        drawn = pixels(tmp_path / "drawn" / f"class1-seed{seed:04d}.png")
        np.testing.assert_array_equal(drawn, expected[0, column, 0].numpy())


def test_a_sample_does_not_depend_on_what_else_is_asked_for(tiny_run: Path, tmp_path: Path) -> None:
    invoke("sample", tiny_run, "--seeds", "5", "--classes", "0", "--out", tmp_path / "alone")
    invoke("sample", tiny_run, "--seeds", "0-9", "--out", tmp_path / "many")
    alone, among = (pixels(tmp_path / name / "class0-seed0005.png") for name in ("alone", "many"))
    np.testing.assert_array_equal(alone, among)


def test_older_networks_are_drawn_beside_the_last_ones(tiny_run: Path, tmp_path: Path) -> None:
    run = Path(copytree(tiny_run, tmp_path / "run"))
    (run / "snapshots").rename(tmp_path / "away")
    (run / "snapshots").mkdir()
    for name in ("generator", "discriminator"):
        (run / f"{name}.safetensors").rename(run / "snapshots" / f"{name}-000003.safetensors")
    told = invoke("sample", run, "--at", "3", "--seeds", "0")  # as of a run that is not finished
    assert told.exit_code == 0, told.output
    np.testing.assert_array_equal(
        pixels(run / "samples-3" / "class0-seed0000.png"), runs.sample(tiny_run, [0], [0])[0, 0, 0].numpy()
    )
    assert invoke("interpolate", run, "--at", "3", "--images", "2").exit_code == 0
    assert (run / "interpolation-3.png").is_file()
    for command in ("sample", "interpolate", "evaluate", "verify-equivariance"):
        refused = invoke(command, run, "--at", "best:fid")
        assert refused.exit_code == 1
        assert refused.stderr.startswith("steergan: --at best:fid: last, best, best:METRIC or a step was wanted")
        assert refused.stderr.count("\n") == 1


def test_truncation_changes_the_samples(tiny_run: Path, tmp_path: Path) -> None:
    drawn = []
    for value in ("1", "0.1"):
        invoke("sample", tiny_run, "--seeds", "0-3", "--truncation", value, "--out", tmp_path / value)
        drawn.append(pixels(tmp_path / value / "grid.png"))
    assert (drawn[0] != drawn[1]).any()


def test_class_that_the_run_does_not_know_is_refused(tiny_run: Path, tmp_path: Path) -> None:
    refused = invoke("sample", tiny_run, "--classes", "2", "--out", tmp_path / "drawn")
    assert refused.exit_code == 1
    assert refused.stderr == "steergan: class 2 does not exist; this generator knows 0 to 1\n"
    assert not (tmp_path / "drawn").exists()


@pytest.mark.parametrize("command", ["resume", "sample", "interpolate", "evaluate", "verify-equivariance"])
def test_folder_that_is_no_run_is_refused(command: str, tmp_path: Path) -> None:
    refused = invoke(command, tmp_path)
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"steergan: {tmp_path}: not a run folder")
    assert refused.stderr.count("\n") == 1


def test_folder_that_cannot_be_written_is_one_line(tiny_run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = invoke("sample", tiny_run, "--seeds", "0", "--out", tmp_path / "file" / "drawn")
    assert refused.exit_code == 2
    assert "can't be made: " in refused.stderr


def test_moved_run_still_works(tiny_run: Path, tmp_path: Path) -> None:
    moved = Path(copytree(tiny_run, tmp_path / "moved"))
    told = invoke("sample", moved, "--seeds", "0")
    assert told.exit_code == 0, told.output
    assert (moved / "samples" / "grid.png").is_file()
    assert os.listdir(tmp_path) == ["moved"]


def test_a_turned_sample_is_a_file_for_every_angle_and_a_grid(steerable: Path, tmp_path: Path) -> None:
    options = ("--seeds", "0,3", "--classes", "1", "--rotate", "0-360/4", "--reflect", "--out", tmp_path / "out")
    told = invoke("sample", steerable, *options)
    assert told.exit_code == 0, told.output
    assert "16 images and grid.png" in told.output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"class1-seed0000-000.png", "class1-seed0003-270.png", "class1-seed0000-mirrored-090.png"} <= names
    assert len(names) == 17
    upright, turned, mirrored = (
        np.asarray(Image.open(tmp_path / "out" / f"class1-seed0003-{pose}.png")).astype(int)
        for pose in ("000", "090", "mirrored-000")
    )
    assert np.abs(np.rot90(upright) - turned).max() <= 1
    assert np.abs(upright[:, ::-1] - mirrored).max() <= 1
    assert np.abs(upright - turned).max() > 1


def test_latents_that_do_not_turn_and_angles_that_are_not_there_are_one_line(tiny_run: Path, steerable: Path) -> None:
    for folder, options, words in (
        (tiny_run, ("--rotate", "90"), "steerable"),
        (steerable, ("--rotate", "30"), "D4 has no rotation by 30 degrees"),
    ):
        refused = invoke("sample", folder, *options)
        assert refused.exit_code == 1
        assert words in refused.stderr
        assert refused.stderr.count("\n") == 1
