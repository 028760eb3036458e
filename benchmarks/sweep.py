"""How the cost of a training step grows with the batch and with the widths."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from matplotlib.figure import Figure

from steergan import data
from steergan.benchmark.report import Report
from steergan.benchmark.rivals import ABOUT, CHANNELS, DENSE, OWN, PARAMETERS, STOCK, changed, check_rivals, rival_pair
from steergan.benchmark.training import step_of
from steergan.progress import Progress, portion, unheard
from steergan.recipe import Recipe
from steergan.run.about import surroundings
from steergan.tables import Interval, Table, median_and_quartiles, shown
from steergan.timing import WARM_UP, counted, in_turns, ratio

RIVALS = (OWN, DENSE, CHANNELS, PARAMETERS, STOCK)
BATCHES = (4, 8, 16, 32, 64)
WIDTHS = (0.5, 1.0, 2.0, 4.0, 8.0)
BATCH, WIDTH = "batch size", "widths, times the recipe's"


@dataclass(frozen=True)
class Point:
    """Seconds of a step at one batch size or width, by rival, round by round."""

    axis: str
    value: float
    seconds: dict[str, list[float]]

    def ratio(self, rival: str) -> Interval:
        """Our time over a rival's in the same round."""
        return ratio(self.seconds, OWN, rival)


@dataclass(frozen=True)
class Sweep:
    """What was measured of a recipe."""

    recipe: Recipe
    points: list[Point]
    surroundings: dict[str, Any]

    def along(self, axis: str) -> list[Point]:
        """The points along one axis."""
        return [point for point in self.points if point.axis == axis]


def scaled(recipe: Recipe, factor: float) -> Recipe:
    """The recipe with other widths; an even number of channels at least, of which every group can make fields."""

    def wide(width: int) -> int:
        return max(2, 2 * round(width * factor / 2))

    return changed(
        recipe,
        generator={
            "widths": [wide(width) for width in recipe.generator.widths],
            "seed_width": wide(recipe.generator.seed_width),
        },
        discriminator={"widths": [wide(width) for width in recipe.discriminator.widths]},
    )


def measure(
    recipe: Recipe,
    rounds: int = 5,
    batches: Sequence[int] = BATCHES,
    widths: Sequence[float] = WIDTHS,
    *,
    device: str = "cpu",
    progress: Progress = unheard,
) -> Sweep:
    """Time a step of all rivals in turns at the recipe's widths and several batch sizes, and the other way round.

    Args:
        recipe: where both sweeps cross.
        rounds: timed steps of each rival at each point.
        batches: batch sizes.
        widths: factors on all widths.
        device: where to compute.
        progress: called with (steps done, steps in all).

    Raises:
        RecipeError: networks without such rivals.
        SteerganError: sizes that the group can't take.
    """
    check_rivals(recipe)
    shape, classes = data.image_kind(recipe.data)
    cases = [(BATCH, float(size), changed(recipe, training={"batch_size": size})) for size in batches]
    cases += [(WIDTH, factor, scaled(recipe, factor)) for factor in widths]
    calls = (rounds + WARM_UP) * len(RIVALS)
    points: list[Point] = []
    for axis, value, settings in cases:
        steps = {name: step_of(rival_pair(name, settings, shape, classes), settings, device) for name in RIVALS}
        told = portion(progress, calls * len(points), calls * len(cases))
        points.append(Point(axis, value, in_turns(steps, rounds, device=device, progress=told)))
    return Sweep(recipe, points, surroundings(torch.device(device)))


def tables(found: Sweep) -> list[Table]:
    """Our seconds, and as multiples of every rival's, a table for each sweep."""
    others = [name for name in RIVALS if name != OWN]
    about = "".join(f"\n- {name}: {ABOUT[name]}" for name in RIVALS)
    return [
        Table(
            caption="Seconds per generator step of the recipe's pair, and as a multiple of each rival's in the same "
            "round: median (quartiles) over the rounds." + about,
            columns=[axis, "seconds", *others],
            rows=[
                [f"{p.value:g}", median_and_quartiles(p.seconds[OWN]), *(p.ratio(name) for name in others)]
                for p in found.along(axis)
            ],
        )
        for axis in (BATCH, WIDTH)
        if found.along(axis)
    ]


def figure(found: Sweep) -> Figure:
    """Seconds of a step against the batch size and against the widths, a line for each rival, both axes logarithmic."""
    axes_names = [axis for axis in (BATCH, WIDTH) if found.along(axis)]
    drawn = Figure(figsize=(6 * len(axes_names), 4.6), layout="constrained")
    for axis, axes in zip(axes_names, drawn.subplots(1, len(axes_names), squeeze=False)[0], strict=True):
        points = found.along(axis)
        for name in RIVALS:
            spread = [median_and_quartiles(point.seconds[name]) for point in points]
            values = [point.value for point in points]
            (line,) = axes.plot(values, [s.centre for s in spread], marker=".", label=name)
            axes.fill_between(
                values, [s.lower for s in spread], [s.upper for s in spread], color=line.get_color(), alpha=0.2
            )
        axes.set(xscale="log", yscale="log", xlabel=axis, ylabel="seconds per generator step")
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    drawn.suptitle(f"{found.recipe.name}, {found.recipe.generator.group}, at batch {found.recipe.training.batch_size}")
    return drawn


def verdict(found: Sweep) -> str:
    """How a step grows, and how the ratios move, in plain sentences."""
    sentences = []
    for axis in (BATCH, WIDTH):
        points = found.along(axis)
        if len(points) < 2:
            continue
        first, last = points[0], points[-1]
        growth = median_and_quartiles(last.seconds[OWN]).centre / median_and_quartiles(first.seconds[OWN]).centre
        against = "; ".join(
            f"{name} {shown(first.ratio(name).centre)} and {shown(last.ratio(name).centre)}"
            for name in RIVALS
            if name != OWN
        )
        sentences.append(
            f"From {axis} {first.value:g} to {last.value:g} a step takes {shown(growth)} times as long; as a multiple "
            f"of each rival's step at both ends: {against}."
        )
    return " ".join(sentences)


def report(found: Sweep) -> Report:
    """The times, ready to be told."""
    recipe = found.recipe
    return Report(
        benchmark="sweep",
        title=f"How a training step grows with batch and width ({recipe.name})",
        claim="Ours: what symmetry costs does not grow with the batch or the widths.",
        protocol={
            "recipe": recipe.name,
            "groups": f"{recipe.generator.group} in G, {', '.join(dict.fromkeys(recipe.discriminator.groups))} in D",
            "batch size": f"{recipe.training.batch_size} where the widths change; below, the widths where it changes",
            "widths": f"G {list(recipe.generator.widths)}, D {list(recipe.discriminator.widths)}",
            "rounds": counted(len(found.points[0].seconds[OWN])),
        },
        tables=tables(found),
        verdict=verdict(found),
        figures={
            "recipe": recipe.model_dump(mode="json"),
            "points": [vars(point) for point in found.points],
        },
        surroundings=found.surroundings,
    )
