"""A model of the time of a training step on several processes, with terms that are measured."""

import math
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from steergan import data
from steergan.benchmark.rivals import changed, own_pair
from steergan.benchmark.training import all_alike, random_batch, step_of
from steergan.errors import RecipeError, RunError
from steergan.progress import Progress, unheard
from steergan.recipe import Recipe
from steergan.run.about import surroundings
from steergan.tables import median_and_quartiles
from steergan.timing import WARM_UP, Action, calls_of, in_turns
from steergan.training import Engine, Processes, RunState, Step

SIZES = (1 << 10, 1 << 14, 1 << 18, 1 << 22, 1 << 24)
"""Bytes of the messages whose time is measured."""
COUNTS = (1, 2, 4, 8, 16, 32, 64)
PAIR = 2
"""Processes that are measured."""


@dataclass(frozen=True)
class Link:
    """What messages cost: a sum of n bytes over N processes 2 ceil(log2 N) latency + 2 (N - 1) / N n / bandwidth.

    Source: the bandwidth-optimal all-reduce of Patarasuk and Yuan 2009; the latency of a tree.
    """

    latency: float
    """Seconds."""
    bandwidth: float
    """Bytes a second that a process sends."""

    def seconds(self, size: int, count: int) -> float:
        """Of one message."""
        if count == 1:
            return 0.0
        return 2 * math.ceil(math.log2(count)) * self.latency + 2 * (count - 1) / count * size / self.bandwidth


@dataclass(frozen=True)
class Scaling:
    """The terms of the model.

    Attributes:
        recipe: batch size and networks.
        batches: sizes at which one process was timed.
        seconds: of a step of one process, by batch size, round by round.
        fixed, per_image: of the line through their medians, in seconds.
        messages: bytes of every message of a step of two processes, in order.
        link: between two processes on this machine.
        beside: seconds of a step of half the batch, of two processes side by side that send nothing, round by round.
        two: seconds of a step of two processes, round by round.
        talked: of those, in messages, waiting for the other process included.
        wait: seconds a message beyond the link's time, until the other process is there too.
        surroundings: the machine.
    """

    recipe: Recipe
    batches: tuple[int, ...]
    seconds: dict[int, list[float]]
    fixed: float
    per_image: float
    messages: tuple[int, ...]
    link: Link
    beside: list[float]
    two: list[float]
    talked: list[float]
    wait: float
    surroundings: dict[str, Any]

    @property
    def counts(self) -> list[int]:
        """Numbers of processes that the batch can be divided among."""
        return [count for count in COUNTS if self.recipe.training.batch_size % count == 0]

    def compute(self, count: int) -> float:
        """Seconds of a step's computation on each of N processes."""
        return self.fixed + self.per_image * self.recipe.training.batch_size / count

    def talk(self, count: int) -> float:
        """Seconds of a step's messages, and of waiting for them."""
        if count == 1:
            return 0.0
        return sum(self.link.seconds(size, count) + self.wait for size in self.messages)

    def step(self, count: int) -> float:
        """Seconds of a step: messages come after the backward that makes them, so nothing overlaps."""
        return self.compute(count) + self.talk(count)


def measure(recipe: Recipe, rounds: int = 5, progress: Progress = unheard) -> Scaling:
    """Time one process over batch sizes, count and time messages, and time two processes, on one CPU thread each.

    Args:
        recipe: its batch is halved twice.
        rounds: timed steps of each.
        progress: called with (calls done, calls in all).

    Raises:
        RecipeError: a batch that can't be halved twice, to 2 images or more.
        RunError: the processes end without an answer.
    """
    kind = data.image_kind(recipe.data)
    full = recipe.training.batch_size
    if full % 4 or full < 8:
        raise RecipeError(
            f"training.batch_size = {full}: one that can be halved twice, 8 or more, was wanted; "
            "--set training.batch_size=32"
        )
    batches = (full // 4, full // 2, full)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        steps: dict[str, Action] = {}
        for size in batches:
            settings = changed(recipe, training={"batch_size": size})
            steps[str(size)] = step_of(own_pair(settings, *kind), settings, "cpu")
        calls = len(batches) * (rounds + WARM_UP)
        timed = in_turns(steps, rounds, progress=lambda done, _: progress(done, calls + 1))
        steps.clear()
        about = surroundings(torch.device("cpu"))
    finally:
        torch.set_num_threads(threads)
    seconds = {int(size): several for size, several in timed.items()}
    per_image, fixed = np.polyfit(batches, [median_and_quartiles(seconds[size]).centre for size in batches], 1)
    answer = two_processes(recipe, rounds)
    progress(calls + 1, calls + 1)
    messages, link = tuple(answer["messages"]), fitted(answer["times"])
    waited = median_and_quartiles(answer["talked"]).centre - sum(link.seconds(size, PAIR) for size in messages)
    return Scaling(
        recipe, batches, seconds, max(float(fixed), 0.0), float(per_image), messages, link,
        answer["beside"], answer["two"], answer["talked"], max(waited, 0.0) / len(messages), about,
    )  # fmt: skip


def fitted(times: dict[int, float]) -> Link:
    """The link whose messages between two processes take such times, by least squares of the relative errors."""
    sizes, seconds = np.array(list(times)), np.array(list(times.values()))
    design = np.stack([np.ones(len(sizes)), sizes], 1) / seconds[:, None]
    (constant, per_byte), *_ = np.linalg.lstsq(design, np.ones(len(sizes)), rcond=None)
    return Link(max(float(constant), 0.0) / 2, 1 / max(float(per_byte), 1e-15))


def two_processes(recipe: Recipe, rounds: int) -> dict[str, Any]:
    """What the first of two processes found: messages, times of messages by size, seconds of steps."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        processes = [
            context.Process(target=work, args=(rank, Path(folder) / "store", recipe, rounds, theirs), daemon=True)
            for rank in range(PAIR)
        ]
        for process in processes:
            process.start()
        theirs.close()
        try:
            found: dict[str, Any] = ours.recv()
            return found
        except EOFError:
            raise RunError(f"{recipe.name}: the processes ended without an answer; is memory short?") from None
        finally:
            for process in processes:
                process.join()


def work(rank: int, store: Path, recipe: Recipe, rounds: int, answer: Connection) -> None:
    """What each process does."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=PAIR)
    try:
        kind = data.image_kind(recipe.data)
        half = changed(recipe, training={"batch_size": recipe.training.batch_size // PAIR})
        alone = step_of(own_pair(half, *kind), half, "cpu")
        dist.barrier()
        beside = in_turns({"beside": alone}, rounds)["beside"]
        pair = own_pair(recipe, *kind)
        processes = Processes(rank, PAIR, dist.group.WORLD)
        state = RunState.start(pair.generator, pair.discriminator, recipe.training, recipe.augmentation)
        engine = Engine(recipe.performance, processes)
        step = Step(state, recipe.training, recipe.loss, recipe.generator.latent_law, engine)
        image, y = random_batch(pair, recipe, "cpu")
        (rows,) = processes.rows(len(y))
        own = image[rows], y[rows]
        talked: list[float] = []

        def act() -> None:
            messages.clear()
            step(lambda *_: own)
            talked.append(sum(seconds for _, seconds in messages))

        with heard() as messages:
            both = all_alike(recipe, act)
            two = in_turns({"two": both}, rounds)["two"]
            sizes = [size for size, _ in messages]
        times = {size: message_seconds(size, rounds) for size in SIZES}
        if rank == 0:
            found = {
                "messages": sizes,
                "beside": beside,
                "two": two,
                "talked": talked[WARM_UP * calls_of(both) :],
                "times": times,
            }
            answer.send(found)
        dist.barrier()
    finally:
        dist.destroy_process_group()


@contextmanager
def heard() -> Iterator[list[tuple[int, float]]]:
    """Bytes and seconds of every message inside."""
    messages: list[tuple[int, float]] = []
    all_reduce, all_gather = dist.all_reduce, dist.all_gather

    def reduce(tensor: Tensor, *args: Any, **settings: Any) -> None:
        began = time.perf_counter()
        all_reduce(tensor, *args, **settings)
        messages.append((tensor.nbytes, time.perf_counter() - began))

    def gather(rows: list[Tensor], tensor: Tensor, *args: Any, **settings: Any) -> None:
        began = time.perf_counter()
        all_gather(rows, tensor, *args, **settings)
        messages.append((tensor.nbytes * len(rows), time.perf_counter() - began))

    with patch.object(dist, "all_reduce", reduce), patch.object(dist, "all_gather", gather):
        yield messages


def message_seconds(size: int, rounds: int) -> float:
    """The median over the rounds."""
    tensor = torch.zeros(size // 4)
    seconds = in_turns({"message": lambda: dist.all_reduce(tensor)}, max(rounds, 5))["message"]
    return median_and_quartiles(seconds).centre


def assumed(
    found: Scaling,
    *,
    latency: float | None = None,
    bandwidth: float | None = None,
    wait: float | None = None,
    fixed: float | None = None,
    per_image: float | None = None,
) -> Scaling:
    """The run elsewhere: terms that are given, in seconds and bytes a second, take the place of the measured."""
    link = Link(
        found.link.latency if latency is None else latency, found.link.bandwidth if bandwidth is None else bandwidth
    )
    return replace(
        found,
        link=link,
        wait=found.wait if wait is None else wait,
        fixed=found.fixed if fixed is None else fixed,
        per_image=found.per_image if per_image is None else per_image,
    )
