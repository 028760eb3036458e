"""The pictures of a study."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from steergan.run.folder import RunFolder
from steergan.study import Study, find
from steergan.study.pictures import curves_figure, draw_scatter, precision_recall_figure, samples_page


def test_curves_have_a_panel_for_every_option_of_the_last_axis_and_lines_through_the_means(
    pretended: tuple[Study, Path],
) -> None:
    figure = curves_figure(find(*pretended))
    assert [axes.get_title() for axes in figure.axes] == ["10 %", "100 %"]
    line = next(line for line in figure.axes[1].get_lines() if line.get_label() == "C4 in D")
    assert np.asarray(line.get_ydata()).tolist() == [100, 4.5, 9]
    assert len(figure.axes[1].collections) == 2, "a band for each cell"


def test_precision_and_recall_of_every_snapshot_are_drawn_without_step_zero(pretended: tuple[Study, Path]) -> None:
    figure = precision_recall_figure(find(*pretended))
    assert figure is not None
    points = {tuple(np.round(p, 6)) for c in figure.axes[1].collections for p in np.asarray(c.get_offsets())}
    drawn = [d for last in (8, 9, 4, 5) for d in (last, 2 * last)]
    assert points == {(round(1 - 1 / d, 6), round(1 / d, 6)) for d in drawn} | {(0.7, 0.8)}


@pytest.mark.parametrize("last", range(1, 50))
def test_the_last_evaluation_is_drawn_in_full_whatever_its_step(pretended: tuple[Study, Path], last: int) -> None:
    found = find(*pretended).runs[0]
    row = found.snapshots[-1]
    axes = Figure().subplots()
    draw_scatter(axes, [replace(found, snapshots=[{**row, "step": last}])], "all", 0)
    assert np.asarray(axes.collections[0].get_facecolor())[:, 3].tolist() == [1.0]


def test_samples_page_shows_the_first_seed_of_every_cell(pretended: tuple[Study, Path]) -> None:
    grid, root = pretended
    (RunFolder(root / grid.runs[-2].folder).fakes(2)).unlink()
    page = samples_page(grid, root)
    assert page is not None
    pixels = np.asarray(page)
    assert page.width > 2 * 200
    black = [(pixels[y : y + 90, x : x + 90] == 0).all() for y in (100, 370) for x in (100, 330)]
    assert black == [True, True, True, False], "the last cell has no grid"
