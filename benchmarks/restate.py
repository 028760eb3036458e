"""The record of a study, stated anew: what its options change, and its verdict, from the figures of the seeds in it."""

from collections.abc import Mapping
from dataclasses import replace

from steergan.errors import RunError
from steergan.metrics import words_for
from steergan.results import Result
from steergan.study.effects import Distance, Grid, sentences, table
from steergan.study.figures import DISTANCES, SHARES
from steergan.study.report import TITLES
from steergan.tables import Mean, Table

RUNS = "runs"
"""The column behind the axes of a study's tables."""
WHAT_CHANGES = "What one option changes"
OTHERS = {
    "agreement": "label_agreement", "s per step": "seconds_per_step", "l1": "l1", "turned l1": "turned_l1",
}  # fmt: skip
DISTANCE_COLUMNS = {"least": "min", "mean": "mean", "last": "last"}


def restated(record: Result) -> Result:
    """The record with the table of effects and the verdict that its own figures make; figures stay as they are.

    Raises:
        RunError: it is no record of a study, or does not say which seeds its figures are of.
    """
    grid = grid_of(record)
    told = [without_dead_shares(t) for t in record.tables if not t.caption.startswith(WHAT_CHANGES)]
    said = sentences(grid)
    if not said:
        raise RunError(f"{record.id}: a study without options compares nothing; its record stays as it is")
    return record.model_copy(update={"tables": [*told, table(grid)], "verdict": " ".join(said)})


def is_study(record: Result) -> bool:
    """Whether a record is of a study that compares options."""
    return any(t.caption.startswith(WHAT_CHANGES) for t in record.tables)


def grid_of(record: Result) -> Grid:
    """The figures in a study's record, by cell and seed.

    Raises:
        RunError: it is no record of a study, or does not say which seeds its figures are of.
    """
    if not is_study(record):
        raise RunError(f"{record.id}: not the record of a study with options, which has a table {WHAT_CHANGES!r}")
    tables = [t for t in record.tables if RUNS in t.columns]
    seeds = list(record.protocol["seeds"])
    axes: dict[str, list[str]] = {}
    cells: dict[tuple[str, ...], dict[str, Mapping[int, float]]] = {}
    for found in tables:
        place = found.columns.index(RUNS)
        names = names_of(found)
        for row in found.rows:
            labels = tuple(str(cell) for cell in row[:place])
            if str(row[place]) != str(len(seeds)):
                said = f"{', '.join(labels)} has {row[place]} runs"
                raise RunError(f"{record.id}: {said}, and which seeds are missing is not named; run the study whole")
            for axis, label in zip(found.columns, labels, strict=False):
                options = axes.setdefault(axis, [])
                options += [] if label in options else [label]
            known = {n: cell for n, cell in zip(names, row, strict=True) if n and isinstance(cell, Mean)}
            figures = {name: dict(zip(seeds, cell.values, strict=True)) for name, cell in known.items()}
            cells.setdefault(labels, {}).update(figures)
    kinds = [distance for distance in DISTANCES if any(is_of(t, distance) for t in tables)]
    distance: Distance = "frechet_invariant" if "frechet_invariant" in kinds else "kid"
    words = words_for(str(record.protocol.get("extractor")))
    return Grid(axes, seeds, distance, f", {words}" if words else "", cells)


def is_of(found: Table, distance: str) -> bool:
    """Whether a table is that of a distance."""
    return found.caption.startswith(TITLES[distance])


def names_of(found: Table) -> list[str]:
    """The figure of every column; empty for columns that are not compared."""
    distance = next((d for d in DISTANCES if is_of(found, d)), None)
    if distance is not None:
        return [f"{distance}_{DISTANCE_COLUMNS[c]}" if c in DISTANCE_COLUMNS else "" for c in found.columns]
    dead = dead_shares(found)
    return [c if c in SHARES and c not in dead else OTHERS.get(c, "") for c in found.columns]


def dead_shares(found: Table) -> set[str]:
    """Shares that real training images in the generator's place have none of either."""
    floors = {share: found.columns.index(f"floor {share}") for share in SHARES if f"floor {share}" in found.columns}
    return {
        share
        for share, place in floors.items()
        if all(isinstance(row[place], Mean) and row[place].mean == 0 for row in found.rows)  # type: ignore[union-attr]
    }


def without_dead_shares(found: Table) -> Table:
    """The table without the columns of such shares."""
    dead = dead_shares(found)
    kept = [i for i, column in enumerate(found.columns) if column.removeprefix("floor ") not in dead]
    return replace(
        found,
        columns=[found.columns[i] for i in kept],
        rows=[[row[i] for i in kept] for row in found.rows],
    )
