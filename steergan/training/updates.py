"""One update of either player, for any two networks that satisfy the protocols.

What becomes of the images, by the names that they have in this file:

    real -- standard --> moved -- adaptive_real --> real_seen -- discriminator --> real_B
    z, y -- generator --> fake -- adaptive_fake --> fake_seen -- discriminator --> fake_B

The arrows without a network are the transforms of a treatment (`steergan.augmentation`), which leave an image alone by
default. Every forward that a treatment adds runs in the networks' mode: batch norms of a discriminator in training mode
normalise each batch by itself, and their running moments learn from all of them.

Spectral norm iterates once in each update and network, and every filter bank is expanded once for a part of the batch.
The metrics are 0-d tensors on the networks' device: reading them, which waits for an accelerator, is the recorder's.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import torch
from torch import Tensor

from steergan.layers import SharedFilters, batch_norms, filtered_layers, moments_untouched
from steergan.losses import Objective
from steergan.penalties import (
    consistency_penalty,
    mixed_images,
    orthogonal_penalty,
    r1_penalty,
    reconstruction_loss,
    rotation_loss,
    wgan_gp,
)
from steergan.training.engine import REFERENCE, Engine
from steergan.training.inputs import Forward, Inputs, Metrics, Scores
from steergan.training.protocols import Discriminator, Generator, RotationDiscriminator, as_module


class Updates:
    """Both players' updates, prepared once for many steps: escnn makes walks over networks slow.

    Args:
        generator: on the same device as everything else.
        discriminator: for rotations, a `RotationDiscriminator`.
        objective: losses and weights of penalties.
        engine: how it is all computed.
    """

    def __init__(
        self, generator: Generator, discriminator: Discriminator, objective: Objective, engine: Engine = REFERENCE
    ) -> None:
        self.generator, self.discriminator, self.objective, self.engine = generator, discriminator, objective, engine
        self.filters_G = filtered_layers(as_module(generator))
        self.filters_D = filtered_layers(as_module(discriminator))
        norms_D = batch_norms(as_module(discriminator))
        self.norms = [*batch_norms(as_module(generator)), *norms_D]
        # Penalties on gradients are not for bfloat16.
        self.narrow_real = objective.r1_weight == 0 and objective.wgan_gp_weight == 0
        self.narrow_fake = objective.r2_weight == 0
        # R1 differentiates by the real images: fake ones beside them would double its work. R2 likewise.
        self.joint = engine.performance.joint_scores and not norms_D and objective.r1_weight == objective.r2_weight == 0
        self.paint = engine.compiled(self._paint)
        self.judge = engine.compiled(self._judge)
        self.compare = engine.compiled(self._compare)

    def update_discriminator(
        self, optimizer: torch.optim.Optimizer, parts: Sequence[Inputs], penalised: bool = True
    ) -> Metrics:
        """One step of the discriminator's optimizer on real images and as many fake ones.

        The fake images are made without a graph by the generator in its current mode: in training mode its batch norms
        normalise by, and its running moments learn from, this batch too. Images are scored once, for the loss, R1 and
        R2. R1's gradient is by `moved`, R2's by `fake`, both through adaptive augmentation; WGAN-GP and consistency
        start from what the discriminator saw; rotations from `real`.

        Args:
            optimizer: of the discriminator's parameters.
            parts: of this process's batch, of equal size, which go through the networks one after another.
            penalised: whether this update has its gradient penalties: R1, R2, WGAN-GP.

        Returns:
            0-d tensors: discriminator_loss (without weight and penalties), real_score, fake_score (means), and where
            used real_sign (the mean sign of real_B - mean fake_B), r1, r2, wgan_gp, consistency_real, consistency_fake,
            rotation_discriminator. Penalties are those of this process's images.

        Raises:
            ValueError: WGAN-GP without `mix_B`.
        """
        self.engine.begin()
        forwards: list[Forward] = [
            partial(self.judge, part, *self._discriminator_images(part, number == 0, penalised), penalised)
            for number, part in enumerate(parts)
        ]
        adaptive = parts[0].treatment.settings.adaptive_target > 0

        def loss(real_B: Tensor, fake_B: Tensor) -> Metrics:
            metrics = {
                "discriminator_loss": self.objective.discriminator(real_B, fake_B),
                "real_score": real_B.mean(),
                "fake_score": fake_B.mean(),
            }
            if adaptive:
                metrics["real_sign"] = (real_B - fake_B.mean()).sign().mean()
            return metrics

        return self._descend(optimizer, forwards, loss, "discriminator_loss", self.objective.discriminator_weight)

    def update_generator(self, optimizer: torch.optim.Optimizer, parts: Sequence[Inputs]) -> Metrics:
        """One step of the generator's optimizer.

        The real images are scored (without a graph) only if the objective's generator loss depends on them. Rotations
        start from `fake`.

        Args:
            optimizer: of the generator's parameters.
            parts: of this process's batch, of equal size, which go through the networks one after another.

        Returns:
            0-d tensors: generator_loss (without penalties); where used rotation_generator, orthogonal, reconstruction.
        """
        self.engine.begin()
        forwards: list[Forward] = []
        for part in parts:
            real_seen = None
            if self.objective.generator_sees_real:
                real_seen = part.treatment.adaptive_real(part.treatment.standard(part.real))
            forwards.append(partial(self.compare, part, real_seen))

        def loss(real_B: Tensor, fake_B: Tensor) -> Metrics:
            return {"generator_loss": self.objective.generator(fake_B, real_B)}

        return self._descend(optimizer, forwards, loss, "generator_loss")

    def _discriminator_images(
        self, part: Inputs, first: bool, penalised: bool
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """`moved`, `fake` and `mixed`: a compiled graph takes what penalties differentiate by as its inputs."""
        treatment, objective = part.treatment, self.objective
        with torch.no_grad():
            fake = self.paint(part, first)
        moved = treatment.standard(part.real).detach().requires_grad_(penalised and objective.r1_weight > 0)
        fake = fake.detach().requires_grad_(penalised and objective.r2_weight > 0)
        if objective.wgan_gp_weight == 0 or not penalised:
            return moved, fake, None
        if part.mix_B is None:
            raise ValueError("wgan_gp_weight > 0 needs mix_B, (B,) shares in [0, 1]")
        seen = treatment.adaptive_real(moved.detach()), treatment.adaptive_fake(fake.detach())
        return moved, fake, mixed_images(*seen, part.mix_B)

    def _descend(
        self,
        optimizer: torch.optim.Optimizer,
        forwards: Sequence[Forward],
        loss: Callable[[Tensor, Tensor], Metrics],
        name: str,
        weight: float = 1.0,
    ) -> Metrics:
        """One step of an optimizer down the loss and the penalties of the whole batch: all parts, all processes.

        The gradients of parts and processes add up. Each is of the loss of the whole batch's scores, through its own
        scores only; a loss that is a mean over images needs no other part's scores, and takes its share of the mean.

        Args:
            optimizer: of one network's parameters.
            forwards: one of each part.
            loss: (real_B, fake_B) of the whole batch -> metrics.
            name: which of them is minimised.
            weight: of it, beside the penalties.
        """
        count, processes, trained = len(forwards), self.engine.processes, trained_parameters(optimizer)

        def everyones(own: Scores) -> tuple[Tensor, Tensor]:
            return processes.gathered(own.real_B), processes.gathered(own.fake_B)

        known: list[tuple[Tensor, Tensor]] = []
        if count > 1 and self.objective.coupled:
            with torch.no_grad(), moments_untouched(self.norms):
                known = [everyones(forward(number == 0, False)) for number, forward in enumerate(forwards)]
        optimizer.zero_grad(set_to_none=True)
        found = []
        for number, forward in enumerate(forwards):
            own = forward(number == 0 and not known, True)
            scores = [everyones(own)]
            if known:
                scores = [*known[:number], *scores, *known[number + 1 :]]
            real_B, fake_B = (some[0] if len(some) == 1 else torch.cat(some) for some in zip(*scores, strict=True))
            metrics = loss(real_B, fake_B)
            total = weight * metrics[name] / (1 if known else count)
            for penalty in own.penalties.values():
                total = total + penalty / (count * processes.count)
            # Naming the inputs keeps backward from computing the other network's weight gradients.
            total.backward(inputs=trained)
            found.append(self.engine.kept(detached(metrics | own.penalties)))
        processes.sum_gradients(trained)
        optimizer.step()
        if count == 1:
            return found[0]
        return {key: torch.stack([metrics[key] for metrics in found]).mean() for key in found[0]}

    def _paint(self, part: Inputs, first: bool) -> Tensor:
        """The generated images, `fake`; spectral norms move if it is the update's first part."""
        with SharedFilters(self.filters_G, first):
            return self._painted(part)

    def _judge(
        self,
        part: Inputs,
        moved: Tensor,
        fake: Tensor,
        mixed: Tensor | None,
        on_gradients: bool,
        first: bool,
        penalised: bool,
    ) -> Scores:
        """The discriminator's scores, and penalties if they are wanted, those on gradients if they are, too."""
        treatment, objective, y = part.treatment, self.objective, part.y
        settings = treatment.settings
        penalties: Metrics = {}
        with SharedFilters(self.filters_D, first):
            real_seen, fake_seen = treatment.adaptive_real(moved), treatment.adaptive_fake(fake)
            if self.joint:
                both = self._scored(torch.cat([real_seen, fake_seen]), torch.cat([y, y]), self.narrow_real)
                real_B, fake_B = both.chunk(2)
            else:
                real_B = self._scored(real_seen, y, self.narrow_real)
                fake_B = self._scored(fake_seen, y, self.narrow_fake)
            if not penalised:
                return Scores(real_B, fake_B, penalties)
            if on_gradients and objective.r1_weight > 0:
                penalties["r1"] = r1_penalty(real_B, moved, objective.r1_weight)
            if on_gradients and objective.r2_weight > 0:
                penalties["r2"] = r1_penalty(fake_B, fake, objective.r2_weight)
            if mixed is not None:
                penalties["wgan_gp"] = wgan_gp(self._scored(mixed, y, narrow=False), mixed, objective.wgan_gp_weight)
            if settings.consistency_real > 0:
                penalties["consistency_real"] = consistency_penalty(
                    partial(self._scored, narrow=self.narrow_real), real_seen, y, real_B,
                    treatment.consistency_real, settings.consistency_real,
                )  # fmt: skip
            if settings.consistency_fake > 0:
                penalties["consistency_fake"] = consistency_penalty(
                    self._scored, fake_seen, y, fake_B, treatment.consistency_fake, settings.consistency_fake
                )
            if settings.rotation_discriminator > 0:
                penalties["rotation_discriminator"] = self._rotations(part.real, settings.rotation_discriminator)
        return Scores(real_B, fake_B, penalties)

    def _compare(self, part: Inputs, real_seen: Tensor | None, first: bool, penalised: bool) -> Scores:
        """The scores that the generator's loss is of, and penalties if they are wanted."""
        weight = part.treatment.settings.rotation_generator
        penalties: Metrics = {}
        with SharedFilters([*self.filters_G, *self.filters_D], first):
            fake = self._painted(part)
            fake_B = self._scored(part.treatment.adaptive_fake(fake), part.y)
            real_B = fake_B.detach()
            if real_seen is not None:
                with torch.no_grad():
                    real_B = self._scored(real_seen, part.y)
            if penalised and weight > 0:
                penalties["rotation_generator"] = self._rotations(fake, weight)
            if penalised and self.objective.reconstruction_weight > 0:
                penalties["reconstruction"] = reconstruction_loss(fake, part.real, self.objective.reconstruction_weight)
            if penalised and self.objective.orthogonal_weight > 0:
                matrices = [layer.weight_matrix() for layer in self.filters_G]
                penalties["orthogonal"] = orthogonal_penalty(matrices, self.objective.orthogonal_weight)
        return Scores(real_B, fake_B, penalties)

    def _painted(self, part: Inputs) -> Tensor:
        with self.engine.narrow(part.y.device):
            fake = self.generator(part.z, part.y, part.element)
        return wide(fake)

    def _scored(self, image: Tensor, y: Tensor, narrow: bool = True) -> Tensor:
        with self.engine.narrow(y.device, narrow):
            score_B = self.discriminator(image, y)
        return wide(score_B)

    def _rotations(self, image: Tensor, weight: float) -> Tensor:
        def logits(turned: Tensor) -> Tensor:
            with self.engine.narrow(turned.device):
                logits_B4 = cast(RotationDiscriminator, self.discriminator).rotation_logits(turned)
            return wide(logits_B4)

        return rotation_loss(logits, image, weight)


def trained_parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """The optimizer's own list: walking an escnn network's modules costs tens of milliseconds, this does not."""
    return [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]


def detached(metrics: Metrics) -> Metrics:
    """The metrics without their graphs."""
    return {name: metric.detach() for name, metric in metrics.items()}


def wide(x: Tensor) -> Tensor:
    """In float32 or better."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
