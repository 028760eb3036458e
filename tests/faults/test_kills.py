"""A command that is killed before one of its file operations, and said again, gives the bits of one that was not."""

import multiprocessing
import random
import shutil
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.faults.kills import tried
from tests.thorough import asked

SHORT = ["training.steps=2", "training.checkpoint_every=1", "evaluation.every=2", "evaluation.samples=16"]
STUDY = """
name = "mine"
recipe = "{recipe}"
seeds = [0]
[[axis]]
name = "D"
options = [{{ label = "plain", set = {{ {settings} }} }}]
"""


def numbers(few: int, operations: int) -> Sequence[int]:
    """So many of all, other ones of every command; 0: all."""
    return sorted(random.Random(operations).sample(range(1, operations + 1), few or operations))


def nothing(root: Path) -> None:
    """A command that stands on nothing."""


def replaced(module: str, **others: Any) -> None:
    """Give names of a module another meaning, in this process and those that it forks."""
    for name, other in others.items():
        setattr(import_module(module), name, other)


def without_curves(*_: Any, **__: Any) -> Image.Image:
    """In place of curves, which else take most of the time."""
    return Image.new("L", (1, 1))


def blank(root: Path) -> None:
    """Runs that draw no curves."""
    replaced("steergan.run.session", curves=without_curves)


def forked_workers(root: Path) -> None:
    """A study whose runs are forked, and die with it."""
    context = multiprocessing.get_context("fork")
    replaced("multiprocessing", get_context=lambda method: context)
    replaced("steergan.study.report", curves_figure=without_curves)
    blank(root)


def a_run(source: Path, root: Path) -> None:
    """A finished run, whose references are not kept yet."""
    shutil.copytree(source, root / "run")


def train(recipe: Path, root: Path) -> list[str]:
    settings = [word for setting in SHORT for word in ("--set", setting)]
    return ["train", str(recipe), "--out", str(root / "run"), *settings]


def prepare(recipe: Path, root: Path) -> list[str]:
    return ["data", "prepare", "--recipe", str(recipe)]


def features(recipe: Path, root: Path) -> list[str]:
    return ["features", "train", "--recipe", str(recipe), "--epochs", "1", "--out", str(root / "mine.safetensors")]


def evaluate(recipe: Path, root: Path) -> list[str]:
    return ["evaluate", str(root / "run"), "--json"]


def study(recipe: Path, root: Path) -> list[str]:
    file = root.parent / "study.toml"
    settings = ", ".join(f'"{key}" = {value}' for key, _, value in (word.partition("=") for word in SHORT))
    file.write_text(STUDY.format(recipe=recipe, settings=settings))
    return ["study", str(file), "--out", str(root / "study")]


def check(words: Any, begin: Any, few: int, folder: Path) -> None:
    """Kill a command a few times, or at each operation."""
    few = 0 if asked() else few
    found = tried(folder, words, partial(numbers, few), begin)
    assert found.faults == []
    assert found.operations > 20
    assert found.killed >= (few or found.operations - 2)


@pytest.mark.parametrize(
    ("words", "begin", "few"),
    [(train, blank, 2), (prepare, nothing, 2), (features, nothing, 1), (study, forked_workers, 1)],
    ids=["train", "prepare", "features", "study"],
)
def test_a_command_that_was_killed_ends_with_the_same_bits(
    words: Any, begin: Any, few: int, tiny_recipe: Path, tmp_path: Path
) -> None:
    check(partial(words, tiny_recipe), begin, few, tmp_path)


def test_an_evaluation_that_was_killed_ends_with_the_same_bits(
    tiny_recipe: Path, tiny_run: Path, tmp_path: Path
) -> None:
    check(partial(evaluate, tiny_recipe), partial(a_run, tiny_run), 1, tmp_path)
