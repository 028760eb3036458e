"""The pictures of a run: real and generated images, a row a class."""

from collections.abc import Sequence

import torch
from PIL import Image

from steergan.data import ImageSet, class_rows
from steergan.pictures import grid
from steergan.pixels import to_uint8
from steergan.recipe import Recipe
from steergan.training import Generator, draw_latents

COLUMNS = 10


def real_grid(reals: ImageSet) -> Image.Image:
    """Real images of every class."""
    chosen = class_rows(reals, COLUMNS)
    return grid(reals.images[chosen.ravel()], chosen.shape[1], labels=reals.class_names)


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
