"""What a recipe would build, as text; nothing is written."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import torch

from steergan import data
from steergan.augmentation import Augmentation
from steergan.errors import MissingDataError
from steergan.networks.summary import LayerRow, layer_rows
from steergan.pixels import as_unit
from steergan.recipe import DataSettings, Recipe, TranslationRecipe, write_recipe
from steergan.run.attention_notice import attention_notice
from steergan.run.build import build_pair, check_computable, kind_from, telling_squares
from steergan.run.convolution_record import convolution_record
from steergan.run.pace import Noise, pace_of
from steergan.run.tasks import Task, task_of
from steergan.tables import aligned


def plan(recipe: Recipe | TranslationRecipe, data_path: str | None = None, device: str = "cpu") -> str:
    """Every layer of both networks with its type, size, parameters and multiply-adds, and the resolved recipe.

    Between them stands what would compute the convolutions on the device, which augmentation does nothing, and how long
    a step takes here, measured on noise. Published data need not be there.

    Raises:
        SteerganError: the data can't be found, and are not known without; the sizes don't suit the group, or the
            convolutions can't be had.
    """
    check_computable(recipe, device)  # refuses what training would
    settings = recipe.data if data_path is None else recipe.data.model_copy(update={"path": data_path})
    images, task = images_of(settings), task_of(recipe)
    kind = kind_from(images.shape, images.classes, images.inputs)
    Augmentation(recipe.augmentation, kind.image_shape)  # likewise
    with telling_squares(recipe, kind.image_shape, images.example):
        generator, discriminator = build_pair(recipe, kind)
    element, noise = torch.zeros(1, dtype=torch.int64), partial(task.noise, kind)
    image, y = map(as_unit, noise(1, torch.Generator()))
    return "\n\n".join(
        [
            images.text,
            network_table("generator", layer_rows(generator, torch.zeros(1, generator.z_dim), y, element)),
            network_table("discriminator", layer_rows(discriminator, image, y)),
            convolution_record(recipe.performance.convolution, device, generator, discriminator).line,
            *filter(None, [*task.before_first_step(), task.without_effect()]),
            *filter(None, [attention_notice(generator, discriminator)]),
            pace_line(task, generator, discriminator, torch.device(device), noise),
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
    inputs: int = 0
    """Of pairs, how many of the channels are the input's."""


def images_of(settings: DataSettings) -> PlannedImages:
    """The images that a recipe names, or what is known of them where they are not there.

    Raises:
        DataError: they can't be read; or they are not there, and nothing is known of them, not even a size.
    """
    try:
        found = data.survey(settings)
    except MissingDataError as fault:
        known = data.expected(settings)
        if known is None:
            return assumed_images(settings, fault)
        shape, classes = known.image_shape, known.classes
        text = f"{in_counts(known.train, known.held_out, shape, classes)}, as published; they are not here"
        inputs = data.source_of(settings.name).inputs
        return PlannedImages(shape, classes, f"data: {text}\n{fault}", inputs=inputs)
    shape, classes = found.image_shape, len(found.class_names)
    text = "at most " * found.at_most + in_counts(found.train, found.held_out, shape, classes)
    return PlannedImages(shape, classes, f"data: {text}\n{found.account.text()}", found.example, found.inputs)


def assumed_images(settings: DataSettings, fault: MissingDataError) -> PlannedImages:
    """A user's own images that are not there, taken for what most are.

    Raises:
        MissingDataError: no size is said.
    """
    known = data.assumed(settings)
    if known is None:
        raise fault
    what = "pairs, inputs and outputs in colour" if known.inputs else "images in colour, of one class"
    text = f"data: not here; taken for {what}, of {settings.size} x {settings.size} pixels\n{fault}"
    return PlannedImages(known.image_shape, known.classes, text, inputs=known.inputs)


def in_counts(train: int, held_out: int, shape: tuple[int, int, int], classes: int) -> str:
    """Counts in words."""
    of = f"of {' x '.join(map(str, shape))}, {classes} class{'es' * (classes != 1)}"
    return f"{train} training and {held_out} held-out images {of}"


def pace_line(task: Task, generator: Any, discriminator: Any, device: torch.device, noise: Noise) -> str:
    """What the steps will take, from one that is done; where the device is at hand."""
    if device.type != "cpu" and not getattr(torch, device.type).is_available():
        return f"pace: not measured, this machine has no {device.type} device"
    found = pace_of(task.recipe, generator, discriminator, device, noise, task.latent_law)
    return found.line(task.recipe.training.steps)


def network_table(name: str, rows: Sequence[LayerRow]) -> str:
    """Aligned text with totals."""
    parameters, multiply_adds = sum(r.parameters for r in rows), sum(r.multiply_adds for r in rows)
    cells = [("layer", "kind", "output type", "output size", "parameters", "multiply-adds")]
    cells += [(r.path, r.kind, r.out_type, r.size, f"{r.parameters:,}", f"{r.multiply_adds:,}") for r in rows]
    cells.append(("total", "", "", "", f"{parameters:,}", f"{multiply_adds:,}"))
    lines = aligned(cells, left=range(4))
    return f"{name}\n" + "\n".join(lines)
