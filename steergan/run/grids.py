"""The pictures of a run: real and generated images, a row a class, or several where classes are few."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from steergan.data import ImageSet, class_rows
from steergan.pictures import grid, stacked
from steergan.pixels import to_uint8, to_unit
from steergan.randomness import torch_stream
from steergan.recipe import Recipe
from steergan.training import Generator, draw_latents
from steergan.translation import PairSet

COLUMNS = 10
ROWS = 5
"""So many rows at least, where there are images for them."""


def rows_of_class(classes: int) -> int:
    """Rows of images of each class."""
    return max(1, ROWS // classes)


def row_labels(class_names: Sequence[str], rows: int) -> list[str]:
    """A class's name beside the first of its rows."""
    return [name if row == 0 else "" for name in class_names for row in range(rows)]


def real_grid(reals: ImageSet) -> Image.Image:
    """Real images of every class."""
    chosen = class_rows(reals, COLUMNS * rows_of_class(reals.classes))
    columns = min(COLUMNS, chosen.shape[1])
    rows = chosen.shape[1] // columns
    chosen = chosen[:, : rows * columns]
    return grid(reals.images[chosen.ravel()], columns, labels=row_labels(reals.class_names, rows))


@torch.no_grad()
def fake_grid(generator: Generator, recipe: Recipe, class_names: Sequence[str]) -> Image.Image:
    """Samples of every class, each of a latent of its own, and under the group's elements in turn.

    The latents are equal at every step, so that grids of different steps compare.
    """
    device = next(p for _, p in generator.named_parameters()).device
    per_class = COLUMNS * rows_of_class(len(class_names))
    rows = []
    for label in range(len(class_names)):
        stream = torch_stream(recipe.training.seed, f"grid/{label}")
        z, element = draw_latents(generator, per_class, stream, law=recipe.generator.latent_law, device=device)
        if element is not None:
            element = torch.arange(per_class, device=device) % generator.elements
        y = torch.full((per_class,), label, device=device)
        rows.append(to_uint8(generator(z, y, element)).cpu())
    return grid(torch.cat(rows), COLUMNS, labels=row_labels(class_names, rows_of_class(len(class_names))))


PAIRS = 8
"""Columns of a grid of pairs."""


def translation_grid(pairs: PairSet, translator: Generator | None = None, seed: int = 0) -> Image.Image:
    """Inputs and outputs below each other; between them what a translator makes of the inputs, if one is given.

    Args:
        pairs: of which some are shown, evenly spread.
        translator: in evaluation mode; its translations are equal at every step but for its weights.
        seed: of the noise of its dropout.
    """
    sheets = translated(pairs, translator, seed)
    return grid(stacked(*sheets.values()), len(sheets["input"]), labels=list(sheets))


@torch.no_grad()
def translated(pairs: PairSet, translator: Generator | None = None, seed: int = 0) -> dict[str, NDArray[np.uint8]]:
    """Some inputs, what a translator makes of them, if one is given, and the truth, uint8 (N, C, H, W) each, by name.

    Arguments as of `translation_grid`.
    """
    count = min(len(pairs), PAIRS)
    rows = np.arange(count) * len(pairs) // count
    inputs = np.ascontiguousarray(pairs.labels[rows])
    sheets = {"input": inputs}
    if translator is not None:
        device = next(p for _, p in translator.named_parameters()).device
        z = draw_latents(translator, count, torch_stream(seed, "grid/0")).z.to(device)
        images = to_unit(torch.from_numpy(inputs).to(device))
        drawn = [translator(z[i : i + 1], images[i : i + 1]) for i in range(count)]
        sheets["output"] = to_uint8(torch.cat(drawn)).cpu().numpy()
    return {**sheets, "truth": pairs.images[rows]}
