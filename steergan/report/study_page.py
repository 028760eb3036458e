"""The parts of a study's page: verdict, tables, curves of every cell, and a grid of samples for each."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from steergan.errors import RunError, SteerganError
from steergan.metrics import words_for
from steergan.report.curves import LINES, Chart, svg_of
from steergan.report.drawn import Picture, as_sheet, step_of
from steergan.report.images import encoded
from steergan.run.folder import RunFolder
from steergan.study.combine import read
from steergan.tables import Table, fact, shown
from steergan.training import figure_in

BUDGET = 900_000
"""Characters that the samples of all cells may take."""
MOST_CELLS = 24
"""Of which samples are shown."""
NAMES = {"frechet_invariant": "Frechet distance", "kid": "KID"}


class Tabulated(BaseModel):
    """What the page needs of a study.json beside what every reader does."""

    verdict: str
    tables: list[Table]


def study_parts(root: Path, problems: dict[str, str]) -> dict[str, Any]:
    """Everything that the template of a study asks for.

    Args:
        root: the study's folder.
        problems: gets a line for each part that can't be shown.

    Raises:
        RunError: its study.json is damaged, or older than the page.
    """
    content = read(root)
    try:
        told = Tabulated.model_validate(content)
    except ValidationError:
        raise RunError(
            f"{root / 'study.json'}: older than reports; run the study again, which writes it anew"
        ) from None
    file, cells = content["study"], content["cells"]
    return {
        "title": file.get("title") or file["name"],
        "name": file["name"],
        "claim": " ".join(str(file.get("claim") or "").split()),
        "verdict": told.verdict,
        "axes": [axis["name"] for axis in file["axis"]],
        "runs": sum(len(cell.get("runs", [])) for cell in cells),
        "wanted": len(cells) * len(file.get("seeds", [])),
        "cells": len(cells),
        "tables": [as_cells(table) for table in told.tables],
        "curves": [svg_of(chart, f"chart{k}") for k, chart in enumerate(charts(content))],
        "samples": samples(root, cells, problems),
        "protocol": [(key.replace("_", " "), fact(value)) for key, value in content["protocol"].items()],
        "hardware": [fact(one) for one in content.get("hardware", [])],
        "folders": [run["folder"] for cell in cells for run in cell.get("runs", [])],
    }


def as_cells(table: Table) -> dict[str, Any]:
    """A table as text, with the columns that hold figures."""
    numbers = [any(not isinstance(row[k], str | None) for row in table.rows) for k in range(len(table.columns))]
    return {
        "caption": table.caption,
        "columns": list(zip(table.columns, numbers, strict=True)),
        "rows": [[(shown(cell), number) for cell, number in zip(row, numbers, strict=True)] for row in table.rows],
    }


def charts(content: Mapping[str, Any]) -> list[Chart]:
    """The distance of every cell against steps: a chart for each option of the last of several axes, else one."""
    distance, several = content["distance"], len(content["study"]["axis"]) > 1
    words = words_for(str(content["protocol"].get("extractor")))
    panels: dict[str, list[Mapping[str, Any]]] = {}
    for cell in content["cells"]:
        labels = list(cell["labels"].values())
        panels.setdefault(labels[-1] if several else "", []).append(cell)
    found = []
    for panel, cells in panels.items():
        bands = {name_of(cell, several): band(cell.get("runs", []), distance) for cell in cells[: len(LINES)]}
        lines = {name: [(step, middle) for step, _, middle, _ in points] for name, points in bands.items()}
        around = {name: [(step, low, high) for step, low, _, high in points] for name, points in bands.items()}
        title = NAMES[distance] + f", {words}" * bool(words) + f": {panel}" * bool(panel)
        floors = [value for cell in cells if (value := mean_of(cell, f"floor_{distance}")) is not None]
        levels = {"real against real": statistics.fmean(floors)} if floors else {}
        chart = Chart(title, lines, levels, factors=distance != "kid", bands=around, marks=True)
        if chart.drawn:
            found.append(chart)
    return found


def name_of(cell: Mapping[str, Any], several: bool) -> str:
    """A cell's line in its chart."""
    labels = list(cell["labels"].values())
    return ", ".join(labels[:-1] if several else labels) or "the recipe"


def band(runs: Sequence[Mapping[str, Any]], distance: str) -> list[tuple[float, float, float, float]]:
    """(step, least, mean, largest) over a cell's runs at every evaluation that all of them have."""
    values: dict[int, list[float]] = {}
    for run in runs:
        for row in run.get("snapshots", []):
            if (value := figure_in(row, distance)) is not None:
                values.setdefault(row["step"], []).append(value)
    return [
        (step, min(known), statistics.fmean(known), max(known))
        for step, known in sorted(values.items())
        if len(known) == len(runs)
    ]


def mean_of(cell: Mapping[str, Any], name: str) -> float | None:
    """A cell's figure, if it has one."""
    found = cell["figures"].get(name)
    return None if found is None else figure_in(found, "mean")


def samples(root: Path, cells: Sequence[Mapping[str, Any]], problems: dict[str, str]) -> list[tuple[str, Picture]]:
    """The last grid of the first finished run of each cell."""
    grids = []
    for cell in cells[:MOST_CELLS]:
        title = ", ".join(cell["labels"].values()) or "the recipe"
        for run in cell.get("runs", [])[:1]:
            try:
                grids.append((title, *last_grid(RunFolder(root / Path(run["folder"]).name))))
            except SteerganError as error:
                problems["samples"] = str(error)
    found = encoded([grid[1] for grid in grids], BUDGET)
    return [
        (title, Picture(uri, f"Samples of {title}.", image.size, tile, labels))
        for (title, image, labels, tile), uri in zip(grids, found.uris, strict=True)
    ]


def last_grid(folder: RunFolder) -> tuple[Any, list[str], int]:
    """The samples that a run has drawn last."""
    files = sorted(folder.path.glob("fakes-*.png"), key=step_of)
    if not files:
        raise RunError(f"{folder.path}: no grid of samples (fakes-*.png) is there; the page does without")
    about = folder.read_about().data
    return as_sheet(files[-1], about.image_shape, about.class_names)
