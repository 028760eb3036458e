"""A recipe that says as little as it may, and what else may be said."""

from pathlib import Path

MINIMAL = 'name = "small"\n[data]\nname = "digits"\n'

SETTABLE = {
    "data.name": '"npz"',
    "data.path": '"images.npz"',
    "data.fraction": "0.33",
    "generator.group": '"D4"',
    "generator.latent": '"dense"',
    "generator.widths": "[64, 32]",
    "discriminator.group": '"trivial"',
    "discriminator.pooling": '"paper"',
    "loss.name": '"wasserstein"',
    "loss.r1_weight": "0.5",
    "augmentation.group": '"D4"',
    "augmentation.consistency_real": "0.1",
    "augmentation.rotation_discriminator": "1.0",
    "augmentation.adaptive_target": "0.6",
    "augmentation.transforms": "[]",
    "training.steps": "7",
    "training.batch_size": "9",
    "training.seed": "3",
    "training.discriminator_updates": "1",
    "evaluation.every": "5",
    "evaluation.samples": "99",
    "performance.convolution": '"dense"',
}
"""Keys that the issue promises to users, each with a value that is not the default."""


def write_minimal(folder: Path) -> Path:
    """The file."""
    path = folder / "small.toml"
    path.write_text(MINIMAL)
    return path
