"""A tiny experiment of a user's own, and a run of it that is finished."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from steergan.metrics import ClassifierTraining, classifier_bytes, train_classifier
from steergan_cli.main import steergan

RECIPE = """
name = "tiny"
data = { name = "npz", path = "DATA", held_out = 0.4 }
generator = { z_dim = 4, embedding_dim = 2, seed_width = 4, widths = [8, 4], upsamplings = 1 }
discriminator = { widths = [4, 8] }
loss = { name = "hinge" }
training = { steps = 6, batch_size = 4, discriminator_updates = 1, checkpoint_every = 3 }
evaluation = { every = 3, samples = 16, features = "FEATURES" }
"""

Invoke = Callable[..., Result]


@pytest.fixture(scope="session")
def invoke() -> Invoke:
    """Call the command in this process."""

    def call(*arguments: str | Path) -> Result:
        return CliRunner().invoke(steergan, [str(argument) for argument in arguments], prog_name="steergan")

    return call


@pytest.fixture(scope="session")
def tiny_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bars and blobs of 8 x 8 pixels, two classes, with a feature extractor that has seen them for a moment."""
    folder = tmp_path_factory.mktemp("tiny")
    labels = np.arange(40) % 2
    images = np.random.default_rng(0).integers(0, 60, (40, 8, 8), dtype=np.uint8)
    images[labels == 0, 2:6, 2:6] = 220
    images[labels == 1, :, 3:5] = 220
    np.savez(folder / "tiny.npz", images=images, labels=labels)
    training = ClassifierTraining(widths=(2, 2, 2, 2, 2, 2), features=4, updates=(30, 30))
    classifier = train_classifier(images[:, None], labels, classes=2, settings=training)
    (folder / "features.safetensors").write_bytes(classifier_bytes(classifier, {}))
    text = RECIPE.replace("DATA", f"{folder}/tiny.npz").replace("FEATURES", f"{folder}/features.safetensors")
    (folder / "tiny.toml").write_text(text)
    return folder / "tiny.toml"


@pytest.fixture(scope="session")
def tiny_run(tiny_recipe: Path, invoke: Invoke, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    trained = invoke("train", tiny_recipe, "--out", folder, "--device", "cpu")
    assert trained.exit_code == 0, trained.output
    return folder
