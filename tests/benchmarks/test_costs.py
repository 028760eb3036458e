"""What the paper's experiments cost: both settings of a data set, measured alike."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import costs
from benchmarks.__main__ import benchmarks
from benchmarks.commands.costs import DATA_SETS
from steergan.benchmark.fresh import Fresh
from steergan.errors import RecipeError
from steergan.results import read_results

BASE = """
name = "tiny"
data = { name = "digits" }
training = { discriminator_updates = 1 }
[generator]
architecture = "residual"
group = "trivial"
latent = "dense"
z_dim = 5
embedding_dim = 3
seed_width = 4
widths = [16, 16]
[discriminator]
architecture = "residual"
group = "trivial"
widths = [16, 16]
"""


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    """Of digits, 1 x 16 x 16."""
    folder = tmp_path / "cifar10"
    folder.mkdir()
    (folder / "cnn-cnn.toml").write_text(BASE)
    (folder / "g-g.toml").write_text(BASE.replace('group = "trivial"', 'group = "C4"'))
    return tmp_path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process of its own for the memory."""
    monkeypatch.setattr(costs, "fresh", lambda recipe, device: Fresh(0.1, len(recipe.generator.group)))


def test_costs_are_those_of_the_recipes_networks(recipes: Path, quick: None) -> None:
    cnn, steered = costs.measure(recipes, ["cifar10"], rounds=2)
    assert (cnn.setting, steered.setting) == ("CNN", "G-CNN")
    # 8 regular fields of C4 are 32 channels: 4 times the 16 x 16 products of each pixel.
    convolutions = 9 * (16 * 16 + 4 * 16) * 4 * 4, 9 * (32 * 32 + 4 * 32) * 4 * 4
    assert steered.multiply_adds[0] > cnn.multiply_adds[0] + convolutions[1] - convolutions[0]
    assert 0.5 < steered.parameters[1] / cnn.parameters[1] < 1.1
    assert (cnn.peak_memory, steered.peak_memory) == (len("trivial"), len("C4"))
    assert all(len(cost.seconds) == 2 and min(cost.seconds) > 0 for cost in (cnn, steered))
    assert costs.time_ratio([cnn, steered], "cifar10").values == [
        b / a for a, b in zip(cnn.seconds, steered.seconds, strict=True)
    ]


def test_command_prints_the_table_and_records_it(recipes: Path, tmp_path: Path, quick: None) -> None:
    record = tmp_path / "claims" / "costs.json"
    options = ["--data", "cifar10", "--repeats", "1", "--threads", "1", "--device", "cpu", "--record", str(record)]
    found = CliRunner().invoke(benchmarks, ["costs", "--recipes", str(recipes), *options])
    assert found.exit_code == 0, found.output
    assert "A step of the G-CNN pair as a multiple of the CNN pair's: cifar10" in found.output
    (claim,) = read_results(record.parent)
    assert [row[1] for row in claim.tables[0].rows] == ["CNN", "G-CNN", "ratio"]
    missing = CliRunner().invoke(benchmarks, ["costs", "--recipes", str(tmp_path / "claims"), *options])
    assert isinstance(missing.exception, SystemExit | RecipeError)
    assert missing.exit_code == 2
    assert "no such recipe" in missing.output


def test_the_commands_data_sets_are_the_benchmarks() -> None:
    assert costs.SETS == DATA_SETS
