"""Several studies in one table."""

import csv
from pathlib import Path

import pytest

from steergan.errors import RunError
from steergan.study import Study, combine, read_study, report
from steergan.tables import Mean
from tests.commands import invoke
from tests.study.studies import AXES, distances, pretend, write_study


def test_studies_of_several_data_sets_become_columns_of_one_table(
    pretended: tuple[Study, Path], tmp_path: Path
) -> None:
    grid, root = pretended
    report(grid, root)
    (tmp_path / "second").mkdir()
    path = write_study(tmp_path / "second", AXES.replace("C4 in D", "C8 in D").replace('"C4"', '"C8"'))
    path.write_text(path.read_text().replace('"mine"', '"second"'))
    second = read_study(path)
    for run in second.runs:
        pretend(run, tmp_path / "two", [9.0, 7.0, 8.0])
    report(second, tmp_path / "two")
    found = invoke("study", "--combine", root, tmp_path / "two", "--out", tmp_path / "both")
    assert found.exit_code == 0, found.output
    least, last = combine([root, tmp_path / "two"])
    assert least.columns == ["discriminator", "data", "mine, Frechet distance", "second, Frechet distance"]
    assert [row[:2] for row in least.rows] == [
        [d, f] for d in ("CNN in D", "C4 in D", "C8 in D") for f in ("10 %", "100 %")
    ]
    assert least.rows[3] == ["C4 in D", "100 %", Mean(mean=4.5, sd=0.5**0.5, values=[4, 5]), None]
    assert last.rows[1][3] == Mean(mean=8, sd=0, values=[8, 8])
    assert (tmp_path / "both" / "table.md").read_text() in found.output
    assert "| C4 in D       | 100 % |            4.50 ± 0.71 |                        - |" in found.output
    rows = list(csv.DictReader((tmp_path / "both" / "table.csv").read_text().splitlines()))
    assert rows[5]["second, Frechet distance mean"] == "7.0"


def test_what_cannot_be_combined_is_named(pretended: tuple[Study, Path], tmp_path: Path) -> None:
    grid, root = pretended
    with pytest.raises(RunError, match=r"no study\.json; give the folder of a study"):
        combine([root])
    report(grid, root)
    (tmp_path / "lonely").mkdir()
    lonely = read_study(write_study(tmp_path / "lonely", ""))
    for run in lonely.runs:
        pretend(run, tmp_path / "one", distances(run))
    report(lonely, tmp_path / "one")
    with pytest.raises(RunError, match=r"its axes are none, those of .* are discriminator, data"):
        combine([root, tmp_path / "one"])
    (root / "study.json").write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        combine([root])
    (root / "study.json").write_text("{}")
    with pytest.raises(RunError, match="not what `steergan study` writes"):
        combine([root])
