"""The benchmark of convolutions: its rivals compute the same numbers, and its figures are what they are said to be."""

import dataclasses
import json
from functools import partial
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from benchmarks import convolution_limit
from benchmarks.convolution_limit import MATRIX, PRODUCTS, TWICE, LimitTimes, limit_table, time_limits
from steergan.benchmark import convolution as benchmark
from steergan.benchmark import convolution_steps
from steergan.benchmark.anhir import residual_pair
from steergan.benchmark.convolution_layers import LAYERS, LayerTimes, layer_table, layers_json, targets, time_layers
from steergan.benchmark.convolution_rivals import (
    BACKWARD,
    FORWARD,
    LAST,
    OWN,
    PENALTY,
    PLAIN,
    TASKS,
    Layer,
    expanded,
    operands,
    takes_fourier,
)
from steergan.benchmark.convolution_steps import (
    AUTO,
    CNN,
    DENSE,
    StepTimes,
    residual_case,
    step_cases,
    step_table,
    time_steps,
)
from steergan.errors import SteerganError
from steergan.kernels import library
from steergan.recipe import Recipe
from steergan.results import read_results
from steergan.symmetry import fields_for_width, group_order, gspace
from steergan_cli.main import steergan

SMALL = [Layer("D4", 2, 3, 6, 2), Layer("C4", 3, 2, 5, 1, 1), Layer("D2", 2, 1, 5, 2, 5), Layer("C2", 1, 2, 4, 1)]
WIDTHS = (8, 6)


@pytest.fixture(autouse=True)
def kernels() -> None:
    if library.native() is None:
        pytest.skip(f"no kernels: {library.absence()}")


def tiny_recipe() -> Recipe:
    return Recipe.model_validate(
        {
            "name": "tiny",
            "data": {"name": "digits"},
            "generator": {"z_dim": 3, "embedding_dim": 2, "seed_width": 2, "widths": [8, 6]},
            "discriminator": {"widths": [6, 8]},
            "training": {"batch_size": 2, "discriminator_updates": 1},
        }
    )


@pytest.fixture(scope="module")
def timed_layers() -> list[LayerTimes]:
    return time_layers(2, SMALL)


@pytest.fixture(scope="module")
def timed_steps() -> list[StepTimes]:
    cases = step_cases(tiny_recipe())
    cases[-1] = dataclasses.replace(cases[-1], pair=partial(residual_pair, widths=WIDTHS))
    return time_steps(2, cases)


@pytest.fixture(scope="module")
def timed_limits() -> list[LimitTimes]:
    return time_limits(2, SMALL[:2], matrix_size=16)


@pytest.mark.parametrize("layer", SMALL, ids=[layer.name for layer in SMALL])
@pytest.mark.parametrize("task", TASKS)
def test_rivals_compute_the_same_numbers(layer: Layer, task: str) -> None:
    given = operands(layer)
    w = given[OWN].w.detach().requires_grad_()
    results = {name: TASKS[task](operand) for name, operand in given.items()}
    for name in (PLAIN, LAST):
        for ours, theirs in zip(results[OWN], results[name], strict=True):
            if theirs.shape == given[PLAIN].w.shape and ours.shape == w.shape:  # the bank's gradient, not the filters'
                (theirs,) = torch.autograd.grad(expanded(layer, w), w, theirs.contiguous())
            assert ours.std() > 0
            torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-4 * float(ours.abs().max()))


def test_a_penalty_is_the_derivative_of_the_squared_gradient() -> None:
    given = operands(Layer("D4", 1, 2, 3, 1))[OWN]
    double = dataclasses.replace(given, x=given.x.detach().double(), w=given.w.detach().double())
    matrix = torch.autograd.functional.jacobian(lambda x: double.convolution(x, double.w), double.x).reshape(16 * 9, -1)
    x = given.x.detach().double().flatten()
    slope = matrix.mT @ (matrix @ x)  # by x, of half the squared result
    by_x = 2 * matrix.mT @ (matrix @ slope)
    torch.testing.assert_close(TASKS[PENALTY](given)[0].double().flatten(), by_x, rtol=1e-4, atol=1e-4)


def test_channels_last_rival_has_all_operands_in_that_order() -> None:
    given = operands(SMALL[0])
    for tensor in (given[LAST].x, given[LAST].w, given[LAST].grad):
        assert tensor.is_contiguous(memory_format=torch.channels_last)
        assert not tensor.is_contiguous()
    assert all(tensor.is_leaf for operand in given.values() for tensor in (operand.x, operand.w))


def test_speed_up_is_over_the_faster_conv2d_in_the_same_round(timed_layers: list[LayerTimes]) -> None:
    seconds = {OWN: [1.0, 2.0, 1.0], PLAIN: [4.0, 9.0, 5.0], LAST: [3.0, 8.0, 100.0]}
    found = dataclasses.replace(timed_layers[0], seconds=dict.fromkeys(TASKS, seconds))
    assert found.rival(FORWARD) == PLAIN
    assert found.speed_up(FORWARD).values == [4.0, 4.5, 5.0]
    assert found.speed_up(FORWARD).centre == 4.5


def test_layer_table_has_every_layer(timed_layers: list[LayerTimes]) -> None:
    table = layer_table(timed_layers)
    assert [row[0] for row in table.rows] == [layer.name for layer in SMALL]
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert all(len(times.seconds[task][OWN]) == 2 for times in timed_layers for task in TASKS)
    assert all(0 < error < 1e-5 for times in timed_layers for pair in times.errors.values() for error in pair)


def test_targets_are_those_of_wide_layers_of_three_taps() -> None:
    assert targets(Layer("D4", 45, 22, 64, 4)) == {BACKWARD: 3.5, PENALTY: 3.0}
    assert targets(Layer("C4", 32, 32, 28, 16)) == {BACKWARD: 2.2, PENALTY: 2.0}
    assert targets(Layer("D4", 8, 22, 64, 4)) == targets(Layer("D4", 45, 45, 16, 8, kernel=5)) == {}
    assert targets(Layer("D2", 32, 32, 28, 16)) == {}
    assert sum(bool(targets(layer)) for layer in LAYERS) == 16


def test_layer_says_which_targets_it_misses(timed_layers: list[LayerTimes]) -> None:
    wide = Layer("D4", 22, 22, 64, 4)

    def times(own: float, auto: bool = True, error: float = 1.0) -> list[str]:
        seconds = {OWN: [own], PLAIN: [3.2], LAST: [3.2]}
        found = LayerTimes(wide, dict.fromkeys(TASKS, seconds), {"result": (1.0, error)}, auto)
        return found.missed()

    assert times(0.5) == []
    assert times(1.0) == ["forward + backward 3.5"]
    assert times(4.0, auto=False) == ["forward + backward 3.5", "with R1 3.0"]
    assert times(4.0) == ["forward + backward 3.5", "with R1 3.0", "never slower"]
    assert times(0.5, error=6.5) == ["error"]


def test_auto_takes_the_dense_path_for_a_layer_of_hardly_any_products() -> None:
    small, large = Layer("D4", 1, 1, 4, 1), Layer("D4", 22, 22, 64, 4)
    assert not takes_fourier(small)
    assert takes_fourier(large)


def test_step_is_timed_for_all_rivals(timed_steps: list[StepTimes]) -> None:
    assert [times.name for times in timed_steps] == ["tiny, C4", "tiny, D4", "ANHIR at 64 pixels, D4"]
    for times in timed_steps:
        assert list(times.seconds) == [AUTO, DENSE, CNN]
        assert all(len(seconds) == 2 and min(seconds) > 0 for seconds in times.seconds.values())
        assert times.parameters[AUTO] == times.parameters[DENSE]
    table = step_table(timed_steps)
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert timed_steps[0].about["batch"] == 2


def test_step_says_which_targets_it_misses(timed_steps: list[StepTimes]) -> None:
    slow = dataclasses.replace(timed_steps[1], seconds={AUTO: [3.0], DENSE: [6.0], CNN: [1.0]})
    assert slow.missed() == ["dense / auto", "auto / CNN"]
    quick = dataclasses.replace(timed_steps[1], seconds={AUTO: [2.0], DENSE: [6.0], CNN: [1.0]})
    assert quick.missed() == []
    rotations = dataclasses.replace(timed_steps[0], seconds={AUTO: [3.0], DENSE: [6.0], CNN: [1.0]})
    assert rotations.missed() == []


@pytest.mark.parametrize("group", ["trivial", "D4"])
def test_residual_networks_are_the_papers_at_half_the_size(group: str) -> None:
    pair = residual_pair(group, (12, 8))
    twin = residual_pair(group, (12, 8))
    assert all(map(torch.equal, pair.generator.state_dict().values(), twin.generator.state_dict().values()))
    assert pair.generator.image_shape == (3, 16, 16)
    pair.discriminator.eval()  # or spectral norm would go on between the two calls
    z, y = torch.randn(2, pair.generator.z_dim), torch.tensor([0, 4])
    with torch.no_grad():
        image = pair.generator(z, y)
        score = pair.discriminator(image, y)
        turned = pair.discriminator(torch.rot90(image, 1, (2, 3)), y)
    assert image.shape == (2, 3, 16, 16)
    assert score.shape == (2,)
    assert torch.allclose(score, turned, atol=1e-5) == (group == "D4")


def test_residual_widths_give_the_papers_fields() -> None:
    case = residual_case()
    assert [fields_for_width(gspace("D4"), width) for width in (512, 256, 128, 64)] == [181, 90, 45, 22]
    assert (case.recipe.training.batch_size, case.recipe.loss.name) == (4, "relativistic-average")


def test_products_are_counted(timed_limits: list[LimitTimes]) -> None:
    layer = Layer("D4", 3, 2, 10, 5)
    dense = convolution_limit.products_of_bank(layer)
    assert dense == 5 * 100 * 9 * (3 * 8) * (2 * 8)
    assert convolution_limit.fourier_products(layer) == dense * 12 // 64
    assert {name: PRODUCTS[name] for name in ("C4", "D2", "C2", "D1")} == {"C4": 5, "D2": 4, "C2": 2, "D1": 2}
    assert all(count < group_order(gspace(name)) ** 2 for name, count in PRODUCTS.items())


def test_rates_and_shares_follow_from_the_times(timed_limits: list[LimitTimes]) -> None:
    layer = Layer("C4", 3, 2, 10, 5)
    seconds = {MATRIX: [1.0], PLAIN: [2.0], LAST: [4.0], OWN: [1.0], TWICE: [1.8]}
    found = LimitTimes(layer, 1000, seconds)
    assert found.rate(MATRIX).centre == pytest.approx(2.0)
    assert found.rate(OWN).centre == pytest.approx(2e-9 * 5 * 100 * 9 * 3 * 2 * 5)
    assert found.rate(found.rival).centre == pytest.approx(2e-9 * 5 * 100 * 9 * 3 * 2 * 16 / 2)
    assert found.fixed_share.centre == pytest.approx(0.2)
    assert found.product_share.centre == pytest.approx(0.8)
    assert found.bound == pytest.approx(16 / 5 * 2.0 / found.rate(PLAIN).centre)
    assert dataclasses.replace(found, matrix_size=1).bound == pytest.approx(16 / 5)
    table = limit_table(timed_limits)
    assert [row[0] for row in table.rows] == [layer.name for layer in SMALL[:2]]
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_progress_counts_every_call() -> None:
    told: list[tuple[int, int]] = []
    time_layers(1, SMALL[:2], lambda done, total: told.append((done, total)))
    assert told == [(i, 54) for i in range(1, 55)]


def test_json_holds_what_the_tables_come_from(
    timed_layers: list[LayerTimes], timed_steps: list[StepTimes], timed_limits: list[LimitTimes]
) -> None:
    found = benchmark.ConvolutionBenchmark(timed_layers, timed_steps, timed_limits)
    read = json.loads(json.dumps(benchmark.as_json(found)))
    again = []
    for entry in read["layers"]:
        errors = {name: tuple(pair) for name, pair in entry["errors"].items()}
        again.append(LayerTimes(Layer(**entry["layer"]), entry["seconds"], errors, entry["auto"] == "fourier"))
    assert again == timed_layers
    assert layers_json(again) == layers_json(timed_layers)
    assert [entry["seconds"] for entry in read["steps"]] == [times.seconds for times in timed_steps]
    assert [entry["seconds"] for entry in read["limit"]] == [times.seconds for times in timed_limits]
    assert read["hardware"]["device"] == "cpu"
    assert len(benchmark.tables(found)) == 3


def test_verdict_names_the_layers_that_miss(timed_layers: list[LayerTimes]) -> None:
    seconds = {OWN: [1.0], PLAIN: [3.0], LAST: [2.0]}
    good = dataclasses.replace(timed_layers[0], seconds=dict.fromkeys(TASKS, seconds))
    assert benchmark.verdict(benchmark.ConvolutionBenchmark([good])) == "1 of 1 layers meet their targets."
    bad = dataclasses.replace(good, errors={"result": (1e-7, 1e-6)})
    found = benchmark.verdict(benchmark.ConvolutionBenchmark([good, bad]))
    assert found == f"1 of 2 layers meet their targets; missed: {bad.layer.name} (error)."


def test_without_kernels_nothing_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "native", lambda: None)
    for measure in (partial(time_layers, 1, SMALL), partial(time_limits, 1, SMALL), partial(time_steps, 1, [])):
        with pytest.raises(SteerganError, match="no convolution kernels to time"):
            measure()


def test_command_prints_tables_and_writes_json_and_a_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "time_limits", partial(time_limits, layers=SMALL[:1], matrix_size=16))
    monkeypatch.setattr(benchmark, "time_layers", partial(time_layers, layers=SMALL[:1]))
    files = ["--json", str(tmp_path / "found.json"), "--record", str(tmp_path / "claims" / "convolution.json")]
    options = ["--only", "limit", "--only", "layers", "--repeats", "2", "--threads", "1"]
    found = CliRunner().invoke(steergan, ["benchmark", "convolution", *options, *files])
    assert found.exit_code == 0, found.output
    assert f"| {SMALL[0].name} |" in found.output
    assert "gather and transforms" in found.output
    read = json.loads((tmp_path / "found.json").read_text())
    assert read["steps"] == []
    assert len(read["limit"]) == len(read["layers"]) == 1
    (claim,) = read_results(tmp_path / "claims")
    assert claim.id == "convolution"
    assert len(claim.tables) == 2
    assert claim.protocol["rounds"].startswith("2 in turns")


def test_command_times_the_steps_of_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = dataclasses.replace(residual_case(), pair=partial(residual_pair, widths=WIDTHS))
    monkeypatch.setattr(convolution_steps, "residual_case", lambda: tiny)
    text = 'name = "tiny"\ndata = { name = "digits" }\ngenerator = { widths = [8, 6], seed_width = 2 }\n'
    (tmp_path / "tiny.toml").write_text(text + "discriminator = { widths = [6, 8] }\n")
    options = ["--only", "steps", "--repeats", "1", "--recipe", str(tmp_path / "tiny.toml"), "--threads", "1"]
    found = CliRunner().invoke(steergan, ["benchmark", "convolution", *options, "--set", "training.batch_size=2"])
    assert found.exit_code == 0, found.output
    assert "tiny, D4, batch 2" in found.output
    assert "dense / auto" in found.output


def test_command_refuses_accelerators() -> None:
    found = CliRunner().invoke(steergan, ["benchmark", "convolution", "--device", "cuda"])
    assert found.exit_code == 2
    assert "the kernels compute on the CPU, not on cuda" in found.output
