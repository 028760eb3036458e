"""Pictures of a study: distance against steps, precision against recall, and a page of everybody's last samples."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter
from PIL import Image, ImageDraw, ImageFont

from steergan.pictures import draw_level, finish
from steergan.run.folder import RunFolder
from steergan.study.figures import Findings, RunFigures
from steergan.study.layout import layout
from steergan.study.plan import Study

TILE = 300
"""Pixels that a grid of samples is wide on the page, at most."""
TITLE = 22
PAD = 8
ACROSS = 4
"""Grids side by side where no axis makes columns."""
DASHES = ("-", "--", ":", "-.")
MARKERS = "os^D"
FAINTEST = 0.2
DISTANCES = {"frechet_invariant": "Frechet distance, invariant features", "kid": "KID"}
KID_LINEAR = 1e-3
"""Below this the scale of KID is linear: it is unbiased, and falls below zero where two laws agree."""

DrawCell = Callable[[Axes, list[RunFigures], str, int], None]


def curves_figure(findings: Findings) -> Figure:
    """Distance against generator steps, a line for every cell: the mean over its seeds.

    Around it is a band of one standard deviation; the panels are those of the study's `draw` keys.

    Source: Dey et al. 2021, Figures 5 (bottom), 6 and 7.
    """
    figure = Figure(dpi=120, layout="constrained")
    distance = findings.distance

    def draw(axes: Axes, runs: list[RunFigures], label: str, number: int) -> None:
        draw_curve(axes, runs, distance, label, number)

    draw_panels(figure, findings, draw)
    for axes, runs in zip(figure.axes, panel_runs(findings), strict=True):
        axes.set(xlabel="generator step", ylabel=DISTANCES[distance] + findings.features)
        floors = [found.figures[f"floor_{distance}"] for found in runs]
        known = [floor for floor in floors if floor is not None]
        draw_level(axes, float(np.mean(known)) if known else None, "real against real")
        if distance == "kid":
            axes.set_yscale("symlog", linthresh=KID_LINEAR)
            continue
        axes.set_yscale("log", nonpositive="mask")
        axes.yaxis.set_major_formatter(LogFormatter())
        axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.7)))
    dress(figure)
    return figure


def precision_recall_figure(findings: Findings) -> Figure | None:
    """Precision against recall of every evaluation of every run but those at step 0; None if no run has them.

    Later evaluations are darker.

    Source: Dey et al. 2021, Figure 5 (top).
    """
    if not any(points(found) for found in findings.runs):
        return None
    figure = Figure(dpi=120, layout="constrained")
    draw_panels(figure, findings, draw_scatter)
    for axes, runs in zip(figure.axes, panel_runs(findings), strict=True):
        axes.set(xlabel="recall", ylabel="precision")
        floors = [[found.figures.get(f"floor_{name}") for name in ("recall", "precision")] for found in runs]
        known = [floor for floor in floors if None not in floor]
        if known:
            recall, precision = np.array(known, dtype=np.float64).mean(axis=0)
            axes.scatter(recall, precision, marker="*", s=110, color="0.15", label="real against real", zorder=3)
    dress(figure)
    return figure


def draw_panels(figure: Figure, findings: Findings, draw: DrawCell) -> None:
    """Make the panels, row after row, and draw every cell into its own."""
    plan = layout(findings.study)
    rows, columns = len(plan.rows), len(plan.columns)
    figure.set_size_inches(1.5 + (4.6 if columns > 1 else 6.2) * columns, 1.4 + (3.0 if rows > 1 else 4.0) * rows)
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for labels in findings.study.cells:
        line, row, column = plan.place(labels)
        draw(panels[row, column], findings.of_cell(labels), ", ".join(plan.lines[line]) or "all", line)
    for (row, column), axes in np.ndenumerate(panels):
        axes.set_title(", ".join([*plan.columns[column], *plan.rows[row]]))


def panel_runs(findings: Findings) -> list[list[RunFigures]]:
    """The finished runs of every panel, row after row."""
    plan = layout(findings.study)
    runs: list[list[RunFigures]] = [[] for _ in plan.rows for _ in plan.columns]
    for found in findings.runs:
        _, row, column = plan.place(found.run.labels)
        runs[row * len(plan.columns) + column].append(found)
    return runs


def dress(figure: Figure) -> None:
    """Grids, and one legend below all panels."""
    named = {}
    for axes in figure.axes:
        finish(axes)
        legend = axes.get_legend()
        if legend is not None:
            legend.remove()
        handles, labels = axes.get_legend_handles_labels()
        named.update(dict(zip(labels, handles, strict=True)))
        axes.label_outer()
    across = max(1, int(figure.get_figwidth() / 2.6))
    figure.legend(
        list(named.values()), list(named), loc="outside lower center", ncols=across, frameon=False, fontsize=9
    )


def draw_curve(axes: Axes, runs: list[RunFigures], distance: str, label: str, number: int) -> None:
    """A line through the mean over the runs, in a band of one standard deviation either way."""
    if not runs:
        return
    step = [row["step"] for row in runs[0].snapshots]
    value = np.array([[row[distance] for row in found.snapshots] for found in runs], dtype=np.float64)
    centre, colour = value.mean(axis=0), f"C{number % 10}"
    dashes = DASHES[number // 10 % len(DASHES)]
    axes.plot(step, centre, dashes, color=colour, label=label, linewidth=1.6, marker="o", markersize=3)
    if len(runs) > 1:
        spread = value.std(axis=0, ddof=1)
        lower = np.maximum(centre - spread, value.min(axis=0))  # the scale is logarithmic
        axes.fill_between(step, lower, centre + spread, color=colour, alpha=0.2, linewidth=0)


def draw_scatter(axes: Axes, runs: list[RunFigures], label: str, number: int) -> None:
    """A point for every evaluation."""
    found = [point for run in runs for point in points(run)]
    if found:
        step, recall, precision = np.array(found, dtype=np.float64).T
        marker, colour = MARKERS[number // 10 % len(MARKERS)], np.array(to_rgba(f"C{number % 10}"))
        colours = np.tile(colour, (len(step), 1))
        colours[:, 3] = np.minimum(1, FAINTEST + (1 - FAINTEST) * step / step.max())  # rounding can lead above
        axes.scatter(recall, precision, s=22, marker=marker, c=colours, linewidths=0)
        axes.scatter([], [], s=22, marker=marker, color=colour, linewidths=0, label=label)


def points(found: RunFigures) -> list[tuple[float, float, float]]:
    """(step, recall, precision) of every evaluation after step 0 that has both."""
    rows = [[row[name] for name in ("step", "recall", "precision")] for row in found.snapshots if row["step"] > 0]
    return [(step, recall, precision) for step, recall, precision in rows if None not in (recall, precision)]


def samples_page(study: Study, root: Path) -> Image.Image | None:
    """The last grid of samples of every cell, with the study's first seed, in the columns of the study's `draw` keys.

    A cell without a grid stays empty; None if no cell has one.
    """
    plan = layout(study)
    tiles = {}
    for labels in study.cells:
        run = study.of_cell(labels)[0]
        path = RunFolder(root / run.folder).fakes(run.recipe.training.steps)
        line, row, column = plan.place(labels)
        row = row * len(plan.lines) + line
        place = (row, column) if len(plan.columns) > 1 else divmod(row, ACROSS)
        if path.exists():
            with Image.open(path) as grid:
                tiles[place] = (", ".join(labels), reduced(grid))
    if not tiles:
        return None
    width = max(tile.width for _, tile in tiles.values()) + PAD
    height = max(tile.height for _, tile in tiles.values()) + TITLE + PAD
    rows, columns = (max(place[i] for place in tiles) + 1 for i in (0, 1))
    page = Image.new("RGB", (columns * width + PAD, rows * height + PAD), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=13)
    for (row, column), (title, tile) in tiles.items():
        left, top = PAD + column * width, PAD + row * height
        draw.text((left, top + TITLE // 2), title, fill="black", font=font, anchor="lm")
        page.paste(tile, (left, top + TITLE))
    return page


def reduced(picture: Image.Image) -> Image.Image:
    """The picture, made smaller by a whole factor if it is wider than a tile."""
    factor = -(-picture.width // TILE)
    return picture.convert("RGB").reduce(factor) if factor > 1 else picture.convert("RGB")
