"""Figures keep their spread, in every form of a table."""

import csv
import io
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steergan.tables import (
    Interval,
    Mean,
    Table,
    comma_separated,
    markdown,
    mean,
    median_and_quartiles,
    shown,
)
from tests.benchmarks.results import a_result

FIGURES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8)


def test_mean_has_the_standard_deviation_of_a_sample() -> None:
    assert mean([1.0, 2.0, 6.0]) == Mean(mean=3.0, sd=math.sqrt((4 + 1 + 9) / 2), values=[1.0, 2.0, 6.0])
    assert mean([5.0]).sd is None


def test_median_lies_between_quartiles_and_a_single_value_is_all_three() -> None:
    found = median_and_quartiles([4.0, 0.0, 1.0, 3.0, 2.0])
    assert (found.lower, found.centre, found.upper) == (1.0, 2.0, 3.0)
    alone = median_and_quartiles([7.0])
    assert (alone.lower, alone.centre, alone.upper) == (7.0, 7.0, 7.0)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, "-"),
        ("C4", "C4"),
        (1475136, "1,475,136"),
        (3.0, "3"),
        (0.123456, "0.1235"),
        (Mean(mean=11.404, sd=0.353, values=[]), "11.40 ± 0.35"),
        (Mean(mean=2819.6, sd=41.2, values=[]), "2,820 ± 41"),
        (Mean(mean=0.2, sd=0.0, values=[]), "0.2"),
        (Mean(mean=0.2, sd=None, values=[]), "0.2"),
        (Interval(centre=1.0312, lower=1.01, upper=1.06, values=[]), "1.031 (1.010 to 1.060)"),
        (Interval(centre=4.11e-7, lower=1.2e-7, upper=1.13e-6, values=[]), "4.1e-07 (1.2e-07 to 1.1e-06)"),
        (Mean(mean=2.5e-8, sd=1e-9, values=[]), "2.5e-08 ± 1e-09"),
        (Mean(mean=0.5, sd=1e-9, values=[]), "0.500000 ± 0.000000"),
        (Interval(centre=2.0, lower=2.0, upper=2.0, values=[]), "2"),
    ],
)
def test_cells_are_shown_with_two_digits_of_their_spread(cell: Mean | Interval | int | float | None, text: str) -> None:
    assert shown(cell) == text


@given(FIGURES)
def test_shown_mean_is_within_half_a_unit_of_its_last_digit(values: list[float]) -> None:
    cell = mean(values)
    if not cell.sd or cell.sd < 1e-4:
        return
    text = shown(cell).split(" ± ")[0].replace(",", "")
    decimals = len(text.partition(".")[2])
    assert abs(float(text) - statistics.fmean(values)) <= 0.5000001 * 10**-decimals


def test_markdown_aligns_columns_and_escapes_bars() -> None:
    table = Table(caption="Two.", columns=["name", "n"], rows=[["a|b", 1], ["c", 1000]])
    lines = markdown(table).splitlines()
    assert lines == ["Two.", "", "| name |     n |", "| ---- | ----: |", "| a\\|b |     1 |", "| c    | 1,000 |"]


def test_csv_holds_every_number_in_full() -> None:
    rows = list(csv.reader(io.StringIO(comma_separated(a_result().tables[0]))))
    ratios = ["ratio centre", "ratio lower", "ratio upper"]
    assert rows[0] == ["setting", "distance mean", "distance sd", *ratios, "images"]
    assert rows[1] == ["CNN", "2.0", "1.0", "", "", "", "1200"]
    assert rows[2] == ["C4", "0.5", "", "1.5", "1.25", "1.75", "7"]
