"""What a recipe would build, as text; nothing is written."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from steergan import data
from steergan.augmentation import Augmentation
from steergan.errors import MissingDataError
from steergan.networks import Discriminator, Generator
from steergan.networks.summary import LayerRow, layer_rows
from steergan.recipe import DataSettings, Recipe, write_recipe
from steergan.run.blindness import augmentation_notice, latent_line
from steergan.run.build import build_discriminator, build_generator, check_computable, telling_squares
from steergan.run.convolution_record import convolution_record
from steergan.run.pace import pace_of
from steergan.tables import aligned


def plan(recipe: Recipe, data_path: str | None = None, device: str = "cpu") -> str:
    """Every layer of both networks with its type, size, parameters and multiply-adds, and the resolved recipe.

    Between them stands what would compute the convolutions on the device, which augmentation does nothing, and how long
    a step takes here, measured on noise. Published data need not be there.

    Raises:
        SteerganError: the data can't be found, and are not known without; the sizes don't suit the group, or the
            convolutions can't be had.
    """
    check_computable(recipe, device)  # refuses what training would
    settings = recipe.data if data_path is None else recipe.data.model_copy(update={"path": data_path})
    images = images_of(settings)
    shape, classes = images.shape, images.classes
    Augmentation(recipe.augmentation, shape)  # likewise
    with telling_squares(recipe, shape, images.example):
        generator = build_generator(recipe, shape, classes)
        discriminator = build_discriminator(recipe, shape, classes)
    y = element = torch.zeros(1, dtype=torch.int64)
    image = torch.zeros(1, *shape)
    return "\n\n".join(
        [
            images.text,
            network_table("generator", layer_rows(generator, torch.zeros(1, generator.z_dim), y, element)),
            network_table("discriminator", layer_rows(discriminator, image, y)),
            convolution_record(recipe.performance.convolution, device, generator, discriminator).line,
            *filter(None, [latent_line(recipe), augmentation_notice(recipe)]),
            pace_line(recipe, generator, discriminator, torch.device(device)),
            write_recipe(recipe).rstrip(),
        ]
    )


class PlannedImages(NamedTuple):
    """What images a plan is for."""

    shape: tuple[int, int, int]
    """(C, H, W)."""
    classes: int
    text: str
    """Their counts; and their classes, or how to have them."""
    example: str = ""
    """The name of a file with such an image, where one is known."""


def images_of(settings: DataSettings) -> PlannedImages:
    """The images that a recipe names, or what is known of them where they are not there.

    Raises:
        DataError: they can't be read; or they are not there, and nothing is known of them.
    """
    try:
        found = data.survey(settings)
    except MissingDataError as fault:
        known = data.expected(settings)
        if known is None:
            raise
        shape, classes = known.image_shape, known.classes
        text = f"{in_counts(known.train, known.held_out, shape, classes)}, as published; they are not here"
        return PlannedImages(shape, classes, f"data: {text}\n{fault}")
    shape, classes = found.image_shape, len(found.class_names)
    text = "at most " * found.at_most + in_counts(found.train, found.held_out, shape, classes)
    return PlannedImages(shape, classes, f"data: {text}\n{found.account.text()}", found.example)


def in_counts(train: int, held_out: int, shape: tuple[int, int, int], classes: int) -> str:
    """Counts in words."""
    of = f"of {' x '.join(map(str, shape))}, {classes} class{'es' * (classes != 1)}"
    return f"{train} training and {held_out} held-out images {of}"


def pace_line(recipe: Recipe, generator: Generator, discriminator: Discriminator, device: torch.device) -> str:
    """What the steps will take, from one that is done; where the device is at hand."""
    if device.type != "cpu" and not getattr(torch, device.type).is_available():
        return f"pace: not measured, this machine has no {device.type} device"
    return pace_of(recipe, generator, discriminator, device).line(recipe.training.steps)


def network_table(name: str, rows: Sequence[LayerRow]) -> str:
    """Aligned text with totals."""
    parameters, multiply_adds = sum(r.parameters for r in rows), sum(r.multiply_adds for r in rows)
    cells = [("layer", "kind", "output type", "output size", "parameters", "multiply-adds")]
    cells += [(r.path, r.kind, r.out_type, r.size, f"{r.parameters:,}", f"{r.multiply_adds:,}") for r in rows]
    cells.append(("total", "", "", "", f"{parameters:,}", f"{multiply_adds:,}"))
    lines = aligned(cells, left=range(4))
    return f"{name}\n" + "\n".join(lines)
