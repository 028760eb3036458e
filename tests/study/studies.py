"""Studies on the disk, and runs that are made up."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from steergan.metrics import classifier_bytes
from steergan.networks.classifier import Classifier
from steergan.recipe import write_recipe
from steergan.run.about import About
from steergan.run.folder import RunFolder
from steergan.study import Run, Study, read_study
from steergan.training import JsonLines

ROOT = Path(__file__).parents[2]

RECIPE = """
name = "tiny"
[data]
name = "digits"
[generator]
z_dim = 4
embedding_dim = 4
seed_width = 4
widths = [8, 4]
[discriminator]
widths = [4, 8]
[training]
steps = 2
batch_size = 8
discriminator_updates = 1
checkpoint_every = 1
[evaluation]
every = 2
samples = 32
"""
AXES = """
[[axis]]
name = "discriminator"
options = [
    { label = "CNN in D", set = { "discriminator.group" = "trivial" } },
    { label = "C4 in D", set = { discriminator.group = "C4" } },
]
[[axis]]
name = "data"
options = [
    { label = "10 %", set = { "data.fraction" = 0.1 } },
    { label = "100 %", set = { "data.fraction" = 1.0 } },
]
"""
TINY_RECIPE = """
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
TINY_STUDY = """
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


def write_study(folder: Path, text: str = AXES, head: str = 'name = "mine"\nseeds = [0, 1]\n') -> Path:
    (folder / "tiny.toml").write_text(RECIPE)
    path = folder / "mine.toml"
    path.write_text(f'{head}recipe = "tiny.toml"\n{text}')
    return path


def axis(settings: str, name: str = "a") -> str:
    return options(f'{{ label = "plain", set = {{}} }}, {{ label = "x", set = {{ {settings} }} }}', name)


def options(text: str, name: str = "a") -> str:
    return f'[[axis]]\nname = "{name}"\noptions = [{text}]\n'


DATA: dict[str, Any] = {
    "path": None,
    "image_shape": [1, 16, 16],
    "class_names": ["a", "b"],
    "train": {"images": 64, "checksum": "cafe"},
    "held_out": {"images": 32, "checksum": "c0ffee"},
}


def pretend(run: Run, root: Path, distances: Sequence[float], **changes: Any) -> None:
    """A finished run that measured these distances, at step 0 first."""
    folder = RunFolder(root / run.folder)
    folder.path.mkdir(parents=True)
    folder.recipe.write_text(write_recipe(run.recipe))
    about = {
        "data": DATA,
        "hardware": {"processor": "made up", "threads": 1},
        "versions": {"torch": "2.6"},
    }
    folder.write_about(About.model_validate(about | changes.pop("about", {})))
    protocol = {"extractor": "p4", "extractor_sha256": "abc", "real_count": 32, "fake_count": 32} | changes
    for step, distance in enumerate(distances):
        row = {"step": step, "frechet_invariant": distance, "frechet_equivariant": 3 * distance}
        floors = {"floor_frechet_invariant": 0.5, "floor_frechet_equivariant": 1.5}
        JsonLines(folder.metric("frechet")).append(row | floors | protocol)
        JsonLines(folder.metric("label-agreement")).append(
            {"step": step, "label_agreement": 1 - distance / 100, "label_agreement_real": 0.95}
        )
        JsonLines(folder.metric("kid")).append({"step": step, "kid": distance / 1000 - 0.005, "floor_kid": 1e-4})
        shares = {"precision": 1 / distance, "recall": 1 - 1 / distance, "floor_precision": 0.8, "floor_recall": 0.7}
        JsonLines(folder.metric("precision-recall")).append({"step": step, **shares})
    for seconds in (0.5, 0.1, 0.3):
        JsonLines(folder.stats).append({"step": 1, "seconds_per_step": seconds})
    Image.new("L", (64 * 10, 64 * 10), 20 * run.seed).save(folder.fakes(run.recipe.training.steps))
    folder.generator.write_bytes(b"")


def distances(run: Run) -> list[float]:
    """C4 in D halves every distance; the seed and the fraction change it, too."""
    last = (4.0 if "C4 in D" in run.labels else 8.0) * (2 if "10 %" in run.labels else 1) + run.seed
    return [100.0, last, 2 * last]


def pretended_study(folder: Path) -> tuple[Study, Path]:
    """A study whose eight runs are all made up, and the folder that they are in."""
    grid, root = read_study(write_study(folder)), folder / "out"
    for run in grid.runs:
        pretend(run, root, distances(run))
    return grid, root


def write_tiny_study(folder: Path, steps: int = 2) -> Path:
    """Three runs that are trained in a moment, the middle one impossible; their extractor need not be trained."""
    images = np.random.default_rng(0).integers(0, 256, (80, 8, 8), dtype=np.uint8)
    np.savez(folder / "images.npz", images=images, labels=np.arange(80) % 2)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        extractor = Classifier("C4", 2, (1, 8, 8), (2, 2), 4)
    (folder / "extractor.safetensors").write_bytes(classifier_bytes(extractor, {"class_names": '["0", "1"]'}))
    (folder / "tiny.toml").write_text(TINY_RECIPE.format(folder=folder, steps=steps))
    path = folder / "mine.toml"
    path.write_text(TINY_STUDY)
    return path
