"""Two folders measured against each other, as clean-fid would of the same features."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from steergan import run
from steergan.metrics import ScatteringExtractor, extract
from steergan.pictures import as_pictures
from steergan.recipe import EvaluationSettings
from steergan.recipe.data import Folder
from tests.commands import invoke
from tests.notes import Notes

COUNT = 60


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Smooth images, and noisier ones, in PNG files."""
    root, draw = tmp_path_factory.mktemp("folders"), np.random.default_rng(0)
    made = []
    for name, noise in (("a", 60), ("b", 20)):
        waves = 60 * np.sin(np.arange(16) / draw.uniform(1, 3, (COUNT, 1, 1, 1)))
        levels = draw.integers(40, 160, (COUNT, 3, 1, 1)) + waves + draw.normal(0, noise, (COUNT, 3, 16, 16))
        images = levels.clip(0, 255).astype(np.uint8)
        (root / name).mkdir()
        for k, picture in enumerate(as_pictures(images)):
            Image.fromarray(picture).save(root / name / f"{k:03d}.png")
        made.append(root / name)
    return made[0], made[1]


def pixels(folder: Path) -> NDArray[Any]:
    return np.stack([np.asarray(Image.open(path)).transpose(2, 0, 1) for path in sorted(folder.iterdir())])


def test_figures_are_clean_fids_of_the_same_features(folders: tuple[Path, Path]) -> None:
    from cleanfid import fid

    first, second = (Folder(path=str(folder)) for folder in folders)
    found = run.compare_folders(first, second, EvaluationSettings(features="scattering"))
    a, b = (extract(ScatteringExtractor(), pixels(folder)).invariant for folder in folders)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # clean-fid's call of SciPy's sqrtm
        theirs = fid.frechet_distance(a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))
    assert found["frechet_invariant"] == pytest.approx(theirs, rel=1e-6)
    # Sets of one size that fit are compared whole: clean-fid's unseeded subsets are no matter.
    assert found["kid"] == pytest.approx(fid.kernel_distance(a, b), rel=1e-9)
    assert (found["real_count"], found["fake_count"], found["floor_count"]) == (COUNT, COUNT, COUNT // 2)
    assert found["kid"] > 10 * abs(found["floor_kid"])


def test_a_folder_against_itself_lies_at_no_distance(folders: tuple[Path, Path]) -> None:
    one, told = Folder(path=str(folders[0])), Notes()
    found = run.compare_folders(one, one, EvaluationSettings(features="auto", samples=COUNT), report=told)
    assert found["frechet_invariant"] == pytest.approx(0, abs=1e-9)
    assert found["first_checksum"] == found["held_out_checksum"]
    assert "texture metric" in " ".join(told.messages)


def test_the_command_shows_figures_floor_and_what_is_left_out(folders: tuple[Path, Path]) -> None:
    made = invoke("evaluate", "--folders", *folders, "--device", "cpu", "--features", "scattering")
    assert made.exit_code == 0, made.output
    head = next(line for line in made.stdout.splitlines() if line.startswith("texture metric "))
    assert head.split("  ")[0] == "texture metric"
    assert all(words in head for words in ("A against B", "B against itself", "scrambled"))
    assert made.stdout.count("left out: precision, recall (30 images, fewer than 50") == 1
    kid = next(line for line in made.stdout.splitlines() if line.startswith("kid "))
    assert len(kid.split()) == 4


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--at", "best"], "--at is for a RUN, not for --folders"),
        (["--data", "x"], "--data is for a RUN"),
        (["run", ], "RUN or --folders A B is wanted, one of them"),
        (["--features", "none"], 'nothing to measure with'),
        (["--features", "classifier"], "there are no images to train one on"),
        (["--range", "7"], "dtype, minmax or LOW,HIGH was wanted"),
    ],
)  # fmt: skip
def test_what_folders_cannot_be_asked_is_refused(folders: tuple[Path, Path], more: list[str], said: str) -> None:
    refused = invoke("evaluate", "--folders", *folders, "--device", "cpu", *more)
    assert refused.exit_code in (1, 2)
    assert said in refused.output


@pytest.mark.parametrize("option", ["--size", "--fit", "--samples", "--resize"])
def test_what_stands_in_the_recipe_of_a_run_is_refused_beside_it(option: str) -> None:
    value = {"--fit": "crop", "--resize": "tf"}.get(option, "32")
    refused = invoke("evaluate", "run", option, value)
    assert refused.exit_code == 2
    assert f"{option} stands in the recipe of a RUN" in refused.output


def test_neither_run_nor_folders_is_refused() -> None:
    assert "RUN or --folders A B is wanted" in invoke("evaluate").output
