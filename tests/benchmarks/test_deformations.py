"""`python -m benchmarks deformations`: runs into a table and a verdict."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import benchmarks
from benchmarks.deformations import measure, report
from steergan import run
from steergan.errors import RunError
from steergan.metrics import Stability


def seeded(found: run.Deformed, group: str, seed: int, relative: float) -> run.Deformed:
    """A run as another group and seed would have it."""
    recipe = found.run.recipe
    recipe = recipe.model_copy(update={"training": recipe.training.model_copy(update={"seed": seed})})
    blocks = (Stability("block 1", 1.0, 1.0, 1.0, 0.0), Stability("features", 1.0, 1.0, relative, 0.1))
    recipe = recipe.model_copy(update={"discriminator": recipe.discriminator.model_copy(update={"group": group})})
    return found._replace(run=found.run._replace(recipe=recipe), blocks=blocks)


def test_runs_become_a_table_and_groups_are_compared_by_seed(tiny_run: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(tiny_run, tmp_path / "run")
    record = tmp_path / "deformations.json"
    words = ["deformations", str(copied), "--device", "cpu", "--record", str(record)]
    result = CliRunner().invoke(benchmarks, words)
    assert result.exit_code == 0, result.output
    assert "R of the features is" in result.output
    kept = json.loads(record.read_text())
    assert kept["protocol"]["runs"] == ["run"]
    assert [row[0] for row in kept["tables"][0]["rows"]] == ["block 1", "block 2", "features", "score"]
    relative, deformation, noise = ([row[1]["mean"] for row in table["rows"]] for table in kept["tables"])
    assert relative == pytest.approx([d / n for d, n in zip(deformation, noise, strict=True)])
    with pytest.raises(RunError, match="both have the group C4 and seed 0"):
        measure([copied, copied])
    one = measure([copied])["C4"][0]
    cells = {
        group: {seed: seeded(one, group, seed, scale * (1 + 0.01 * seed)) for seed in range(4)}
        for group, scale in (("trivial", 0.8), ("D4", 0.4), ("C4", 0.8))
    }
    found = report(cells)
    assert found.verdict == (
        "R of the features is 0.812 (trivial), 0.406 (D4), 0.812 (C4); D4 against the plain network: lower; "
        "C4 against the plain network: no difference that 4 seeds show."
    )
    assert [row[0] for row in found.tables[0].rows] == ["block 1", "features"]
    assert found.tables[0].columns == ["block", "trivial", "D4", "C4"]
