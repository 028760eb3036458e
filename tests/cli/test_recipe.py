"""`steergan recipe`: what may stand in a recipe, and what does."""

from pathlib import Path

import pytest

from steergan.recipe import read_recipe
from tests.commands import invoke
from tests.data.messy import picture


def test_keys_are_told_with_defaults_values_and_meanings() -> None:
    told = invoke("recipe", "keys", "training.steps")
    assert told.exit_code == 0, told.output
    assert told.stdout == "training.steps: default 20000; integer >= 1\n    Generator steps.\n"
    section = invoke("recipe", "keys", "augmentation").stdout
    assert 'augmentation.transforms: default ["translation","scaling","colour",]' in section
    assert "training." not in section
    assert "name: has no default; string" in invoke("recipe", "keys").stdout


def test_an_unknown_key_is_refused_with_the_nearest() -> None:
    refused = invoke("recipe", "keys", "training.stepz")
    assert refused.exit_code == 2
    assert "no key or section training.stepz; did you mean training.steps?" in refused.stderr


def test_a_recipe_is_shown_with_every_key_and_reads_back(tiny_recipe: Path, tmp_path: Path) -> None:
    told = invoke("recipe", "show", tiny_recipe, "--set", "training.steps=9")
    (tmp_path / "shown.toml").write_text(told.stdout)
    assert read_recipe(tmp_path / "shown.toml") == read_recipe(tiny_recipe, ["training.steps=9"])


def test_recipes_are_listed_with_their_first_comment(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('# What it is for.\nname = "a"\n')
    (tmp_path / "b.toml").write_text('name = "b"\n')
    (tmp_path / "study.toml").write_text("runs = []\n")
    (tmp_path / "broken.toml").write_text("name = \n")
    listed = invoke("recipe", "list", tmp_path).stdout.splitlines()
    assert listed == [f"{tmp_path}/a.toml  What it is for.", f"{tmp_path}/b.toml"]


def test_a_new_recipe_is_written_once_and_can_be_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my cells").mkdir()
    for k in range(20):
        picture(k, 8, 8, 3).save(tmp_path / "my cells" / f"{k}.png")
    told = invoke("recipe", "new", "my cells", "--group", "C4", "--minutes", "0.1")
    assert told.exit_code == 0, told.output
    assert "my-cells.toml: written; look at it, then: steergan train my-cells.toml" in told.stdout
    assert "s on cpu here: " in told.stdout
    planned = invoke("train", "my-cells.toml", "--dry-run")
    assert planned.exit_code == 0, planned.output
    again = invoke("recipe", "new", "my cells", "--group", "C4")
    assert again.exit_code == 2
    assert "my-cells.toml is there already; give --out another file" in again.stderr
