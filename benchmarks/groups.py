"""What each group costs, and how well its networks turn between the angles of the grid."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from steergan import data
from steergan.benchmark.report import Report
from steergan.benchmark.rivals import Pair, own_pair
from steergan.benchmark.step import count
from steergan.benchmark.training import step_of
from steergan.errors import RecipeError
from steergan.progress import Progress, unheard
from steergan.recipe import Recipe, read_recipe
from steergan.run.about import surroundings
from steergan.run.load import load_run
from steergan.run.subjects import network_subjects
from steergan.tables import Interval, Table
from steergan.timing import counted, in_turns, ratio
from steergan.verification.measured.off_grid import TABLE, OffGrid, measure_off_grid

SEEDS = range(8)
"""Of the inputs; two from each."""
REFERENCE = "C4"
SMALLEST = 1e-7


@dataclass(frozen=True)
class GroupCost:
    """The pair of a recipe, or those of runs that differ in their seeds."""

    group: str
    """And its filters, where the recipe chooses them."""
    trained: bool
    parameters: tuple[int, int]
    """Of generator and discriminator."""
    networks: Mapping[str, list[OffGrid]]
    """By name, `discriminator`, `synthesis` or `generator`: of every run."""
    seconds: list[float]
    """A training step of the first, round by round."""

    def at(self, name: str, degrees: float) -> list[tuple[float, float, float]]:
        """Of every network of that name: median, 95 % quantile and floor of the error at an angle that was measured."""
        return [at for off in self.networks[name] if (at := off.at(degrees)) is not None]


def measure(
    targets: Sequence[Path], rounds: int, *, device: str = "cpu", progress: Progress = unheard
) -> list[GroupCost]:
    """Errors by angle and, in turns, training steps.

    Args:
        targets: recipes, whose networks have their first weights, and run folders; those of one group differ in
            their seeds.
        rounds: timed steps of each.
        device: where steps are timed.
        progress: of the timed steps.

    Raises:
        SteerganError: a target that is neither; data that can't be found; two of one group that differ in more
            than their seeds, or none of C4.
    """
    recipes: dict[str, list[Recipe]] = {}
    pairs: dict[str, list[Pair]] = {}
    trained: dict[str, bool] = {}
    for target in targets:
        recipe, pair, is_run = load(target)
        group = called(recipe)
        others = recipes.setdefault(group, [])
        alike = trained.setdefault(group, is_run) == is_run and all(seedless(recipe) == seedless(one) for one in others)
        if recipe in others or not alike:
            raise RecipeError(
                f"{target}: a second one of {group}; name one recipe for each group, or runs of it with other seeds"
            )
        others.append(recipe)
        pairs.setdefault(group, []).append(pair)
    if REFERENCE not in recipes:
        raise RecipeError(f"none of {', '.join(recipes)} is {REFERENCE}, whose step is the measure; name one of it too")
    networks = {group: angles(recipes[group][0], several) for group, several in pairs.items()}
    steps = {group: step_of(several[0], recipes[group][0], device) for group, several in pairs.items()}
    seconds = in_turns(steps, rounds, device=device, progress=progress)
    return [
        GroupCost(group, trained[group], (count(p.generator), count(p.discriminator)), networks[group], seconds[group])
        for group, (p, *_) in pairs.items()
    ]


def called(recipe: Recipe) -> str:
    """The group of a pair, and its filters where the recipe chooses them."""
    filters = dict.fromkeys(network.filters for network in (recipe.generator, recipe.discriminator))
    chosen = [f", {name}" for name in filters if name != "auto"]
    return " to ".join(dict.fromkeys(recipe.discriminator.groups)) + "".join(chosen)


def seedless(recipe: Recipe) -> Recipe:
    """What runs that differ in their seeds have in common."""
    return recipe.model_copy(update={"training": recipe.training.model_copy(update={"seed": 0})})


def load(target: Path) -> tuple[Recipe, Pair, bool]:
    """Recipe, networks, and whether they are trained."""
    if target.is_dir():
        run = load_run(target)
        return run.recipe, Pair(run.generator, run.discriminator), True
    recipe = read_recipe(target)
    return recipe, own_pair(recipe, *data.image_kind(recipe.data)), False


def angles(recipe: Recipe, pairs: Sequence[Pair]) -> dict[str, list[OffGrid]]:
    """Errors of both networks of every pair."""
    found: dict[str, list[OffGrid]] = {}
    for pair in pairs:
        subjects = network_subjects(recipe, pair.generator, pair.discriminator, quick=True)  # type: ignore[arg-type]
        for subject, _ in subjects:
            found.setdefault(subject.name, []).append(measure_off_grid(subject, seeds=SEEDS))
    return found


def step_ratio(found: Sequence[GroupCost], group: str) -> Interval:
    """A group's step as a multiple of C4's in the same round."""
    return ratio({m.group: m.seconds for m in found}, group, REFERENCE)


def tables(found: Sequence[GroupCost]) -> list[Table]:
    """What a group costs; then, for each kind of network, the errors at the angles of tables."""
    rows: list[list[Any]] = [
        [m.group, "yes" if m.trained else "no", *m.parameters, step_ratio(found, m.group)] for m in found
    ]
    cost = Table(
        caption=f"Parameters, and a training step as a multiple of {REFERENCE}'s in the same round: median (quartiles)",
        columns=["group", "trained", "parameters G", "parameters D", "step"],
        rows=rows,
    )
    return [cost, *(error_table(found, name) for name in names(found))]


def names(found: Sequence[GroupCost]) -> list[str]:
    """Kinds of networks, in order."""
    return list(dict.fromkeys(name for m in found for name in m.networks))


def error_table(found: Sequence[GroupCost], name: str) -> Table:
    """Errors at the angles of tables, and how well images turn in all."""
    rows: list[list[Any]] = []
    for m in found:
        if name in m.networks:
            several = m.networks[name]
            errors = [error_cell(m.at(name, degrees)) for degrees in TABLE]
            eq_r = over_networks([off.eq_r for off in several])
            rows.append([m.group, "yes" if m.trained else "no", len(several), *errors, eq_r])
    inputs = next(m.networks[name][0].inputs for m in found if name in m.networks)
    return Table(
        caption=f"{name}: relative error by angle, median over {inputs} inputs, of one network (95 % quantile; of "
        "interpolation alone), of several the median one (least to largest); EQ-R in dB over 48 angles, likewise",
        columns=["group", "trained", "networks", *(f"{degrees:g} degrees" for degrees in TABLE), "EQ-R"],
        rows=rows,
    )


def error_cell(several: Sequence[tuple[float, float, float]]) -> Interval | float | str | None:
    """Of errors at one angle, as `GroupCost.at` gives them."""
    if len(several) != 1:
        return over_networks([error for error, _, _ in several])
    error, upper, floor = several[0]
    return f"{error:.2g} (95 %: {upper:.2g}; floor {floor:.2g})"


def over_networks(values: Sequence[float | None]) -> Interval | float | None:
    """The median between the least and the largest; a single one as it is."""
    known = sorted(value for value in values if value is not None)
    if len(known) < 2:
        return known[0] if known else None
    return Interval(centre=statistics.median(known), lower=known[0], upper=known[-1], values=known)


def figure(found: Sequence[GroupCost]) -> Figure:
    """Error against angle up to 180 degrees, a panel for each kind of network, a line for each group.

    Of several networks the line is the median, in a band from the least to the largest.
    """
    drawn = Figure(figsize=(11, 4.2 * len(names(found))), layout="constrained")
    for name, axes in zip(names(found), drawn.subplots(len(names(found)), 1, squeeze=False)[:, 0], strict=True):
        for m in found:
            several = m.networks.get(name, [])
            if not several:
                continue
            kept = [angle for angle in several[0].angles if angle <= 180]
            lines = np.maximum([off.median[: len(kept)] for off in several], SMALLEST)
            label = f"{m.group}{'' if m.trained else ' (untrained)'}"
            (line,) = axes.plot(kept, np.median(lines, 0), marker=".", ls="-" if m.trained else "--", label=label)
            axes.fill_between(kept, lines.min(0), lines.max(0), color=line.get_color(), alpha=0.15, lw=0)
        axes.set(yscale="log", xlabel="degrees", ylabel="relative error (median)", title=name, xlim=(0, 180))
        axes.set_xticks(range(0, 181, 15))
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small", ncols=2)
    return drawn


def verdict(found: Sequence[GroupCost]) -> str:
    """Errors at 45 degrees and the cost of a step, in words."""
    parts = []
    for m in found:
        errors = [
            f"{name} {statistics.median(error for error, _, _ in several):.2g}"
            for name in m.networks
            if (several := m.at(name, 45.0))
        ]
        parts.append(f"{m.group}: {', '.join(errors)}, step {step_ratio(found, m.group).centre:.2g}")
    said = f"Median relative error at 45 degrees, and a step as a multiple of {REFERENCE}'s. {'; '.join(parts)}."
    single = [m.group for m in found if any(len(several) == 1 for several in m.networks.values())]
    if single:
        said += f" How much of the errors is the seed's is not known of {', '.join(single)}: one network each."
    return said


def report(found: Sequence[GroupCost], device: str) -> Report:
    """The outcome, ready to be told."""
    return Report(
        benchmark="groups",
        title="How well networks turn between the angles of the grid, group by group",
        claim="Ours: at multiples of 90 degrees networks of every group are exact to rounding or proved bounds; "
        "between them more rotations and band-limited filters leave smaller errors, at a price.",
        protocol={
            "inputs": "sums of Gaussian bumps in the inscribed disk, turned in closed form (docs/verification.md)",
            "maps": "root mean square over the disk as a share of what varies in the output; turned by cubic splines",
            "scores": "difference as a share of their spread over inputs",
            "threads": torch.get_num_threads(),
            "rounds": counted(len(found[0].seconds)),
        },
        tables=tables(found),
        verdict=verdict(found),
        figures={
            "groups": [
                {
                    "group": one.group,
                    "trained": one.trained,
                    "parameters": one.parameters,
                    "seconds": one.seconds,
                    "errors": {
                        name: [{"degrees": list(off.angles), "median": list(off.median)} for off in several]
                        for name, several in one.networks.items()
                    },
                }
                for one in found
            ],
        },
        surroundings=surroundings(torch.device(device)),
    )
