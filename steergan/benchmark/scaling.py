"""A model of the time of a training step on several processes, with terms that are measured."""

import math
import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
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
from steergan.benchmark.timing import WARM_UP, Progress, in_turns
from steergan.benchmark.training import random_batch, step_of
from steergan.errors import RecipeError, RunError
from steergan.recipe import Recipe
from steergan.results import Claim
from steergan.run.folder import surroundings
from steergan.tables import Table, median_and_quartiles, shown
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
        two: seconds of a step of two processes, round by round.
        surroundings: the machine.
    """

    recipe: Recipe
    batches: tuple[int, ...]
    seconds: dict[int, list[float]]
    fixed: float
    per_image: float
    messages: tuple[int, ...]
    link: Link
    two: list[float]
    surroundings: dict[str, Any]

    def compute(self, count: int) -> float:
        """Seconds of a step's computation on each of N processes."""
        return self.fixed + self.per_image * self.recipe.training.batch_size / count

    def talk(self, count: int) -> float:
        """Seconds of a step's messages."""
        return sum(self.link.seconds(size, count) for size in self.messages)

    def step(self, count: int) -> float:
        """Seconds of a step: messages come after the backward that makes them, so nothing overlaps."""
        return self.compute(count) + self.talk(count)


def measure(recipe: Recipe, rounds: int = 5, progress: Progress = lambda done, total: None) -> Scaling:
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
        steps: dict[str, Callable[[], object]] = {}
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
    return Scaling(
        recipe, batches, seconds, max(float(fixed), 0.0), float(per_image), tuple(answer["messages"]),
        fitted(answer["times"]), answer["seconds"], about,
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
        pair = own_pair(recipe, *data.image_kind(recipe.data))
        processes = Processes(rank, PAIR, dist.group.WORLD)
        state = RunState.start(pair.generator, pair.discriminator, recipe.training, recipe.augmentation)
        engine = Engine(recipe.performance, processes)
        step = Step(state, recipe.training, recipe.loss, recipe.generator.latent_law, engine)
        image, y = random_batch(pair, recipe, "cpu")
        (rows,) = processes.rows(len(y))
        own = image[rows], y[rows]
        with counted() as messages:
            step(lambda *_: own)
        seconds = in_turns({"two": lambda: step(lambda *_: own)}, rounds)["two"]
        times = {size: message_seconds(size, rounds) for size in SIZES}
        if rank == 0:
            answer.send({"messages": messages, "seconds": seconds, "times": times})
        dist.barrier()
    finally:
        dist.destroy_process_group()


@contextmanager
def counted() -> Iterator[list[int]]:
    """The bytes of every message inside."""
    sizes: list[int] = []
    all_reduce, all_gather = dist.all_reduce, dist.all_gather

    def reduce(tensor: Tensor, *args: Any, **settings: Any) -> Any:
        sizes.append(tensor.nbytes)
        return all_reduce(tensor, *args, **settings)

    def gather(rows: list[Tensor], tensor: Tensor, *args: Any, **settings: Any) -> Any:
        sizes.append(tensor.nbytes * len(rows))
        return all_gather(rows, tensor, *args, **settings)

    with patch.object(dist, "all_reduce", reduce), patch.object(dist, "all_gather", gather):
        yield sizes


def message_seconds(size: int, rounds: int) -> float:
    """The median over the rounds."""
    tensor = torch.zeros(size // 4)
    seconds = in_turns({"message": lambda: dist.all_reduce(tensor)}, max(rounds, 5))["message"]
    return median_and_quartiles(seconds).centre


def assumed(
    found: Scaling, *, latency: float | None, bandwidth: float | None, fixed: float | None, per_image: float | None
) -> Scaling:
    """The same run elsewhere: terms that are given, in seconds and bytes a second, take the place of the measured."""
    link = Link(
        found.link.latency if latency is None else latency, found.link.bandwidth if bandwidth is None else bandwidth
    )
    return replace(
        found,
        link=link,
        fixed=found.fixed if fixed is None else fixed,
        per_image=found.per_image if per_image is None else per_image,
    )


def tables(found: Scaling, elsewhere: Scaling | None = None) -> list[Table]:
    """The terms with what two processes took; then the step on more of them, here and (if given) elsewhere."""
    two = median_and_quartiles(found.two)
    rows: list[list[Any]] = [
        *([f"a step of one process, batch {n}", median_and_quartiles(found.seconds[n])] for n in found.batches),
        ["fixed, seconds", found.fixed],
        ["per image, seconds", found.per_image],
        ["messages in a step", len(found.messages)],
        ["bytes in a step", sum(found.messages)],
        ["latency, seconds", found.link.latency],
        ["bandwidth, bytes a second", float(f"{found.link.bandwidth:.3g}")],
        ["a step of two processes, by the model", found.step(PAIR)],
        ["a step of two processes", two],
        ["measured / model", two.centre / found.step(PAIR)],
    ]
    made = [Table(caption="Terms, on one CPU thread a process", columns=["term", "value"], rows=rows)]
    for caption, model in (("By the terms that were measured here", found), ("By the terms given", elsewhere)):
        if model is not None:
            made.append(prediction(model, caption))
    return made


def prediction(model: Scaling, caption: str) -> Table:
    """Seconds of a step on 1 to 64 processes, as far as the batch can be divided."""
    batch = model.recipe.training.batch_size
    counts = [count for count in COUNTS if batch % count == 0]
    return Table(
        caption=f"{caption}: fixed {model.fixed * 1e3:.3g} ms, {model.per_image * 1e3:.3g} ms an image, latency "
        f"{model.link.latency * 1e6:.3g} microseconds, {model.link.bandwidth / 1e9:.3g} GB/s. Milliseconds of a step "
        f"of a batch of {batch}; efficiency: the speed-up over the number of processes.",
        columns=["processes", "images each", "computation", "messages", "step", "speed-up", "efficiency"],
        rows=[
            [
                count,
                batch // count,
                *(1e3 * value for value in (model.compute(count), model.talk(count), model.step(count))),
                model.step(1) / model.step(count),
                model.step(1) / model.step(count) / count,
            ]
            for count in counts
        ],
    )


def verdict(found: Scaling) -> str:
    """How well the model says what was measured, and where it ends."""
    two, batch = median_and_quartiles(found.two), found.recipe.training.batch_size
    counts = [count for count in COUNTS if batch % count == 0]
    most = max(counts, key=lambda count: found.step(1) / found.step(count))
    return (
        f"Two processes take {shown(two)} s, by the model {shown(found.step(PAIR))} s. With this machine's terms "
        f"{most} processes are the fastest for a batch of {batch}: {shown(found.step(1) / found.step(most))} times as "
        "fast as one."
    )


def claim(found: Scaling, elsewhere: Scaling | None, name: str, command: str) -> Claim:
    """The model as a record for the results page."""
    return Claim(
        id=name,
        title=f"The step on several processes ({found.recipe.name})",
        claim="Ours: a step's time on N processes is fixed + per image * batch / N + what its messages take.",
        command=command,
        date=date.today().isoformat(),
        hardware=[{**found.surroundings["hardware"], "versions": found.surroundings["versions"]}],
        protocol={
            "recipe": found.recipe.name,
            "batch_size": found.recipe.training.batch_size,
            "processes": "gloo on one machine, a thread each",
            "rounds": f"{len(found.two)} after {WARM_UP} that don't count",
        },
        tables=tables(found, elsewhere),
        verdict=verdict(found),
    )
