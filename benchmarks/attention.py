"""What self-attention on fields costs beside a CNN's of as many parameters: time, and what a graph keeps."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch
from escnn.nn import FieldType
from torch import Tensor

from steergan.benchmark.report import Report
from steergan.benchmark.step import count
from steergan.layers import Bottleneck, SelfAttention
from steergan.layers.attention import ScoresOf, choose_attention
from steergan.progress import Progress, unheard
from steergan.run.about import surroundings
from steergan.symmetry import fields_for_width, gspace, is_trivial, regular_type, trivial_type
from steergan.tables import Interval, Table, median_and_quartiles, shown
from steergan.timing import counted, in_turns, ratio

CNN, INFERENCE, ONCE, PLAIN, R1 = "CNN", "inference", "training, fused", "training, plain", "R1"
TASKS = {
    R1: "forward, and the gradients by all weights of the squared norm of the gradient by the map",
    PLAIN: "forward and the gradients by map and weights, through the plain softmax",
    ONCE: "the same through torch's fused operator, which can be differentiated once",
    INFERENCE: "forward without a graph, through the fused operator",
}


@dataclass(frozen=True)
class Cell:
    """A layer that is timed.

    Attributes:
        name: of the row.
        group: of its fields, as many as have the parameters of a CNN.
        scores: of the layer.
        channels: of the CNN.
        size: sides of the map in pixels.
        batch: maps.
    """

    name: str
    group: str
    scores: ScoresOf
    channels: int = 64
    size: int = 32
    batch: int = 4

    @property
    def fields(self) -> FieldType:
        """Of the map."""
        space = gspace(self.group)
        count = fields_for_width(space, self.channels)
        return trivial_type(space, count) if is_trivial(space) else regular_type(space, count)


CELLS = (
    Cell(CNN, "trivial", "invariant"),
    Cell("C4, invariant", "C4", "invariant"),
    Cell("C4, oriented", "C4", "oriented"),
    Cell("D4, invariant", "D4", "invariant"),
    Cell("D4, oriented", "D4", "oriented"),
)


SIZES = (8, 16, 32, 64)
"""Sides in pixels of the maps on which attention is timed beside a residual block."""


@dataclass(frozen=True)
class Cost:
    """What one layer takes.

    Attributes:
        cell: which.
        parameters: of it.
        kept: bytes that the graph of an R1 step keeps for its second derivative, each memory once.
        seconds: of processor time, by task, round by round.
    """

    cell: Cell
    parameters: int
    kept: int
    seconds: dict[str, list[float]]


def measure(rounds: int, cells: Sequence[Cell] = (), *, progress: Progress = unheard) -> list[Cost]:
    """All cells in turns, task by task.

    Args:
        rounds: timed calls of each.
        cells: what is timed; empty: `CELLS`.
        progress: called with (tasks done, tasks in all).
    """
    cells = cells or CELLS
    layers = [SelfAttention(cell.fields, scores=cell.scores) for cell in cells]
    maps = [torch.randn(c.batch, c.fields.size, c.size, c.size) for c in cells]
    for layer in layers:
        torch.nn.init.ones_(layer.gamma)
    seconds: dict[str, dict[str, list[float]]] = {}
    for task in TASKS:
        step = STEPS[task]
        actions = {c.name: partial(step, layer, x) for c, layer, x in zip(cells, layers, maps, strict=True)}
        seconds[task] = in_turns(actions, rounds, clock=time.process_time)
        progress(len(seconds), len(TASKS))
    return [
        Cost(cell, count(layer), kept_by(layer, x), {task: seconds[task][cell.name] for task in TASKS})
        for cell, layer, x in zip(cells, layers, maps, strict=True)
    ]


def beside_blocks(
    rounds: int, cells: Sequence[Cell] = (), sizes: Sequence[int] = (), *, progress: Progress = unheard
) -> dict[tuple[str, int], Interval]:
    """R1's step of attention over that of a residual block of the modern pair, on the same maps, size by size.

    Args:
        rounds: timed calls of each.
        cells: what is timed, on maps of all sizes; empty: `CELLS`.
        sizes: sides in pixels; empty: `SIZES`.
        progress: called with (maps done, maps in all).
    """
    found = {}
    placed = [replace(cell, size=size) for size in sizes or SIZES for cell in cells or CELLS]
    for done, cell in enumerate(placed, 1):
        fields = cell.fields
        x = torch.randn(cell.batch, fields.size, cell.size, cell.size)
        layers = {"attention": SelfAttention(fields, scores=cell.scores), "block": Bottleneck(fields, fields)}
        torch.nn.init.ones_(layers["attention"].gamma)
        actions = {name: partial(penalised, layer, x) for name, layer in layers.items()}
        seconds = in_turns(actions, rounds, clock=time.process_time)
        found[cell.name, cell.size] = ratio(seconds, "attention", "block")
        progress(done, len(placed))
    return found


def inference(layer: SelfAttention, x: Tensor) -> None:
    """A forward without a graph."""
    with torch.no_grad():
        layer.eval()(layer.in_type(x))


def training(layer: SelfAttention, x: Tensor, twice: bool) -> None:
    """A forward, and gradients by map and weights."""
    layer.train().twice = twice
    leaf = x.clone().requires_grad_()
    out = layer(layer.in_type(leaf)).tensor
    torch.autograd.grad(out.square().sum(), [leaf, *layer.parameters()])


def squared_gradient(layer: SelfAttention | Bottleneck, x: Tensor) -> Tensor:
    """Of a score that is no linear function of the layer's output, by the map, with its graph."""
    choose_attention(layer.train(), twice=True)
    leaf = x.clone().requires_grad_()
    out = layer(layer.in_type(leaf)).tensor
    (gradient,) = torch.autograd.grad(out.square().sum(), leaf, create_graph=True)
    return gradient.square().sum()


def penalised(layer: SelfAttention | Bottleneck, x: Tensor) -> None:
    """The gradients of R1 by all weights."""
    torch.autograd.grad(squared_gradient(layer, x), list(layer.parameters()))


STEPS: dict[str, Callable[[SelfAttention, Tensor], None]] = {
    R1: penalised,
    PLAIN: partial(training, twice=True),
    ONCE: partial(training, twice=False),
    INFERENCE: inference,
}


def kept_by(layer: SelfAttention, x: Tensor) -> int:
    """Bytes that the graph of an R1 step keeps, each memory once."""
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        squared_gradient(layer, x)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def beside_cnn(costs: Sequence[Cost], cost: Cost, task: str) -> Interval:
    """A layer's time as a multiple of the CNN's in the same round."""
    return ratio({c.cell.name: c.seconds[task] for c in costs}, cost.cell.name, CNN)


def table(costs: Sequence[Cost]) -> Table:
    """Every layer, with the CNN's beside it."""
    tasks = "".join(f"\n- {task}: {what}" for task, what in TASKS.items())
    first = costs[0].cell
    return Table(
        caption=f"Self-attention on {first.batch} maps of {first.size} x {first.size} pixels, as many fields as have "
        f"the parameters of a CNN of {first.channels} channels: milliseconds of processor time, and R1's as a multiple "
        "of the CNN's in the same round; median (quartiles) over the rounds. Kept: MB that the graph of an R1 step "
        f"holds.{tasks}",
        columns=["layer", "fields", "parameters", "kept", *TASKS, "R1 / CNN"],
        rows=[
            [
                cost.cell.name,
                len(cost.cell.fields),
                cost.parameters,
                cost.kept / 1e6,
                *(median_and_quartiles([1000 * s for s in cost.seconds[task]]) for task in TASKS),
                None if cost.cell.name == CNN else beside_cnn(costs, cost, R1),
            ]
            for cost in costs
        ],
    )


def table_of_sizes(found: Mapping[tuple[str, int], Interval]) -> Table:
    """A row for each layer, a column for each size."""
    sizes = sorted({size for _, size in found})
    return Table(
        caption="R1's step of attention as a multiple of that of a residual block of the modern pair (1x1, 3x3, 1x1) "
        "of the same fields on the same maps; median (quartiles) over the rounds.",
        columns=["layer", *(f"{size} x {size}" for size in sizes)],
        rows=[[name, *(found[name, size] for size in sizes)] for name in dict.fromkeys(name for name, _ in found)],
    )


def verdict(costs: Sequence[Cost]) -> str:
    """What came out, in plain sentences."""
    found = [f"{c.cell.name} {shown(beside_cnn(costs, c, R1).centre)}" for c in costs if c.cell.name != CNN]
    gains = [
        median_and_quartiles([a / b for a, b in zip(c.seconds[PLAIN], c.seconds[ONCE], strict=True)]).centre
        for c in costs
    ]
    return (
        f"R1's step over the CNN's: {', '.join(found)}. Training through the fused operator is {shown(min(gains))} to "
        f"{shown(max(gains))} times as fast as through the plain softmax."
    )


def report(costs: Sequence[Cost], by_size: Mapping[tuple[str, int], Interval]) -> Report:
    """The costs, ready to be told.

    Args:
        costs: of `measure`.
        by_size: of `beside_blocks`.
    """
    return Report(
        benchmark="attention",
        title="Self-attention on fields",
        claim="Ours: with invariant scores attention under a group has one map of scores, as a CNN's has; oriented "
        "scores take a map for each element.",
        protocol={
            "spectral norm": "bank",
            "keys and values": "pooled 2 x 2",
            "threads": torch.get_num_threads(),
            "rounds": counted(len(costs[0].seconds[R1])),
        },
        tables=[table(costs), table_of_sizes(by_size)],
        verdict=verdict(costs),
        figures={
            "costs": [asdict(cost) for cost in costs],
            "beside_blocks": [{"layer": name, "size": size, **asdict(i)} for (name, size), i in by_size.items()],
        },
        surroundings=surroundings(torch.device("cpu")),
    )
