"""The README and docs/: their code runs, their commands, paths and names exist."""

import ast
import importlib
import re
import tomllib
from functools import reduce
from itertools import pairwise
from pathlib import Path

import click
import pytest

from benchmarks.__main__ import benchmarks
from steergan.recipe import read_recipe
from steergan_cli.main import steergan
from tests.documentation.markdown_blocks import blocks, commands, inline
from tests.documentation.public_names import ROOT

DOCS = ROOT / "docs"
EXECUTED = [ROOT / "README.md", DOCS / "training.md", *sorted((DOCS / "guide").glob("*.md"))]
PAGES = [ROOT / "README.md", *sorted(set(DOCS.rglob("*.md")) - {DOCS / "results.md"})]
ROOTS = {"steergan": steergan, "python": benchmarks}
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)|(?:src|href)=\"([^\"#]+)\"")
PATH = re.compile(r"[\w.-]+(/[\w.-]+)+/?|[\w-]+\.(py|toml|md)|[\w-]+/")
NAME = re.compile(r"steergan(\.\w+)+")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parse(words: list[str]) -> None:
    """Find the command and its options; click's own refusal is the failure."""
    group, arguments = ROOTS[words[0]], words[3:] if words[0] == "python" else words[1:]
    context = click.Context(group, info_name=words[0])
    command: click.Command = group
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        found = command.get_command(context, arguments[0])
        assert found is not None, f"no command {arguments[0]!r}"
        command, arguments = found, arguments[1:]
        context = click.Context(command, parent=context, info_name=command.name)
    _, left, _ = command.make_parser(context).parse_args(list(arguments))
    assert not left, f"arguments that {command.name} does not take: {left}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_exist_with_their_options(page: Path) -> None:
    for words in commands(page.read_text()):
        try:
            parse(words)
        except (click.ClickException, AssertionError) as error:
            raise AssertionError(f"{' '.join(words)}: {error}") from error


def test_a_command_that_does_not_exist_would_be_found() -> None:
    with pytest.raises(AssertionError, match="no command"):
        parse(["steergan", "trane"])
    with pytest.raises(click.NoSuchOption):
        parse(["steergan", "train", "X.toml", "--devise", "cpu"])
    with pytest.raises(AssertionError, match="does not take"):
        parse(["python", "-m", "benchmarks", "page", "a", "b"])


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_recipes_and_keys_of_commands_exist(page: Path) -> None:
    for words in commands(page.read_text()):
        recipes = [ROOT / word for word in words if word.startswith("recipes/") and word.endswith(".toml")]
        assert [named(recipe) for recipe in recipes if not recipe.is_file()] == []
        settings = [after for before, after in pairwise(words) if before == "--set"]
        if settings:
            read_recipe(recipes[0] if recipes else ROOT / "recipes" / "rotmnist-small.toml", settings)


@pytest.mark.parametrize("page", EXECUTED, ids=named)
def test_python_of_the_guide_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "guide"}
    for block in blocks(page.read_text()):
        if block.language == "python" and not block.text.startswith("--8<--"):  # modules have tests of their own
            exec(compile(block.text, named(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_python_of_every_page_parses(page: Path) -> None:
    for block in blocks(page.read_text()):
        if block.language == "python":
            ast.parse(block.text)


@pytest.mark.parametrize("page", EXECUTED, ids=named)
def test_recipes_of_the_guide_are_read(page: Path, tmp_path: Path) -> None:
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    for block in blocks(page.read_text()):
        if block.language == "toml" and tomllib.loads(block.text).get("extends"):
            (tmp_path / "recipe.toml").write_text(block.text)
            assert read_recipe(tmp_path / "recipe.toml").name


def test_the_guide_has_python_recipes_and_commands() -> None:
    languages = [block.language for page in EXECUTED for block in blocks(page.read_text())]
    assert {"python", "toml", "sh"} <= set(languages)


def test_links_of_the_readme_lead_to_files() -> None:
    links = [a or b for a, b in LINK.findall((ROOT / "README.md").read_text())]
    inside = [link for link in links if not link.startswith("http")]
    assert len(inside) > 10
    assert [link for link in inside if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("page", [DOCS / "architecture.md", DOCS / "contributing.md"], ids=named)
def test_paths_for_developers_exist(page: Path) -> None:
    paths = [word for word in inline(page.read_text()) if PATH.fullmatch(word)]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_dotted_names_exist(page: Path) -> None:
    names = [word for word in inline(page.read_text()) if NAME.fullmatch(word) and not (ROOT / word).exists()]
    assert [name for name in names if not resolves(name)] == []


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        try:
            reduce(getattr, parts[length:], module)
        except AttributeError:
            return False
        return True
    return False


def test_names_that_do_not_exist_would_be_found() -> None:
    assert resolves("steergan.layers.GroupPool")
    assert not resolves("steergan.layers.GroupPond")
    assert not resolves("steergan.pond.GroupPool")
