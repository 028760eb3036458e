"""The page of a study."""

import json
from pathlib import Path

import pytest

from steergan.errors import RunError
from steergan.report import report_page
from steergan.report.study_page import charts
from steergan.seals import sealed
from steergan.study import Study, report
from steergan.study.combine import read
from tests.report.test_page import Outline


def test_a_study_is_a_page_with_its_tables_curves_and_samples(pretended: tuple[Study, Path]) -> None:
    grid, root = pretended
    report(grid, root)
    page = report_page(root)
    outline = Outline(page.html)
    assert outline.faults == []
    assert page.problems == ()
    assert len(outline.of("svg")) == 2
    assert len(outline.of("img")) == 4
    assert "8 of 8 runs finished" in page.html
    assert "C4 in D against CNN in D" in page.html
    assert "± " in page.html
    assert all(str(a["src"]).startswith("data:") for a in outline.of("img"))


def test_curves_are_means_over_seeds_between_least_and_largest(pretended: tuple[Study, Path]) -> None:
    grid, root = pretended
    report(grid, root)
    tenth, whole = charts(read(root))
    assert tenth.title.endswith(": 10 %")
    assert whole.lines["C4 in D"] == [(0, 100.0), (1, 4.5), (2, 9.0)]
    assert whole.bands is not None
    assert whole.bands["C4 in D"][1] == (1, 4.0, 5.0)
    assert whole.levels == {"real against real": 0.5}


def test_a_study_of_before_is_to_be_run_again(pretended: tuple[Study, Path]) -> None:
    grid, root = pretended
    report(grid, root)
    old = {key: value for key, value in json.loads((root / "study.json").read_text()).items() if key != "tables"}
    del old["digest"]
    (root / "study.json").write_text(json.dumps(sealed(old)))
    with pytest.raises(RunError, match="older than reports; run the study again"):
        report_page(root)


def test_a_grid_that_is_gone_is_named(pretended: tuple[Study, Path]) -> None:
    grid, root = pretended
    report(grid, root)
    for file in (root / grid.runs[0].folder).glob("fakes-*.png"):
        file.unlink()
    page = report_page(root)
    assert len(page.problems) == 1
    assert "no grid of samples" in page.problems[0]
