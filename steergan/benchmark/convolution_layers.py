"""Single group convolutions: the kernels in the group's Fourier basis against conv2d with a bank that is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from steergan.benchmark.convolution_rivals import (
    BACKWARD,
    LAST,
    OWN,
    PENALTY,
    PLAIN,
    TASKS,
    Layer,
    errors,
    instructions,
    operands,
    takes_fourier,
)
from steergan.benchmark.timing import WARM_UP, Progress, in_turns, onward, ratio
from steergan.tables import Interval, Table

TARGETS = {"D4": {BACKWARD: 3.5, PENALTY: 3.0}, "C4": {BACKWARD: 2.2, PENALTY: 2.0}}
"""Wanted speed-up of 3x3 layers between at least `WIDE` fields, by group and task."""
WIDE = 22
ERROR_TARGET = 6.0
"""Largest wanted error, as a multiple of conv2d's."""

LAYERS = (
    Layer("D4", 181, 90, 8, 16),
    Layer("D4", 181, 90, 16, 16),
    Layer("D4", 90, 90, 16, 16),
    Layer("D4", 90, 45, 32, 8),
    Layer("D4", 45, 45, 32, 8),
    Layer("D4", 45, 22, 64, 4),
    Layer("D4", 22, 45, 64, 4),
    Layer("D4", 22, 22, 64, 4),
    Layer("D4", 64, 64, 28, 16),
    Layer("D4", 90, 181, 14, 16),
    Layer("C4", 128, 64, 28, 8),
    Layer("C4", 256, 128, 14, 16),
    Layer("C4", 64, 128, 14, 32),
    Layer("C4", 128, 256, 7, 32),
    Layer("C4", 64, 64, 28, 8),
    Layer("C4", 32, 32, 28, 16),
    Layer("D4", 8, 8, 32, 4),
    Layer("D4", 2, 2, 32, 4),
    Layer("C4", 8, 8, 32, 4),
    Layer("C4", 2, 2, 32, 4),
    Layer("D2", 16, 16, 32, 8),
    Layer("C2", 16, 16, 32, 8),
    Layer("D4", 90, 45, 32, 8, kernel=1),
    Layer("C4", 128, 64, 28, 8, kernel=1),
    Layer("D4", 45, 45, 16, 8, kernel=5),
    Layer("C4", 64, 64, 14, 8, kernel=5),
)
"""Those of the recipes and of the paper's residual networks, narrow ones, and other groups and kernel sizes."""


@dataclass(frozen=True)
class LayerTimes:
    """What was measured of one layer."""

    layer: Layer
    seconds: dict[str, dict[str, list[float]]]
    """By task and rival, round by round."""
    errors: dict[str, tuple[float, float]]
    """Of the result and both gradients, as shares of the largest entry in float64: conv2d's, ours."""
    auto: bool
    """Whether the setting "auto" takes the Fourier path at these sizes."""

    def rival(self, task: str) -> str:
        """The faster conv2d, by its median."""
        return faster(self.seconds[task])

    def speed_up(self, task: str) -> Interval:
        """The faster conv2d's time over ours in the same round: median between the quartiles over the rounds."""
        return ratio(self.seconds[task], self.rival(task), OWN)

    @property
    def error_ratio(self) -> float:
        """Our error over conv2d's, where that is largest."""
        return max(ours / max(theirs, 1e-12) for theirs, ours in self.errors.values())

    def missed(self) -> list[str]:
        """The targets that this layer misses."""
        found = []
        for task, least in targets(self.layer).items():
            if self.speed_up(task).centre < least:
                found.append(f"{task} {least:.1f}")
        if self.auto and any(self.speed_up(task).centre < 1 for task in self.seconds):
            found.append("never slower")
        if self.error_ratio > ERROR_TARGET:
            found.append("error")
        return found


def targets(layer: Layer) -> dict[str, float]:
    """The wanted speed-ups, by task."""
    wide = layer.kernel == 3 and min(layer.in_fields, layer.out_fields) >= WIDE
    return TARGETS.get(layer.group, {}) if wide else {}


def faster(seconds: dict[str, list[float]]) -> str:
    """Which of both conv2ds has the smaller median."""
    return min((PLAIN, LAST), key=lambda name: torch.tensor(seconds[name]).quantile(0.5).item())


def time_layers(
    rounds: int, layers: Sequence[Layer] = LAYERS, progress: Progress = lambda done, total: None
) -> list[LayerTimes]:
    """Time all rivals in turns, layer by layer and task by task.

    Args:
        rounds: timed calls of each.
        layers: what is timed.
        progress: called with (calls done, calls in all).

    Raises:
        SteerganError: this process has no kernels.
    """
    instructions()
    found: list[LayerTimes] = []
    calls = (rounds + WARM_UP) * len((OWN, PLAIN, LAST))
    for layer in layers:
        given = operands(layer)
        seconds: dict[str, dict[str, list[float]]] = {}
        for task, compute in TASKS.items():
            rivals = {name: partial(compute, operand) for name, operand in given.items()}
            before = calls * (len(found) * len(TASKS) + len(seconds))
            told = onward(progress, before, calls * len(TASKS) * len(layers))
            seconds[task] = in_turns(rivals, rounds, progress=told)
        auto = takes_fourier(layer)
        found.append(LayerTimes(layer, seconds, errors(layer, given), auto))
    return found


def layer_table(found: Sequence[LayerTimes]) -> Table:
    """Speed-ups, errors and what they were wanted to be, for people."""
    rows = []
    for times in found:
        wanted = ", ".join(f"{task} {least:.1f}" for task, least in targets(times.layer).items())
        missed = ", ".join(times.missed())
        rows.append(
            [
                times.layer.name,
                *(times.speed_up(task) for task in TASKS),
                wanted or None,
                *times.errors["result"],
                times.error_ratio,
                "Fourier" if times.auto else "dense",
                f"missed: {missed}" if missed else "met",
            ]
        )
    return Table(
        caption="How many times as fast as conv2d a group convolution is: time of the faster one of conv2d and conv2d "
        "in channels-last order, both with the filter bank already expanded, over ours with the transform of the "
        "filters, in the same round; median (quartiles) over the rounds. Errors are the largest in the result, as "
        "shares of its largest entry in float64; their ratio is ours over conv2d's, of the result or a gradient, "
        f"whichever is larger (wanted: at most {ERROR_TARGET:g}). What auto leaves to the Fourier path is to be no "
        "slower than conv2d in any task.",
        columns=["layer", *TASKS, "wanted", "error conv2d", "error ours", "ratio", "auto takes", "targets"],
        rows=rows,
    )


def layers_json(found: Sequence[LayerTimes]) -> list[dict[str, Any]]:
    """Everything, for programs."""
    return [
        {
            "layer": vars(times.layer),
            "seconds": times.seconds,
            "speed_up": {task: times.speed_up(task).model_dump() for task in TASKS},
            "rival": {task: times.rival(task) for task in TASKS},
            "errors": times.errors,
            "error_ratio": times.error_ratio,
            "auto": "fourier" if times.auto else "dense",
            "targets": targets(times.layer),
            "missed": times.missed(),
        }
        for times in found
    ]
