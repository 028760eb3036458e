"""Pictures of a study: Frechet distance against steps, and a page of everybody's last samples."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter
from PIL import Image, ImageDraw, ImageFont

from steergan.pictures import draw_level, finish
from steergan.run.folder import RunFolder
from steergan.study.figures import Findings, RunFigures
from steergan.study.plan import Study

TILE = 300
"""Pixels that a grid of samples is wide on the page, at most."""
TITLE = 22
PAD = 8


def curves_figure(findings: Findings) -> Figure:
    """Frechet distance (invariant features) against generator steps: a panel for every option of the study's last axis,
    and in each a line for every cell, the mean over its seeds, in a band of one standard deviation."""
    panels = panel_labels(findings.study)
    figure = Figure(figsize=(1.5 + 4.6 * len(panels), 4.4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    row = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, panel in zip(row, panels, strict=True):
        shown = [labels for labels in findings.study.cells if labels[-1:] == panel]
        for number, labels in enumerate(shown):
            draw_cell(axes, findings.of_cell(labels), ", ".join(labels[:-1]) or "all", f"C{number}")
        floors = [f.figures["floor_frechet_invariant"] for labels in shown for f in findings.of_cell(labels)]
        known = [floor for floor in floors if floor is not None]
        draw_level(axes, float(np.mean(known)) if known else None, "real against real")
        axes.set(title=" ".join(panel), xlabel="generator step", yscale="log")
        axes.yaxis.set_major_formatter(LogFormatter())
        axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.7)))
        finish(axes)
    row[0].set_ylabel("Frechet distance, invariant features")
    return figure


def panel_labels(study: Study) -> list[tuple[str, ...]]:
    """The options of the last axis, each in a tuple; an empty one if there is no axis."""
    return list(dict.fromkeys(labels[-1:] for labels in study.cells))


def draw_cell(axes: Axes, runs: list[RunFigures], label: str, colour: str) -> None:
    """A line through the mean over the runs, in a band of one standard deviation either way."""
    if not runs:
        return
    step = [step for step, _ in runs[0].curve]
    value = np.array([[distance for _, distance in found.curve] for found in runs], dtype=np.float64)
    centre = value.mean(axis=0)
    axes.plot(step, centre, color=colour, label=label, linewidth=1.6, marker="o", markersize=3)
    if len(runs) > 1:
        spread = value.std(axis=0, ddof=1)
        lower = np.maximum(centre - spread, value.min(axis=0))  # the scale is logarithmic
        axes.fill_between(step, lower, centre + spread, color=colour, alpha=0.2, linewidth=0)


def samples_page(study: Study, root: Path) -> Image.Image | None:
    """The last grid of samples of every cell, with the study's first seed: a column for every option of the last axis.

    A cell without a grid stays empty; None if no cell has one.
    """
    panels = panel_labels(study)
    rows = list(dict.fromkeys(labels[:-1] for labels in study.cells))
    tiles = {}
    for labels in study.cells:
        run = study.of_cell(labels)[0]
        path = RunFolder(root / run.folder).fakes(run.recipe.training.steps)
        if path.exists():
            with Image.open(path) as grid:
                tiles[labels] = reduced(grid)
    if not tiles:
        return None
    width = max(tile.width for tile in tiles.values()) + PAD
    height = max(tile.height for tile in tiles.values()) + TITLE + PAD
    page = Image.new("RGB", (len(panels) * width + PAD, len(rows) * height + PAD), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=13)
    for labels, tile in tiles.items():
        left = PAD + panels.index(labels[-1:]) * width
        top = PAD + rows.index(labels[:-1]) * height
        draw.text((left, top + TITLE // 2), ", ".join(labels), fill="black", font=font, anchor="lm")
        page.paste(tile, (left, top + TITLE))
    return page


def reduced(picture: Image.Image) -> Image.Image:
    """The picture, made smaller by a whole factor if it is wider than a tile."""
    factor = -(-picture.width // TILE)
    return picture.convert("RGB").reduce(factor) if factor > 1 else picture.convert("RGB")
