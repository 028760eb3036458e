"""A study that is trained in a moment."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from steergan.metrics import classifier_bytes
from steergan.networks.classifier import Classifier

RECIPE = """
name = "tiny"
[data]
name = "npz"
path = "{folder}/images.npz"
[generator]
z_dim = 4
embedding_dim = 4
seed_width = 4
widths = [8, 4]
[discriminator]
widths = [4, 8]
[training]
steps = {steps}
batch_size = 8
discriminator_updates = 1
checkpoint_every = 1
[evaluation]
every = {steps}
samples = 16
features = "{folder}/extractor.safetensors"
"""
STUDY = """
name = "mine"
recipe = "tiny.toml"
seeds = [0]
[[axis]]
name = "setting"
options = [
    { label = "CNN in D", set = { "discriminator.group" = "trivial" } },
    { label = "none", set = { "data.fraction" = 1e-5 } },
    { label = "C4 in D", set = { "discriminator.group" = "C4" } },
]
"""


@pytest.fixture
def tiny_study(tmp_path: Path) -> Callable[..., Path]:
    """Writes a study of three runs, the middle one impossible, measured with an extractor that need not be trained."""

    def write(steps: int = 2) -> Path:
        images = np.random.default_rng(0).integers(0, 256, (80, 8, 8), dtype=np.uint8)
        np.savez(tmp_path / "images.npz", images=images, labels=np.arange(80) % 2)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            extractor = Classifier("C4", 2, (1, 8, 8), (2, 2), 4)
        (tmp_path / "extractor.safetensors").write_bytes(classifier_bytes(extractor, {}))
        (tmp_path / "tiny.toml").write_text(RECIPE.format(folder=tmp_path, steps=steps))
        path = tmp_path / "mine.toml"
        path.write_text(STUDY)
        return path

    return write
