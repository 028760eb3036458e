"""A whole training step and its parts, against the same with rival networks."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from steergan import data
from steergan.benchmark.convolutions import kernels_at_hand
from steergan.benchmark.fresh import Fresh, fresh
from steergan.benchmark.operators import OperatorTimes, profiled
from steergan.benchmark.rivals import CHANNELS, DENSE, OWN, PARAMETERS, PLAIN, STOCK, Pair, rival_pair
from steergan.benchmark.training import (
    CHECKPOINT,
    DISCRIMINATOR,
    GENERATOR,
    SAMPLING,
    STEP,
    Actions,
    actions_of,
    random_batch,
)
from steergan.benchmark.usual_loop import UsualLoop
from steergan.errors import RecipeError
from steergan.networks.hidden_fields import HiddenFields
from steergan.progress import Progress, portion, unheard
from steergan.recipe import Recipe, TranslationRecipe
from steergan.run.about import surroundings
from steergan.symmetry import gspace
from steergan.tables import Interval, median_and_quartiles
from steergan.timing import WARM_UP, in_turns, ratio

USUAL = "stock escnn, usual loop"
RIVALS = (OWN, DENSE, PLAIN, CHANNELS, PARAMETERS, STOCK)
TIMED = (STEP, DISCRIMINATOR, GENERATOR, SAMPLING, CHECKPOINT)
PROCESS = "process"
PROFILE = "profile"
PROFILED = (DENSE, CHANNELS, STOCK)
PARTS = (*TIMED, PROCESS, PROFILE)
"""What is measured; `process` is construction and peak memory, in a fresh one; `profile` a step's operators."""
SMALL = 128
"""Networks of at most so many channels in every feature map are small."""


@dataclass(frozen=True)
class Target:
    """The largest ratio of one rival's step to another's that we want."""

    name: str
    rival: str
    most: float


@dataclass(frozen=True)
class StepBenchmark:
    """What was measured of a recipe."""

    recipe: Recipe | TranslationRecipe
    image_shape: tuple[int, int, int]
    parameters: dict[str, tuple[int, int]]
    """Of generator and discriminator."""
    surroundings: dict[str, Any]
    parts: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """Seconds by part of training and rival, round by round."""
    processes: dict[str, list[Fresh]] = field(default_factory=dict)
    """What fresh processes took, by rival."""
    operators: OperatorTimes = field(default_factory=dict)
    """What a step consists of, by rival."""
    missing: dict[str, str] = field(default_factory=dict)
    """Rivals that there are not for the recipe, and why."""

    def ratio(self, part: str, name: str, rival: str) -> Interval:
        """How many times as long as a rival's: median between the quartiles over the rounds."""
        return ratio(self.parts[part], name, rival)

    def memory_ratio(self, name: str, rival: str) -> float:
        """Peak memory over a rival's."""
        mine, theirs = (median_and_quartiles([p.peak_memory for p in self.processes[n]]) for n in (name, rival))
        return mine.centre / theirs.centre

    @property
    def small(self) -> bool:
        """Whether the networks are."""
        networks = (self.recipe.generator, self.recipe.discriminator)
        return all(most_channels(network, network.group, network.widths) <= SMALL for network in networks)

    def targets(self) -> list[Target]:
        """Of the step, for this recipe on this device, and the rivals that were timed."""
        timed = self.parts.get(STEP, dict.fromkeys(RIVALS))
        return [target for target in self.all_targets() if {target.name, target.rival} <= set(timed)]

    def all_targets(self) -> list[Target]:
        """Of the step, for this recipe on this device."""
        if self.surroundings["hardware"]["device"].startswith("cuda"):
            return [Target(OWN, CHANNELS, 1.10), Target(OWN, STOCK, 0.7)]
        of_stock = 0.4 if self.small else 0.95
        found = [Target(DENSE, CHANNELS, 1.05), Target(DENSE, STOCK, of_stock)]
        group = self.recipe.generator.group
        if isinstance(self.recipe, TranslationRecipe):
            return [*found, Target(OWN, PARAMETERS, 2.5)]
        if not self.small and self.recipe.discriminator.group == group and kernels_at_hand() != "none":
            found += [Target(OWN, *target) for target in FOURIER_TARGETS.get(group, ())]
        return found


def most_channels(network: HiddenFields, group: str | Sequence[str], widths: Sequence[int]) -> int:
    """Of any feature map."""
    space = gspace(group if isinstance(group, str) else group[0])
    return max(network.of_width(space, width).size for width in widths)


FOURIER_TARGETS = {"C4": ((DENSE, 1 / 1.8),), "D4": ((DENSE, 1 / 2.8), (PARAMETERS, 2.5))}
"""Of steps whose networks both have the group: what convolutions in its Fourier basis are to save."""
MOST_MEMORY = 1.1
"""Largest wanted peak memory, over that of as many channels without a group."""
MOST_CONSTRUCTION = 2.0
"""Longest wanted construction of both networks, in seconds."""
PROCESS_ROUNDS = 3
"""Fresh processes of each rival, at most: each imports torch anew."""


def time_step(
    recipe: Recipe | TranslationRecipe,
    rounds: int = 20,
    parts: Sequence[str] = PARTS,
    *,
    rivals: Sequence[str] = (),
    device: str = "cpu",
    progress: Progress = unheard,
) -> StepBenchmark:
    """Time a generator step as training does it (discriminator updates, generator update, average), and its parts.

    All rivals see the same fixed random images, and take turns.

    Args:
        recipe: networks, loss, batch size, updates and performance. Of the data only the shape matters.
        rounds: timed calls of each.
        parts: of `PARTS`.
        rivals: of `RIVALS`, beside the recipe's own pair; none: all that there are for the recipe.
        device: where to compute.
        progress: called with (calls done, calls in all).

    Raises:
        RecipeError: networks without a rival that was named.
        SteerganError: sizes that the group can't take, or data whose shape can't be found out.
    """
    kind = data.pair_kind(recipe.data)
    pairs, missing = {}, {}
    for name in [name for name in rivals_of(recipe) if not rivals or name in (OWN, *rivals)]:
        try:
            pairs[name] = rival_pair(name, recipe, *kind)
        except RecipeError as error:
            if name in (OWN, *rivals):
                raise
            missing[name] = str(error).partition(";")[0]
    names = list(pairs)
    parameters = {name: (count(pair.generator), count(pair.discriminator)) for name, pair in pairs.items()}
    found = StepBenchmark(recipe, kind[0], parameters, surroundings(torch.device(device)), missing=missing)
    fresh_names = [name for name in names if name != PLAIN]
    processes = min(rounds, PROCESS_ROUNDS) * len(fresh_names) if PROCESS in parts else 0
    timed = [part for part in TIMED if part in parts]
    looped = LOOPED if isinstance(recipe, Recipe) and STOCK in names else ()
    calls = sum((rounds + WARM_UP) * (len(names) + (part in looped)) for part in timed)
    calls += (rounds + WARM_UP) * len(PROFILED) * (PROFILE in parts)
    with tempfile.TemporaryDirectory() as folder:
        actions_by_rival = contestants(pairs, recipe, device, Path(folder))
        if isinstance(recipe, Recipe) and STOCK in names:
            actions_by_rival[USUAL] = usual_loop(recipe, kind, device)
        done = 0
        for part in timed:
            actions = {name: actions[part] for name, actions in actions_by_rival.items() if part in actions}
            told = portion(progress, done, calls + processes)
            found.parts[part] = in_turns(actions, rounds, device=device, progress=told)
            done += (rounds + WARM_UP) * len(actions)
        if PROFILE in parts:
            actions = {name: actions_by_rival[name][STEP] for name in PROFILED if name in actions_by_rival}
            found.operators.update(profiled(actions, rounds, portion(progress, done, calls + processes)))
        actions_by_rival.clear()
        pairs.clear()
    for number in range(processes):
        name = fresh_names[number % len(fresh_names)]
        found.processes.setdefault(name, []).append(fresh(recipe, device, name))
        progress(calls + number + 1, calls + processes)
    return found


def rivals_of(recipe: Recipe | TranslationRecipe) -> list[str]:
    """Which rivals a recipe has: one without spectral norms only where there are any."""
    normed = any(network.spectral_norm != "off" for network in (recipe.generator, recipe.discriminator))
    return [name for name in RIVALS if name != PLAIN or normed]


LOOPED = (STEP, DISCRIMINATOR, GENERATOR)
"""Parts in which the usual loop differs."""


def contestants(
    pairs: dict[str, Pair], recipe: Recipe | TranslationRecipe, device: str, folder: Path
) -> dict[str, Actions]:
    """What every rival does, by part."""
    rivals = {}
    for number, (name, pair) in enumerate(pairs.items()):
        own = folder / str(number)
        own.mkdir()
        rivals[name] = actions_of(pair, recipe, device, own)
    return rivals


def usual_loop(recipe: Recipe, kind: tuple[tuple[int, int, int], int, int], device: str) -> Actions:
    """What the usual loop does with stock networks; of recipes that draw images."""
    stock = rival_pair(STOCK, recipe, *kind)
    for network in stock:
        network.to(device)  # type: ignore[union-attr]
    return UsualLoop(stock, recipe, random_batch(stock, recipe, device)).actions()


def count(network: Any) -> int:
    """Trained numbers."""
    return sum(parameter.numel() for _, parameter in network.named_parameters())
