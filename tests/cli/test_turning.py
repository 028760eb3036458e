"""Turning from the command line: angles, pictures of angles, and lines for what can't be had."""

from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

from steergan import run as runs
from steergan.recipe import Recipe
from steergan_cli.options import angles
from steergan_cli.sample import pose_name
from tests.commands import invoke
from tests.notes import Notes

CONTEXT = click.Context(click.Command("sample"))
OPTION = click.Option(["--rotate"])


@pytest.fixture
def steerable(recipe: Callable[..., Recipe], tmp_path: Path) -> Path:
    """A finished run whose latent turns."""
    settings = ["generator.latent=steerable", "generator.z_dim=8", "generator.group=D4", "training.steps=3"]
    return runs.train(recipe(*settings), tmp_path / "run", report=Notes())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0-360/4", (0.0, 90.0, 180.0, 270.0)),
        ("0,30,45", (0.0, 30.0, 45.0)),
        ("-90", (-90.0,)),
        ("22.5,90-180/2", (22.5, 90.0, 135.0)),
        ("0,90,0,0.0000001", (0.0, 90.0)),
    ],
)
def test_angles_and_ranges_in_steps_are_read(text: str, wanted: tuple[float, ...]) -> None:
    assert angles(CONTEXT, OPTION, text) == pytest.approx(wanted)


@pytest.mark.parametrize("text", ["x", "", "0-360/0", "0-360/x", "0-360", "1,,2", "nan", "1e9", "0-360/99999", "/3"])
def test_what_is_no_list_of_angles_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"came; angles in degrees"):
        angles(CONTEXT, OPTION, text)


def test_no_two_angles_share_a_file() -> None:
    found = angles(CONTEXT, OPTION, "0-1/100,0-360/7,-90,-0.5,22.5,270")
    assert found is not None
    poses = [runs.Pose(angle, mirrored) for angle in found for mirrored in (False, True)]
    names = [pose_name(pose) for pose in poses]
    assert len(set(names)) == len(names)
    assert {"000", "000.01", "051.428571", "mirrored-022.5", "270", "-90"} <= set(names)


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


def test_latents_that_do_not_turn_and_angles_that_are_not_there_are_one_line(
    tiny_run: Path, steerable: Path
) -> None:
    for folder, options, words in (
        (tiny_run, ("--rotate", "90"), "steerable"),
        (steerable, ("--rotate", "30"), "D4 has no rotation by 30 degrees"),
    ):
        refused = invoke("sample", folder, *options)
        assert refused.exit_code == 1
        assert words in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_interpolation_draws_orbits(steerable: Path, tmp_path: Path) -> None:
    told = invoke("interpolate", steerable, "--images", "4", "--out", tmp_path / "paths.png")
    assert told.exit_code == 0, told.output
    assert "6 rows" in told.output


# --- pictures of angles


def test_errors_by_angle_are_drawn(tiny_recipe: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "c8.toml"
    dense = '[generator]\ngroup = "C8"\nlatent = "dense"\n[discriminator]\ngroup = "C8"\n'
    recipe.write_text(f'extends = "{tiny_recipe}"\nname = "c8"\n{dense}')
    told = invoke("verify-equivariance", recipe, "--picture", tmp_path / "angles.png")
    assert told.exit_code == 0, told.output
    assert "45 degrees" in told.output
    assert "relative error: median" in told.output
    with Image.open(tmp_path / "angles.png") as picture:
        assert picture.width > 500


@pytest.mark.parametrize("options", [("--quick",), ()])
def test_without_errors_there_is_no_picture(
    tiny_recipe: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    refused = invoke("verify-equivariance", tiny_recipe, *options, "--level", "6", "--picture", tmp_path / "angles.png")
    assert refused.exit_code == 2
    assert "nothing was measured between multiples of 90 degrees" in refused.stderr
    assert not (tmp_path / "angles.png").exists()
