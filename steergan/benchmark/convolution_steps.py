"""Whole training steps: convolutions by the kernels against the dense path, and against a CNN of as many parameters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from steergan import data
from steergan.benchmark.anhir import residual_pair
from steergan.benchmark.convolution_rivals import instructions
from steergan.benchmark.rivals import Pair, own_pair
from steergan.benchmark.step import count
from steergan.benchmark.timing import WARM_UP, Progress, in_turns, onward, ratio
from steergan.benchmark.training import step_of
from steergan.layers import choose_convolution
from steergan.recipe import Recipe
from steergan.tables import Interval, Table, median_and_quartiles
from steergan.training.protocols import as_module

AUTO, DENSE, CNN = "auto", "dense", "CNN"
SPEED_UPS = {"C4": 1.8, "D4": 2.8}
"""Wanted of auto over dense, by group."""
MOST_OVER_CNN = {"D4": 2.5}
"""Largest wanted time of a step with auto, as a multiple of the CNN's."""
STEP_BATCH = 16
"""Of the recipe's steps: a quarter of its own batch, so that a round takes seconds."""
RESIDUAL_BATCH = 4


@dataclass(frozen=True)
class StepCase:
    """Networks whose step is timed.

    Attributes:
        name: for people.
        group: of both networks.
        recipe: loss, batch size and updates.
        pair: makes the networks, for a group, with the same number of fields' parameters.
    """

    name: str
    group: str
    recipe: Recipe
    pair: Callable[[str], Pair]


@dataclass(frozen=True)
class StepTimes:
    """Seconds of a generator step, by rival, round by round."""

    name: str
    group: str
    about: dict[str, Any]
    seconds: dict[str, list[float]]
    parameters: dict[str, tuple[int, int]]
    """Of generator and discriminator."""

    @property
    def speed_up(self) -> Interval:
        """Time of the dense path over that of auto."""
        return ratio(self.seconds, DENSE, AUTO)

    @property
    def over_cnn(self) -> Interval:
        """Time with auto over the CNN's."""
        return ratio(self.seconds, AUTO, CNN)

    def missed(self) -> list[str]:
        """The targets that this step misses."""
        found = []
        if self.speed_up.centre < SPEED_UPS.get(self.group, 1.0):
            found.append("dense / auto")
        if self.over_cnn.centre > MOST_OVER_CNN.get(self.group, float("inf")):
            found.append("auto / CNN")
        return found


def recipe_case(recipe: Recipe, group: str) -> StepCase:
    """A recipe's networks with another group; a CNN with the same widths has about as many parameters."""
    shape, classes = data.image_kind(recipe.data)

    def pair(name: str) -> Pair:
        return own_pair(with_group(recipe, name), shape, classes)

    return StepCase(f"{recipe.name}, {group}", group, recipe, pair)


def with_group(recipe: Recipe, group: str) -> Recipe:
    """The recipe with a group in both networks."""
    return recipe.model_copy(
        update={
            "generator": recipe.generator.model_copy(update={"group": group}),
            "discriminator": recipe.discriminator.model_copy(update={"group": group}),
        }
    )


def residual_case(group: str = "D4") -> StepCase:
    """The paper's residual networks for ANHIR, at 64 pixels, with its loss and updates."""
    recipe = Recipe.model_validate(
        {
            "name": "anhir-64",
            "data": {"name": "folder"},  # its images are random
            "loss": {"name": "relativistic-average", "r1_weight": 0.1},
            "training": {"batch_size": RESIDUAL_BATCH, "discriminator_updates": 2},
        }
    )
    return StepCase(f"ANHIR at 64 pixels, {group}", group, recipe, residual_pair)


def step_cases(recipe: Recipe) -> list[StepCase]:
    """The recipe with C4 and with D4, and the residual networks with D4."""
    return [recipe_case(recipe, "C4"), recipe_case(recipe, "D4"), residual_case()]


def time_steps(
    rounds: int, cases: Sequence[StepCase], progress: Progress = lambda done, total: None
) -> list[StepTimes]:
    """Time a generator step as training does it (discriminator updates, generator update, average), in turns.

    Args:
        rounds: timed steps of each rival.
        cases: what is timed, one after the other.
        progress: called with (steps done, steps in all).

    Raises:
        SteerganError: this process has no kernels.
    """
    instructions()
    calls = (rounds + WARM_UP) * len((AUTO, DENSE, CNN))
    found: list[StepTimes] = []
    for case in cases:
        pairs = {AUTO: case.pair(case.group), DENSE: case.pair(case.group), CNN: case.pair("trivial")}
        for choice in (AUTO, DENSE):
            for network in pairs[choice]:
                choose_convolution(as_module(network), choice)
        steps = {name: step_of(pair, case.recipe, "cpu") for name, pair in pairs.items()}
        told = onward(progress, calls * len(found), calls * len(cases))
        seconds = in_turns(steps, rounds, progress=told)
        parameters = {name: (count(pair.generator), count(pair.discriminator)) for name, pair in pairs.items()}
        shape = pairs[AUTO].generator.image_shape
        found.append(StepTimes(case.name, case.group, case_protocol(case.recipe, shape), seconds, parameters))
    return found


def case_protocol(recipe: Recipe, shape: tuple[int, int, int]) -> dict[str, Any]:
    """What a step's times hold for."""
    return {
        "batch": recipe.training.batch_size,
        "images": "{} x {} x {}, random".format(*shape),
        "updates": f"{recipe.training.discriminator_updates} of D and 1 of G",
        "loss": f"{recipe.loss.name}, R1 weight {recipe.loss.r1_weight:g}",
    }


def step_table(found: Sequence[StepTimes]) -> Table:
    """Times and ratios, for people."""
    rows = []
    for times in found:
        missed = ", ".join(times.missed())
        wanted = SPEED_UPS.get(times.group)
        limit = MOST_OVER_CNN.get(times.group)
        rows.append(
            [
                f"{times.name}, batch {times.about['batch']}",
                *(median_and_quartiles(times.seconds[name]) for name in (AUTO, DENSE, CNN)),
                times.speed_up,
                None if wanted is None else f"at least {wanted}",
                times.over_cnn,
                None if limit is None else f"at most {limit}",
                f"missed: {missed}" if missed else "met",
            ]
        )
    return Table(
        caption="Seconds of a generator step of the same networks with convolutions by the setting auto and by the "
        "dense path, and of the CNN (the trivial group) with the same widths, which has about as many parameters; and "
        "the ratios of the times in the same round: median (quartiles) over the rounds.",
        columns=["networks", AUTO, DENSE, CNN, "dense / auto", "wanted", "auto / CNN", "limit", "targets"],
        rows=rows,
    )


def steps_json(found: Sequence[StepTimes]) -> list[dict[str, Any]]:
    """Everything, for programs."""
    return [
        {
            "networks": times.name,
            "protocol": times.about,
            "parameters": times.parameters,
            "seconds": times.seconds,
            "speed_up": times.speed_up.model_dump(),
            "over_cnn": times.over_cnn.model_dump(),
            "missed": times.missed(),
        }
        for times in found
    ]
