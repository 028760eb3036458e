"""A recipe whose networks are built and timed in no time."""

import sys

import pytest

from steergan.recipe import Recipe

SHAPE = (1, 16, 16)
CLASSES = 3


def recipe(group: str = "C4", **training: object) -> Recipe:
    """Of two networks of one group."""
    return Recipe.model_validate(
        {
            "name": "tiny",
            "data": {"name": "digits"},
            "generator": {
                "group": group, "latent": "dense", "z_dim": 5, "embedding_dim": 4, "seed_width": 4,
                "widths": [12, 8, 6],
            },
            "discriminator": {"group": group, "widths": [6, 8, 12]},
            "training": {"batch_size": 4, "discriminator_updates": 1, **training},
        }
    )  # fmt: skip


def without_warm_up(patch: pytest.MonkeyPatch) -> None:
    """Benchmarks time their first calls too: where it does not matter what the times are."""
    rooms = "steergan.timing", "steergan.benchmark.", "steergan.acceleration.", "benchmarks."
    for name, module in list(sys.modules.items()):
        if name.startswith(rooms) and hasattr(module, "WARM_UP"):
            patch.setattr(module, "WARM_UP", 0)
