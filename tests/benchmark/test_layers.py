"""The benchmark of layers: tables, verdict, command."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from steergan.benchmark import layers
from steergan.benchmark.layer_rivals import CONVOLUTION, POOL, RELU, RIVALS, TASKS, WRITTEN, LayerCase
from steergan.benchmark.rivals import OWN
from steergan.results import read_results
from steergan_cli.main import steergan


def case(kind: str, group: str = "C4") -> LayerCase:
    return LayerCase(kind, group, 3, 2 if kind == CONVOLUTION else 3, 6, 2)


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
    read = json.loads(file.read_text())
    assert [entry["layer"]["kind"] for entry in read["layers"]] == [CONVOLUTION, POOL]
    assert set(read["layers"][0]["errors"]) == {"result", "gradient by x", "gradient by the filters"}
    assert all(len(seconds[OWN]) == 1 for entry in read["layers"] for seconds in entry["seconds"].values())
    file.unlink()
    (result,) = read_results(tmp_path)
    assert [len(table.rows) for table in result.tables] == [2, 2, 2, 1]
    assert result.tables[0].columns[2:] == [name for name in RIVALS if name != OWN]


def test_a_layer_that_is_not_there_is_refused() -> None:
    found = CliRunner().invoke(steergan, ["benchmark", "layers", "--only", "transformer"])
    assert found.exit_code != 0
    assert "no layer's name holds transformer" in found.output
