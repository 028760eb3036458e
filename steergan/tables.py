"""Tables of measured figures: values with their spread, as Markdown for people and CSV for programs."""

import csv
import io
import math
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from steergan.errors import escaped

DIGITS = 4
"""Significant digits of a figure without a spread."""
MOST_DECIMALS = 6
STRICT = {"extra": "forbid"}
"""What pydantic is told of these where it reads results: unknown keys are refused. Nothing else here needs it."""


@dataclass(frozen=True, kw_only=True)
class Mean:
    """Mean of a few values, with the standard deviation of the sample (None for a single value)."""

    __pydantic_config__ = STRICT

    mean: float
    sd: float | None
    values: list[float]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure between two others, such as a median between quartiles; the table's caption says which."""

    __pydantic_config__ = STRICT

    centre: float
    lower: float
    upper: float
    values: list[float]


Cell = Mean | Interval | int | float | str | None


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of cells below named columns."""

    __pydantic_config__ = STRICT

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def mean(values: Sequence[float]) -> Mean:
    """Mean and standard deviation (n - 1 in the denominator) of at least one value."""
    sd = statistics.stdev(values) if len(values) > 1 else None
    return Mean(mean=statistics.fmean(values), sd=sd, values=list(values))


def median_and_quartiles(values: Sequence[float]) -> Interval:
    """Median between the quartiles; of a single value, that value thrice."""
    several = len(values) > 1
    lower, centre, upper = statistics.quantiles(values, n=4, method="inclusive") if several else [*values] * 3
    return Interval(centre=centre, lower=lower, upper=upper, values=list(values))


def shown(cell: Cell) -> str:
    """A cell for people: a spread has two significant digits, and its figure as many decimals."""
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return escaped(cell)
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return plain(cell)
    if isinstance(cell, Mean):
        if not cell.sd:
            return plain(cell.mean)
        centre, spread = rounded(cell.sd, cell.mean, cell.sd)
        return f"{centre} ± {spread}"
    width = cell.upper - cell.lower
    if not width:
        return plain(cell.centre)
    centre, lower, upper = rounded(width, cell.centre, cell.lower, cell.upper)
    return f"{centre} ({lower} to {upper})"


def plain(value: float) -> str:
    """A number without a spread."""
    if value.is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.{DIGITS}g}"


def rounded(spread: float, *values: float) -> list[str]:
    """Values with as many decimals as their spread has; of values too small for that, two digits each."""
    if max(map(abs, values)) < 10 ** (2 - MOST_DECIMALS):
        return [f"{value:.2g}" for value in values]
    return [f"{value:,.{decimals(spread)}f}" for value in values]


def decimals(spread: float) -> int:
    """Decimals that show two significant digits of a spread."""
    return min(MOST_DECIMALS, max(0, 1 - math.floor(math.log10(spread))))


def markdown(table: Table) -> str:
    """The table as aligned Markdown below its caption; columns of figures are flush right."""
    rows = [[shown(cell).replace("|", "\\|") for cell in row] for row in table.rows]
    right = [any(not isinstance(row[i], str | None) for row in table.rows) for i in range(len(table.columns))]
    widths = [max(3, *(len(row[i]) for row in [table.columns, *rows])) for i in range(len(table.columns))]
    rule = ["-" * (width - 1) + ":" if r else "-" * width for width, r in zip(widths, right, strict=True)]
    lines = []
    for row in [table.columns, rule, *rows]:
        aligned = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)]
        lines.append("| " + " | ".join(aligned) + " |")
    return "\n".join([table.caption, "", *lines])


def aligned(rows: Sequence[Sequence[str]], left: Collection[int]) -> list[str]:
    """Lines of text whose columns stand below one another, two blanks apart.

    Args:
        rows: of cells, all with as many.
        left: the columns that begin alike; the others end alike.

    Examples:
        >>> aligned([("name", "count"), ("a", "12")], left={0})
        ['name  count', 'a        12']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if k in left else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def comma_separated(table: Table) -> str:
    """The table as CSV in full precision: a mean takes two columns, an interval three."""
    columns = [[row[i] for row in table.rows] for i in range(len(table.columns))]
    kinds: list[type] = [next((type(cell) for cell in column if cell is not None), str) for column in columns]
    suffixes: dict[type, tuple[str, ...]] = {Mean: ("mean", "sd"), Interval: ("centre", "lower", "upper")}
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    header: list[str] = []
    for column, kind in zip(table.columns, kinds, strict=True):
        header += [f"{column} {suffix}".rstrip() for suffix in suffixes.get(kind, ("",))]
    writer.writerow(header)
    for row in table.rows:
        cells: list[object] = []
        for cell, kind in zip(row, kinds, strict=True):
            cells += spread_out(cell, len(suffixes.get(kind, ("",))))
        writer.writerow(cells)
    return file.getvalue()


def spread_out(cell: Cell, places: int) -> list[object]:
    """The numbers of a cell; empty ones where there is none."""
    if isinstance(cell, Mean):
        return [cell.mean, cell.sd]
    if isinstance(cell, Interval):
        return [cell.centre, cell.lower, cell.upper]
    return [cell, *[None] * (places - 1)]


def listed(table: dict[str, Any]) -> str:
    """A table of facts as a list."""
    return "\n".join(f"- {key.replace('_', ' ')}: {fact(value)}" for key, value in table.items())


def fact(value: Any) -> str:
    """A value in words."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {fact(entry)}" for key, entry in value.items())
    if isinstance(value, list):
        return ", ".join(map(fact, value)) or "none"
    return "none" if value is None else str(value)
