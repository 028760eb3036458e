"""What every key of `[performance]` does to a training step: its time, its memory, its numbers."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from steergan import data
from steergan.benchmark.fresh import fresh
from steergan.benchmark.report import Report
from steergan.benchmark.rivals import changed, own_pair
from steergan.benchmark.training import all_alike, training_of
from steergan.progress import Progress, portion, unheard
from steergan.randomness import numpy_stream
from steergan.recipe import Recipe
from steergan.run.about import surroundings
from steergan.tables import Table, median_and_quartiles, shown
from steergan.timing import WARM_UP, in_turns, ratio
from steergan.training import PLAIN, Batch, Batches, Step

REFERENCE = "all off"
SWITCHES: dict[str, dict[str, dict[str, Any]]] = {
    REFERENCE: {},
    "convolution = auto": {"performance": {"convolution": "auto"}},
    "memory_format = channels-last": {"performance": {"memory_format": "channels-last"}},
    "joint_scores = true": {"performance": {"joint_scores": True}},
    "prefetch = 2": {"performance": {"prefetch": 2}},
    "precision = tf32": {"performance": {"precision": "tf32"}},
    "precision = bfloat16": {"performance": {"precision": "bfloat16"}},
    "recompute = true": {"performance": {"recompute": True}},
    "training.accumulate = 2": {"training": {"accumulate": 2}},
    "compile = on": {"performance": {"compile": "on"}},
    "compile = cuda-graphs": {"performance": {"compile": "cuda-graphs"}},
}
"""Keys that differ from the reference path, by section."""
ON_ACCELERATORS = ("precision = tf32", "compile = cuda-graphs")
IMAGES = 512
"""Random ones, from which batches are drawn."""


@dataclass(frozen=True)
class Switch:
    """What one setting does.

    Attributes:
        name: of `SWITCHES`.
        seconds: of a step, round by round.
        peak_memory: bytes, see `fresh`.
        metrics: of the first update, which is the discriminator's: its loss, its mean scores, its penalties.
    """

    name: str
    seconds: list[float]
    peak_memory: int
    metrics: dict[str, float]


def there(device: str) -> list[str]:
    """The switches that do anything on a device."""
    accelerated = torch.device(device).type == "cuda"
    return [name for name in SWITCHES if accelerated or name not in ON_ACCELERATORS]


def measure(
    recipe: Recipe,
    names: Sequence[str] = (),
    rounds: int = 10,
    *,
    device: str = "cpu",
    progress: Progress = unheard,
) -> list[Switch]:
    """Time steps under every setting in turns, with batches drawn and prefetched as in training.

    Args:
        recipe: networks, loss and batch size; its performance settings don't count.
        names: of `SWITCHES`; the reference is always there.
        rounds: timed steps of each.
        device: where to compute.
        progress: called with (steps done, steps in all).

    Raises:
        SteerganError: sizes that the group can't take.
    """
    chosen = [name for name in there(device) if not names or name in names or name == REFERENCE]
    settings = {name: switched(recipe, name) for name in chosen}
    with ExitStack() as stack:
        runs = {name: stack.enter_context(running(one, device)) for name, one in settings.items()}
        metrics = {name: run.first_update() for name, run in runs.items()}
        steps = {name: all_alike(recipe, run) for name, run in runs.items()}
        calls = len(chosen) * (rounds + WARM_UP)
        seconds = in_turns(steps, rounds, device=device, progress=portion(progress, 0, calls + len(chosen)))
    found = []
    for number, (name, one) in enumerate(settings.items()):
        found.append(Switch(name, seconds[name], fresh(one, device).peak_memory, metrics[name]))
        progress(calls + number + 1, calls + len(chosen))
    return found


def switched(recipe: Recipe, name: str) -> Recipe:
    """The recipe on the reference path, but for what a switch changes."""
    plain = PLAIN.model_copy(update={"convolution": "dense"})
    reference = recipe.model_copy(update={"performance": plain})
    return changed(reference, **SWITCHES[name])


@dataclass(frozen=True)
class SwitchedRun:
    """A run of a recipe; called, it does the next step."""

    step: Step
    batches: Batches

    def __call__(self) -> object:
        """A step, with the products that the engine asks for."""
        with self.step.updates.engine.products():
            return self.step(self.batches)

    def first_update(self) -> dict[str, float]:
        """An update of the discriminator; its metrics."""
        with self.step.updates.engine.products():
            parts = self.step.inputs(self.batches, 1, 0)
            metrics = self.step.updates.update_discriminator(self.step.state.discriminator_optimizer, parts)
        return {name: float(value) for name, value in metrics.items()}


@contextmanager
def running(recipe: Recipe, device: str) -> Iterator[SwitchedRun]:
    """A run of a recipe on random images that are drawn as training draws them."""
    kind = data.image_kind(recipe.data)
    pair = own_pair(recipe, *kind)
    _, step, _ = training_of(pair, recipe, device)
    with data.Prefetch(
        batches_of(recipe, *kind),
        recipe.training.discriminator_updates + 1,
        recipe.performance.prefetch,
        torch.device(device).type == "cuda",
    ) as batches:
        yield SwitchedRun(step, batches)


def batches_of(recipe: Recipe, shape: tuple[int, int, int], classes: int) -> Batches:
    """Batches of a fixed set of random images, as training draws them."""
    draw, training = numpy_stream(recipe.training.seed, "benchmark"), recipe.training
    images = draw.integers(256, size=(IMAGES, *shape), dtype=np.uint8)
    labels = np.arange(IMAGES, dtype=np.int64) % classes
    names = tuple(map(str, range(classes)))
    image_set = data.ImageSet(images, labels, names, data.checksum(images, labels))

    def batch(step: int, update: int) -> Batch:
        return data.batch(image_set, training.batch_size, training.seed, step, update)

    return batch


def difference(found: Switch, reference: Switch) -> float:
    """The largest relative difference of a metric of the first update."""
    return max(abs(found.metrics[name] - was) / max(abs(was), 1e-12) for name, was in reference.metrics.items())


def table(found: Sequence[Switch]) -> Table:
    """Times, memory and differences, for people."""
    seconds = {switch.name: switch.seconds for switch in found}
    return Table(
        caption="Seconds per generator step on the reference path with one key switched on, and as a multiple of the "
        "reference's in the same round: median (quartiles) over the rounds. Memory: MB by which a fresh process grew "
        "at most in two steps. Difference: the largest of a metric of the first update (loss, mean scores, R1), "
        "relative. Batch norms take each part of an accumulated batch by itself.",
        columns=["setting", "seconds", "it / all off", "peak memory", "difference"],
        rows=[
            [
                switch.name,
                median_and_quartiles(switch.seconds),
                None if switch.name == REFERENCE else ratio(seconds, switch.name, REFERENCE),
                switch.peak_memory / 1e6,
                None if switch.name == REFERENCE else f"{difference(switch, found[0]):.1e}",
            ]
            for switch in found
        ],
    )


def verdict(found: Sequence[Switch]) -> str:
    """The ratios, in plain sentences."""
    seconds = {switch.name: switch.seconds for switch in found}
    words = ", ".join(
        f"{switch.name} {shown(ratio(seconds, switch.name, REFERENCE))}" for switch in found if switch.name != REFERENCE
    )
    return f"A step as a multiple of the reference path's: {words}."


def report(found: Sequence[Switch], recipe: Recipe, device: str) -> Report:
    """The outcome, ready to be told."""
    return Report(
        benchmark="performance",
        title=f"What the keys of [performance] do ({recipe.name})",
        claim="Ours: every key changes speed, memory and the last bits, and nothing else.",
        protocol={
            "recipe": recipe.name,
            "batch_size": recipe.training.batch_size,
            "loss": f"{recipe.loss.name}, R1 weight {recipe.loss.r1_weight:g}",
            "images": f"{IMAGES} random ones in memory, drawn as in training",
            "rounds": f"{len(found[0].seconds)} in turns, after {WARM_UP + 1} that don't count",
        },
        tables=[table(found)],
        verdict=verdict(found),
        figures={"switches": [vars(switch) for switch in found]},
        surroundings=surroundings(torch.device(device)),
    )
