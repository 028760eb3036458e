"""Recipe -> networks."""

import torch

from steergan.networks import Discriminator, Generator
from steergan.randomness import stream_seed
from steergan.recipe import Recipe


def build_generator(recipe: Recipe, image_shape: tuple[int, int, int], classes: int) -> Generator:
    """The recipe's generator, initialised from the training seed's own stream.

    Raises:
        SymmetryError: a size that the group or the upsamplings can't take.
    """
    settings = recipe.generator
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(recipe.training.seed, "initial generator"))
        return Generator(
            settings.group,
            image_shape,
            classes,
            latent=settings.latent,
            z_dim=settings.z_dim,
            embedding_dim=settings.embedding_dim,
            seed_width=settings.seed_width,
            widths=settings.widths,
            upsamplings=settings.upsamplings,
            spectral_norm=settings.spectral_norm,
        )


def build_discriminator(recipe: Recipe, image_shape: tuple[int, int, int], classes: int) -> Discriminator:
    """The recipe's discriminator, initialised from the training seed's own stream.

    Raises:
        SymmetryError: a size that the group or the pools can't take.
    """
    settings = recipe.discriminator
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(recipe.training.seed, "initial discriminator"))
        return Discriminator(
            settings.group,
            image_shape,
            classes,
            widths=settings.widths,
            pooling=settings.pooling,
            spectral_norm=settings.spectral_norm,
        )
