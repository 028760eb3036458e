"""A report reaches people, programs and docs/results.md with the same figures."""

from pathlib import Path

import torch

from steergan.benchmark.report import Report
from steergan.results import read_results, write_result
from steergan.run.about import surroundings
from steergan.tables import Table


def test_a_report_is_told_in_three_ways(tmp_path: Path) -> None:
    table = Table(caption="Seconds.", columns=["pair", "seconds"], rows=[["C4", 0.5]])
    report = Report(
        "step", "A title", "A claim", {"rounds": 3}, [table], "It holds.", {"seconds": [0.5]},
        surroundings(torch.device("cpu")),
    )  # fmt: skip
    assert report.text().endswith("\n\nIt holds.")
    assert "| C4   |     0.5 |" in report.text()
    read = report.as_json()
    assert (read["benchmark"], read["protocol"], read["seconds"]) == ("step", {"rounds": 3}, [0.5])
    assert read["hardware"]["device"] == "cpu"
    write_result(tmp_path / "mine.json", report.result("mine", "steergan benchmark step"))
    (result,) = read_results(tmp_path)
    assert (result.id, result.verdict, result.tables) == ("mine", "It holds.", [table])
    assert result.hardware[0]["versions"]["torch"] == torch.__version__.split("+")[0]
