"""Networks that a run keeps beside its last ones: which, for how long, and how they are asked for."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from steergan import run
from steergan.errors import RunError
from steergan.recipe import Recipe
from steergan.run.folder import RunFolder
from steergan.run.snapshots import CRITERIA, Snapshots
from steergan.training import JsonLines, load_weights
from tests.notes import Notes

pytestmark = pytest.mark.usefixtures("blank_curves")

MakeRecipe = Callable[..., Recipe]

FIGURES = {
    1: {
        "l1": 40.0,
        "frechet": 3.0,
        "kid": 0.3,
        "precision": 0.9,
        "recall": 0.1,
        "density": 1.0,
        "coverage": 0.2,
        "label": 0.5,
    },
    2: {
        "l1": 30.0,
        "frechet": 1.0,
        "kid": 0.4,
        "precision": 0.8,
        "recall": 0.3,
        "density": 0.9,
        "coverage": 0.4,
        "label": 0.5,
    },
    3: {
        "l1": 20.0,
        "frechet": 1.0,
        "kid": 0.1,
        "precision": 0.7,
        "recall": 0.2,
        "density": 0.8,
        "coverage": 0.3,
        "label": 0.4,
    },
    4: {
        "l1": 25.0,
        "frechet": 2.0,
        "kid": 0.2,
        "precision": 0.6,
        "recall": 0.2,
        "density": 0.7,
        "coverage": 0.1,
        "label": 0.3,
    },
}
BEST = {"l1": 3, "frechet": 2, "kid": 3, "precision": 1, "recall": 2, "density": 1, "coverage": 2, "label-agreement": 1}


def measured(folder: Path, steps: tuple[int, ...], known: tuple[str, ...] = tuple(FIGURES[1])) -> Snapshots:
    """An unfinished run with these evaluations, and a snapshot of each."""
    folder.mkdir(exist_ok=True)
    snapshots = Snapshots(RunFolder(folder))
    columns = {"frechet": "frechet_invariant", "label": "label_agreement"}
    for step in (0, *steps):
        found = {name: value if name in known else None for name, value in FIGURES.get(step, FIGURES[2]).items()}
        row = {"step": step, **{columns.get(name, name): value for name, value in found.items()}}
        for file in {criterion.file for criterion in CRITERIA.values()}:
            JsonLines(snapshots.folder.metric(file)).append(row)
        if step:
            snapshots.save(step, {"w": torch.tensor([float(step)])}, {"w": torch.tensor([-float(step)])}, {})
    return snapshots


@pytest.mark.parametrize("name", BEST)
def test_the_best_is_the_first_of_the_best_figures_and_never_step_zero(tmp_path: Path, name: str) -> None:
    snapshots = measured(tmp_path, (1, 2, 3, 4))
    networks = snapshots.chosen(f"best:{name}")
    assert networks.step == BEST[name]
    assert load_weights(networks.generator)[0]["w"].item() == BEST[name]
    assert load_weights(networks.discriminator)[0]["w"].item() == -BEST[name]


def test_without_a_name_the_first_figure_that_was_measured_decides(tmp_path: Path) -> None:
    assert measured(tmp_path / "a", (1, 2, 3)).chosen("best").step == 2
    assert measured(tmp_path / "b", (1, 2, 3), known=("kid", "recall")).chosen("best").step == 3
    with pytest.raises(RunError, match="nothing was measured"):
        measured(tmp_path / "c", (1, 2), known=()).chosen("best")
    with pytest.raises(RunError, match=r"precision was never measured.*--at takes step 1, 2"):
        measured(tmp_path / "d", (1, 2), known=("recall",)).chosen("best:precision")


def test_only_the_best_and_the_newest_are_kept_once_a_checkpoint_is_there(tmp_path: Path) -> None:
    snapshots = measured(tmp_path, (1, 2, 3, 4))
    (snapshots.path / "discriminator-000009.safetensors").write_bytes(b"half of a snapshot: the run was killed")
    snapshots.keep(newest=True)
    assert snapshots.steps() == [1, 2, 3, 4]
    assert len(list(snapshots.path.iterdir())) == 8
    snapshots.keep(newest=False)
    assert snapshots.steps() == [1, 2, 3]
    snapshots.truncate_after(2)
    assert [path.name for path in sorted(snapshots.path.iterdir())] == [
        f"{name}-00000{step}.safetensors" for name in ("discriminator", "generator") for step in (1, 2)
    ]


@pytest.mark.parametrize("at", ["", "Best", "best:fid", "last:1", "-1", "1.0", "\u0663", "2:kid"])
def test_what_names_no_snapshot_is_refused_in_one_line(tmp_path: Path, at: str) -> None:
    snapshots = measured(tmp_path, (1, 2))
    with pytest.raises(RunError, match="last, best, best:METRIC or a step was wanted; METRIC is frechet") as refused:
        snapshots.chosen(at)
    assert "\n" not in str(refused.value)


def test_steps_that_were_not_kept_are_refused_with_those_that_were(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no networks of step 9 were kept.*--at takes step 1, 3"):
        measured(tmp_path, (1, 3)).chosen(9)


def test_a_run_without_evaluations_has_nothing_to_draw_from(recipe: MakeRecipe, tmp_path: Path) -> None:
    out = run.train(recipe(), tmp_path / "run", report=Notes(stop_after=1))
    shutil.rmtree(out / "snapshots")
    with pytest.raises(RunError, match=r"nothing to draw from yet.*steergan resume"):
        run.sample(out, [0])


def test_an_unfinished_run_is_drawn_from_and_measured_where_it_stopped(recipe: MakeRecipe, tmp_path: Path) -> None:
    """As a run that ends there: its last networks are those of the step at which it was stopped."""
    stopped = run.train(recipe(), tmp_path / "run", report=Notes(stop_after=4))
    whole = run.train(recipe("training.steps=4"), tmp_path / "whole", report=Notes())
    assert run.load_run(stopped).step == 4
    assert torch.equal(run.sample(stopped, [0, 1]), run.sample(whole, [0, 1]))
    assert torch.equal(run.interpolate(stopped, images=3), run.interpolate(whole, images=3))
    assert run.evaluate(stopped) == run.evaluate(whole)
    assert [c.verdict for c in run.verify_run(stopped, quick=True, level=2)] == ["proved", "proved"]
    # What was stopped at is no evaluation: it goes when the run goes on.
    run.resume(stopped, report=Notes())
    assert 4 not in Snapshots(RunFolder(stopped)).steps()


def test_an_older_snapshot_is_what_was_measured_then(recipe: MakeRecipe, tmp_path: Path) -> None:
    out = run.train(recipe(), tmp_path / "run", report=Notes(stop_after=4))
    assert Snapshots(RunFolder(out)).steps() == [3, 4]  # the newest evaluation, and where it was stopped
    _, then = JsonLines(out / "metric-frechet.jsonl").rows()
    found = run.evaluate(out, at="best")
    assert found["step"] == then["step"] == 3
    assert found["frechet_invariant"] == pytest.approx(then["frechet_invariant"], rel=1e-12)
    assert not torch.equal(run.sample(out, [0], at=3), run.sample(out, [0]))
    assert not torch.equal(run.interpolate(out, images=3, at="3"), run.interpolate(out, images=3))
    (certificate, _) = run.verify_run(out, quick=True, level=2, at="best:kid")
    assert certificate.verdict == "proved"


def test_a_finished_run_that_goes_on_keeps_its_end(tiny_run: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    before = run.sample(out, [0])
    run.resume(out, report=Notes(stop_after=1), steps=9)
    assert run.load_run(out).step == 7
    assert torch.equal(run.sample(out, [0], at=6), before)


def test_interrupted_runs_keep_the_snapshots_of_uninterrupted_ones(
    tiny_run: Path, recipe: MakeRecipe, tmp_path: Path
) -> None:
    out = run.train(recipe(), tmp_path / "run", report=Notes(stop_after=4))
    run.resume(out, report=Notes())
    kept = {path.name: path.read_bytes() for path in (tiny_run / "snapshots").iterdir()}
    assert {path.name: path.read_bytes() for path in (out / "snapshots").iterdir()} == kept
