"""What a recipe would build, as text; nothing is written."""

from collections.abc import Sequence

import torch

from steergan import data
from steergan.augmentation import Augmentation
from steergan.networks import Discriminator, Generator
from steergan.networks.summary import LayerRow, layer_rows
from steergan.recipe import Recipe, write_recipe
from steergan.run.blindness import augmentation_notice, latent_line
from steergan.run.build import build_discriminator, build_generator, check_computable, telling_squares
from steergan.run.convolution_record import convolution_record
from steergan.run.pace import pace_of
from steergan.tables import aligned


def plan(recipe: Recipe, data_path: str | None = None, device: str = "cpu") -> str:
    """Every layer of both networks with its type, size, parameters and multiply-adds, and the resolved recipe.

    Between them stands what would compute the convolutions on the device, which augmentation does nothing, and how long
    a step takes here, measured on noise.

    Raises:
        SteerganError: the data can't be found, the sizes don't suit the group, or the convolutions can't be had.
    """
    check_computable(recipe, device)  # refuses what training would
    settings = recipe.data if data_path is None else recipe.data.model_copy(update={"path": data_path})
    found = data.survey(settings)
    classes = len(found.class_names)
    Augmentation(recipe.augmentation, found.image_shape)  # likewise
    with telling_squares(recipe, found.image_shape, found.example):
        generator = build_generator(recipe, found.image_shape, classes)
        discriminator = build_discriminator(recipe, found.image_shape, classes)
    y = torch.zeros(1, dtype=torch.int64)
    image = torch.zeros(1, *found.image_shape)
    return "\n\n".join(
        [
            f"data: {'at most ' * found.at_most}{found.train} training and {found.held_out} held-out images "
            f"of {' x '.join(map(str, found.image_shape))}, {classes} class" + "es" * (classes != 1)
            + f"\n{found.account.text()}",
            network_table("generator", layer_rows(generator, torch.zeros(1, generator.z_dim), y)),
            network_table("discriminator", layer_rows(discriminator, image, y)),
            convolution_record(recipe.performance.convolution, device, generator, discriminator).line,
            *filter(None, [latent_line(recipe), augmentation_notice(recipe)]),
            pace_line(recipe, generator, discriminator, torch.device(device)),
            write_recipe(recipe).rstrip(),
        ]
    )


def pace_line(
    recipe: Recipe, generator: Generator, discriminator: Discriminator, device: torch.device
) -> str:
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
