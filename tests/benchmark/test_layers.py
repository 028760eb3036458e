"""The benchmark of layers: its rivals compute what they are said to compute."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from steergan.benchmark import layers
from steergan.benchmark.layer_rivals import (
    CONDITIONAL,
    CONVOLUTION,
    GROUP_POOL,
    NORM,
    POOL,
    RELU,
    RIVALS,
    TASKS,
    UPSAMPLING,
    WRITTEN,
    HandWritten,
    LayerCase,
    own_layers,
    rivals_of,
    stock_layer,
)
from steergan.benchmark.rivals import CHANNELS, DENSE, OWN, PARAMETERS, STOCK
from steergan.layers import GroupConvolution
from steergan.results import read_results
from steergan.symmetry import gspace
from steergan_cli.main import steergan

EVERYWHERE = [OWN, STOCK]


def case(kind: str, group: str = "C4") -> LayerCase:
    return LayerCase(kind, group, 3, 2 if kind in (CONVOLUTION, UPSAMPLING) else 3, 6, 2)


@pytest.mark.parametrize("group", ["C2", "C4", "D2", "D4"])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_hand_written_filters_are_ours(group: str, kernel: int) -> None:
    convolution = LayerCase(CONVOLUTION, group, 3, 2, 6, 2, kernel)
    own = own_layers(convolution, gspace(group))[OWN]
    assert isinstance(own, GroupConvolution)
    bank = own.filter_bank().detach()
    order = bank.shape[0] // 2
    written = HandWritten(convolution, gspace(group))
    with torch.no_grad():
        written.weight.copy_(bank.unflatten(1, (3, order)).unflatten(0, (2, order))[:, 0])
        written.bias.normal_()
        own.bias.copy_(written.bias)
        assert torch.equal(written.bank(), bank)
        x = torch.randn(2, 3 * order, 6, 6)
        torch.testing.assert_close(written(x), own(own.in_type(x)).tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (CONVOLUTION, [DENSE, CHANNELS, PARAMETERS, WRITTEN]),
        (UPSAMPLING, [DENSE, CHANNELS, PARAMETERS]),
        (NORM, [CHANNELS]),
        (CONDITIONAL, [CHANNELS]),
        (RELU, [CHANNELS]),
        (POOL, [CHANNELS]),
        (GROUP_POOL, []),
    ],
)
def test_every_layer_has_its_rivals_and_all_can_do_every_task(kind: str, more: list[str]) -> None:
    rivals = rivals_of(case(kind))
    assert set(rivals) == {*EVERYWHERE, *more}
    for rival in rivals.values():
        for task in TASKS.values():
            assert task(rival) is not None
    shapes = {name: rival.call(rival.x).shape for name, rival in rivals.items() if name != PARAMETERS}
    assert len(set(shapes.values())) == 1


@pytest.mark.parametrize("kind", [NORM, CONDITIONAL, RELU, POOL, GROUP_POOL])
@pytest.mark.parametrize("group", ["C4", "D4"])
def test_layers_without_filters_compute_what_their_rivals_compute(kind: str, group: str) -> None:
    rivals = rivals_of(case(kind, group))
    own = rivals[OWN]
    with torch.no_grad():
        for theirs, ours in zip(rivals[STOCK].parameters, own.parameters, strict=True):
            theirs.copy_(ours.view_as(theirs))
        assert torch.equal(rivals[STOCK].x, own.x)
        torch.testing.assert_close(rivals[STOCK].call(own.x), own.call(own.x), rtol=1e-4, atol=1e-5)
        if kind in (RELU, POOL):
            torch.testing.assert_close(rivals[CHANNELS].call(own.x), own.call(own.x))


@pytest.mark.parametrize("kind", [CONVOLUTION, UPSAMPLING])
@pytest.mark.parametrize("group", ["C4", "D4"])
def test_convolutions_compute_what_escnns_compute(kind: str, group: str) -> None:
    space, one = gspace(group), case(kind, group)
    own = own_layers(one, space)[OWN]
    inner = own if kind == CONVOLUTION else own.convolution
    assert isinstance(inner, GroupConvolution)
    stock = stock_layer(one, space)
    target = stock if kind == CONVOLUTION else list(stock.children())[-1]
    target.load_state_dict(inner.to_r2conv().state_dict(), strict=False)
    x = inner.in_type(torch.randn(2, inner.in_type.size, 6, 6))
    torch.testing.assert_close(stock(x).tensor, own(x).tensor, rtol=1e-4, atol=1e-5)


def test_command_names_layers_and_prints_a_table_for_each_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "CASES", (case(CONVOLUTION), case(POOL, "D4"), case(RELU)))
    record, file = tmp_path / "layers.json", tmp_path / "times.json"
    options = ["--only", "pool", "--only", "convolution", "--repeats", "1", "--json", str(file)]
    found = CliRunner().invoke(steergan, ["benchmark", "layers", *options, "--record", str(record)])
    assert found.exit_code == 0, found.output
    assert found.output.count("| average pool, D4 3") == len(TASKS)
    assert "ReLU" not in found.output
    assert f"Slower than {WRITTEN} in" in found.output
    (claim,) = read_results(tmp_path.joinpath("layers.json").parent) if not file.unlink() else ()
    assert [len(table.rows) for table in claim.tables] == [2, 2, 2]
    assert claim.tables[0].columns[2:] == [name for name in RIVALS if name != OWN]


def test_a_layer_that_is_not_there_is_refused() -> None:
    found = CliRunner().invoke(steergan, ["benchmark", "layers", "--only", "transformer"])
    assert found.exit_code != 0
    assert "no layer's name holds transformer" in found.output
