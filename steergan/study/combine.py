"""Several studies with the same axes, such as one of every data set, as columns of one table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

from steergan.errors import RunError, reason
from steergan.files import AnyPath
from steergan.metrics import words_for
from steergan.seals import read_table
from steergan.tables import Cell, Mean, Table

NAMES = {"frechet_invariant": "Frechet distance", "kid": "KID"}
WHICH = {"min": "least over a run's evaluations", "last": "last evaluation"}


class Named(BaseModel):
    """An axis of a study, or the study itself."""

    name: str


class Axes(Named):
    """What is looked at of a study."""

    axis: list[Named]


class CellFigures(BaseModel):
    """What is looked at of a cell."""

    labels: dict[str, str]
    figures: dict[str, Mean | None]


class Content(BaseModel):
    """What is looked at of a study.json."""

    study: Axes
    cells: list[CellFigures]
    distance: Literal["frechet_invariant", "kid"]
    protocol: dict[str, Any] = {}


def combine(folders: Sequence[AnyPath]) -> list[Table]:
    """Tables of what the studies in these folders are judged by: a row for every cell, a column for every study.

    Source: Dey et al. 2021, Table 3.

    Raises:
        RunError: a folder without a study's study.json, or studies whose axes differ.
    """
    studies = [read(Path(folder)) for folder in folders]
    axes = [[axis["name"] for axis in study["study"]["axis"]] for study in studies]
    for folder, names in zip(folders, axes, strict=True):
        if names != axes[0]:
            raise RunError(
                f"{folder}: its axes are {', '.join(names) or 'none'}, those of {folders[0]} are "
                f"{', '.join(axes[0]) or 'none'}; combine studies with the same axes"
            )
    return [table(studies, axes[0], which) for which in WHICH]


def read(folder: Path) -> dict[str, Any]:
    """A study's study.json."""
    path = folder / "study.json"
    try:
        study = read_table(path)
    except FileNotFoundError:
        raise RunError(f"{folder}: no study.json; give the folder of a study that has finished runs") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read ({reason(error)}); run the study again, which writes it anew") from None
    try:
        Content.model_validate(study)
    except ValidationError:
        raise RunError(
            f"{path}: not what `steergan study` writes now; run the study again, which writes it anew"
        ) from None
    return study


def table(studies: Sequence[dict[str, Any]], axes: Sequence[str], which: str) -> Table:
    """One figure of every cell of every study."""
    cells = [{tuple(cell["labels"].values()): cell["figures"] for cell in study["cells"]} for study in studies]
    rows: list[list[Cell]] = []
    for labels in dict.fromkeys(labels for found in cells for labels in found):
        row: list[Cell] = list(labels)
        for study, found in zip(studies, cells, strict=True):
            row.append(figure(found.get(labels, {}), f"{study['distance']}_{which}"))
        rows.append(row)
    headings = [f"{study['study']['name']}, {name_of(study)}" for study in studies]
    return Table(
        caption=f"Distance from held-out real images, {WHICH[which]}; mean ± standard deviation over the runs of a "
        "cell. Columns are on different scales: compare within one.",
        columns=[*axes, *headings],
        rows=rows,
    )


def name_of(study: dict[str, Any]) -> str:
    """What a study is judged by, with what has to be said of its features."""
    words = words_for(str(study.get("protocol", {}).get("extractor")))
    return NAMES[study["distance"]] + f" ({words})" * bool(words)


def figure(figures: dict[str, Any], name: str) -> Cell:
    """One figure of a cell; None if it is not measured."""
    found = figures.get(name)
    return None if found is None else TypeAdapter(Mean).validate_python(found)
