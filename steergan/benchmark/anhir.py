"""The paper's residual networks for ANHIR at half their size, to be timed: 64 pixels instead of 128."""

import torch

from steergan.benchmark.rivals import Pair
from steergan.networks import Discriminator, Generator
from steergan.randomness import stream_seed

WIDTHS = (512, 256, 128, 64)
"""Of the generator's blocks; the discriminator's are the reverse. Those that reach 128 pixels are left out."""
SEED_SIZE, CHANNELS, CLASSES, LATENT = 4, 3, 5, 128


def residual_pair(group: str, widths: tuple[int, ...] = WIDTHS) -> Pair:
    """Both networks, always with the same first weights.

    Source: Dey et al. 2021, Tables 7 and 8; max pooling: C.2.4, which says what it changes.
    """
    image_shape = (CHANNELS, *[SEED_SIZE * 2 ** len(widths)] * 2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(0, "initial residual pair"))
        generator = Generator(
            group, image_shape, CLASSES, architecture="residual", z_dim=LATENT, embedding_dim=LATENT,
            widths=widths, upsamplings=len(widths),
        )  # fmt: skip
        discriminator = Discriminator(
            group, image_shape, CLASSES, architecture="residual", widths=widths[::-1], pool="max"
        )
    return Pair(generator, discriminator)
