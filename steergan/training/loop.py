"""The loop over generator steps."""

import math
import time
from collections.abc import Callable
from typing import Literal

import torch

from steergan.errors import RecipeError, RunError
from steergan.layers import FieldBatchNorm, batch_norms
from steergan.losses import OBJECTIVES
from steergan.pixels import to_unit
from steergan.randomness import stream_seed, torch_stream
from steergan.recipe import LossSettings, TrainingSettings
from steergan.training.engine import REFERENCE, Engine
from steergan.training.forwards import Batch
from steergan.training.latents import LatentLaw, draw_latents
from steergan.training.parallel import ALONE, Processes
from steergan.training.protocols import as_module
from steergan.training.state import RunState, divergence
from steergan.training.step import Metrics, Part, Updates

Batches = Callable[[int, int], Batch]
"""(step, update) -> batch, a pure function; steps count from 1, updates from 0, and the last is the generator's.
Images may be uint8. A process of several gets its own rows only, see `Processes.rows`."""
Row = dict[str, float]
"""What `on_record` gets."""


def train(
    state: RunState,
    batches: Batches,
    training: TrainingSettings,
    loss: LossSettings,
    *,
    latent_law: LatentLaw = "normal",
    engine: Engine = REFERENCE,
    evaluate_every: int = 1000,
    record_every: int = 10,
    on_record: Callable[[Row], None] = lambda row: None,
    on_evaluate: Callable[[int], None] = lambda step: None,
    on_checkpoint: Callable[[int], None] = lambda step: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Literal["finished", "stopped"]:
    """Go on from `state.step` to `training.steps`, or until asked to stop.

    Steps count from 1: step t draws everything from streams at t, and hooks see t when t steps are done. Where several
    are due the order is record, evaluate, checkpoint: a checkpoint at t implies that t was recorded and evaluated, if
    due. The last step is recorded, evaluated and checkpointed whatever its number; step 0 is the caller's. Torch's
    global generator is reseeded at every step (a network may use dropout) and given back as it was found.

    Args:
        state: changed in place.
        batches: real images and labels on any device; they are moved to the state's.
        training: steps, batch_size, seed, discriminator_updates, checkpoint_every.
        loss: name, r1_weight, wgan_gp_weight.
        latent_law: law of z.
        engine: how updates are computed, and by which processes; each calls this with a state of its own, and its hooks
            are called alike on all.
        evaluate_every: generator steps between calls of `on_evaluate`.
        record_every: generator steps between rows.
        on_record: gets a row: step; images_seen, the real images shown to the discriminator in its updates so far;
            what the updates return (discriminator_loss, generator_loss, real_score, fake_score, and where used r1 and
            its like), of the step's last updates; with adaptive augmentation augmentation_probability, after the
            step; seconds_per_step, the mean since the row before, without the hooks' time.
        on_evaluate: gets the step; may leave the networks in any mode.
        on_checkpoint: gets the step; weights are finite when it is called.
        should_stop: asked after every step; if true on any process, the step is checkpointed and the loop ends.

    Returns:
        "finished" or "stopped".

    Raises:
        RunError: a loss, a weight or a buffer is nan or infinite; nothing is checkpointed after that. Several
            processes, and the networks differ between them or have another library's batch norms.
        RecipeError: auxiliary rotations with a discriminator that has no `rotation_logits`; a batch that can't be
            divided.
    """
    check_rotations(state)
    step = Step(state, training, loss, latent_law, engine)
    pending: list[tuple[int, Metrics]] = []
    stop, lap = False, Lap()
    with torch.random.fork_rng(devices=[state.device] if state.device.type == "cuda" else []), engine.products():
        set_training_mode(state)
        while state.step < training.steps and not stop:
            pending.append((state.step + 1, step(batches)))
            stop = engine.processes.any(should_stop())
            last = state.step == training.steps
            record = last or state.step % record_every == 0
            evaluate = last or state.step % evaluate_every == 0
            checkpoint = last or stop or state.step % training.checkpoint_every == 0
            if not (record or evaluate or checkpoint):
                continue
            values = read_metrics(pending, engine.processes)
            lap.pause(len(pending))
            pending.clear()
            if record:
                seen = state.step * training.discriminator_updates * training.batch_size
                on_record({"step": state.step, "images_seen": seen, **values, "seconds_per_step": lap.mean()})
            if evaluate or checkpoint:
                state.check_finite()
            if evaluate:
                on_evaluate(state.step)
                set_training_mode(state)
            if checkpoint:
                on_checkpoint(state.step)
            lap.go_on()
    return "stopped" if state.step < training.steps else "finished"


class Step:
    """One generator step after another: the discriminator's updates, the generator's, and the average's.

    Arguments as for `train`.
    """

    def __init__(
        self,
        state: RunState,
        training: TrainingSettings,
        loss: LossSettings,
        latent_law: LatentLaw = "normal",
        engine: Engine = REFERENCE,
    ) -> None:
        self.state, self.training, self.loss, self.latent_law = state, training, loss, latent_law
        self.processes = engine.processes
        self.processes.rows(training.batch_size, training.accumulate)  # refused before the first step
        share_moments(state, self.processes)
        self.updates = Updates(
            state.generator,
            state.discriminator,
            OBJECTIVES[loss.name],
            r1_weight=loss.r1_weight,
            wgan_gp_weight=loss.wgan_gp_weight,
            engine=engine,
        )

    def __call__(self, batches: Batches) -> Metrics:
        """The next step; metrics of the last update of each player."""
        state, training = self.state, self.training
        step, adaptive = state.step + 1, state.augmentation.adaptive
        torch.manual_seed(stream_seed(training.seed, self.processes.name("networks"), step))
        metrics: Metrics = {}
        for update in range(training.discriminator_updates):
            metrics |= self.updates.discriminator(state.discriminator_optimizer, self.parts(batches, step, update))
            if adaptive is not None:
                adaptive.observe(metrics["real_sign"], training.batch_size)
        last = self.parts(batches, step, training.discriminator_updates)
        metrics |= self.updates.generator(state.generator_optimizer, last)
        state.step = step
        state.average.update(step)
        if adaptive is not None:
            adaptive.after_step(step)
            metrics["augmentation_probability"] = adaptive.probability.clone()
        return metrics

    def parts(self, batches: Batches, step: int, update: int) -> list[Part]:
        """What an update sees, in the parts that it takes one after another."""
        device, seed = self.state.device, self.training.seed
        image, y = (tensor.to(device, non_blocking=True) for tensor in batches(step, update))
        count = len(y) * self.processes.count
        stretches = self.processes.rows(count, self.training.accumulate)
        if image.dtype == torch.uint8:
            image = to_unit(image)
        mix_B = None
        if self.loss.wgan_gp_weight > 0:
            mix_B = torch.rand(count, generator=torch_stream(seed, f"penalty/{update}", step))
        return [
            Part(
                (some, labels),
                draw_latents(
                    self.state.generator, count, torch_stream(seed, f"training/{update}", step),
                    law=self.latent_law, device=device, rows=rows,
                ),
                None if mix_B is None else mix_B[rows].to(image, non_blocking=True),
                self.state.augmentation.treatment(count, seed=seed, step=step, update=update, rows=rows),
            )
            for some, labels, rows in zip(image.chunk(len(stretches)), y.chunk(len(stretches)), stretches, strict=True)
        ]  # fmt: skip


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


def check_rotations(state: RunState) -> None:
    """Refuse auxiliary rotations with a discriminator that can't guess them.

    Raises:
        RecipeError: it has no `rotation_logits`.
    """
    if state.augmentation.settings.rotation_discriminator and not hasattr(state.discriminator, "rotation_logits"):
        raise RecipeError(
            f"augmentation.rotation_discriminator needs a discriminator with rotation_logits, and "
            f"{type(state.discriminator).__name__} has none; set it to 0 or give the discriminator that method"
        )


def read_metrics(pending: list[tuple[int, Metrics]], processes: Processes = ALONE) -> dict[str, float]:
    """The last step's metrics as numbers, after a look at every step's; one wait for an accelerator.

    Of several processes, the mean over them.

    Raises:
        RunError: one is nan or infinite; names the first step where.
    """
    stacked = torch.stack([torch.stack(list(metrics.values())) for _, metrics in pending])
    table = processes.mean(stacked).cpu().double().tolist()
    for (step, metrics), values in zip(pending, table, strict=True):
        for name, value in zip(metrics, values, strict=True):
            if not math.isfinite(value):
                what = "loss" if name.endswith("_loss") else name
                raise divergence(f"{what} is {value}", step)
    return dict(zip(pending[-1][1], table[-1], strict=True))


def set_training_mode(state: RunState) -> None:
    """Both trained networks to training mode: here and not at every step, because escnn makes it slow."""
    state.generator.train()
    state.discriminator.train()


class Lap:
    """A stopwatch for steps that stands still during hooks."""

    def __init__(self) -> None:
        self.seconds, self.steps = 0.0, 0
        self.began = time.perf_counter()

    def pause(self, steps: int) -> None:
        """`steps` more are done, and something else begins."""
        self.seconds += time.perf_counter() - self.began
        self.steps += steps

    def mean(self) -> float:
        """Seconds per step since this was last asked."""
        mean = self.seconds / max(self.steps, 1)
        self.seconds, self.steps = 0.0, 0
        return mean

    def go_on(self) -> None:
        """Steps go on."""
        self.began = time.perf_counter()
