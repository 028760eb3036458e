"""A messy folder of one's own, from the first look to samples."""

import json
from pathlib import Path

import pytest

from steergan.metrics import ClassifierTraining
from tests.cli.pictures import pixels
from tests.commands import invoke
from tests.data.messy import SIDE, picture, write_messy

RECIPE = """
name = "pets"
data = { name = "folder", path = "PATH" }
generator = { z_dim = 4, embedding_dim = 2, seed_width = 4, widths = [8, 4], upsamplings = 1 }
discriminator = { widths = [4, 8] }
training = { steps = 2, batch_size = 4 }
evaluation = { samples = 16, features = "classifier" }
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    short = ClassifierTraining(widths=(2, 2, 2, 2, 2, 2), features=4, updates=(2, 2))
    monkeypatch.setattr("steergan.metrics.classifier_training.ClassifierTraining", lambda: short)
    path = tmp_path / "pets.toml"
    path.write_text(RECIPE.replace("PATH", str(write_messy(tmp_path / "pets"))))
    return path


@pytest.mark.usefixtures("blank_curves")
def test_a_messy_folder_is_looked_at_trained_on_and_sampled_by_name(recipe: Path, tmp_path: Path) -> None:
    refused = invoke("data", "preview", "pets", "--out", "pets.png")
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "6 faults, 35 images" in refused.stderr
    remedies = ["--fit", "pad", "--range", "dtype", "--skip-damaged"]  # those that the line names
    looked = invoke("data", "preview", "pets", "--out", "pets.png", *remedies)
    assert looked.exit_code == 0, looked.output
    table = looked.stdout.splitlines()[1:4]
    assert table == [
        "class  name  training  held out  left out",
        "    0  cats        12         3         3",
        "    1  dogs        13         3         3",
    ]
    in_recipe = ["--set", "data.fit=pad", "--set", "data.range=dtype", "--skip-damaged"]
    planned = invoke("train", recipe, "--dry-run", *in_recipe)
    assert planned.exit_code == 0, planned.output
    trained = invoke("train", recipe, "--out", "run", "--device", "cpu", *in_recipe)
    assert trained.exit_code == 0, trained.output
    for told in (planned, trained):
        assert "\n".join(table) in told.stdout
        assert "left out: cats/cut.png: not a readable image (" in told.stdout
    about = json.loads((tmp_path / "run/run.json").read_text())["data"]
    assert sorted(one["name"] for one in about["left_out"]) == [
        "cats/cut.png", "cats/link.png", "cats/pages.tif", "dogs/empty.png", "dogs/hard.png", "dogs/script.png",
    ]  # fmt: skip
    assert all(one["reason"] for one in about["left_out"])
    drawn = invoke("sample", "run", "--classes", "dogs", "--seeds", "0")
    assert drawn.exit_code == 0, drawn.output
    assert "classes: dogs" in drawn.stdout
    assert pixels(tmp_path / "run/samples/class1-dogs-seed0000.png").shape == (SIDE, SIDE, 3)


@pytest.mark.parametrize("fit", ["crop", "resize", "pad"])
def test_rectangles_under_quarter_turns_name_a_file_and_three_ways_that_work(tmp_path: Path, fit: str) -> None:
    (tmp_path / "wide").mkdir()
    for k in range(4):
        picture(k, 8, 12, 3).save(tmp_path / "wide" / f"{k}.png")
    recipe = tmp_path / "wide.toml"
    recipe.write_text(RECIPE.replace("PATH", str(tmp_path / "wide")))
    for more in (["--dry-run"], ["--out", tmp_path / "run", "--device", "cpu"]):
        refused = invoke("train", recipe, *more)
        assert refused.exit_code == 1
        assert "images of 8 x 12 pixels can't be turned by 90 degrees" in refused.stderr
        ways = '0.png is such an image; data.size = 8 with data.fit = "crop", "resize" or "pad" makes squares'
        assert ways in refused.stderr
    works = invoke("train", recipe, "--dry-run", "--set", "data.size=8", "--set", f"data.fit={fit}")
    assert "images of 3 x 8 x 8" in works.stdout


def test_options_of_fitting_are_refused_where_they_do_nothing(tmp_path: Path) -> None:
    refused = invoke("data", "preview", "digits", "--fit", "crop", "--out", tmp_path / "x.png")
    assert refused.exit_code == 2
    assert "--fit does nothing to digits" in refused.stderr
    (tmp_path / "x.toml").write_text('name = "x"\n[data]\nname = "digits"\n')
    refused = invoke("data", "preview", "--recipe", tmp_path / "x.toml", "--skip-damaged", "--out", tmp_path / "x.png")
    assert "--skip-damaged stands in the recipe" in refused.stderr
