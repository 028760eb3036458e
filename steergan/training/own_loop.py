"""Single updates, for a training loop of one's own."""

import torch

from steergan.losses import Objective
from steergan.training.inputs import Inputs, Metrics
from steergan.training.protocols import Discriminator, Generator
from steergan.training.updates import Updates


def discriminator_update(
    generator: Generator,
    discriminator: Discriminator,
    optimizer: torch.optim.Optimizer,
    objective: Objective,
    inputs: Inputs,
) -> Metrics:
    """A single update of the discriminator, for a loop of one's own; see `Updates.update_discriminator`.

    Args:
        generator: makes the fake images; it does not change but for its batch norms' moments.
        discriminator: what is updated.
        optimizer: of the discriminator's parameters.
        objective: such as `OBJECTIVES["hinge"]._replace(r1_weight=0.1)`.
        inputs: a whole batch.

    Returns:
        Metrics, 0-d tensors by name.

    Raises:
        ValueError: WGAN-GP without `mix_B`.
    """
    return Updates(generator, discriminator, objective).update_discriminator(optimizer, [inputs])


def generator_update(
    generator: Generator,
    discriminator: Discriminator,
    optimizer: torch.optim.Optimizer,
    objective: Objective,
    inputs: Inputs,
) -> Metrics:
    """A single update of the generator, for a loop of one's own; see `Updates.update_generator`.

    Args:
        generator: what is updated.
        discriminator: scores the images; it does not change but for its batch norms' moments.
        optimizer: of the generator's parameters.
        objective: such as `OBJECTIVES["hinge"]`.
        inputs: a whole batch; its real images are looked at if `objective.generator_sees_real`.

    Returns:
        Metrics, 0-d tensors by name.
    """
    return Updates(generator, discriminator, objective).update_generator(optimizer, [inputs])
