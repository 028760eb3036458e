"""A run that several commands are tested on."""

from pathlib import Path

import pytest

from steergan import run
from steergan.recipe import read_recipe
from tests.notes import Notes


@pytest.fixture(scope="session")
def steerable(tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run whose latent turns."""
    settings = ["generator.latent=steerable", "generator.z_dim=8", "generator.group=D4", "training.steps=3"]
    return run.train(read_recipe(tiny_recipe, settings), tmp_path_factory.mktemp("runs") / "steerable", report=Notes())
