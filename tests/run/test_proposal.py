"""A recipe for a folder: what is there, what was tested, and what the time allows."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from steergan.errors import DataError
from steergan.recipe import read_recipe
from steergan.run.pace import Pace
from steergan.run.plan import plan
from steergan.run.proposal import SIZES, Wish, propose
from tests.data.messy import picture, write_folders


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """What a step is said to take, by the side of its images."""
    table = {one.side: 0.1 for one in SIZES}

    def pace_of(recipe: Any, generator: Any, discriminator: Any, device: object) -> Pace:
        return Pace(table[generator.image_shape[1]], 1_500_000_000, True)

    monkeypatch.setattr("steergan.run.proposal.pace_of", pace_of)
    return table


def write_squares(root: Path, side: int, count: int = 24) -> Path:
    root.mkdir()
    for k in range(count):
        picture(k, side, side, 3).save(root / f"{k}.png")
    return root


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    return write_squares(tmp_path / "cells", 40)


def proposed(text: str, tmp_path: Path) -> dict[str, Any]:
    """The recipe as a table, after it was read as one."""
    (tmp_path / "x.toml").write_text(text)
    read_recipe(tmp_path / "x.toml")
    return tomllib.loads(text)


def test_a_recipe_for_squares_of_one_kind_says_no_more_than_it_must(
    cells: Path, tmp_path: Path, seconds: dict[int, float]
) -> None:
    text = propose(cells, "cells", Wish(group="C4"))
    table = proposed(text, tmp_path)
    assert table["data"] == {"name": "folder", "path": str(cells), "size": 32, "held_out": 0.33}
    assert table["generator"]["group"] == table["discriminator"]["group"] == "C4"
    assert "group: as asked" in text
    assert (table["training"]["steps"], table["evaluation"]["every"]) == (5000, 1250)
    assert "A step took 0.1 s on cpu here: 8.3 minutes for 5,000 steps; 1.5 GB of memory." in text
    assert "the paper takes 20,000: 33.3 minutes" in text
    assert "# 32 x 32 pixels: the largest of 64, 32, 16, 8 that leaves time for 1,000 steps in 15 minutes; most" in text


def test_images_below_the_recipes_folder_are_named_from_there(
    cells: Path, tmp_path: Path, seconds: dict[int, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "cells.toml"
    target.write_text(propose(cells, "cells", Wish(group="C4", size=32), target=target))
    assert tomllib.loads(target.read_text())["data"]["path"] == "cells"
    assert "# 32 x 32 pixels: as asked." in target.read_text()
    assert read_recipe(target).data.path == str(cells)  # wherever one is
    monkeypatch.chdir(tmp_path)
    assert read_recipe("cells.toml").data.path == "cells"
    elsewhere = propose(cells, "cells", Wish(group="C4", size=32), target=tmp_path / "other" / "x.toml")
    assert tomllib.loads(elsewhere)["data"]["path"] == str(cells)


def test_the_size_is_what_the_time_allows_and_the_steps_what_is_left_of_it(
    cells: Path, tmp_path: Path, seconds: dict[int, float]
) -> None:
    seconds |= {32: 2.0, 16: 0.5}
    table = proposed(propose(cells, "cells", Wish(group="C4", minutes=10)), tmp_path)
    assert (table["data"]["size"], table["training"]["steps"]) == (16, 1200)
    assert "larger ones leave no time for 1,000 steps in 10 minutes (32 takes 2 s a step)" in propose(
        cells, "cells", Wish(group="C4", minutes=10)
    )
    seconds |= {16: 400.0}
    text = propose(cells, "cells", Wish(group="C4", minutes=10))
    assert proposed(text, tmp_path)["training"]["steps"] == 300
    assert "1.4 days for 300 steps" in text
    assert "# More than the 10 minutes asked for: fewer than 300 steps show nothing." in text
    assert proposed(propose(cells, "cells", Wish(group="C4", size=32)), tmp_path)["data"]["size"] == 32


def test_what_is_not_alike_is_made_so(tmp_path: Path, seconds: dict[int, float]) -> None:
    folder = Path(write_folders(tmp_path / "x", ["a", "b"], 12).path)
    for k in range(30):
        picture(k + 500, 20, 30, 3).save(folder / "a" / f"wide{k}.png")
    Image.fromarray(np.full((20, 30), 4000, np.uint16)).save(folder / "b" / "deep.png")
    (folder / "b" / "cut.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"1 fault, 56 images; not readable: 1 \(b/cut\.png"):
        propose(folder, "x", Wish(group="C4"))
    table = proposed(propose(folder, "x", Wish(group="C4", skip_damaged=True)), tmp_path)
    settled = {"size": 16, "fit": "crop", "range": "dtype", "skip_damaged": True}
    assert settled.items() <= table["data"].items()
    assert table["evaluation"]["features"] == "classifier"
    assert "3 x 16 x 16, 2 classes" in plan(read_recipe(tmp_path / "x.toml"))


def test_the_group_is_what_a_test_recommends(tmp_path: Path, seconds: dict[int, float]) -> None:
    folder = tmp_path / "stripes"
    folder.mkdir()
    for k in range(80):  # brighter to the right: only the reflection of up and down leaves that alone
        noise = np.random.default_rng(k).integers(0, 30, (8, 8))
        Image.fromarray((noise + np.linspace(0, 200, 8)).astype(np.uint8)).save(folder / f"{k}.png")
    text = propose(folder, "stripes", Wish())
    assert proposed(text, tmp_path)["generator"]["group"] in ("trivial", "D1")
    assert "group: what a test of the images recommends (" in text


@pytest.mark.parametrize(
    ("side", "wish", "message"),
    [
        (4, Wish(group="C4"), "images of 4 x 4 pixels; 8, 16, 32, 64 pixels a side are wanted"),
        (8, Wish(group="C4", size=24), "data.size = 24; 8, 16, 32, 64 pixels a side are wanted"),
        (8, Wish(), "the symmetry can't be tested .*say it with --group, such as C4"),
    ],
)
def test_what_gives_no_recipe_is_refused(
    tmp_path: Path, seconds: dict[int, float], side: int, wish: Wish, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        propose(write_squares(tmp_path / "x", side, count=6), "x", wish)
