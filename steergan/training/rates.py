"""How optimizers' rates fall towards the end of a training, as functions of the step."""

import math
from collections.abc import Callable, Iterable

import torch

from steergan.recipe import TrainingSettings

SHAPES: dict[str, Callable[[float], float]] = {
    "linear": lambda gone: 1 - gone,
    "cosine": lambda gone: (1 + math.cos(math.pi * gone)) / 2,
}
"""`training.rate_decay` -> (share of the decay that is gone, in [0, 1)) -> share of the rate that is left."""


def rate_factor(settings: TrainingSettings, step: int) -> float:
    """What both players' rates are multiplied by in generator step `step` (1 for the first).

    With s = floor(rate_decay_start * steps), it is 1 until step s + 1 and falls to 0 in the step behind the last one,
    which is not taken.

    Args:
        settings: rate_decay, rate_decay_start, steps.
        step: generator step.

    Examples:
        >>> settings = TrainingSettings(steps=8, rate_decay="linear", rate_decay_start=0.5)
        >>> [rate_factor(settings, step) for step in (1, 4, 5, 6, 7, 8)]
        [1.0, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    start = last_undamped(settings)
    if settings.rate_decay == "none" or step <= start:
        return 1.0
    return SHAPES[settings.rate_decay]((step - 1 - start) / (settings.steps - start))


def last_undamped(settings: TrainingSettings) -> int:
    """The step behind which the decay begins."""
    return min(math.floor(settings.rate_decay_start * settings.steps), settings.steps)


def same_rates(one: TrainingSettings, other: TrainingSettings, steps: int) -> bool:
    """Whether two trainings that differ in their length have the same rates in their first steps.

    Args:
        one: settings.
        other: settings with another number of steps.
        steps: how many steps are compared.
    """
    return all(rate_factor(one, step) == rate_factor(other, step) for step in range(1, steps + 1))


def decay_rates(optimizers: Iterable[torch.optim.Optimizer], settings: TrainingSettings, step: int) -> None:
    """Set the rate of every group of parameters for a generator step: its first one, times `rate_factor`.

    The first one is kept in the group as `initial_lr`, as torch's schedulers do, and so in checkpoints.
    """
    if settings.rate_decay == "none":
        return
    factor = rate_factor(settings, step)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = factor * group.setdefault("initial_lr", group["lr"])
