"""Where the time of a training step goes: torch's profiler over rivals, operator by operator."""

import os
from collections.abc import Mapping, Sequence

from torch.profiler import ProfilerActivity, profile

from steergan.progress import Progress, unheard
from steergan.tables import Table
from steergan.timing import WARM_UP, Action, calls_of

OperatorTimes = dict[str, dict[str, tuple[float, float]]]
"""Milliseconds and calls of a step, by rival and operator."""
ROWS = 14


def profiled(rivals: Mapping[str, Action], rounds: int, progress: Progress = unheard) -> OperatorTimes:
    """The mean over the rounds of what operators took themselves, rivals in turns; the profiler's own time included.

    Args:
        rivals: what to call, by name.
        rounds: calls of each.
        progress: called with (calls done, calls in all).
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # it tells of missing GPUs otherwise
    times: OperatorTimes = {name: {} for name in rivals}
    for turn in range(WARM_UP + rounds):
        for number, (name, action) in enumerate(rivals.items()):
            if turn < WARM_UP:
                action()
            else:
                with profile(activities=[ProfilerActivity.CPU]) as found:
                    action()
                for event in found.key_averages():
                    milliseconds, calls = times[name].get(event.key, (0.0, 0.0))
                    milliseconds += event.self_cpu_time_total / 1e3 / (rounds * calls_of(action))
                    times[name][event.key] = milliseconds, calls + event.count / (rounds * calls_of(action))
            progress(turn * len(rivals) + number + 1, (WARM_UP + rounds) * len(rivals))
    return times


def operator_table(times: OperatorTimes, names: Sequence[str]) -> Table:
    """The operators in which the first rival differs most from the second, and all together.

    Args:
        times: from `profiled`.
        names: rivals, in the order of the columns.
    """

    def cell(name: str, operator: str) -> str:
        milliseconds, calls = times[name].get(operator, (0.0, 0.0))
        return f"{milliseconds:.2f} ({calls:.0f})"

    def apart(operator: str) -> float:
        first, second = (times[name].get(operator, (0.0, 0.0))[0] for name in names[:2])
        return first - second

    operators = sorted({operator for name in names for operator in times[name]}, key=apart, reverse=True)
    sums = [[sum(values) for values in zip(*times[name].values(), strict=True)] for name in names]
    return Table(
        caption="Milliseconds of a step that operators take themselves under torch's profiler, and how often they are "
        f"called: those in which {names[0]} exceeds {names[1]} most.",
        columns=["operator", *names],
        rows=[
            *([operator, *(cell(name, operator) for name in names)] for operator in operators[:ROWS]),
            ["all", *(f"{milliseconds:.2f} ({calls:.0f})" for milliseconds, calls in sums)],
        ],
    )


def largest_operators(times: OperatorTimes, names: Sequence[str], of: str) -> Table:
    """The operators that take the first rival longest.

    Args:
        times: from `profiled`.
        names: rivals, in the order of the columns.
        of: whose step it is, for the caption.
    """
    sums = [sum(milliseconds for milliseconds, _ in times[name].values()) for name in names]

    def cell(number: int, operator: str) -> str:
        milliseconds, calls = times[names[number]].get(operator, (0.0, 0.0))
        return f"{milliseconds:.2f}, {milliseconds / sums[number]:.0%} ({calls:.0f})" if calls else "-"

    operators = sorted(times[names[0]], key=lambda operator: -times[names[0]][operator][0])[:ROWS]
    return Table(
        caption=f"{of}: milliseconds that operators take themselves under torch's profiler, their share, and how often "
        f"they are called; those that take most of what is {names[0]}.",
        columns=["operator", *names],
        rows=[
            *([operator, *(cell(number, operator) for number in range(len(names)))] for operator in operators),
            ["all", *(f"{milliseconds:.2f}" for milliseconds in sums)],
        ],
    )
