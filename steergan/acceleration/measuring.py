"""How many times as fast a layer is as the one whose place it takes, on the maps that it meets in the model."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from escnn.nn import GeometricTensor
from torch import Tensor, nn

from steergan.copies import copied
from steergan.errors import SteerganError
from steergan.tables import Interval, median_and_quartiles
from steergan.timing import WARM_UP, seconds_of
from steergan.verification.subject import Size, Subject, random_input, tensors_of
from steergan.verification.surroundings import undisturbed

Mode = Literal["training", "inference"]

FEWEST, MOST = 5, 50
"""Timed calls of each rival."""
BUDGET = 0.15
"""Seconds after which a layer is timed no more often than it has to be; a whole model is given ten times as many."""


@dataclass(frozen=True)
class Workload:
    """What a model is to be fast at.

    Attributes:
        mode: "training": forward and backward; "inference": forward without gradients, in evaluation mode.
        batch_size: images at once.

    Raises:
        SteerganError: another mode, or no images.

    Examples:
        >>> Workload("inference", batch_size=1)
        Workload(mode='inference', batch_size=1)
    """

    mode: Mode = "training"
    batch_size: int = 8

    def __post_init__(self) -> None:
        if self.mode not in ("training", "inference"):
            raise SteerganError(f"for_ = {self.mode!r}; 'training', 'inference', a Workload or None was wanted")
        if not isinstance(self.batch_size, int) or self.batch_size < 1:
            raise SteerganError(f"a batch of {self.batch_size!r} images; at least 1 was wanted")


@dataclass(frozen=True)
class Meeting:
    """A map that a layer met.

    Attributes:
        shape: (B, C, H, W).
        dtype: of it.
        wants_gradient: whether the backward goes on from there.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    wants_gradient: bool


def meetings(subject: Subject, paths: Sequence[str], size: Size, work: Workload) -> dict[str, list[Meeting]]:
    """The maps that layers of a model meet in one forward, by path.

    Args:
        subject: the model as it is; it is copied.
        paths: of its layers.
        size: (H, W) of the input.
        work: in which mode, and how many images.
    """
    network = working(subject.module, work)
    found: dict[str, list[Meeting]] = {path: [] for path in paths}

    def listen(path: str) -> Callable[[nn.Module, Any], None]:
        def hook(layer: nn.Module, args: Any) -> None:
            x = args[0].tensor
            found[path].append(Meeting(tuple(x.shape), x.dtype, x.requires_grad))

        return hook

    for path in paths:
        network.get_submodule(path).register_forward_pre_hook(listen(path))
    with undisturbed(), torch.set_grad_enabled(work.mode == "training"):
        forward(subject, network, size, work)()
    return found


def layer_times_as_fast(old: nn.Module, new: nn.Module, met: Sequence[Meeting], work: Workload) -> Interval:
    """Seconds of one layer over those of another on the same maps: median between the quartiles over the rounds."""
    place = next((tensor.device for tensor in [*old.parameters(), *old.buffers()]), torch.device("cpu"))
    stock, ours = (_on_maps(working(layer, work), met, work, place) for layer in (old, new))
    return times_as_fast(stock, ours, place, BUDGET)


def model_times_as_fast(before: Subject, after: Subject, size: Size, work: Workload) -> Interval:
    """Seconds of one model over those of another on the same input, in turns; both are copied."""
    place = next((tensor.device for tensor in before.module.parameters()), torch.device("cpu"))
    rivals = []
    for subject in (before, after):
        network = working(subject.module, work)
        run = forward(subject, network, size, work)
        parameters = [p for p in network.parameters() if p.requires_grad]
        rivals.append(_backward(run, parameters) if work.mode == "training" else torch.no_grad()(run))
    return times_as_fast(rivals[0], rivals[1], place, 10 * BUDGET)


def working(module: nn.Module, work: Workload) -> nn.Module:
    """A copy in the mode of the work; escnn's filters are those of its weights."""
    twin = copied(module)
    with torch.no_grad():
        twin.train()
        if work.mode == "inference":
            twin.eval()
    return twin


def forward(subject: Subject, network: nn.Module, size: Size, work: Workload) -> Callable[[], list[Tensor]]:
    """A forward of a batch, its other inputs repeated until they are as many."""
    first = next((p for p in network.parameters() if p.is_floating_point()), torch.zeros(()))
    x = random_input(subject, size, 0, first.dtype, work.batch_size).to(first.device)
    times = -(-work.batch_size // 2)
    given = subject.at(size).inputs
    others = tuple(o.repeat(times, *(1,) * (o.dim() - 1))[: work.batch_size] if o.dim() else o for o in given)
    called = replace(subject, others=tuple(o.to(first.device) for o in others))
    return lambda: [tensor for tensor, _ in tensors_of(called(network, x))]


def _on_maps(layer: nn.Module, met: Sequence[Meeting], work: Workload, place: torch.device) -> Callable[[], object]:
    stream = torch.Generator().manual_seed(0)
    maps = []
    for meeting in met:
        x = torch.randn(meeting.shape, generator=stream).to(place, meeting.dtype)
        maps.append(x.requires_grad_(meeting.wants_gradient and work.mode == "training"))

    def run() -> list[Tensor]:
        module: Any = layer
        return [module(GeometricTensor(x, module.in_type)).tensor for x in maps]

    if work.mode == "inference":
        return torch.no_grad()(run)
    return _backward(run, [t for t in [*layer.parameters(), *maps] if t.requires_grad])


def _backward(run: Callable[[], list[Tensor]], inputs: Sequence[Tensor]) -> Callable[[], object]:
    def step() -> object:
        outputs = [y for y in run() if y.requires_grad]
        if not outputs or not inputs:
            return None
        return torch.autograd.grad(outputs, inputs, [torch.ones_like(y) for y in outputs], allow_unused=True)

    return step


def times_as_fast(old: Callable[[], object], new: Callable[[], object], place: torch.device, budget: float) -> Interval:
    """Seconds of one call over those of the other, in turns."""
    with undisturbed():
        for _ in range(WARM_UP):
            old(), new()
        ratios: list[float] = []
        start = time.perf_counter()
        while len(ratios) < FEWEST or (time.perf_counter() - start < budget and len(ratios) < MOST):
            ratios.append(seconds_of(old, place) / seconds_of(new, place))
    return median_and_quartiles(ratios)
