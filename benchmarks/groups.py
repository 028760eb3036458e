"""What each group costs, and how well its networks turn between the angles of the grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """One recipe's pair, or a run's."""

    group: str
    """And its filters, where the recipe chooses them."""
    trained: bool
    parameters: tuple[int, int]
    """Of generator and discriminator."""
    networks: Mapping[str, OffGrid]
    """By name: `discriminator`, `synthesis` or `generator`."""
    seconds: list[float]
    """A training step, round by round."""


def measure(
    targets: Sequence[Path], rounds: int, *, device: str = "cpu", progress: Progress = unheard
) -> list[GroupCost]:
    """Errors by angle and, in turns, training steps.

    Args:
        targets: recipes, whose networks have their first weights, and run folders.
        rounds: timed steps of each.
        device: where steps are timed.
        progress: of the timed steps.

    Raises:
        SteerganError: a target that is neither; data that can't be found; two of one group, or none of C4.
    """
    recipes, pairs, trained = {}, {}, {}
    for target in targets:
        recipe, pair, is_run = load(target)
        group = called(recipe)
        if group in recipes:
            raise RecipeError(f"{target}: a second one of {group}; name one recipe or run for each group")
        recipes[group], pairs[group], trained[group] = recipe, pair, is_run
    if REFERENCE not in recipes:
        raise RecipeError(f"none of {', '.join(recipes)} is {REFERENCE}, whose step is the measure; name one of it too")
    networks = {group: angles(recipes[group], pair) for group, pair in pairs.items()}
    steps = {group: step_of(pair, recipes[group], device) for group, pair in pairs.items()}
    seconds = in_turns(steps, rounds, device=device, progress=progress)
    return [
        GroupCost(group, trained[group], (count(p.generator), count(p.discriminator)), networks[group], seconds[group])
        for group, p in pairs.items()
    ]


def called(recipe: Recipe) -> str:
    """The group of a pair, and its filters where the recipe chooses them."""
    filters = dict.fromkeys(network.filters for network in (recipe.generator, recipe.discriminator))
    chosen = [f", {name}" for name in filters if name != "auto"]
    return " to ".join(dict.fromkeys(recipe.discriminator.groups)) + "".join(chosen)


def load(target: Path) -> tuple[Recipe, Pair, bool]:
    """Recipe, networks, and whether they are trained."""
    if target.is_dir():
        run = load_run(target)
        return run.recipe, Pair(run.generator, run.discriminator), True
    recipe = read_recipe(target)
    return recipe, own_pair(recipe, *data.image_kind(recipe.data)), False


def angles(recipe: Recipe, pair: Pair) -> dict[str, OffGrid]:
    """Errors of both networks."""
    subjects = network_subjects(recipe, pair.generator, pair.discriminator, quick=True)  # type: ignore[arg-type]
    return {subject.name: measure_off_grid(subject, seeds=SEEDS) for subject, _ in subjects}


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
    """Median and 95 % quantile, and how well images turn in all."""
    rows: list[list[Any]] = []
    for m in found:
        if name not in m.networks:
            continue
        off = m.networks[name]
        cells: list[Any] = [m.group, "yes" if m.trained else "no"]
        for degrees in TABLE:
            at = off.at(degrees)
            cells.append(None if at is None else f"{at[0]:.2g} (95 %: {at[1]:.2g}; floor {at[2]:.2g})")
        rows.append([*cells, off.eq_r])
    return Table(
        caption=f"{name}: relative error by angle, median (95 % quantile; of interpolation alone) of "
        f"{next(m.networks[name].inputs for m in found if name in m.networks)} inputs; EQ-R in dB over 48 angles",
        columns=["group", "trained", *(f"{degrees:g} degrees" for degrees in TABLE), "EQ-R"],
        rows=rows,
    )


def figure(found: Sequence[GroupCost]) -> Figure:
    """Error against angle, a panel for each kind of network and a line for each group; up to 180 degrees."""
    drawn = Figure(figsize=(11, 4.2 * len(names(found))), layout="constrained")
    for name, axes in zip(names(found), drawn.subplots(len(names(found)), 1, squeeze=False)[:, 0], strict=True):
        for m in found:
            off = m.networks.get(name)
            if off is None:
                continue
            shown = [(a, max(e, SMALLEST)) for a, e in zip(off.angles, off.median, strict=True) if a <= 180]
            label = f"{m.group}{'' if m.trained else ' (untrained)'}"
            axes.plot(*zip(*shown, strict=True), marker=".", ls="-" if m.trained else "--", label=label)
        axes.set(yscale="log", xlabel="degrees", ylabel="relative error (median)", title=name, xlim=(0, 180))
        axes.set_xticks(range(0, 181, 15))
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small", ncols=2)
    return drawn


def verdict(found: Sequence[GroupCost]) -> str:
    """Errors at 45 degrees and the cost of a step, in words."""
    parts = []
    for m in found:
        errors = [f"{name} {at[0]:.2g}" for name, off in m.networks.items() if (at := off.at(45.0)) is not None]
        parts.append(f"{m.group}: {', '.join(errors)}, step {step_ratio(found, m.group).centre:.2g}")
    said = f"Median relative error at 45 degrees, and a step as a multiple of {REFERENCE}'s. {'; '.join(parts)}."
    return f"{said} One network each: how much of the errors is the seed's is not known."


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
                        name: {"degrees": list(off.angles), "median": list(off.median)}
                        for name, off in one.networks.items()
                    },
                }
                for one in found
            ],
        },
        surroundings=surroundings(torch.device(device)),
    )
