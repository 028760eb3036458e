"""A report is printed, and written where it is asked for."""

import json
from pathlib import Path

import click
import pytest
import torch

from steergan.benchmark.report import Report
from steergan.results import read_results
from steergan.run.about import surroundings
from steergan.tables import Table
from steergan_cli.benchmark.present import present

REPORT = Report(
    "step", "A title", "A claim", {"rounds": 3},
    [Table(caption="Seconds.", columns=["pair", "seconds"], rows=[["C4", 0.5]])], "It holds.", {"seconds": [0.5]},
    surroundings(torch.device("cpu")),
)  # fmt: skip


def test_a_report_is_printed_and_nothing_else_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    present(REPORT)
    assert capsys.readouterr().out == REPORT.text() + "\n"
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_written_as_figures_and_as_a_result(tmp_path: Path) -> None:
    with click.Context(click.Command("step"), info_name="steergan benchmark step"):
        present(REPORT, file=tmp_path / "all.json", record=tmp_path / "results" / "mine.json")
    assert json.loads((tmp_path / "all.json").read_text())["seconds"] == [0.5]
    (result,) = read_results(tmp_path / "results")
    assert (result.id, result.verdict) == ("mine", "It holds.")
