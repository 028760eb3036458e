"""One update of either player, for any two networks that satisfy the protocols.

Each update opens `shared_filters` once, so spectral norm iterates once and every filter bank is expanded once, whatever
the number of forwards. The metrics are 0-d tensors on the networks' device: reading them is what waits for an
accelerator, and that is left to whoever records them.

A treatment (`steergan.augmentation`) may move, augment and compare images on their way into the discriminator; the
networks stay as they are. Every forward that this adds runs in the networks' mode: batch norms of a discriminator in
training mode normalise each batch by itself, and their running moments learn from all of them.
"""

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor

from steergan.augmentation import Treatment
from steergan.layers import shared_filters
from steergan.losses import Objective
from steergan.penalties import consistency_penalty, r1_penalty, rotation_loss, wgan_gp
from steergan.training.latents import Latents
from steergan.training.protocols import Discriminator, Generator, RotationDiscriminator, as_module

Batch = tuple[Tensor, Tensor]
"""Images (B, C, H, W) float in [-1, 1] and labels (B,) int64."""
Scored = tuple[Tensor, Tensor]
"""Images and their scores (B,)."""
UNTREATED = Treatment()


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
    treatment: Treatment = UNTREATED,
) -> dict[str, Tensor]:
    """One step of the discriminator's optimizer on a real batch and as many fake images.

    The fake images carry the real batch's labels, in order, and are made without a graph by the generator in its
    current mode: in training mode its batch norms normalise by, and its running moments learn from, this batch too. The
    real images are scored once, for the loss and R1. R1's gradient is by the real images after standard and before
    adaptive augmentation, and goes through the latter; WGAN-GP and consistency start from what the discriminator saw;
    rotations from the batch as it came.

    Args:
        generator: on the same device as everything else; it gets no gradients.
        discriminator: what is trained; for rotations, a `RotationDiscriminator`.
        optimizer: of the discriminator's parameters.
        objective: from `losses.OBJECTIVES`.
        batch: real images and labels.
        latents: as many as `batch` has images.
        r1_weight: weight of R1; 0 leaves it out.
        wgan_gp_weight: weight of the WGAN-GP penalty; 0 leaves it out.
        mix_B: (B,) in [0, 1], where WGAN-GP looks; needed if its weight is not 0.
        treatment: of the images of this update.

    Returns:
        0-d tensors: discriminator_loss (without penalties), real_score, fake_score (means), and where used r1,
        wgan_gp, consistency_real, consistency_fake, rotation_discriminator, and real_sign: the mean sign of the logits
        of real images.

    Raises:
        ValueError: WGAN-GP without `mix_B`.
    """
    real, y = batch
    image = treatment.standard(real).detach().requires_grad_(r1_weight > 0)
    with shared_filters(as_module(generator), as_module(discriminator)):
        with torch.no_grad():
            fake = treatment.adaptive_fake(generator(latents.z, y, latents.element))
        seen = treatment.adaptive_real(image)
        real_B, fake_B = discriminator(seen, y), discriminator(fake, y)
        loss = objective.discriminator(real_B, fake_B)
        penalties: dict[str, Tensor] = {}
        if r1_weight > 0:
            penalties["r1"] = r1_penalty(real_B, image, r1_weight)
        if wgan_gp_weight > 0:
            if mix_B is None:
                raise ValueError("wgan_gp_weight > 0 needs mix_B, (B,) shares in [0, 1]")
            penalties["wgan_gp"] = wgan_gp(discriminator, seen, fake, y, mix_B, wgan_gp_weight)
        penalties |= regularisers(discriminator, treatment, batch, (seen, real_B), (fake, fake_B))
        total = sum(penalties.values(), start=loss)
    descend(total, optimizer)
    metrics = {"discriminator_loss": loss, "real_score": real_B.mean(), "fake_score": fake_B.mean()} | penalties
    if treatment.settings.adaptive_target > 0:
        logit_B = real_B - fake_B.mean() if objective.relative else real_B
        metrics["real_sign"] = logit_B.sign().mean()
    return {name: metric.detach() for name, metric in metrics.items()}


def regularisers(
    discriminator: Discriminator, treatment: Treatment, batch: Batch, real: Scored, fake: Scored
) -> Iterator[tuple[str, Tensor]]:
    """What the treatment adds to the discriminator's loss, by name.

    Args:
        discriminator: of the update.
        treatment: of the update.
        batch: real images as they came, and labels.
        real: the real images that the discriminator saw, and their scores.
        fake: the generated ones.
    """
    settings, (upright, y) = treatment.settings, batch
    for name, (image, score_B), transform, weight in (
        ("consistency_real", real, treatment.consistency_real, settings.consistency_real),
        ("consistency_fake", fake, treatment.consistency_fake, settings.consistency_fake),
    ):
        if weight > 0:
            yield name, consistency_penalty(discriminator, image, y, score_B, transform, weight)
    if settings.rotation_discriminator > 0:
        logits = cast(RotationDiscriminator, discriminator).rotation_logits
        yield "rotation_discriminator", rotation_loss(logits, upright, settings.rotation_discriminator)


def generator_update(
    generator: Generator,
    discriminator: Discriminator,
    optimizer: torch.optim.Optimizer,
    objective: Objective,
    batch: Batch,
    latents: Latents,
    *,
    treatment: Treatment = UNTREATED,
) -> dict[str, Tensor]:
    """One step of the generator's optimizer.

    The fake images carry the real batch's labels, in order; the real images are scored (without a graph) only if the
    objective's generator loss depends on them. Rotations start from the generated images as they are.

    Args:
        generator: what is trained.
        discriminator: it gets no gradients; for rotations, a `RotationDiscriminator`.
        optimizer: of the generator's parameters.
        objective: from `losses.OBJECTIVES`.
        batch: real images and labels.
        latents: as many as `batch` has images.
        treatment: of the images of this update.

    Returns:
        0-d tensors: generator_loss (without rotations), and where used rotation_generator.
    """
    real, y = batch
    with shared_filters(as_module(generator), as_module(discriminator)):
        fake = generator(latents.z, y, latents.element)
        fake_B = discriminator(treatment.adaptive_fake(fake), y)
        real_B = fake_B.detach()
        if objective.generator_sees_real:
            with torch.no_grad():
                real_B = discriminator(treatment.adaptive_real(treatment.standard(real)), y)
        total = loss = objective.generator(fake_B, real_B)
        metrics = {"generator_loss": loss}
        weight = treatment.settings.rotation_generator
        if weight > 0:
            logits = cast(RotationDiscriminator, discriminator).rotation_logits
            metrics["rotation_generator"] = rotation_loss(logits, fake, weight)
            total = loss + metrics["rotation_generator"]
    descend(total, optimizer)
    return {name: metric.detach() for name, metric in metrics.items()}


def descend(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
    """One optimizer step; naming the inputs keeps backward from computing the other network's weight gradients."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward(inputs=trained_parameters(optimizer))
    optimizer.step()


def trained_parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """The optimizer's own list: walking an escnn network's modules costs tens of milliseconds, this does not."""
    return [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
