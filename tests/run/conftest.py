"""Runs that several modules go on with."""

from pathlib import Path

import pytest

from steergan import run
from steergan.recipe import read_recipe
from tests.notes import Notes


@pytest.fixture(scope="session")
def half(tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped after two steps, without kernels."""
    dense = read_recipe(tiny_recipe, ["performance.convolution=dense"])
    return run.train(dense, tmp_path_factory.mktemp("runs") / "half", report=Notes(stop_after=2))
