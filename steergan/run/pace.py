"""How long a step of a recipe takes on this machine, and how much memory: by doing one, on noise."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from steergan.networks import Discriminator, Generator
from steergan.randomness import torch_stream
from steergan.recipe import AnyRecipe
from steergan.timing import seconds_of
from steergan.training import Batch, Engine, LatentLaw, RunState, Step
from steergan.translation import PairJudge, Translator

PATIENCE = 20.0
"""Seconds of a first step after which no second one is waited for."""
DAY = 24 * 60 * 60.0


class Pace(NamedTuple):
    """What a step costs."""

    seconds: float
    memory: int | None
    """Bytes, at most, of the process (CPU) or of the accelerator; None where nobody tells."""
    warm: bool
    """Whether it was a second step: the first one makes filters and loads kernels."""

    def line(self, steps: int) -> str:
        """In words, with all steps of a recipe."""
        total = self.seconds * steps
        used = "" if self.memory is None else f", {self.memory / 1e9:.1f} GB of memory"
        first = "" if self.warm else " (the first, which is slower than others)"
        words = f"pace: {self.seconds:.3g} s a step{first}, {in_words(total)} for {steps:,} steps{used}"
        slow = "; this will take days: fewer steps, narrower widths, smaller images or an accelerator would help"
        return f"{words}, evaluations aside" + slow * (total > DAY)


Noise = Callable[[int, torch.Generator], Batch]
"""(count, stream) -> a batch, as training draws it."""


def pace_of(
    recipe: AnyRecipe,
    generator: Generator | Translator,
    discriminator: Discriminator | PairJudge,
    device: torch.device,
    noise: Noise | None = None,
    latent_law: LatentLaw = "normal",
) -> Pace:
    """Time a step after a first one; the networks are changed.

    Args:
        recipe: says batch, updates and how they are computed.
        generator: of the recipe.
        discriminator: likewise.
        device: where.
        noise: what the networks see; None: images and labels of the generator's shape.
        latent_law: of the recipe.
    """
    state = RunState.start(generator.to(device), discriminator.to(device), recipe.training, recipe.augmentation)
    engine = Engine(recipe.performance)
    step = Step(state, recipe.training, recipe.loss, latent_law, engine)

    def labelled(count: int, stream: torch.Generator) -> Batch:
        images = torch.randint(0, 256, (count, *generator.image_shape), dtype=torch.uint8, generator=stream)
        return images, torch.randint(0, generator.classes, (count,), generator=stream)

    def batch(number: int, update: int) -> Batch:
        stream = torch_stream(recipe.training.seed, f"pace {update}", number)
        return (noise or labelled)(recipe.training.batch_size, stream)

    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), engine.products():
        seconds = seconds_of(lambda: step(batch), device)
        warm = seconds < PATIENCE
        if warm:
            seconds = seconds_of(lambda: step(batch), device)
    return Pace(seconds, memory_used(device), warm)


def memory_used(device: torch.device) -> int | None:
    """Most bytes so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if device.type != "cpu" or sys.platform == "win32":
        return None
    return resident()


def resident() -> int:
    """The most memory that this process has had, in bytes.

    Linux hands ru_maxrss down to the processes that a process starts; the status file tells of this one alone.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import resource  # which Windows lacks

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS


def in_words(seconds: float) -> str:
    """A time as people say it."""
    for unit, length in (("day", DAY), ("hour", 3600.0), ("minute", 60.0)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}s"
    return f"{seconds:.0f} seconds"
