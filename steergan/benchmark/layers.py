"""Our layers against torch's, escnn's and hand-written ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import torch

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
from steergan.benchmark.rivals import OWN
from steergan.benchmark.timing import WARM_UP, Progress, in_turns, ratio
from steergan.results import Result
from steergan.run.about import surroundings
from steergan.tables import Interval, Table, median_and_quartiles, shown

CASES = (
    LayerCase(CONVOLUTION, "C4", 6, 16, 14, 32),
    LayerCase(CONVOLUTION, "C4", 16, 32, 7, 32),
    LayerCase(CONVOLUTION, "D4", 8, 16, 14, 32),
    LayerCase(CONVOLUTION, "C4", 128, 64, 28, 8),
    LayerCase(CONVOLUTION, "C4", 64, 128, 14, 32),
    LayerCase(CONVOLUTION, "D4", 45, 45, 32, 8),
    LayerCase(CONVOLUTION, "D4", 90, 90, 16, 16),
    LayerCase(CONVOLUTION, "D4", 90, 45, 32, 8, kernel=1),
    LayerCase(UPSAMPLING, "C4", 128, 64, 14, 8),
    LayerCase(UPSAMPLING, "D4", 90, 45, 16, 8),
    *(
        LayerCase(kind, group, fields, fields, size, 16)
        for kind in (NORM, CONDITIONAL, RELU, POOL, GROUP_POOL)
        for group, fields, size in (("C4", 64, 28), ("D4", 45, 32))
    ),
)
"""Of the recipes' networks, small and at the paper's widths."""

@dataclass(frozen=True)
class LayerRows:
    """Seconds of one layer, by task and rival, round by round."""

    case: LayerCase
    seconds: dict[str, dict[str, list[float]]]

    def ratio(self, task: str, rival: str) -> Interval | None:
        """Our time over a rival's in the same round, if there is one."""
        return ratio(self.seconds[task], OWN, rival) if rival in self.seconds[task] else None


def time_layers(
    rounds: int,
    cases: Sequence[LayerCase] = CASES,
    *,
    device: str = "cpu",
    progress: Progress = lambda done, total: None,
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
        found.append(LayerRows(case, seconds))
    return found


def tables(found: Sequence[LayerRows]) -> list[Table]:
    """Our times, and as multiples of every rival's, a table for each task."""
    rivals = [name for name in RIVALS if name != OWN]
    about = "".join(f"\n- {name}: {what}" for name, what in RIVALS.items())
    return [
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
    return " ".join(sentences)


def as_json(found: Sequence[LayerRows], device: str) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        "benchmark": "layers",
        "rivals": RIVALS,
        "layers": [{"layer": vars(rows.case), "seconds": rows.seconds} for rows in found],
        **surroundings(torch.device(device)),
    }


def claim(found: Sequence[LayerRows], name: str, command: str, device: str) -> Result:
    """The times as a record for the results page."""
    about = surroundings(torch.device(device))
    return Result(
        id=name,
        title="Layers against torch's, escnn's and hand-written ones",
        claim="Ours: an equivariant layer costs no more than torch's own with as many channels, and less than escnn's.",
        command=command,
        date=date.today().isoformat(),
        hardware=[{**about["hardware"], "versions": about["versions"]}],
        protocol={
            "spectral norm": "none",
            "tasks": "forward without a graph; forward and gradients by input and weights; both derivatives of R1",
            "threads": torch.get_num_threads(),
            "rounds": f"{len(found[0].seconds['forward'][OWN])} in turns, after {WARM_UP} that don't count",
        },
        tables=tables(found),
        verdict=verdict(found),
    )
