"""Our layers against torch's, escnn's and hand-written ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import torch

from steergan.benchmark.convolutions import (
    ConvolutionRow,
    convolution_table,
    convolution_verdict,
    errors_of,
    kernels_at_hand,
    takes_fourier,
)
from steergan.benchmark.layer_rivals import (
    CONDITIONAL,
    CONVOLUTION,
    GROUP_POOL,
    NORM,
    POOL,
    RELU,
    RIVALS,
    TASKS,
    UPSAMPLING,
    LayerCase,
    rivals_of,
)
from steergan.benchmark.report import Report
from steergan.benchmark.rivals import OWN
from steergan.progress import Progress, unheard
from steergan.run.about import surroundings
from steergan.tables import Interval, Table, median_and_quartiles, shown
from steergan.timing import counted, in_turns, ratio

CASES = (
    LayerCase(CONVOLUTION, "C4", 6, 16, 14, 32),
    LayerCase(CONVOLUTION, "C4", 16, 32, 7, 32),
    LayerCase(CONVOLUTION, "D4", 8, 16, 14, 32),
    LayerCase(CONVOLUTION, "C4", 128, 64, 28, 8),
    LayerCase(CONVOLUTION, "C4", 64, 128, 14, 32),
    LayerCase(CONVOLUTION, "D4", 45, 45, 32, 8),
    LayerCase(CONVOLUTION, "D4", 90, 90, 16, 16),
    LayerCase(CONVOLUTION, "D4", 181, 90, 8, 16),
    LayerCase(CONVOLUTION, "D4", 90, 45, 32, 8),
    LayerCase(CONVOLUTION, "D4", 45, 22, 64, 4),
    LayerCase(CONVOLUTION, "D4", 22, 22, 64, 4),
    LayerCase(CONVOLUTION, "C4", 256, 128, 14, 16),
    LayerCase(CONVOLUTION, "C4", 64, 64, 28, 8),
    LayerCase(CONVOLUTION, "C4", 32, 32, 28, 16),
    LayerCase(CONVOLUTION, "D4", 8, 8, 32, 4),
    LayerCase(CONVOLUTION, "D4", 2, 2, 32, 4),
    LayerCase(CONVOLUTION, "C4", 2, 2, 32, 4),
    LayerCase(CONVOLUTION, "D2", 16, 16, 32, 8),
    LayerCase(CONVOLUTION, "C2", 16, 16, 32, 8),
    LayerCase(CONVOLUTION, "D4", 90, 45, 32, 8, kernel=1),
    LayerCase(CONVOLUTION, "C4", 128, 64, 28, 8, kernel=1),
    LayerCase(CONVOLUTION, "D4", 45, 45, 16, 8, kernel=5),
    LayerCase(CONVOLUTION, "C4", 64, 64, 14, 8, kernel=5),
    LayerCase(UPSAMPLING, "C4", 128, 64, 14, 8),
    LayerCase(UPSAMPLING, "D4", 90, 45, 16, 8),
    *(
        LayerCase(kind, group, fields, fields, size, 16)
        for kind in (NORM, CONDITIONAL, RELU, POOL, GROUP_POOL)
        for group, fields, size in (("C4", 64, 28), ("D4", 45, 32))
    ),
)
"""Of the recipes' networks, small and at the paper's widths; convolutions also narrow, of other groups and kernels."""

@dataclass(frozen=True)
class LayerRows:
    """Seconds of one layer, by task and rival, round by round."""

    case: LayerCase
    seconds: dict[str, dict[str, list[float]]]
    errors: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Of a convolution; see `convolutions.errors_of`."""
    auto: bool = False
    """Whether the setting "auto" computes it in the group's Fourier basis."""

    def ratio(self, task: str, rival: str) -> Interval | None:
        """Our time over a rival's in the same round, if there is one."""
        return ratio(self.seconds[task], OWN, rival) if rival in self.seconds[task] else None


def time_layers(
    rounds: int,
    cases: Sequence[LayerCase] = CASES,
    *,
    device: str = "cpu",
    progress: Progress = unheard,
) -> list[LayerRows]:
    """Time all rivals in turns, layer by layer and task by task; filters are made anew at every call.

    Args:
        rounds: timed calls of each.
        cases: what is timed.
        device: where to compute.
        progress: called with (rows done, rows in all).
    """
    found: list[LayerRows] = []
    for case in cases:
        rivals = rivals_of(case, device)
        seconds: dict[str, dict[str, list[float]]] = {}
        for task, compute in TASKS.items():
            actions = {name: partial(compute, rival) for name, rival in rivals.items()}
            seconds[task] = in_turns(actions, rounds, device=device)
            progress(len(found) * len(TASKS) + len(seconds), len(cases) * len(TASKS))
        convolves = case.kind == CONVOLUTION
        found.append(
            LayerRows(case, seconds, errors_of(case) if convolves else {}, convolves and takes_fourier(case))
        )
    return found


def convolutions(found: Sequence[LayerRows]) -> list[ConvolutionRow]:
    """Convolutions, which have targets of their own, among the layers."""
    return [ConvolutionRow(**vars(rows)) for rows in found if rows.case.kind == CONVOLUTION]


def tables(found: Sequence[LayerRows]) -> list[Table]:
    """Our times, and as multiples of every rival's, a table for each task; then the convolutions against conv2d."""
    rivals = [name for name in RIVALS if name != OWN]
    about = "".join(f"\n- {name}: {what}" for name, what in RIVALS.items())
    times = [
        Table(
            caption=f"{task[0].upper()}{task[1:]}: milliseconds of our layer, filters made anew, and its time as a "
            "multiple of each rival's in the same round; median (quartiles) over the rounds."
            + (about if i == 0 else ""),
            columns=["layer", "milliseconds", *rivals],
            rows=[
                [
                    rows.case.name,
                    median_and_quartiles([1000 * value for value in rows.seconds[task][OWN]]),
                    *(rows.ratio(task, name) for name in rivals),
                ]
                for rows in found
            ],
        )
        for i, task in enumerate(TASKS)
    ]
    rows = convolutions(found)
    return [*times, convolution_table(rows)] if rows else times


def verdict(found: Sequence[LayerRows]) -> str:
    """Where ours is slower than what could be used instead, in plain sentences."""
    sentences = []
    for rival in (name for name in RIVALS if name != OWN):
        ratios = {
            f"{rows.case.name}, {task}": measured.centre
            for rows in found
            for task in TASKS
            if (measured := rows.ratio(task, rival)) is not None
        }
        if ratios:
            worst = max(ratios, key=ratios.__getitem__)
            slower = sum(value > 1 for value in ratios.values())
            sentences.append(
                f"Slower than {rival} in {slower} of {len(ratios)} rows; at most {shown(ratios[worst])} times its "
                f"time ({worst})."
            )
    if rows_of_convolutions := convolutions(found):
        sentences.append(convolution_verdict(rows_of_convolutions))
    return " ".join(sentences)


def report(found: Sequence[LayerRows], device: str) -> Report:
    """The times, ready to be told."""
    return Report(
        benchmark="layers",
        title="Layers against torch's, escnn's and hand-written ones",
        claim="Ours: an equivariant layer costs no more than torch's own with as many channels, and less than "
        "escnn's; and the products that symmetry makes superfluous need not be done: in the group's Fourier basis "
        "convolutions are faster than conv2d with filters that are there, to about the same rounding.",
        protocol={
            "spectral norm": "none",
            "tasks": "forward without a graph; forward and gradients by input and weights; both derivatives of R1",
            "kernels": kernels_at_hand(),
            "threads": torch.get_num_threads(),
            "rounds": counted(len(found[0].seconds["forward"][OWN])),
        },
        tables=tables(found),
        verdict=verdict(found),
        figures={
            "rivals": RIVALS,
            "layers": [
                {"layer": vars(rows.case), "seconds": rows.seconds, "errors": rows.errors, "fourier": rows.auto}
                for rows in found
            ],
        },
        surroundings=surroundings(torch.device(device)),
    )
