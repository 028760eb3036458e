"""One update of either player, for any two networks that satisfy the protocols.

Spectral norm iterates once in each update and network, and every filter bank is expanded once, whatever the number of
forwards. The metrics are 0-d tensors on the networks' device: reading them is what waits for an accelerator, and that
is left to whoever records them.

A treatment (`steergan.augmentation`) may move, augment and compare images on their way into the discriminator; the
networks stay as they are. Every forward that this adds runs in the networks' mode: batch norms of a discriminator in
training mode normalise each batch by itself, and their running moments learn from all of them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from steergan.augmentation import Treatment
from steergan.losses import Objective
from steergan.penalties import mixed_images
from steergan.training.engine import REFERENCE, Engine
from steergan.training.forwards import Batch, Context, Forwards, Scores, concatenated
from steergan.training.latents import Latents
from steergan.training.protocols import Discriminator, Generator

Metrics = dict[str, Tensor]
"""0-d tensors by name, without graphs."""
UNTREATED = Treatment()


class Part(NamedTuple):
    """What an update sees, or a part of it."""

    batch: Batch
    latents: Latents
    mix_B: Tensor | None = None
    """Where WGAN-GP looks, (B,) in [0, 1]."""
    treatment: Treatment = UNTREATED


class Updates:
    """Both players' updates, prepared once for many steps: escnn makes walks over networks slow.

    Args:
        generator: on the same device as everything else.
        discriminator: for rotations, a `RotationDiscriminator`.
        objective: from `losses.OBJECTIVES`.
        r1_weight: weight of R1; 0 leaves it out.
        wgan_gp_weight: weight of the WGAN-GP penalty; 0 leaves it out.
        engine: how it is all computed.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        objective: Objective,
        *,
        r1_weight: float = 0.0,
        wgan_gp_weight: float = 0.0,
        engine: Engine = REFERENCE,
    ) -> None:
        self.objective, self.engine = objective, engine
        self.r1_weight, self.wgan_gp_weight = r1_weight, wgan_gp_weight
        self.forwards = Forwards(
            generator, discriminator, objective, r1_weight=r1_weight, wgan_gp_weight=wgan_gp_weight, engine=engine
        )

    def discriminator(self, optimizer: torch.optim.Optimizer, parts: Sequence[Part]) -> Metrics:
        """One step of the discriminator's optimizer on real images and as many fake ones.

        The fake images carry the real batch's labels, in order, and are made without a graph by the generator in its
        current mode: in training mode its batch norms normalise by, and its running moments learn from, this batch too.
        The real images are scored once, for the loss and R1. R1's gradient is by the real images after standard and
        before adaptive augmentation, and goes through the latter; WGAN-GP and consistency start from what the
        discriminator saw; rotations from the batch as it came.

        Args:
            optimizer: of the discriminator's parameters.
            parts: of the batch, of equal size; those of this process.

        Returns:
            0-d tensors: discriminator_loss (without penalties), real_score, fake_score (means), and where used r1,
            wgan_gp, consistency_real, consistency_fake, rotation_discriminator, and real_sign: the mean sign of the
            logits of real images. Penalties are those of this process's images.

        Raises:
            ValueError: WGAN-GP without `mix_B`.
        """
        run = self.forwards
        fakes, seen = self.fakes(parts), [self.shown(part) for part in parts]
        known: list[Scores] = []
        if len(parts) > 1 and self.objective.relative:
            with torch.no_grad(), run.norms_kept():
                known = [
                    self.gathered(run.score(part.treatment.adaptive_real(image), fake, part.batch[1], i == 0))
                    for i, (part, image, fake) in enumerate(zip(parts, seen, fakes, strict=True))
                ]
        optimizer.zero_grad(set_to_none=True)
        metrics = []
        for i, (part, image, fake) in enumerate(zip(parts, seen, fakes, strict=True)):
            mixed = None
            if self.wgan_gp_weight > 0:
                if part.mix_B is None:
                    raise ValueError("wgan_gp_weight > 0 needs mix_B, (B,) shares in [0, 1]")
                mixed = mixed_images(part.treatment.adaptive_real(image.detach()), fake, part.mix_B)
            total, found = run.judge(part.batch, image, fake, mixed, part.treatment, context(i, len(parts), known))
            # Naming the inputs keeps backward from computing the other network's weight gradients.
            total.backward(inputs=trained_parameters(optimizer))
            metrics.append(self.engine.kept(found))
        self.finish(optimizer)
        return mean_of(metrics)

    def generator(self, optimizer: torch.optim.Optimizer, parts: Sequence[Part]) -> Metrics:
        """One step of the generator's optimizer.

        The fake images carry the real batch's labels, in order; the real images are scored (without a graph) only if
        the objective's generator loss depends on them. Rotations start from the generated images as they are.

        Args:
            optimizer: of the generator's parameters.
            parts: of the batch, of equal size; those of this process.

        Returns:
            0-d tensors: generator_loss (without rotations), and where used rotation_generator.
        """
        run = self.forwards
        self.engine.begin()
        reals = [part.batch[0] for part in parts]
        if self.objective.generator_sees_real:
            reals = [part.treatment.adaptive_real(part.treatment.standard(part.batch[0])) for part in parts]
        known: list[Scores] = []
        if len(parts) > 1 and self.objective.generator_sees_real:
            with torch.no_grad(), run.norms_kept():
                known = [
                    self.gathered(run.compare(part.latents, part.batch[1], real, part.treatment, i == 0))
                    for i, (part, real) in enumerate(zip(parts, reals, strict=True))
                ]
        optimizer.zero_grad(set_to_none=True)
        metrics = []
        for i, (part, real) in enumerate(zip(parts, reals, strict=True)):
            total, found = run.paint(part.latents, part.batch[1], real, part.treatment, context(i, len(parts), known))
            total.backward(inputs=trained_parameters(optimizer))
            metrics.append(self.engine.kept(found))
        self.finish(optimizer)
        return mean_of(metrics)

    def fakes(self, parts: Sequence[Part]) -> list[Tensor]:
        """Generated images as the discriminator sees them."""
        self.engine.begin()
        made = []
        with torch.no_grad():
            for i, part in enumerate(parts):
                fake = self.forwards.draw(part.latents, part.batch[1], i == 0)
                made.append(part.treatment.adaptive_fake(fake))
        return made

    def shown(self, part: Part) -> Tensor:
        """Real images, ready for R1."""
        return part.treatment.standard(part.batch[0]).detach().requires_grad_(self.r1_weight > 0)

    def gathered(self, own: Scores) -> Scores:
        """Those of all processes."""
        return Scores(*map(self.engine.processes.gathered, own))

    def finish(self, optimizer: torch.optim.Optimizer) -> None:
        """Add up the processes' gradients, and step."""
        self.engine.processes.sum_gradients(trained_parameters(optimizer))
        optimizer.step()


def context(number: int, parts: int, known: list[Scores]) -> Context:
    """Where a part stands; spectral norms have moved if scores are known, or in an earlier part."""
    before, after = known[:number], known[number + 1 :]
    return Context(
        parts,
        concatenated(before) if before else None,
        concatenated(after) if after else None,
        number == 0 and not known,
    )


def mean_of(metrics: Sequence[Metrics]) -> Metrics:
    """The mean over the parts."""
    if len(metrics) == 1:
        return metrics[0]
    return {name: torch.stack([found[name] for found in metrics]).mean() for name in metrics[0]}


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
) -> Metrics:
    """`Updates.discriminator` for a loop of one's own: a single update of a whole batch, on the plain path.

    Args:
        generator: see `Updates`.
        discriminator: see `Updates`.
        optimizer: of the discriminator's parameters.
        objective: see `Updates`.
        batch: real images and labels.
        latents: as many as `batch` has images.
        r1_weight: see `Updates`.
        wgan_gp_weight: see `Updates`.
        mix_B: see `Part`.
        treatment: of the images of this update.

    Raises:
        ValueError: WGAN-GP without `mix_B`.
    """
    updates = Updates(generator, discriminator, objective, r1_weight=r1_weight, wgan_gp_weight=wgan_gp_weight)
    return updates.discriminator(optimizer, [Part(batch, latents, mix_B, treatment)])


def generator_update(
    generator: Generator,
    discriminator: Discriminator,
    optimizer: torch.optim.Optimizer,
    objective: Objective,
    batch: Batch,
    latents: Latents,
    *,
    treatment: Treatment = UNTREATED,
) -> Metrics:
    """`Updates.generator` for a loop of one's own; arguments as for `discriminator_update`."""
    updates = Updates(generator, discriminator, objective)
    return updates.generator(optimizer, [Part(batch, latents, None, treatment)])


def trained_parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """The optimizer's own list: walking an escnn network's modules costs tens of milliseconds, this does not."""
    return [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
