"""Timing rivals in one process, in turns, so that whatever else the machine does meets all of them alike."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from steergan.progress import Progress, unheard
from steergan.tables import Interval, median_and_quartiles

Action = Callable[[], object]
WARM_UP = 2
"""Calls of each rival before the clock runs: allocators, caches and thread pools settle."""


@dataclass(frozen=True)
class Several:
    """An action that a call does several times, where they differ: timed is the mean of one.

    Args:
        action: what to do.
        count: how often.
    """

    action: Action
    count: int

    def __call__(self) -> None:
        """All of them."""
        for _ in range(self.count):
            self.action()


def calls_of(action: Action) -> int:
    """How many times a call does what is timed."""
    return action.count if isinstance(action, Several) else 1


def in_turns(
    rivals: Mapping[str, Action],
    rounds: int,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = unheard,
    clock: Callable[[], float] | None = None,
) -> dict[str, list[float]]:
    """Seconds of every rival in every round; a round calls each of them once, in their order.

    Args:
        rivals: what to call, by name.
        rounds: timed calls of each; `WARM_UP` calls before them are not counted.
        device: waited for, so that what was started is finished when the clock stops.
        progress: called after every call with (calls done, calls in all).
        clock: seconds; None: those that pass. `time.process_time` counts those of this process alone, on a machine that
            others use, too.
    """
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    total, done = (rounds + WARM_UP) * len(rivals), 0
    for turn in range(rounds + WARM_UP):
        for name, action in rivals.items():
            taken = seconds_of(action, device, clock)
            if turn >= WARM_UP:
                seconds[name].append(taken)
            done += 1
            progress(done, total)
    return seconds


def seconds_of(action: Action, device: torch.device | str = "cpu", clock: Callable[[], float] | None = None) -> float:
    """Of an action, once; an accelerator is waited for, so that what was started is finished when the clock stops."""
    wait_for(device)
    now = clock or time.perf_counter
    start = now()
    action()
    wait_for(device)
    return (now() - start) / calls_of(action)


def counted(rounds: int) -> str:
    """How often rivals were called, for a protocol."""
    return f"{rounds} in turns, after {WARM_UP} that don't count"


def wait_for(device: torch.device | str) -> None:
    """Until an accelerator has done what it was given."""
    kind = torch.device(device).type
    if kind == "cuda":
        torch.cuda.synchronize(device)
    elif kind == "mps":
        torch.mps.synchronize()


def ratio(seconds: Mapping[str, list[float]], name: str, rival: str) -> Interval:
    """Seconds of one over those of another in the same round: median between the quartiles over the rounds."""
    return median_and_quartiles([a / b for a, b in zip(seconds[name], seconds[rival], strict=True)])
