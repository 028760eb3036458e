"""Small generators with a dense, a symmetrized or a steerable latent, and features for their samples."""

from pathlib import Path
from typing import Any, Literal

import torch

from steergan.invariance.features import OrientationFeatures, sample_features
from steergan.networks import Generator, GeneratorSpec

PIXELS: OrientationFeatures = sample_features("inception", (1, 8, 8), Path("no-classifier"))
"""The samples themselves."""


def generator(latent: Literal["dense", "symmetrized", "steerable"], group: str = "C4", **settings: Any) -> Generator:
    """Untrained, seeded: two classes of 8 x 8 pixels."""
    spec = {"z_dim": 4, "embedding_dim": 2, "seed_width": 4, "widths": (8, 4), "upsamplings": 1, **settings}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Generator(GeneratorSpec(group=group, latent=latent, **spec), (1, 8, 8), 2).eval()
