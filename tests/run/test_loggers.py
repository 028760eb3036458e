"""Runs tell their loggers what their files hold; a logger changes no bit and stops no run."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from steergan import run
from steergan.errors import RecipeError, RunError
from steergan.extras import MissingPackageError
from steergan.recipe import Recipe
from steergan.run import loggers
from steergan.run.folder import RunFolder
from steergan.run.loggers import Loggers, check_loggers, open_loggers
from steergan.training import JsonLines
from tests.notes import Notes
from tests.run.states import assert_same_run

pytestmark = pytest.mark.usefixtures("blank_curves")

MakeRecipe = Callable[..., Recipe]


class Kept:
    """Keeps what it is told; the last one that was opened is `Kept.opened[-1]`."""

    opened: list["Kept"] = []  # noqa: RUF012
    look = "kept"

    def __init__(self, folder: RunFolder, recipe: Recipe, step: int) -> None:
        self.from_step, self.closed = step, False
        self.values: dict[tuple[int, str], float] = {}
        self.pictures: list[tuple[int, str]] = []
        Kept.opened.append(self)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self.values |= {(step, name): value for name, value in values.items()}

    def picture(self, step: int, name: str, image: Image.Image) -> None:
        assert image.mode in ("L", "RGB")
        self.pictures.append((step, name))

    def close(self) -> None:
        self.closed = True


class Fails(Kept):
    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        raise OSError(28, "No space left on device")


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loggers, "KINDS", {"tensorboard": Kept, "wandb": Fails, "trackio": Kept})
    monkeypatch.setattr(loggers, "check_loggers", lambda names: None)
    monkeypatch.setattr("steergan.run.build.check_loggers", lambda names: None)
    Kept.opened.clear()


def columns(path: Path) -> dict[tuple[int, str], Any]:
    """What a run's files hold, by step and name."""
    files = {"stats": path / "stats.jsonl"} | {p.stem.removeprefix("metric-"): p for p in path.glob("metric-*.jsonl")}
    return {
        (row["step"], f"{group}/{name}"): value
        for group, file in files.items()
        for row in JsonLines(file).rows()
        for name, value in row.items()
        if name != "step" and type(value) in (int, float)
    }


def test_a_logger_hears_all_that_the_files_hold_and_changes_no_bit(
    tiny_run: Path, recipe: MakeRecipe, tmp_path: Path
) -> None:
    notes = Notes()
    to = 'logging.to=["tensorboard", "wandb"]'
    out = run.train(recipe(to), tmp_path / "run", report=notes)
    assert_same_run(tiny_run, out)
    heard = Kept.opened[0]
    assert heard.values == columns(out)
    assert {"stats/generator_loss", "frechet/frechet_invariant"} <= {name for _, name in heard.values}
    assert heard.pictures == [(0, "reals"), (0, "fakes"), (3, "fakes"), (6, "fakes")]
    assert heard.closed
    told = [line for line in notes.messages if "No space left" in line]
    assert told == ["wandb: No space left on device; nothing more is logged there, the run's folder has it all"]


def test_a_run_goes_on_with_other_loggers_from_its_step(recipe: MakeRecipe, tmp_path: Path) -> None:
    out = run.train(recipe('logging.to=["tensorboard"]'), tmp_path / "run", report=Notes(stop_after=2))
    assert Kept.opened[-1].closed
    run.resume(out, report=Notes(), loggers=["trackio"])
    first, second = Kept.opened
    assert (first.from_step, second.from_step) == (0, 2)
    assert min(step for step, _ in second.values) == 3
    assert RunFolder(out).read_recipe().logging.to == ("trackio",)
    assert {**first.values, **second.values} == columns(out)
    with pytest.raises(RecipeError, match=r"logging\.to"):
        run.resume(out, report=Notes(), loggers=["nothing"])


def test_loggers_are_closed_when_training_fails(tmp_path: Path, recipe: MakeRecipe) -> None:
    with pytest.raises(KeyError), open_loggers(RunFolder(tmp_path), recipe('logging.to=["trackio"]'), 0, Notes()):
        raise KeyError
    assert Kept.opened[0].closed


def test_one_that_cannot_be_opened_is_a_line_and_the_others_are_closed(
    tmp_path: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> Kept:
        raise ValueError("No API key configured.\nUse login")

    monkeypatch.setattr(loggers, "KINDS", {"tensorboard": Kept, "wandb": refuses})
    with pytest.raises(RunError, match=r'^logging\.to = "wandb": No API key configured\. Use login; mend'):
        open_loggers(RunFolder(tmp_path), recipe('logging.to=["tensorboard", "wandb", "wandb"]'), 0, Notes())
    assert Kept.opened[0].closed


def test_packages_that_are_missing_are_named() -> None:
    line = r'^logging\.to = "no_such_logger" needs no_such_logger, which is not installed: pip install no_such_logger'
    with pytest.raises(MissingPackageError, match=line):
        check_loggers(["json", "no_such_logger"])


def test_numbers_alone_are_told() -> None:
    kept = Kept(RunFolder(Path()), None, 0)  # type: ignore[arg-type]
    row = {"step": 4, "a": 1, "b": None, "c": "1", "d": [1.0], "e": True, "f": 0.5}
    Loggers({"kept": kept}, Notes()).row("x", row)
    assert kept.values == {(4, "x/a"): 1, (4, "x/f"): 0.5}
