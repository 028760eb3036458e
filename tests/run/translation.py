"""Small pairs of images, and a recipe that translates them: a square's colour and place, seen through noise."""

from pathlib import Path

import numpy as np
from PIL import Image

from steergan.recipe import TranslationRecipe, read_any_recipe

RECIPE = """
name = "tiny-pairs"
data = { name = "pairs", path = "DATA", held_out = 0.4 }
generator = { architecture = "unet", group = "D4", widths = [8, 8] }
discriminator = { architecture = "patch", group = "D4", widths = [8, 8] }
loss = { name = "non-saturating", r1_weight = 0.1, discriminator_weight = 0.5, reconstruction_weight = 100.0 }
training = { steps = 6, batch_size = 2, discriminator_updates = 1, checkpoint_every = 3, generator_rate = 1e-2, \
beta1 = 0.5, beta2 = 0.999, ema_batch_norm = "copy" }
evaluation = { every = 3, samples = 16, features = "none" }
"""
SIDE, COUNT = 16, 15


def write_pairs(folder: Path, count: int = COUNT) -> Path:
    """Gray squares on the left of each file, the same in colour on the right."""
    stream = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(count):
        top, left = stream.integers(0, SIDE - 6, 2)
        place = np.zeros((SIDE, SIDE), bool)
        place[top : top + 6, left : left + 6] = True
        gray = np.where(place, 200, stream.integers(0, 60, (SIDE, SIDE)))
        colour = np.where(place[..., None], (220, 40, 60), (20, 60, 30))
        both = np.concatenate([gray[..., None].repeat(3, axis=2), colour], axis=1)
        Image.fromarray(both.astype(np.uint8)).save(folder / f"{k:02}.png")
    return folder


def write_recipe(folder: Path) -> Path:
    """The pairs and their recipe."""
    pairs = write_pairs(folder / "pairs")
    (folder / "pairs.toml").write_text(RECIPE.replace("DATA", str(pairs)))
    return folder / "pairs.toml"


def recipe_of(path: Path, *overrides: str) -> TranslationRecipe:
    """The recipe in a file, with overrides."""
    found = read_any_recipe(path, overrides)
    assert isinstance(found, TranslationRecipe)
    return found
