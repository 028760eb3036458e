"""What `accelerate` saves in models that are written with escnn's own modules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from escnn import nn as enn
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.acceleration import Workload, accelerate
from steergan.acceleration.measuring import Mode
from steergan.benchmark.operators import OperatorTimes, largest_operators, profiled
from steergan.benchmark.report import Report
from steergan.benchmark.stock_networks import NETWORKS, exported
from steergan.copies import copied
from steergan.progress import Progress, portion, unheard
from steergan.randomness import seed_torch, torch_stream
from steergan.run.about import surroundings
from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.tables import Interval, Table, median_and_quartiles, shown
from steergan.timing import WARM_UP, counted, in_turns, ratio

WIDTHS = {"small": (8, 16, 16, 32, 32, 16), "wide": (24, 48, 48, 96, 96, 64)}
"""Regular fields of the six blocks; the wide ones are those of escnn's introductory example."""
GROUPS = ("C4", "D4")
MODELS = ("C8 classifier", *NETWORKS)
"""Beside the introductory example with C4 and D4: it with C8, and networks of the shapes that are published."""
SIZE = 29
LIFT = (7, 1)
"""Kernel size and padding of the first convolution: from 29 to 25 pixels, which the pools halve to 13, 7 and 4."""
CLASSES = 10
BATCH = 8

STOCK, FASTER, EXPORTED = "stock", "accelerated", "stock, exported by escnn"
TRAINING, INFERENCE = "training step", "inference"
PURPOSES: dict[str, Mode] = {TRAINING: "training", INFERENCE: "inference"}


class StockClassifier(nn.Module):
    """escnn's introductory example: six blocks, antialiased pools after every second, group pooling, a dense head.

    Args:
        group: of its fields.
        widths: regular fields of each block.
    """

    def __init__(self, group: str, widths: Sequence[int]) -> None:
        super().__init__()
        space = gspace(group)
        self.input_type = x_type = trivial_type(space, 1)
        blocks: list[enn.EquivariantModule] = []
        for i, width in enumerate(widths):
            out_type = regular_type(space, width)
            blocks += [block(x_type, out_type, *(LIFT if i == 0 else (5, 2)))]
            blocks += [enn.PointwiseAvgPoolAntialiased(out_type, sigma=0.66, stride=2)] if i % 2 else []
            x_type = out_type
        self.blocks = enn.SequentialModule(*blocks)
        self.group_pool = enn.GroupPooling(x_type)
        dense = nn.Linear(widths[-1], 64)
        self.head = nn.Sequential(dense, nn.BatchNorm1d(64), nn.ELU(inplace=True), nn.Linear(64, CLASSES))

    def forward(self, image: Tensor) -> Tensor:
        """(B, 1, H, W) -> scores of the classes, (B, CLASSES)."""
        fields = self.group_pool(self.blocks(GeometricTensor(image, self.input_type)))
        scores: Tensor = self.head(fields.tensor.mean((2, 3)))
        return scores


def block(in_type: FieldType, out_type: FieldType, size: int, padding: int) -> enn.SequentialModule:
    """Convolution with escnn's default band limit, norm, ReLU."""
    convolution = enn.R2Conv(in_type, out_type, size, padding=padding, bias=False, initialize=False)
    # escnn's own initialisation takes minutes on wide layers, and what the weights are changes no time.
    nn.init.normal_(convolution.weights, std=(len(in_type) * size) ** -0.5)
    return enn.SequentialModule(convolution, enn.InnerBatchNorm(out_type), enn.ReLU(out_type, inplace=True))


@dataclass(frozen=True)
class Saving:
    """One model before and after."""

    group: str
    width: str
    parameters: tuple[int, int]
    """Before, after."""
    seconds: Mapping[str, Mapping[str, list[float]]]
    """By what was timed and by rival, round by round."""
    operators: OperatorTimes = field(default_factory=dict)
    """Of a training step, if it was profiled."""

    def times_as_fast(self, what: str, name: str = FASTER) -> Interval:
        """Stock seconds over accelerated ones in the same round: median between the quartiles over the rounds."""
        return ratio(self.seconds[what], STOCK, name)


def measure(
    group: str,
    width: str,
    rounds: int = 7,
    batch_size: int = BATCH,
    *,
    device: str = "cpu",
    profile: bool = False,
    progress: Progress = unheard,
) -> Saving:
    """Time a model and its accelerated copy, in turns.

    Args:
        group: of the model's fields.
        width: a key of `WIDTHS`, or the second word of one of `MODELS`.
        rounds: timed calls of each.
        batch_size: images.
        device: where to compute.
        profile: count the operators of training steps, too.
        progress: called with (calls done, calls in all).

    Raises:
        AccelerationError: the copy is not the same function.
    """
    with torch.random.fork_rng(devices=[]):
        seed_torch(0)
        stock, size = built(group, width)
    stock = stock.to(device)
    # What is timed is the function; that the proof holds is for tests.
    quick = {
        what: accelerate(copied(stock), size, for_=Workload(mode, batch_size), certify=False)
        for what, mode in PURPOSES.items()
    }
    parameters = [sum(p.numel() for p in model.parameters()) for model in (stock, quick[TRAINING])]
    draw = torch_stream(0, "benchmark")
    channels: int = stock.input_type.size  # type: ignore[assignment]
    images = torch.randn(batch_size, channels, size, size, generator=draw).to(device)
    labels = torch.randint(CLASSES, (batch_size,), generator=draw).to(device)
    reads = {STOCK: copied(stock), FASTER: quick[INFERENCE], EXPORTED: exported(copied(stock))}
    calls = 2 * (rounds + WARM_UP)
    total = 5 * (rounds + WARM_UP) + (calls if profile else 0)
    steps = {STOCK: training_step(stock, images, labels), FASTER: training_step(quick[TRAINING], images, labels)}
    training = in_turns(steps, rounds, device=device, progress=portion(progress, 0, total))
    operators = profiled(steps, rounds, portion(progress, total - calls, total)) if profile else {}
    with torch.no_grad():
        forwards = {name: inference(model.train().eval(), images) for name, model in reads.items()}
    read = in_turns(forwards, rounds, device=device, progress=portion(progress, calls, total))
    seconds = {TRAINING: training, INFERENCE: read}
    return Saving(group, width, (parameters[0], parameters[1]), seconds, operators)


def built(group: str, width: str) -> tuple[nn.Module, int]:
    """A stock model, and the side of its images in pixels.

    Args:
        group: of the model's fields.
        width: a key of `WIDTHS`, or the second word of one of `MODELS`.
    """
    name = f"{group} {width}"
    if name in NETWORKS:
        build, size = NETWORKS[name]
        return build(), size
    return StockClassifier(group, WIDTHS["wide" if width == "classifier" else width]), SIZE


def training_step(model: nn.Module, images: Tensor, labels: Tensor) -> Callable[[], None]:
    """Forward, backward and a step of SGD with momentum; the loss of what are no scores is their mean square."""
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        out = model(images)
        scores = out.dim() == 2 and out.shape[1] == CLASSES
        (nn.functional.cross_entropy(out, labels) if scores else out.square().mean()).backward()
        optimizer.step()

    return step


def inference(model: nn.Module, images: Tensor) -> Callable[[], Tensor]:
    """A forward without gradients."""
    return torch.no_grad()(lambda: model(images))


def table(found: Sequence[Saving]) -> Table:
    """Seconds and ratios, for people."""
    rows: list[list[Any]] = []
    for saving in found:
        for what, seconds in saving.seconds.items():
            rows += [
                [
                    f"{saving.group}, {saving.width}",
                    what,
                    name,
                    saving.parameters[name != STOCK],
                    median_and_quartiles(times),
                    None if name == STOCK else saving.times_as_fast(what, name),
                ]
                for name, times in seconds.items()
            ]
    return Table(
        caption="Seconds, and how many times as fast as the stock model in the same round: median (quartiles) over the "
        "rounds. In inference stock R2Convs keep their filters; exported: escnn's `export()` of modules that have one.",
        columns=["model", "what", "layers", "parameters", "seconds", "times as fast"],
        rows=rows,
    )


def verdict(found: Sequence[Saving]) -> str:
    """The ratios, in plain sentences."""
    sentences = []
    for what in (TRAINING, INFERENCE):
        words = ", ".join(f"{s.group} {s.width} {shown(s.times_as_fast(what))}" for s in found)
        sentences.append(f"{what.capitalize()}, times as fast once accelerated: {words}.")
    return " ".join(sentences)


def protocol(found: Sequence[Saving], batch_size: int) -> dict[str, Any]:
    """What the times hold for."""
    fields = "; ".join(f"{name} {', '.join(map(str, widths))}" for name, widths in WIDTHS.items())
    return {
        "model": "escnn's introductory example: six blocks of R2Conv (kernels 7, 5, 5, 5, 5, 5, default band limit), "
        "InnerBatchNorm and ReLU, antialiased pools, GroupPooling, a dense head",
        "other models": "a wide residual classifier with strides (D4), a U-Net (C4), a Fourier ELU network (SO2), an "
        "actor with a vector and invariants (D4): steergan/benchmark/stock_networks.py",
        "regular fields": fields,
        "images": f"{SIZE} x {SIZE} (others 29 to 33), random; batches of {batch_size}",
        "training step": "forward, cross-entropy, backward, SGD with momentum",
        "threads": torch.get_num_threads(),
        "rounds": counted(len(found[0].seconds[TRAINING][STOCK])),
    }


def report(found: Sequence[Saving], device: str, batch_size: int) -> Report:
    """The times, ready to be told."""
    return Report(
        benchmark="accelerate",
        title="Models of escnn's own modules, accelerated",
        claim="Ours: `steergan.accelerate` makes models that are written with escnn's own modules faster, and they "
        "compute the same function.",
        protocol=protocol(found, batch_size),
        tables=[
            table(found),
            *(
                largest_operators(s.operators, (FASTER, STOCK), f"{s.group} {s.width}, training step")
                for s in found
                if s.operators
            ),
        ],
        verdict=verdict(found),
        figures={
            "models": [
                {
                    "group": saving.group,
                    "width": saving.width,
                    "parameters": saving.parameters,
                    "seconds": saving.seconds,
                    "times_as_fast": {
                        what: {name: asdict(saving.times_as_fast(what, name)) for name in seconds if name != STOCK}
                        for what, seconds in saving.seconds.items()
                    },
                }
                for saving in found
            ],
        },
        surroundings=surroundings(torch.device(device)),
    )
