"""The pictures of a run: real and generated images, a row a class."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from steergan.data import ImageSet
from steergan.pictures import grid
from steergan.pixels import to_uint8
from steergan.recipe import Recipe
from steergan.training import Generator, draw_latents

COLUMNS = 10


def real_grid(reals: ImageSet) -> Image.Image:
    """The first real images of every class."""
    rows = [np.flatnonzero(reals.labels == label)[:COLUMNS] for label in range(reals.classes)]
    blank = np.zeros((1, *reals.image_shape), dtype=np.uint8)
    images = [np.concatenate([reals.images[r], blank.repeat(COLUMNS - len(r), axis=0)]) for r in rows]
    return grid(np.concatenate(images), COLUMNS, labels=reals.class_names)


@torch.no_grad()
def fake_grid(generator: Generator, recipe: Recipe, class_names: Sequence[str]) -> Image.Image:
    """The same latents for every class and at every step, so that pictures of different steps can be compared."""
    device = next(p for _, p in generator.named_parameters()).device
    latents = draw_latents(
        generator,
        COLUMNS,
        seed=recipe.training.seed,
        stream="grid",
        law=recipe.generator.latent_law,
        device=device,
    )
    rows = []
    for label in range(len(class_names)):
        y = torch.full((COLUMNS,), label, device=device)
        rows.append(to_uint8(generator(latents.z, y, latents.element)).cpu())
    return grid(torch.cat(rows), COLUMNS, labels=class_names)
