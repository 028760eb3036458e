"""One generator step: what every update is computed from, and the updates in their order."""

from collections.abc import Callable

import torch
from torch import Tensor

from steergan.errors import RecipeError, RunError
from steergan.layers import FieldBatchNorm, batch_norms, filtered_layers
from steergan.losses import OBJECTIVES
from steergan.penalties import ROTATIONS
from steergan.pixels import as_unit
from steergan.randomness import seed_torch, stream_seed, torch_stream
from steergan.recipe import LossSettings, TrainingSettings
from steergan.training.engine import REFERENCE, Engine
from steergan.training.inputs import Inputs, Metrics
from steergan.training.latents import LatentLaw, draw_latents
from steergan.training.parallel import Processes
from steergan.training.protocols import Discriminator, as_module
from steergan.training.rates import decay_rates
from steergan.training.state import RunState
from steergan.training.updates import Updates

Batch = tuple[Tensor, Tensor]
"""Images (B, C, H, W), float in [-1, 1] or uint8, and labels (B,) int64; or, in the place of labels, other images."""
Batches = Callable[[int, int], Batch]
"""(step, update) -> batch, a pure function; steps count from 1, updates from 0, and the last is the generator's.
A process of several gets its own rows only, see `Processes.rows`."""


class Step:
    """One generator step after another: the discriminator's updates, the generator's, and the average's.

    Args:
        state: changed in place.
        training: batch_size, accumulate, seed, discriminator_updates, and how the rates fall.
        loss: the objective, the weights of its penalties, and how often these are computed.
        latent_law: law of z.
        engine: how updates are computed, and by which processes.

    Raises:
        RecipeError: auxiliary rotations with a discriminator that can't guess them; a batch that can't be divided;
            orthogonal regularisation of a generator without layers of ours.
        RunError: several processes, and the networks differ between them or have another library's batch norms.
    """

    def __init__(
        self,
        state: RunState,
        training: TrainingSettings,
        loss: LossSettings,
        latent_law: LatentLaw = "normal",
        engine: Engine = REFERENCE,
    ) -> None:
        self.state, self.training, self.latent_law, self.processes = state, training, latent_law, engine.processes
        self.processes.rows(training.batch_size, training.accumulate)  # refused before the first step
        if state.augmentation.settings.rotation_discriminator:
            check_rotations(state.discriminator)
        if loss.orthogonal_weight and not filtered_layers(as_module(state.generator)):
            raise RecipeError(
                f"loss.orthogonal_weight = {loss.orthogonal_weight:g}: {type(state.generator).__name__} has no layer "
                "of steergan.layers, whose weights it is of; set it to 0"
            )
        share_moments(state, self.processes)
        every = self.penalty_every = loss.penalty_every
        objective = OBJECTIVES[loss.name]._replace(
            r1_weight=every * loss.r1_weight,
            r2_weight=every * loss.r2_weight,
            wgan_gp_weight=every * loss.wgan_gp_weight,
            orthogonal_weight=loss.orthogonal_weight,
            reconstruction_weight=loss.reconstruction_weight,
            discriminator_weight=loss.discriminator_weight,
        )
        self.updates = Updates(state.generator, state.discriminator, objective, engine)

    def __call__(self, batches: Batches) -> Metrics:
        """The next step; metrics of the last update of each player."""
        state, training = self.state, self.training
        step, adaptive = state.step + 1, state.augmentation.adaptive
        seed_torch(stream_seed(training.seed, self.processes.name("networks"), step))
        decay_rates((state.generator_optimizer, state.discriminator_optimizer), training, step)
        metrics: Metrics = {}
        for update in range(training.discriminator_updates):
            parts = self.inputs(batches, step, update)
            due = (state.step * training.discriminator_updates + update) % self.penalty_every == 0
            metrics |= self.updates.update_discriminator(state.discriminator_optimizer, parts, due)
            if adaptive is not None:
                adaptive.observe(metrics["real_sign"], training.batch_size)
        parts = self.inputs(batches, step, training.discriminator_updates)
        metrics |= self.updates.update_generator(state.generator_optimizer, parts)
        state.step = step
        state.average.update(step)
        if adaptive is not None:
            adaptive.after_step(step)
            metrics["augmentation_probability"] = adaptive.probability.clone()
        return metrics

    def inputs(self, batches: Batches, step: int, update: int) -> list[Inputs]:
        """What an update of this process is computed from, in the parts that it takes one after another."""
        device, seed = self.state.device, self.training.seed
        moved = (tensor.to(device, non_blocking=True) for tensor in batches(step, update))
        real, y = map(as_unit, moved)
        count = len(y) * self.processes.count
        mix_B = None
        if self.updates.objective.wgan_gp_weight > 0:
            mix_B = torch.rand(count, generator=torch_stream(seed, f"penalty/{update}", step))
        stretches = self.processes.rows(count, self.training.accumulate)
        parts = []
        for own, labels, rows in zip(real.chunk(len(stretches)), y.chunk(len(stretches)), stretches, strict=True):
            draw = torch_stream(seed, f"training/{update}", step)
            latents = draw_latents(self.state.generator, count, draw, law=self.latent_law, device=device, rows=rows)
            mix = None if mix_B is None else mix_B[rows].to(real, non_blocking=True)
            treatment = self.state.augmentation.treatment(count, seed=seed, step=step, update=update, rows=rows)
            parts.append(Inputs(own, labels, *latents, mix, treatment))
        return parts


def check_rotations(discriminator: Discriminator) -> None:
    """Refuse a discriminator that can't guess quarter turns.

    Raises:
        RecipeError: it has no `rotation_logits`, or was built without answers of theirs.
    """
    answers = getattr(discriminator, "rotation_answers", ROTATIONS) if hasattr(discriminator, "rotation_logits") else 0
    if answers != ROTATIONS:
        raise RecipeError(
            f"augmentation.rotation_discriminator needs a discriminator whose rotation_logits tell {ROTATIONS} "
            f"rotations apart, and {type(discriminator).__name__} has {answers or 'none'}; set it to 0, or build the "
            f"discriminator with rotations={ROTATIONS}"
        )


def share_moments(state: RunState, processes: Processes) -> None:
    """Batch norms of both networks normalise by the moments of the whole batch.

    Raises:
        RunError: the processes' networks differ, or a batch norm can't do it.
    """
    if processes.count == 1:
        return
    processes.check_agreement([p for network in state.networks for _, p in network.named_parameters()])
    for network in state.networks:
        for norm in batch_norms(as_module(network)):
            if not isinstance(norm, FieldBatchNorm):
                raise RunError(
                    f"{type(norm).__name__} would normalise by one process's part of a batch; "
                    "use steergan.layers.FieldBatchNorm (with the trivial group it is BatchNorm2d), or one process"
                )
            norm.gather = processes.gather_moments
