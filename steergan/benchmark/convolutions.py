"""Convolutions among the layers: how many times as fast as conv2d, how far from float64, and what is wanted of both."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from steergan.benchmark.layer_rivals import CONVOLUTION, LAST, TASKS, LayerCase, own_layers, rival_of
from steergan.benchmark.rivals import CHANNELS, DENSE, OWN
from steergan.kernels import library
from steergan.layers.filters.path import kernels_are_there, uses_fourier
from steergan.symmetry import group_order, gspace
from steergan.tables import Interval, Table, median_and_quartiles
from steergan.timing import ratio

FORWARD, BACKWARD, PENALTY = TASKS
TARGETS = {"D4": {BACKWARD: 3.5, PENALTY: 3.0}, "C4": {BACKWARD: 2.2, PENALTY: 2.0}}
"""Wanted speed-up of 3x3 convolutions between at least `WIDE` fields, by group and task."""
WIDE = 22
ERROR_TARGET = 6.0
"""Largest wanted error, as a multiple of the dense path's."""


@dataclass(frozen=True)
class ConvolutionRow:
    """What was measured of one convolution."""

    case: LayerCase
    seconds: dict[str, dict[str, list[float]]]
    """By task and rival, round by round."""
    errors: dict[str, tuple[float, float]]
    """See `errors_of`."""
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
        """Our error over the dense path's, where that is largest."""
        return max(ours / max(dense, 1e-12) for dense, ours in self.errors.values())

    def targets(self) -> dict[str, float]:
        """The wanted speed-ups, by task: of wide 3x3 convolutions that the kernels compute."""
        case = self.case
        wide = case.kind == CONVOLUTION and case.kernel == 3 and min(case.in_fields, case.out_fields) >= WIDE
        return TARGETS.get(case.group, {}) if wide and self.auto else {}

    def missed(self) -> list[str]:
        """The targets that this convolution misses; what auto leaves to the Fourier path is to be never slower."""
        found = [f"{task} {least:.1f}" for task, least in self.targets().items() if self.speed_up(task).centre < least]
        if self.auto and any(self.speed_up(task).centre < 1 for task in self.seconds):
            found.append("never slower")
        if self.error_ratio > ERROR_TARGET:
            found.append("error")
        return found


def kernels_at_hand() -> str:
    """The instruction set of this process's kernels, or "none"."""
    found = library.native()
    return "none" if found is None else found.instructions


def faster(seconds: dict[str, list[float]]) -> str:
    """Which of both conv2ds has the smaller median."""
    return min((CHANNELS, LAST), key=lambda name: median_and_quartiles(seconds[name]).centre)


def errors_of(case: LayerCase) -> dict[str, tuple[float, float]]:
    """How far a convolution in float32 is from its dense path in float64, as shares of the largest entry there.

    Returns:
        Errors of the result and of both gradients: by the dense path, by what `auto` takes.
    """
    space = gspace(case.group)
    layers, exact = own_layers(case, space), own_layers(case, space)[DENSE]
    for layer in (layers[DENSE], exact):
        layer.load_state_dict(layers[OWN].state_dict())

    def computed(layer: nn.Module) -> tuple[Tensor, ...]:
        rival = rival_of(case, layer, group_order(space), "cpu")
        y = rival.call(rival.x)
        weight = max(rival.parameters, key=Tensor.numel)
        return (y.detach(), *torch.autograd.grad(y, (rival.x, weight), rival.grad))

    truth, dense, ours = computed(exact.double()), computed(layers[DENSE]), computed(layers[OWN])
    names = ("result", "gradient by x", "gradient by the filters")
    return {
        name: (distance(by_dense, true), distance(by_ours, true))
        for name, true, by_dense, by_ours in zip(names, truth, dense, ours, strict=True)
    }


def distance(found: Tensor, true: Tensor) -> float:
    """The largest difference, as a share of the largest entry."""
    return float((found.double() - true).abs().max() / true.abs().max())


def takes_fourier(case: LayerCase) -> bool:
    """Whether `auto` computes a convolution in the group's Fourier basis, on this machine's CPU."""
    return uses_fourier(own_layers(case, gspace(case.group))[OWN]) and kernels_are_there()


def convolution_table(found: list[ConvolutionRow]) -> Table:
    """Speed-ups and errors of convolutions, and what they were wanted to be, for people."""
    rows = []
    for row in found:
        wanted = ", ".join(f"{task} {least:.1f}" for task, least in row.targets().items())
        missed = ", ".join(row.missed())
        rows.append(
            [
                row.case.name,
                *(row.speed_up(task) for task in row.seconds),
                wanted or None,
                *row.errors["result"],
                row.error_ratio,
                "Fourier" if row.auto else "dense",
                f"missed: {missed}" if missed else "met",
            ]
        )
    return Table(
        caption="How many times as fast as conv2d a convolution is: time of the faster one of torch's convolution with "
        "as many channels and the same in channels-last order, whose filters need not be expanded, over ours in the "
        "same round; median (quartiles) over the rounds. Errors are the largest in the result, as shares of its "
        "largest entry in float64; their ratio is ours over the dense path's, of the result or a gradient, whichever "
        f"is larger (wanted: at most {ERROR_TARGET:g}). What auto leaves to the Fourier path is to be no slower than "
        "conv2d in any task.",
        columns=["layer", *TASKS, "wanted", "error dense", "error ours", "ratio", "auto takes", "targets"],
        rows=rows,
    )


def convolution_verdict(found: list[ConvolutionRow]) -> str:
    """How many convolutions meet their targets, in a sentence."""
    missing = [f"{row.case.name} ({', '.join(missed)})" for row in found if (missed := row.missed())]
    rest = f"; missed: {'; '.join(missing)}" if missing else ""
    return f"{len(found) - len(missing)} of {len(found)} convolutions meet their targets{rest}."
