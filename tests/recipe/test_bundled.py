"""Recipes that come with steergan are found by name, from any folder."""

from pathlib import Path

import pytest

from steergan.errors import RecipeError
from steergan.recipe import bundled as module
from steergan.recipe import bundled_names, located, read_recipe
from steergan.study import read_study
from tests.commands import invoke

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_every_recipe_of_the_checkout_has_a_name() -> None:
    assert {located(name) for name in bundled_names()} == {*RECIPES.rglob("*.toml")}


def test_a_name_is_read_as_the_file_is(empty: Path) -> None:
    assert read_recipe("steergan:quickstart") == read_recipe(RECIPES / "quickstart.toml")
    assert read_recipe(Path("steergan:quickstart.toml")) == read_recipe("steergan:quickstart")
    assert read_study("steergan:studies/rotmnist-small") == read_study(RECIPES / "studies/rotmnist-small.toml")
    (empty / "mine.toml").write_text('extends = "steergan:rotmnist"\nname = "mine"\n')
    base, mine = read_recipe("steergan:rotmnist"), read_recipe("mine.toml")
    assert mine == base.model_copy(update={"name": "mine"})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("steergan:quickstat", "did you mean steergan:quickstart?"),
        ("steergan:../pyproject", "comes with steergan"),
        ("steergan:", "steergan recipe list names them"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, words: str) -> None:
    with pytest.raises(RecipeError, match="no such recipe comes with steergan") as fault:
        read_recipe(name)
    assert words in str(fault.value)


def test_an_installation_without_recipes_says_so(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACKAGE", empty / "steergan")
    with pytest.raises(RecipeError, match="install steergan anew"):
        located("steergan:quickstart")


def test_commands_know_names() -> None:
    listed = invoke("recipe", "list").stdout.splitlines()
    assert any(line.startswith("steergan:quickstart  Two CPU cores") for line in listed)
    assert 'name = "quickstart"' in invoke("recipe", "show", "steergan:quickstart").stdout
    told = invoke("verify-equivariance", "steergan:quickstart", "--level", "2", "--quick")
    assert told.exit_code == 0, told.output
    refused = invoke("verify-equivariance", "steergan:quickstart", "--sizes", "9")
    assert "--sizes is for module:function" in refused.stderr
