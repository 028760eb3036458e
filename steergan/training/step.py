"""One update of either player, for any two networks that satisfy the protocols.

Each update opens `shared_filters` once, so spectral norm iterates once and every filter bank is expanded once, whatever
the number of forwards. The metrics are 0-d tensors on the networks' device: reading them is what waits for an
accelerator, and that is left to whoever records them.
"""

import torch
from torch import Tensor

from steergan.layers import shared_filters
from steergan.losses import Objective
from steergan.penalties import r1_penalty, wgan_gp
from steergan.training.latents import Latents
from steergan.training.protocols import Discriminator, Generator, as_module

Batch = tuple[Tensor, Tensor]
"""Images (B, C, H, W) float in [-1, 1] and labels (B,) int64."""


def discriminator_update(
    generator: Generator,
    discriminator: Discriminator,
    optimizer: torch.optim.Optimizer,
    objective: Objective,
    batch: Batch,
    latents: Latents,
    *,
    r1_weight: float = 0.0,
    wgan_gp_weight: float = 0.0,
    mix_B: Tensor | None = None,
) -> dict[str, Tensor]:
    """One step of the discriminator's optimizer on a real batch and as many fake images.

    The fake images carry the real batch's labels, in order, and are made without a graph by the generator in its
    current mode: in training mode its batch norms normalise by, and its running moments learn from, this batch too. The
    real images are scored once, for the loss and R1.

    Args:
        generator: on the same device as everything else; it gets no gradients.
        discriminator: what is trained.
        optimizer: of the discriminator's parameters.
        objective: from `losses.OBJECTIVES`.
        batch: real images and labels.
        latents: as many as `batch` has images.
        r1_weight: weight of R1; 0 leaves it out.
        wgan_gp_weight: weight of the WGAN-GP penalty; 0 leaves it out.
        mix_B: (B,) in [0, 1], where WGAN-GP looks; needed if its weight is not 0.

    Returns:
        0-d tensors: discriminator_loss (without penalties), real_score, fake_score (means), r1 and wgan_gp where used.

    Raises:
        ValueError: WGAN-GP without `mix_B`.
    """
    real, y = batch
    real = real.detach().requires_grad_(r1_weight > 0)
    with shared_filters(as_module(generator), as_module(discriminator)):
        with torch.no_grad():
            fake = generator(latents.z, y, latents.element)
        real_B, fake_B = discriminator(real, y), discriminator(fake, y)
        loss = objective.discriminator(real_B, fake_B)
        metrics = {"discriminator_loss": loss, "real_score": real_B.mean(), "fake_score": fake_B.mean()}
        total = loss
        if r1_weight > 0:
            metrics["r1"] = r1_penalty(real_B, real, r1_weight)
            total = total + metrics["r1"]
        if wgan_gp_weight > 0:
            if mix_B is None:
                raise ValueError("wgan_gp_weight > 0 needs mix_B, (B,) shares in [0, 1]")
            metrics["wgan_gp"] = wgan_gp(discriminator, real, fake, y, mix_B, wgan_gp_weight)
            total = total + metrics["wgan_gp"]
    descend(total, optimizer)
    return {name: metric.detach() for name, metric in metrics.items()}


def generator_update(
    generator: Generator,
    discriminator: Discriminator,
    optimizer: torch.optim.Optimizer,
    objective: Objective,
    batch: Batch,
    latents: Latents,
) -> dict[str, Tensor]:
    """One step of the generator's optimizer.

    The fake images carry the real batch's labels, in order; the real images are scored (without a graph) only if the
    objective's generator loss depends on them.

    Args:
        generator: what is trained.
        discriminator: it gets no gradients.
        optimizer: of the generator's parameters.
        objective: from `losses.OBJECTIVES`.
        batch: real images and labels.
        latents: as many as `batch` has images.

    Returns:
        0-d tensor: generator_loss.
    """
    real, y = batch
    with shared_filters(as_module(generator), as_module(discriminator)):
        fake_B = discriminator(generator(latents.z, y, latents.element), y)
        real_B = fake_B.detach()
        if objective.generator_sees_real:
            with torch.no_grad():
                real_B = discriminator(real, y)
        loss = objective.generator(fake_B, real_B)
    descend(loss, optimizer)
    return {"generator_loss": loss.detach()}


def descend(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
    """One optimizer step; naming the inputs keeps backward from computing the other network's weight gradients."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward(inputs=trained_parameters(optimizer))
    optimizer.step()


def trained_parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """The optimizer's own list: walking an escnn network's modules costs tens of milliseconds, this does not."""
    return [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
