"""Whose a run folder is, and who may write to it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from steergan import run
from steergan.errors import RunError
from steergan.recipe import Recipe
from steergan.run.folder import claim_folder, next_free
from tests.notes import Notes

MakeRecipe = Callable[..., Recipe]

pytestmark = pytest.mark.usefixtures("blank_curves")


def test_another_recipe_is_refused_with_the_key(tiny_run: Path, recipe: MakeRecipe) -> None:
    with pytest.raises(RunError, match=r"loss\.r1_weight = 0\.1 there, 0\.5 here"):
        run.train(recipe("loss.r1_weight=0.5"), tiny_run, report=Notes())


def test_a_folder_of_something_else_is_refused(recipe: MakeRecipe, tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("precious")
    with pytest.raises(RunError, match="not a run folder"):
        run.train(recipe(), tmp_path, report=Notes())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


def test_other_images_are_refused_on_resume(recipe: MakeRecipe, tiny_recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run.train(recipe(), out, report=Notes(stop_after=3))
    stored = np.load(tiny_recipe.with_name("tiny.npz"))
    np.savez(tmp_path / "other.npz", images=stored["images"] ^ 1, labels=stored["labels"])
    with pytest.raises(RunError, match="train images are not those"):
        run.resume(out, report=Notes(), place=run.Place(data_path=str(tmp_path / "other.npz")))


def test_two_processes_cannot_train_in_one_folder(recipe: MakeRecipe, tmp_path: Path) -> None:
    folder = claim_folder(recipe(), tmp_path / "run")
    with folder.locked(), pytest.raises(RunError, match="another process"):
        run.train(recipe(), folder.path, report=Notes())


def test_runs_are_numbered(tmp_path: Path) -> None:
    assert next_free(tmp_path / "runs", "a").name == "00000-a"
    for name in ("00000-a", "00007-b", "notes"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    assert next_free(tmp_path / "runs", "c").name == "00008-c"


def test_numbered_folders_are_claimed_once(recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert claim_folder(recipe(), None).path.name == "00000-tiny"
    assert claim_folder(recipe(), None).path.name == "00001-tiny"


def test_a_leftover_of_a_killed_write_does_not_block_the_folder(recipe: MakeRecipe, tmp_path: Path) -> None:
    (tmp_path / "resolved.toml.partial").write_text("name = ")
    run.train(recipe("training.steps=1", "evaluation.every=1"), tmp_path, report=Notes())
    assert (tmp_path / "generator.safetensors").exists()


def test_a_file_in_place_of_the_folder_is_refused(recipe: MakeRecipe, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(RunError, match="is a file"):
        run.train(recipe(), tmp_path / "run", report=Notes())
