"""The time of a whole training step, against the same step with rival networks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import torch

from steergan import data
from steergan.benchmark.rivals import Pair, equal_channels, own_pair, stock_pair
from steergan.benchmark.timing import WARM_UP, in_turns, ratio
from steergan.randomness import torch_stream
from steergan.recipe import Recipe
from steergan.results import Claim
from steergan.run.folder import surroundings
from steergan.tables import Interval, Table, median_and_quartiles, shown
from steergan.training import RunState, Step

OWN, CHANNELS, STOCK, PLAIN = "steergan", "plain CNN", "stock escnn", "no spectral norm"
ABOUT = {
    OWN: "the recipe's pair",
    CHANNELS: "the recipe's pair with the trivial group, and as many channels in every feature map",
    STOCK: "the recipe's pair from escnn's R2Conv, InnerBatchNorm and GroupPooling, which have no spectral norm: that "
    "favours it",
    PLAIN: "the recipe's pair without spectral norm, for a look at stock escnn on equal terms",
}
LIMITS = {CHANNELS: 1.10, STOCK: 1.0}
"""Largest ratio of the recipe's pair to a rival that we want."""


@dataclass(frozen=True)
class StepBenchmark:
    """Seconds of a training step, by rival, round by round."""

    recipe: Recipe
    image_shape: tuple[int, int, int]
    seconds: dict[str, list[float]]
    parameters: dict[str, tuple[int, int]]
    """Of generator and discriminator."""
    surroundings: dict[str, Any]

    def ratio(self, rival: str, name: str = OWN) -> Interval:
        """How many times as long as a rival's step: median between the quartiles over the rounds."""
        return ratio(self.seconds, name, rival)


def time_step(
    recipe: Recipe,
    rounds: int = 20,
    *,
    device: str = "cpu",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> StepBenchmark:
    """Time a generator step as training does it (discriminator updates, generator update, average) for all rivals.

    All see the same fixed random images, and take turns.

    Args:
        recipe: networks, loss, batch size and updates. Of the data only the shape matters.
        rounds: timed steps of each.
        device: where to compute.
        progress: called with (steps done, steps in all).

    Raises:
        SteerganError: sizes that the group can't take, or data whose shape can't be found out.
    """
    shape, classes = data.image_kind(recipe.data)
    pairs = {
        OWN: own_pair(recipe, shape, classes),
        CHANNELS: own_pair(equal_channels(recipe), shape, classes),
        STOCK: stock_pair(recipe, shape, classes),
        PLAIN: own_pair(without_spectral_norm(recipe), shape, classes),
    }
    parameters = {name: (count(pair.generator), count(pair.discriminator)) for name, pair in pairs.items()}
    steps = {name: step_of(pair, recipe, device) for name, pair in pairs.items()}
    seconds = in_turns(steps, rounds, device=device, progress=progress)
    return StepBenchmark(recipe, shape, seconds, parameters, surroundings(torch.device(device)))


def without_spectral_norm(recipe: Recipe) -> Recipe:
    """The recipe with spectral norm off in both networks."""
    off = {"spectral_norm": False}
    return recipe.model_copy(
        update={
            "generator": recipe.generator.model_copy(update=off),
            "discriminator": recipe.discriminator.model_copy(update=off),
        }
    )


def count(network: Any) -> int:
    """Trained numbers."""
    return sum(parameter.numel() for _, parameter in network.named_parameters())


def step_of(pair: Pair, recipe: Recipe, device: str) -> Callable[[], object]:
    """A function that does the next generator step of a pair, on images that stay the same."""
    training, draw = recipe.training, torch_stream(recipe.training.seed, "benchmark")
    image = torch.rand(training.batch_size, *pair.generator.image_shape, generator=draw) * 2 - 1
    y = torch.randint(pair.generator.classes, (training.batch_size,), generator=draw)
    batch = image.to(device), y.to(device)
    for network in pair:
        network.to(device)  # type: ignore[union-attr]
    state = RunState.start(pair.generator, pair.discriminator, training, recipe.augmentation)
    step = Step(state, training, recipe.loss, recipe.generator.latent_law)
    return lambda: step(lambda number, update: batch)


def table(found: StepBenchmark) -> Table:
    """Times and ratios, for people."""
    return Table(
        caption="Seconds per generator step, and the recipe's pair's time as a multiple of each rival's in the same "
        "round: median (quartiles) over the rounds.\n" + "".join(f"\n- {name}: {what}" for name, what in ABOUT.items()),
        columns=["pair", "parameters G", "parameters D", "seconds", "steergan / it", "wanted"],
        rows=[
            [
                name,
                *found.parameters[name],
                median_and_quartiles(seconds),
                None if name == OWN else found.ratio(name),
                f"at most {LIMITS[name]:.2f}" if name in LIMITS else None,
            ]
            for name, seconds in found.seconds.items()
        ],
    )


def verdict(found: StepBenchmark) -> str:
    """Whether the limits are kept, in plain sentences."""
    sentences = []
    for rival, limit in LIMITS.items():
        measured = found.ratio(rival)
        kept = "kept" if measured.centre <= limit else "missed"
        sentences.append(f"{shown(measured)} times the step of the {rival} pair: the limit of {limit:.2f} is {kept}.")
    without = shown(found.ratio(STOCK, PLAIN))
    sentences.append(f"Stock escnn has no spectral norm; without one, ours takes {without} times as long as stock's.")
    return " ".join(sentences)


def protocol(found: StepBenchmark) -> dict[str, Any]:
    """What the times hold for."""
    recipe = found.recipe
    return {
        "recipe": recipe.name,
        "groups": f"{recipe.generator.group} in G, {', '.join(recipe.discriminator.groups)} in D",
        "widths": f"G {list(recipe.generator.widths)}, D {list(recipe.discriminator.widths)}, of a plain CNN",
        "images": "{} x {} x {}, random".format(*found.image_shape),
        "batch_size": recipe.training.batch_size,
        "updates": f"{recipe.training.discriminator_updates} of D and 1 of G per step, then the average",
        "loss": f"{recipe.loss.name}, R1 weight {recipe.loss.r1_weight:g}",
        "rounds": f"{len(found.seconds[OWN])} in turns, after {WARM_UP} that don't count",
    }


def as_json(found: StepBenchmark) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        "benchmark": "step",
        "protocol": protocol(found),
        "recipe": found.recipe.model_dump(mode="json"),
        "rivals": {
            name: {"about": ABOUT[name], "parameters": found.parameters[name], "seconds": seconds}
            for name, seconds in found.seconds.items()
        },
        "ratios": {name: found.ratio(name).model_dump() for name in found.seconds if name != OWN},
        "limits": LIMITS,
        **found.surroundings,
    }


def claim(found: StepBenchmark, name: str, command: str) -> Claim:
    """The times as a record for the results page."""
    return Claim(
        id=name,
        title=f"A training step against its rivals ({found.recipe.name})",
        claim="Ours: symmetry costs little. A step takes at most 1.10 times that of a plain CNN with as many channels, "
        "and less than that of the same networks from stock escnn modules.",
        command=command,
        date=date.today().isoformat(),
        hardware=[{**found.surroundings["hardware"], "versions": found.surroundings["versions"]}],
        protocol=protocol(found),
        tables=[table(found)],
        verdict=verdict(found),
    )
