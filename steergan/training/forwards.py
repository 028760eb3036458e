"""What updates compute before their backward: each method is one graph, which can be compiled whole."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, cast

import torch
from torch import Tensor

from steergan.augmentation import Treatment
from steergan.layers import SharedFilters, batch_norms, filtered_layers, moments_untouched
from steergan.losses import Objective
from steergan.penalties import consistency_penalty, r1_penalty, rotation_loss, wgan_gp
from steergan.training.engine import Engine
from steergan.training.latents import Latents
from steergan.training.protocols import Discriminator, Generator, RotationDiscriminator, as_module

Batch = tuple[Tensor, Tensor]
"""Images (B, C, H, W) float in [-1, 1] and labels (B,) int64."""
Losses = tuple[Tensor, dict[str, Tensor]]
"""What backward starts from, and metrics."""


class Scores(NamedTuple):
    """Scores of real and of generated images, (B,) each."""

    real_B: Tensor
    fake_B: Tensor


class Context(NamedTuple):
    """Where a part of a batch stands among the others."""

    parts: int = 1
    """Of this process's batch, one after another."""
    before: Scores | None = None
    """Scores of the parts before this one, where losses depend on them."""
    after: Scores | None = None
    iterate: bool = True
    """Whether spectral norms move: once an update."""


class Forwards:
    """Both players' forwards and losses. Arguments as for `Updates`."""

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        objective: Objective,
        *,
        r1_weight: float,
        wgan_gp_weight: float,
        engine: Engine,
    ) -> None:
        self.generator, self.discriminator, self.objective, self.engine = generator, discriminator, objective, engine
        self.r1_weight, self.wgan_gp_weight = r1_weight, wgan_gp_weight
        self.filters_G = filtered_layers(as_module(generator))
        self.filters_D = filtered_layers(as_module(discriminator))
        self.norms_G, self.norms_D = batch_norms(as_module(generator)), batch_norms(as_module(discriminator))
        self.wide_real = r1_weight > 0 or wgan_gp_weight > 0
        # R1 differentiates by the real images: fake ones beside them would double its work.
        self.joint = engine.performance.joint_scores and not self.norms_D and r1_weight == 0
        self.draw = engine.compiled(self._draw)
        self.score = engine.compiled(self._score)
        self.judge = engine.compiled(self._judge)
        self.compare = engine.compiled(self._compare)
        self.paint = engine.compiled(self._paint)

    @contextmanager
    def norms_kept(self) -> Iterator[None]:
        """Forwards inside leave no trace in running moments."""
        with moments_untouched([*self.norms_G, *self.norms_D]):
            yield

    def _draw(self, latents: Latents, y: Tensor, iterate: bool) -> Tensor:
        with SharedFilters(self.filters_G, iterate), self.engine.narrow(y.device):
            image = self.generator(latents.z, y, latents.element)
        return wide(image)

    def _scored(self, image: Tensor, y: Tensor, narrow: bool = True) -> Tensor:
        with self.engine.narrow(y.device, narrow):
            score_B = self.discriminator(image, y)
        return wide(score_B)

    def _score(self, seen: Tensor, fake: Tensor, y: Tensor, iterate: bool) -> Scores:
        """Without losses."""
        with SharedFilters(self.filters_D, iterate):
            return self._both(seen, fake, y)

    def _both(self, seen: Tensor, fake: Tensor, y: Tensor) -> Scores:
        if self.joint:
            return Scores(*self._scored(torch.cat([seen, fake]), torch.cat([y, y]), not self.wide_real).chunk(2))
        return Scores(self._scored(seen, y, not self.wide_real), self._scored(fake, y))

    def _judge(
        self,
        batch: Batch,
        image: Tensor,
        fake: Tensor,
        mixed: Tensor | None,
        treatment: Treatment,
        context: Context,
    ) -> Losses:
        """The discriminator's loss and penalties.

        Args:
            batch: real images as they came, and labels.
            image: the real images, requiring gradients if R1 does.
            fake: generated ones.
            mixed: those that WGAN-GP looks at.
            treatment: of the update.
            context: the other parts.
        """
        y, settings = batch[1], treatment.settings
        with SharedFilters(self.filters_D, context.iterate):
            seen = treatment.adaptive_real(image)
            own = self._both(seen, fake, y)
            scores = self.whole(own, context)
            loss = self.objective.discriminator(*scores)
            penalties: dict[str, Tensor] = {}
            if self.r1_weight > 0:
                penalties["r1"] = r1_penalty(own.real_B, image, self.r1_weight)
            if mixed is not None:
                penalties["wgan_gp"] = wgan_gp(self._scored(mixed, y, False), mixed, self.wgan_gp_weight)
            if settings.consistency_real > 0:
                penalties["consistency_real"] = consistency_penalty(
                    partial(self._scored, narrow=not self.wide_real), seen, y, own.real_B,
                    treatment.consistency_real, settings.consistency_real,
                )  # fmt: skip
            if settings.consistency_fake > 0:
                penalties["consistency_fake"] = consistency_penalty(
                    self._scored, fake, y, own.fake_B, treatment.consistency_fake, settings.consistency_fake
                )
            if settings.rotation_discriminator > 0:
                penalties["rotation_discriminator"] = self.rotations(batch[0], settings.rotation_discriminator)
        total = self.share(loss, penalties, context)
        metrics = {"discriminator_loss": loss, "real_score": scores.real_B.mean(), "fake_score": scores.fake_B.mean()}
        if settings.adaptive_target > 0:
            logit_B = scores.real_B - scores.fake_B.mean() if self.objective.relative else scores.real_B
            metrics["real_sign"] = logit_B.sign().mean()
        return total, {name: metric.detach() for name, metric in (metrics | penalties).items()}

    def _compare(self, latents: Latents, y: Tensor, real: Tensor, treatment: Treatment, iterate: bool) -> Scores:
        """Scores of the generator's update, without losses."""
        with SharedFilters([*self.filters_G, *self.filters_D], iterate):
            return self._painted(latents, y, real, treatment)[1]

    def _painted(self, latents: Latents, y: Tensor, real: Tensor, treatment: Treatment) -> tuple[Tensor, Scores]:
        with self.engine.narrow(y.device):
            fake = self.generator(latents.z, y, latents.element)
        fake = wide(fake)
        fake_B = self._scored(treatment.adaptive_fake(fake), y)
        real_B = fake_B.detach()
        if self.objective.generator_sees_real:
            with torch.no_grad():
                real_B = self._scored(real, y)
        return fake, Scores(real_B, fake_B)

    def _paint(self, latents: Latents, y: Tensor, real: Tensor, treatment: Treatment, context: Context) -> Losses:
        """The generator's loss."""
        with SharedFilters([*self.filters_G, *self.filters_D], context.iterate):
            fake, own = self._painted(latents, y, real, treatment)
            scores = self.whole(own, context)
            loss = self.objective.generator(scores.fake_B, scores.real_B)
            rotations: dict[str, Tensor] = {}
            if treatment.settings.rotation_generator > 0:
                rotations["rotation_generator"] = self.rotations(fake, treatment.settings.rotation_generator)
        total = self.share(loss, rotations, context)
        return total, {name: metric.detach() for name, metric in ({"generator_loss": loss} | rotations).items()}

    def rotations(self, image: Tensor, weight: float) -> Tensor:
        """The loss of guessing quarter turns."""

        def logits(turned: Tensor) -> Tensor:
            with self.engine.narrow(turned.device):
                found = cast(RotationDiscriminator, self.discriminator).rotation_logits(turned)
            return wide(found)

        return rotation_loss(logits, image, weight)

    def whole(self, own: Scores, context: Context) -> Scores:
        """Scores of all processes, and of the other parts where the loss depends on them; gradients go to our own."""
        gathered = self.engine.processes.gathered
        parts = [context.before, Scores(gathered(own.real_B), gathered(own.fake_B)), context.after]
        there = [part for part in parts if part is not None]
        return there[0] if len(there) == 1 else concatenated(there)

    def share(self, loss: Tensor, penalties: dict[str, Tensor], context: Context) -> Tensor:
        """What this process's gradient of this part is of: sums over both are the gradient of the whole batch."""
        apart = 1 if context.before is not None or context.after is not None else context.parts
        # Not divided by 1: Inductor drops that, takes the loss among the metrics for this one, and cuts its graph off.
        total = loss if apart == 1 else loss / apart
        for penalty in penalties.values():
            total = total + penalty / (context.parts * self.engine.processes.count)
        return total


def concatenated(parts: Sequence[Scores]) -> Scores:
    """Scores of parts as those of one batch."""
    return Scores(torch.cat([part.real_B for part in parts]), torch.cat([part.fake_B for part in parts]))


def wide(x: Tensor) -> Tensor:
    """In float32 or better."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
