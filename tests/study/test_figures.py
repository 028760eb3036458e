"""What the runs of a study measured, and what its options change."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from steergan import study
from steergan.errors import RunError
from steergan.run.folder import RunFolder
from steergan.study import Study, find, report
from steergan.study.figures import run_figures
from tests.study.studies import DATA, distances, pretend


def test_least_and_mean_are_over_the_evaluations_without_step_zero(pretended: tuple[Study, Path]) -> None:
    grid, root = pretended
    findings = find(grid, root)
    labels = ("CNN in D", "100 %")  # lasts of 8 and 9
    found = {which: findings.mean(labels, f"frechet_invariant_{which}") for which in ("min", "mean", "last")}
    assert all(found.values())
    assert {which: m.mean for which, m in found.items() if m} == {"min": 8.5, "mean": 12.75, "last": 17}
    spreads = {which: m.sd for which, m in found.items() if m and m.sd is not None}
    assert spreads == pytest.approx({"min": 0.5**0.5, "mean": 1.5 * 0.5**0.5, "last": 2 * 0.5**0.5})
    equivariant = findings.mean(labels, "frechet_equivariant_min")
    assert equivariant is not None
    assert equivariant.values == [24, 27]
    agreement = findings.mean(labels, "label_agreement")
    assert agreement is not None
    assert agreement.values == pytest.approx([0.84, 0.82])
    seconds = findings.mean(labels, "seconds_per_step")
    assert seconds is not None
    assert seconds.values == [0.3, 0.3]
    steps = grid.runs[0].recipe.training.steps
    whole, above = (findings.mean(labels, name) for name in ("seconds", "frechet_invariant_above"))
    assert whole is not None
    assert whole.values == pytest.approx([0.3 * steps] * 2)
    lasts, floors = (findings.mean(labels, name) for name in ("frechet_invariant_last", "floor_frechet_invariant"))
    assert lasts
    assert floors
    assert above
    assert above.values == pytest.approx([a - b for a, b in zip(lasts.values, floors.values, strict=True)])


def test_runs_of_equal_seconds_are_evaluated_at_equal_shares_of_their_steps(pretended: tuple[Study, Path]) -> None:
    grid, root = pretended
    protocol = run_figures(grid.runs[0], root, "seconds").protocol
    assert protocol["evaluated_at_shares"] == [0.5, 1.0]
    assert "evaluated_at_steps" not in protocol


def test_parameters_are_those_of_the_networks(pretended: tuple[Study, Path]) -> None:
    findings = find(*pretended)
    plain, steered = (findings.mean((d, "10 %"), "discriminator_parameters") for d in ("CNN in D", "C4 in D"))
    assert plain is not None
    assert steered is not None
    # Filters and biases of two convolutions, then the head: w, b, and an embedding of two classes.
    assert plain.mean == (4 * 9 + 4) + (8 * 4 * 9 + 8) + (8 + 1 + 2 * 8)
    assert steered.mean == (2 * 9 + 2) + (4 * 2 * 4 * 9 + 4) + (4 + 1 + 2 * 4)


def test_grid_has_the_figures_of_every_cell_by_seed(pretended: tuple[Study, Path]) -> None:
    grid = find(*pretended).grid
    assert grid.axes == {"discriminator": ["CNN in D", "C4 in D"], "data": ["10 %", "100 %"]}
    assert grid.figures["CNN in D", "100 %"]["frechet_invariant_last"] == {0: 16, 1: 18}
    assert grid.figures["CNN in D", "100 %"]["recall"] == pytest.approx({0: 1 - 1 / 16, 1: 1 - 1 / 18})


def test_shares_that_real_images_have_none_of_say_nothing(grid: Study, tmp_path: Path) -> None:
    for run in grid.runs:
        pretend(run, tmp_path, distances(run))
        path = RunFolder(tmp_path / run.folder).metric("precision-recall")
        path.write_text(path.read_text().replace('"floor_recall": 0.7', '"floor_recall": 0.0'))
    findings = find(grid, tmp_path)
    assert findings.dead == {"recall"}
    assert "recall" not in findings.grid.compared
    columns = study.page(findings).split("Precision and recall", 1)[1].splitlines()[2]
    assert "floor precision" in columns
    assert "recall" not in columns


def test_runs_that_are_not_finished_are_left_out_and_counted(pretended: tuple[Study, Path]) -> None:
    grid, root = pretended
    (root / grid.runs[0].folder / "generator.safetensors").unlink()
    text = study.page(find(grid, root))
    assert "1 of 2" in text
    assert find(grid, root).mean(grid.cells[0], "frechet_invariant_last").values == [34]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"extractor_sha256": "def"}, "extractor_sha256 is 'abc'"),
        ({"fake_count": 64}, "fake_count is 32"),
        ({"about": {"data": {**DATA, "held_out": {"images": 32, "checksum": "x"}}}},
         "held_out_checksum is 'c0ffee'"),
    ],
)  # fmt: skip
def test_figures_of_unlike_protocols_are_not_tabulated(
    grid: Study, tmp_path: Path, change: Mapping[str, Any], named: str
) -> None:
    pretend(grid.runs[0], tmp_path, distances(grid.runs[0]))
    pretend(grid.runs[1], tmp_path, distances(grid.runs[1]), **change)
    with pytest.raises(RunError, match="can't be tabulated") as found:
        report(grid, tmp_path)
    assert named in str(found.value)
    assert not (tmp_path / "table.md").exists()


def test_nothing_finished_and_incomplete_records_are_refused(grid: Study, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nothing to tabulate"):
        find(grid, tmp_path)
    pretend(grid.runs[0], tmp_path, distances(grid.runs[0]))
    (tmp_path / grid.runs[0].folder / "metric-frechet.jsonl").unlink()
    with pytest.raises(RunError, match="records are incomplete"):
        find(grid, tmp_path)
