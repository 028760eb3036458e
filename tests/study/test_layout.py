"""Where the cells of a study are in its pictures."""

from pathlib import Path

from steergan.study import find, read_study
from steergan.study.pictures import curves_figure, precision_recall_figure
from tests.study.studies import AXES, axis, distances, pretend, write_study


def test_draw_keys_make_rows_columns_and_lines(tmp_path: Path) -> None:
    text = AXES.replace('name = "data"', 'name = "data"\ndraw = "rows"') + axis("generator.z_dim = 5", "latent")
    grid = read_study(write_study(tmp_path, text.replace('name = "latent"', 'name = "latent"\ndraw = "columns"')))
    for run in grid.runs:
        pretend(run, tmp_path / "out", distances(run))
    findings = find(grid, tmp_path / "out")
    for figure in (curves_figure(findings), precision_recall_figure(findings)):
        assert figure is not None
        assert [axes.get_title() for axes in figure.axes] == ["plain, 10 %", "x, 10 %", "plain, 100 %", "x, 100 %"]
        (legend,) = figure.legends
        assert {text.get_text() for text in legend.get_texts()} == {"CNN in D", "C4 in D", "real against real"}
