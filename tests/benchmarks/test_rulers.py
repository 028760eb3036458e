"""How several features rank the checkpoints of a run."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import benchmarks
from benchmarks.rulers import RulerBenchmark, report
from steergan.recipe import Recipe
from steergan.results import read_results


def made(recipe: Recipe) -> RulerBenchmark:
    figures: dict[str, tuple[float | None, ...]] = {
        "scattering frechet_invariant": (4.0, 3.0, 1.0, 2.0),
        "scattering kid": (0.4, 0.3, 0.2, 0.1),
        "inception frechet_invariant": (None, None, None, None),
        "inception kid": (0.9, 0.7, 0.5, 0.6),
    }
    return RulerBenchmark(recipe, (1, 2, 3, 4), figures)


def test_correlations_are_spearmans_of_what_was_measured(recipe: Callable[..., Recipe]) -> None:
    found = made(recipe())
    assert found.correlation("scattering frechet_invariant", "inception kid") == pytest.approx(1)
    # Ranks 4 3 2 1 and 4 3 1 2: 1 - 6 (1 + 1) / (4 (16 - 1)).
    assert found.correlation("scattering kid", "inception kid") == pytest.approx(0.8)
    told = report(found)
    assert "scattering kid with inception kid: 0.80" in told.verdict
    assert "inception frechet_invariant" not in told.verdict
    assert "texture metric" in told.claim


@pytest.mark.usefixtures("blank_curves", "short_classifier")
def test_the_command_trains_on_and_records(tiny_recipe: Path, tmp_path: Path) -> None:
    features = next(line for line in tiny_recipe.read_text().splitlines() if "features" in line).split('"')[1]
    result = CliRunner().invoke(
        benchmarks,
        [
            "rulers", str(tiny_recipe), "--steps", "1,2", "--features", "scattering", "--features", features,
            "--out", str(tmp_path / "run"), "--record", str(tmp_path / "records/rulers-tiny.json"),
        ],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    (record,) = read_results(tmp_path / "records")
    assert record.tables[0].columns == ["figure", "1", "2"]
    assert record.protocol["steps"] == [1, 2]
    assert (tmp_path / "run" / "generator.safetensors").exists()
