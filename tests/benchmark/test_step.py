"""The benchmark: all parts are timed, by a fair clock."""

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from steergan import benchmark
from steergan.benchmark import (
    in_turns,
    ratio,
    step_report,
    timing,
)
from steergan.benchmark.fresh import Fresh
from steergan.benchmark.rivals import CHANNELS, DENSE, OWN, PARAMETERS, PLAIN, STOCK, changed
from steergan.benchmark.step import PARTS, PROCESS, PROFILE, PROFILED, TIMED, USUAL, time_step
from steergan.benchmark.training import DISCRIMINATOR, GENERATOR, STEP
from steergan.kernels import library
from steergan.recipe import write_recipe
from steergan.results import read_results
from steergan_cli.benchmark.step import PARTS as COMMAND_PARTS
from steergan_cli.main import steergan
from tests.benchmark.tiny import recipe


def test_rivals_take_turns_and_the_warm_up_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    clock = 0.0

    def action(name: str, seconds: float) -> None:
        nonlocal clock
        calls.append(name)
        clock += seconds * (100 if len(calls) <= 3 * timing.WARM_UP else 1)

    monkeypatch.setattr(time, "perf_counter", lambda: clock)
    told: list[tuple[int, int]] = []
    rivals = {name: lambda n=name, s=s: action(n, s) for name, s in {"a": 1.0, "b": 2.0, "c": 4.0}.items()}
    seconds = in_turns(rivals, 3, progress=lambda done, total: told.append((done, total)))
    assert calls == ["a", "b", "c"] * (3 + timing.WARM_UP)
    assert seconds == {"a": [1.0] * 3, "b": [2.0] * 3, "c": [4.0] * 3}
    assert told[-1] == (15, 15)


def test_ratios_are_of_the_same_round() -> None:
    found = ratio({"a": [1.0, 20.0, 3.0], "b": [2.0, 10.0, 3.0]}, "a", "b")
    assert found.values == [0.5, 2.0, 1.0]
    assert (found.lower, found.centre, found.upper) == (0.75, 1.0, 1.5)


@pytest.fixture(scope="module")
def timed() -> benchmark.StepBenchmark:
    return time_step(recipe(), rounds=1)


def test_all_parts_are_timed_for_all_rivals(timed: benchmark.StepBenchmark) -> None:
    rivals = [OWN, DENSE, PLAIN, CHANNELS, PARAMETERS, STOCK]
    assert list(timed.parts) == list(TIMED)
    for part, seconds in timed.parts.items():
        looped = [USUAL] if part in (STEP, DISCRIMINATOR, GENERATOR) else []
        assert list(seconds) == rivals + looped
        assert all(len(several) == 1 and several[0] > 0 for several in seconds.values())
    assert [name for name in rivals if name != PLAIN] == list(timed.processes)
    assert list(timed.operators) == list(PROFILED)
    assert timed.operators[DENSE]["Expand"][1] > 0
    assert "Expand" not in timed.operators[CHANNELS]
    operators = step_report.tables(timed)[-1]
    assert operators.columns == ["operator", *PROFILED]
    assert operators.rows[-1][0] == "all"
    assert all(fresh.construction > 0 for (fresh,) in timed.processes.values())
    assert all(1e6 < fresh.peak_memory < 1e9 for (fresh,) in timed.processes.values())
    assert timed.parameters[OWN] == timed.parameters[STOCK] == timed.parameters[PLAIN] == timed.parameters[DENSE]
    assert timed.parameters[CHANNELS][1] > timed.parameters[OWN][1]
    assert timed.image_shape == (1, 16, 16)


def verdict_of(timed: benchmark.StepBenchmark, own: float, memory: float) -> str:
    """Where ours takes `own` times as long as all rivals, and `memory` times as much."""
    seconds = {name: [own if name in (OWN, DENSE, PLAIN) else 1.0] for name in timed.parts[STEP]}
    processes = {name: [Fresh(own, int(1e8 * (memory if name in (OWN, DENSE) else 1)))] for name in timed.processes}
    return step_report.verdict(
        benchmark.StepBenchmark(**{**vars(timed), "parts": {STEP: seconds}, "processes": processes})
    )


def test_verdict_says_which_targets_are_met(timed: benchmark.StepBenchmark) -> None:
    assert timed.small
    found = verdict_of(timed, 0.39, 1.05)
    assert f"{DENSE} takes 0.39 times the step of {CHANNELS}: the target of 1.05 is met." in found
    assert f"{DENSE} takes 0.39 times the step of {STOCK}: the target of 0.40 is met." in found
    assert "missed" not in found
    assert verdict_of(timed, 3.0, 1.2).count("missed") == 5


def test_targets_depend_on_the_device_and_the_widths(timed: benchmark.StepBenchmark) -> None:
    wide = changed(recipe(), generator={"widths": [256, 8, 6]})
    large = benchmark.StepBenchmark(**{**vars(timed), "recipe": wide})
    dense = [target.most for target in large.targets() if target.name == DENSE]
    assert dense == [1.05, 0.95]
    of_kernels = [(target.rival, target.most) for target in large.targets() if target.name == OWN]
    assert of_kernels == ([(DENSE, 1 / 1.8)] if library.native() else [])
    on_gpu = {**timed.surroundings, "hardware": {**timed.surroundings["hardware"], "device": "cuda"}}
    fast = benchmark.StepBenchmark(**{**vars(timed), "surroundings": on_gpu})
    assert [(target.name, target.most) for target in fast.targets()] == [(OWN, 1.10), (OWN, 0.7)]


def test_wide_steps_in_the_fourier_basis_have_targets_of_their_own(timed: benchmark.StepBenchmark) -> None:
    if library.native() is None:
        pytest.skip(f"no kernels: {library.absence()}")
    wide = changed(recipe("D4"), generator={"widths": [256, 8, 6]})
    seconds = {OWN: [3.0], DENSE: [6.0], PARAMETERS: [1.0], CHANNELS: [6.0], STOCK: [7.0], PLAIN: [3.0], USUAL: [7.0]}
    found = benchmark.StepBenchmark(**{**vars(timed), "recipe": wide, "parts": {STEP: seconds}, "processes": {}})
    said = step_report.verdict(found)
    assert f"{OWN} takes 0.5 times the step of {DENSE}: the target of 0.36 is missed." in said
    assert f"{OWN} takes 3 times the step of {PARAMETERS}: the target of 2.50 is missed." in said


def test_command_prints_a_table_and_writes_json_and_a_result(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(write_recipe(recipe()))
    options = ["--recipe", str(tmp_path / "tiny.toml"), "--set", "training.batch_size=2", "--device", "cpu"]
    files = ["--json", str(tmp_path / "step.json"), "--record", str(tmp_path / "claims" / "tiny-step.json")]
    only = ["--only", "step", "--only", "sampling"]
    found = CliRunner().invoke(
        steergan, ["benchmark", "step", *options, *only, "--repeats", "1", "--threads", "1", *files]
    )
    assert found.exit_code == 0, found.output
    assert "| stock escnn" in found.output
    assert "times the step of" in found.output
    assert "construction" not in found.output
    table = json.loads((tmp_path / "step.json").read_text())
    assert list(table["seconds"]) == ["step", "sampling"]
    assert set(table["seconds"]["step"]) == {OWN, DENSE, PLAIN, CHANNELS, PARAMETERS, STOCK, USUAL}
    assert table["hardware"]["threads"] == 1
    (claim,) = read_results(tmp_path / "claims")
    assert claim.id == "tiny-step"
    assert claim.protocol["batch_size"] == 2


def test_the_command_knows_the_parts() -> None:
    assert COMMAND_PARTS == PARTS == (*TIMED, PROCESS, PROFILE)
