"""What the benchmark of a step says of figures that are made up."""

from dataclasses import replace

import pytest
import torch

from steergan.benchmark import StepBenchmark, step_report
from steergan.benchmark.fresh import Fresh
from steergan.benchmark.rivals import CHANNELS, DENSE, OWN, PARAMETERS, PLAIN, STOCK, changed
from steergan.benchmark.step import USUAL
from steergan.benchmark.training import SAMPLING, STEP
from steergan.kernels import library
from steergan.run.about import surroundings
from tests.benchmark.tiny import SHAPE, recipe

RIVALS = (OWN, DENSE, PLAIN, CHANNELS, PARAMETERS, STOCK)


def timed(own: float, memory: float) -> StepBenchmark:
    """Ours takes `own` times as long as all rivals, and `memory` times as much."""
    seconds = {name: [own if name in (OWN, DENSE, PLAIN) else 1.0] for name in (*RIVALS, USUAL)}
    processes = {
        name: [Fresh(own, int(1e8 * (memory if name in (OWN, DENSE) else 1)))] for name in RIVALS if name != PLAIN
    }
    sizes = dict.fromkeys(RIVALS, (100, 200))
    return StepBenchmark(
        recipe(), SHAPE, sizes, surroundings(torch.device("cpu")), {STEP: seconds, SAMPLING: {OWN: [0.002]}}, processes
    )


def test_verdict_says_which_targets_are_met() -> None:
    found = step_report.verdict(timed(0.39, 1.05))
    assert f"{DENSE} takes 0.39 times the step of {CHANNELS}: the target of 1.05 is met." in found
    assert f"{DENSE} takes 0.39 times the step of {STOCK}: the target of 0.40 is met." in found
    assert "missed" not in found
    assert step_report.verdict(timed(3.0, 1.2)).count("missed") == 5


def test_wide_steps_in_the_fourier_basis_have_targets_of_their_own() -> None:
    if library.native() is None:
        pytest.skip(f"no kernels: {library.absence()}")
    wide = changed(recipe("D4"), generator={"widths": [256, 8, 6]})
    seconds = {OWN: [3.0], DENSE: [6.0], PARAMETERS: [1.0], CHANNELS: [6.0], STOCK: [7.0], PLAIN: [3.0], USUAL: [7.0]}
    said = step_report.verdict(replace(timed(1.0, 1.0), recipe=wide, parts={STEP: seconds}, processes={}))
    assert f"{OWN} takes 0.5 times the step of {DENSE}: the target of 0.36 is missed." in said
    assert f"{OWN} takes 3 times the step of {PARAMETERS}: the target of 2.50 is missed." in said


def test_tables_hold_steps_parts_and_processes() -> None:
    steps, parts, processes = step_report.tables(timed(2.0, 1.0))
    assert [row[0] for row in steps.rows] == [*RIVALS, USUAL]
    assert steps.rows[0][-2:] == [steps.rows[0][-2], None]
    assert parts.columns == ["pair", SAMPLING]
    assert step_report.milliseconds([0.002]) == parts.rows[0][1]
    assert [row[0] for row in processes.rows] == [name for name in RIVALS if name != PLAIN]


def test_a_report_says_what_the_times_hold_for() -> None:
    told = step_report.report(timed(1.0, 1.0))
    assert told.protocol["images"] == "1 x 16 x 16, random"
    assert told.protocol["batch_size"] == 4
    assert [target["rival"] for target in told.figures["targets"]] == [CHANNELS, STOCK]
