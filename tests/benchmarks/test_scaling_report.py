"""What is told of a step on several processes, from terms that are made up."""

import pytest
import torch

from benchmarks import scaling_report
from benchmarks.scaling import Link, Scaling, assumed
from steergan.run.about import surroundings
from tests.benchmarks.tiny import recipe

FOUND = Scaling(
    recipe=recipe(8),
    batches=(2, 4, 8),
    seconds={2: [0.03], 4: [0.05], 8: [0.09]},
    fixed=0.01,
    per_image=0.01,
    messages=(1000, 3000),
    link=Link(latency=1e-4, bandwidth=1e9),
    beside=[0.055],
    two=[0.06],
    talked=[0.004],
    wait=0.001,
    surroundings=surroundings(torch.device("cpu")),
)


def test_tables_hold_the_terms_and_a_row_for_every_number_of_processes() -> None:
    terms, here, there = scaling_report.tables(FOUND, assumed(FOUND, fixed=0.0))
    values = {str(name): value for name, value in terms.rows}
    assert (values["fixed, seconds"], values["messages in a step"], values["bytes in a step"]) == (0.01, 2, 4000)
    assert [row[0] for row in here.rows] == [row[0] for row in there.rows] == [1, 2, 4, 8]
    assert here.rows[0][1:] == [8, pytest.approx(90), 0, pytest.approx(90), 1, 1]
    assert "fixed 10 ms, 10 ms an image" in here.caption
    assert "fixed 0 ms" in there.caption


def test_the_verdict_compares_the_model_with_what_was_measured() -> None:
    said = scaling_report.verdict(FOUND)
    assert "Two processes take 0.06 s, one takes 0.09 s." in said
    assert "8 processes, a machine each, are the fastest for a batch of 8" in said


def test_a_report_holds_the_same_tables() -> None:
    told = scaling_report.report(FOUND)
    assert told.tables == scaling_report.tables(FOUND)
    assert told.protocol["batch_size"] == 8
