"""Tables and the results page: figures keep their spread, and the committed page is what its JSON says."""

import csv
import io
import json
import math
import statistics
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.commands.page import page
from benchmarks.page import render
from steergan.errors import RunError
from steergan.results import Result, read_results, write_result
from steergan.tables import (
    Interval,
    Mean,
    Table,
    comma_separated,
    geometric_mean_and_range,
    markdown,
    mean,
    median_and_quartiles,
    shown,
)

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "results.md"
FIGURES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8)


def claim(name: str = "a-claim", **changes: object) -> Result:
    table = Table(
        caption="Distances.",
        columns=["setting", "distance", "ratio", "images"],
        rows=[["CNN", mean([1.0, 2.0, 3.0]), None, 1200], ["C4", mean([0.5]), median_and_quartiles([1.0, 2.0]), 7]],
    )
    about: dict[str, object] = {
        "id": name,
        "title": f"Title of {name}",
        "claim": "Somebody said so.",
        "command": "steergan study mine.toml",
        "date": "2021-05-03",
        "hardware": [{"processor": "a small one", "versions": {"torch": "2.6"}}],
        "protocol": {"seeds": [0, 1, 2], "extractor": "inception", "classifier_sha256": None},
        "tables": [table],
        "verdict": "It holds.",
    }
    return Result.model_validate(about | changes)


def test_committed_page_is_what_the_committed_claims_say() -> None:
    assert PAGE.read_text() == render(read_results(ROOT / "docs" / "results"))


def test_mean_has_the_standard_deviation_of_a_sample() -> None:
    assert mean([1.0, 2.0, 6.0]) == Mean(mean=3.0, sd=math.sqrt((4 + 1 + 9) / 2), values=[1.0, 2.0, 6.0])
    assert mean([5.0]).sd is None


def test_median_lies_between_quartiles_and_a_single_value_is_all_three() -> None:
    found = median_and_quartiles([4.0, 0.0, 1.0, 3.0, 2.0])
    assert (found.lower, found.centre, found.upper) == (1.0, 2.0, 3.0)
    alone = median_and_quartiles([7.0])
    assert (alone.lower, alone.centre, alone.upper) == (7.0, 7.0, 7.0)


def test_ratios_are_averaged_so_that_a_half_and_a_double_cancel() -> None:
    found = geometric_mean_and_range([0.5, 2.0])
    assert found.centre == pytest.approx(1)
    assert (found.lower, found.upper) == (0.5, 2.0)


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
    rows = list(csv.reader(io.StringIO(comma_separated(claim().tables[0]))))
    ratios = ["ratio centre", "ratio lower", "ratio upper"]
    assert rows[0] == ["setting", "distance mean", "distance sd", *ratios, "images"]
    assert rows[1] == ["CNN", "2.0", "1.0", "", "", "", "1200"]
    assert rows[2] == ["C4", "0.5", "", "1.5", "1.25", "1.75", "7"]


def test_claim_survives_its_file(tmp_path: Path) -> None:
    write_result(tmp_path / "deep" / "a-claim.json", claim())
    assert read_results(tmp_path / "deep") == [claim()]


def test_page_shows_everything_that_a_reader_needs_to_doubt_a_claim(tmp_path: Path) -> None:
    page = render([claim()])
    for wanted in (
        "[Title of a-claim](#a-claim)", '<a id="a-claim"></a>', "Somebody said so.", "It holds.", "2021-05-03",
        "steergan study mine.toml", "2.0 ± 1.0", "- seeds: 0, 1, 2", "- classifier sha256: none",
        "- processor: a small one", "- versions: torch 2.6",
    ):  # fmt: skip
        assert wanted in page


def test_page_does_not_depend_on_the_order_in_which_claims_were_written(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        write_result(tmp_path / "one" / f"{name}.json", claim(name))
    for name in ("c", "b", "a"):
        write_result(tmp_path / "two" / f"{name}.json", claim(name))
    assert render(read_results(tmp_path / "one")) == render(read_results(tmp_path / "two"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "not JSON"),
        ("{}", "not a claim (id"),
        (json.dumps(claim("other").model_dump()), "its id is 'other'"),
        (json.dumps(claim("x").model_dump() | {"extra": 1}), "not a claim (extra"),
    ],
)
def test_file_that_is_no_claim_is_named(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(RunError, match=r"x\.json: ") as found:
        read_results(tmp_path)
    assert reason in str(found.value)


def test_missing_folder_of_claims_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such folder"):
        read_results(tmp_path / "nowhere")


def test_command_writes_the_page_beside_the_folder(tmp_path: Path) -> None:
    write_result(tmp_path / "results" / "a-claim.json", claim())
    found = CliRunner().invoke(page, [str(tmp_path / "results")])
    assert found.exit_code == 0, found.output
    assert (tmp_path / "results.md").read_text() == render([claim()])
    refused = CliRunner().invoke(page, [str(tmp_path / "nowhere")])
    assert refused.exit_code == 1
    assert "no such folder" in refused.output
