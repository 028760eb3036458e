"""A recipe's pair of networks, and the pairs that it is timed against."""

from typing import NamedTuple

import torch

from steergan.benchmark.stock import StockDiscriminator, StockGenerator
from steergan.errors import RecipeError
from steergan.randomness import stream_seed
from steergan.recipe import Recipe
from steergan.run.build import build_discriminator, build_generator
from steergan.symmetry import fields_for_width, group_order, gspace, is_continuous
from steergan.training import Discriminator, Generator


class Pair(NamedTuple):
    """What is trained against each other."""

    generator: Generator
    discriminator: Discriminator


def own_pair(recipe: Recipe, image_shape: tuple[int, int, int], classes: int) -> Pair:
    """The recipe's own networks."""
    return Pair(build_generator(recipe, image_shape, classes), build_discriminator(recipe, image_shape, classes))


def equal_channels(recipe: Recipe) -> Recipe:
    """The recipe with the trivial group in both networks, and widths that give every feature map as many channels.

    Only the generator's last convolution differs: it makes the image itself, not |G| channels to pool over.
    """
    table = recipe.model_dump()
    plain = int(recipe.discriminator.group_pool == "before-last-block")
    for name in ("generator", "discriminator"):
        space, widths = gspace(table[name]["group"]), table[name]["widths"]
        steered = len(widths) - (plain if name == "discriminator" else 0)
        wide = [fields_for_width(space, width) * group_order(space) for width in widths[:steered]]
        table[name]["widths"] = [*wide, *widths[steered:]]
        table[name]["group"] = "trivial"
    return Recipe.model_validate(table)


def stock_pair(recipe: Recipe, image_shape: tuple[int, int, int], classes: int) -> Pair:
    """The recipe's networks from escnn's own modules; see `stock`.

    Raises:
        RecipeError: residual networks.
    """
    generator, discriminator = recipe.generator, recipe.discriminator
    if "residual" in (generator.architecture, discriminator.architecture):
        raise RecipeError('there is no stock escnn rival of architecture = "residual"; name a recipe of plain stages')
    if not isinstance(discriminator.group, str) or generator.latent == "steerable":
        raise RecipeError("there is no stock escnn rival of restricted groups or steerable latents; name other ones")
    if any(is_continuous(gspace(group)) for group in (generator.group, discriminator.group)):
        raise RecipeError("there is no stock escnn rival of SO2 and O2; name a recipe of a finite group")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(recipe.training.seed, "initial stock pair"))
        return Pair(
            StockGenerator(
                generator.group,
                image_shape,
                classes,
                latent=generator.latent,
                z_dim=generator.z_dim,
                embedding_dim=generator.embedding_dim,
                seed_width=generator.seed_width,
                widths=generator.widths,
                upsamplings=generator.upsamplings,
            ),
            StockDiscriminator(
                discriminator.group,
                image_shape,
                classes,
                widths=discriminator.widths,
                pooling=discriminator.pooling,
            ),
        )
