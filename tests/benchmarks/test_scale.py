"""At which scale discriminators play."""

from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner

from benchmarks import scale
from benchmarks.__main__ import benchmarks
from benchmarks.commands.scale import GROUPS, NORMS
from steergan.results import read_results


def test_choices_of_the_command_are_those_of_the_benchmark() -> None:
    assert (GROUPS, NORMS) == (scale.GROUPS, scale.NORMS)


def test_a_spread_is_the_largest_over_the_smallest() -> None:
    plays = [
        scale.Play("C4", 2, "bank", "as layers give it", (0.5, 1.0), 0.1, 0.0),
        scale.Play("D4", 3, "bank", "as layers give it", (2.0, 1.0), 0.3, 0.0),
    ]
    assert scale.spread(plays) == [4.0, 1.0, pytest.approx(3.0)]


@pytest.mark.usefixtures("blank_curves")
def test_the_command_compares_what_is_asked_with_what_the_layers_give(
    tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scale, "DEPTHS", ((4,), (4, 4, 8)))
    arguments = [
        "--group",
        "trivial",
        "--norm",
        "bank",
        "--steps",
        "1",
        "--record",
        str(tmp_path / "records/scale.json"),
    ]
    result = CliRunner().invoke(benchmarks, ["scale", str(tiny_recipe), *arguments])
    assert result.exit_code == 0, result.output
    (record,) = read_results(tmp_path / "records")
    rows = record.tables[0].rows
    assert [row[:3] for row in rows[:2]] == [["as layers give it", "trivial", 1], ["as layers give it", "trivial", 3]]
    asked = [row for row in rows if row[0] == "gradient 1"]
    before = {row[1]: cast(float, row[3]) for row in asked}
    assert before["trivial"] == pytest.approx(1, rel=0.2)
    assert before["largest over smallest"] < 1.3 < cast(float, rows[2][3])
