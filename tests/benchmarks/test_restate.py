"""Records of studies say what the figures of their seeds make, no more."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import benchmarks
from benchmarks.restate import grid_of, is_study, restated
from steergan.errors import RunError
from steergan.results import Result, read_result, read_results, write_result
from steergan.study import Study, find, result
from tests.benchmarks.results import a_result
from tests.study.studies import pretended_study

RESULTS = Path(__file__).parents[2] / "docs" / "results"
STUDIES = [record for record in read_results(RESULTS) if is_study(record)]


@pytest.fixture
def pretended(tmp_path: Path) -> tuple[Study, Path]:
    return pretended_study(tmp_path)


@pytest.mark.parametrize("record", STUDIES, ids=[record.id for record in STUDIES])
def test_verdicts_of_committed_studies_follow_from_the_figures_in_them(record: Result) -> None:
    assert restated(record) == record


def test_there_are_studies() -> None:
    assert "rotmnist-small" in [record.id for record in STUDIES]


def test_a_record_has_the_grid_of_the_runs_that_it_was_made_of(pretended: tuple[Study, Path]) -> None:
    findings = find(*pretended)
    found, whole = grid_of(result(findings, "x", "y")), findings.grid
    assert (found.axes, found.seeds, found.distance) == (whole.axes, list(whole.seeds), whole.distance)
    for labels, figures in whole.figures.items():
        for name in whole.compared:
            assert found.figures[labels][name] == figures[name], name


def test_a_verdict_that_the_figures_do_not_make_is_replaced(pretended: tuple[Study, Path], tmp_path: Path) -> None:
    record = result(find(*pretended), "x", "y")
    write_result(tmp_path / "x.json", record.model_copy(update={"verdict": "It is a miracle.", "note": "Kept."}))
    found = CliRunner().invoke(benchmarks, ["restate", str(tmp_path / "x.json")])
    assert found.exit_code == 0, found.output
    assert read_result(tmp_path / "x.json") == record.model_copy(update={"note": "Kept."})


def test_records_that_cannot_be_stated_anew_are_refused(pretended: tuple[Study, Path], tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not the record of a study"):
        restated(a_result())
    study, root = pretended
    (root / study.runs[0].folder / "generator.safetensors").unlink()
    with pytest.raises(RunError, match="which seeds are missing"):
        restated(result(find(study, root), "x", "y"))
