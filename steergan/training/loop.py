"""The loop over generator steps."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from steergan.recipe import LossSettings, TrainingSettings
from steergan.training.engine import REFERENCE, Engine
from steergan.training.inputs import Metrics
from steergan.training.latents import LatentLaw
from steergan.training.parallel import ALONE, Processes
from steergan.training.state import RunState, divergence
from steergan.training.step import Batches, Step

Row = dict[str, float]
"""What is recorded of a step."""


@dataclass(frozen=True)
class Hooks:
    """Whom `train` calls, and how often.

    Attributes:
        record_every: generator steps between rows.
        on_record: gets a row: step; images_seen, the real images shown to the discriminator in its updates so far;
            what the updates return (discriminator_loss, generator_loss, real_score, fake_score, and where used r1 and
            its like), of the step's last updates; with adaptive augmentation augmentation_probability, after the
            step; seconds_per_step, the mean since the row before, without the hooks' time.
        evaluate_every: generator steps between calls of `on_evaluate`.
        on_evaluate: gets the step; may leave the networks in any mode.
        on_checkpoint: gets the step, every `training.checkpoint_every`; weights are finite when it is called.
        should_stop: asked after every step; if true on any process, the step is checkpointed and the loop ends.
    """

    record_every: int = 10
    on_record: Callable[[Row], None] = lambda row: None
    evaluate_every: int = 1000
    on_evaluate: Callable[[int], None] = lambda step: None
    on_checkpoint: Callable[[int], None] = lambda step: None
    should_stop: Callable[[], bool] = lambda: False


NO_HOOKS = Hooks()


def train(
    state: RunState,
    batches: Batches,
    training: TrainingSettings,
    loss: LossSettings,
    *,
    latent_law: LatentLaw = "normal",
    engine: Engine = REFERENCE,
    hooks: Hooks = NO_HOOKS,
) -> Literal["finished", "stopped"]:
    """Go on from `state.step` to `training.steps`, or until asked to stop.

    Steps count from 1: step t draws everything from streams at t, and hooks see t when t steps are done. Where several
    are due the order is record, evaluate, checkpoint: a checkpoint at t implies that t was recorded and evaluated, if
    due. The last step is recorded, evaluated and checkpointed whatever its number; step 0 is the caller's. Torch's
    global generator is reseeded at every step (a network may use dropout) and given back as it was found.

    Args:
        state: changed in place.
        batches: real images and labels on any device; they are moved to the state's.
        training: steps, batch_size, accumulate, seed, discriminator_updates, checkpoint_every, and how the rates fall.
        loss: the objective, the weights of its penalties, and how often these are computed.
        latent_law: law of z.
        engine: how updates are computed, and by which processes; each calls this with a state of its own, and its hooks
            are called alike on all.
        hooks: who is called meanwhile.

    Returns:
        "finished" or "stopped".

    Raises:
        DivergenceError: a loss, a weight or a buffer is nan or infinite; nothing is checkpointed after that.
        RunError: several processes, and the networks differ between them or have another library's batch norms.
        RecipeError: auxiliary rotations with a discriminator that can't guess them; a batch that can't be divided.
    """
    step = Step(state, training, loss, latent_law, engine)
    pending: list[tuple[int, Metrics]] = []
    stop, lap = False, Lap()
    with torch.random.fork_rng(devices=[state.device] if state.device.type == "cuda" else []), engine.products():
        set_training_mode(state)
        while state.step < training.steps and not stop:
            pending.append((state.step + 1, step(batches)))
            stop = engine.processes.any(hooks.should_stop())
            last = state.step == training.steps
            record = last or state.step % hooks.record_every == 0
            evaluate = last or state.step % hooks.evaluate_every == 0
            checkpoint = last or stop or state.step % training.checkpoint_every == 0
            if not (record or evaluate or checkpoint):
                continue
            values = read_metrics(pending, engine.processes)
            lap.pause(len(pending))
            pending.clear()
            if record:
                images = state.step * training.discriminator_updates * training.batch_size
                hooks.on_record({"step": state.step, "images_seen": images, **values, "seconds_per_step": lap.mean()})
            if evaluate or checkpoint:
                state.check_finite()
            if evaluate:
                hooks.on_evaluate(state.step)
                set_training_mode(state)
            if checkpoint:
                hooks.on_checkpoint(state.step)
            lap.go_on()
    return "stopped" if state.step < training.steps else "finished"


def read_metrics(pending: list[tuple[int, Metrics]], processes: Processes = ALONE) -> dict[str, float]:
    """The newest of every metric as a number, after a look at every step's; one wait for an accelerator.

    Of several processes, the mean over them. A step lacks the penalties that it had none of.

    Raises:
        DivergenceError: one is nan or infinite; names the first step where.
    """
    named = [(step, name, value) for step, metrics in pending for name, value in metrics.items()]
    values = processes.mean(torch.stack([value for _, _, value in named])).cpu().double().tolist()
    newest = {}
    for (step, name, _), value in zip(named, values, strict=True):
        if not math.isfinite(value):
            what = "loss" if name.endswith("_loss") else name
            raise divergence(f"{what} is {value}", step)
        newest[name] = value
    return newest


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
