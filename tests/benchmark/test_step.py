"""The benchmark of a step: all parts are timed for all rivals."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from steergan import benchmark
from steergan.benchmark import step, step_report
from steergan.benchmark.fresh import Fresh
from steergan.benchmark.rivals import CHANNELS, DENSE, OWN, PARAMETERS, PLAIN, STOCK, changed
from steergan.benchmark.step import PARTS, PROCESS, PROFILE, PROFILED, TIMED, USUAL, time_step
from steergan.benchmark.training import DISCRIMINATOR, GENERATOR, STEP
from steergan.errors import RecipeError
from steergan.kernels import library
from steergan.recipe import read_recipe, write_recipe
from steergan.results import read_results
from steergan_cli.benchmark.step import PARTS as COMMAND_PARTS
from steergan_cli.benchmark.step import RIVALS as COMMAND_RIVALS
from steergan_cli.main import steergan
from tests.benchmark.tiny import recipe, without_warm_up


@pytest.fixture(scope="module")
def timed() -> Iterator[benchmark.StepBenchmark]:
    """Of everything but processes of their own: what these take is measured in test_fresh.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step, "fresh", lambda settings, device, rival: Fresh(0.1, len(rival)))
        without_warm_up(patch)
        yield time_step(recipe(), rounds=1)


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
    assert timed.processes == {name: [Fresh(0.1, len(name))] for name in timed.processes}
    assert timed.parameters[OWN] == timed.parameters[STOCK] == timed.parameters[PLAIN] == timed.parameters[DENSE]
    assert timed.parameters[CHANNELS][1] > timed.parameters[OWN][1]
    assert timed.image_shape == (1, 16, 16)


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


def test_command_prints_a_table_and_writes_json_and_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_warm_up(monkeypatch)
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


def test_the_command_knows_the_parts_and_the_rivals() -> None:
    assert step.RIVALS[1:] == COMMAND_RIVALS
    assert COMMAND_PARTS == PARTS == (*TIMED, PROCESS, PROFILE)


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("modern/quickstart", {STOCK: "architecture"}),
        ("galaxies-demo", {CHANNELS: "SO2", STOCK: "steerable latents"}),
    ],
)
def test_rivals_that_a_recipe_has_not_are_left_out_and_said(
    name: str, left_out: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_warm_up(monkeypatch)
    settings = changed(read_recipe(f"steergan:{name}"), training={"batch_size": 2})
    found = time_step(settings, rounds=1, parts=[STEP])
    assert PARAMETERS in found.parts[STEP]
    assert list(found.missing) == list(left_out)
    for rival, word in left_out.items():
        assert rival not in found.parts[STEP]
        assert word in found.missing[rival]
        assert f"Left out: {rival}, because there is no" in step_report.verdict(found)
    with pytest.raises(RecipeError, match="no stock escnn rival"):
        time_step(settings, rounds=1, parts=[STEP], rivals=[STOCK])
