"""At which scale discriminators of several groups and depths play, with and without `initial_gradient`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from steergan.benchmark.report import Report
from steergan.progress import Progress, unheard
from steergan.recipe import Recipe
from steergan.run import Reporter, surroundings, train
from steergan.run.folder import RunFolder
from steergan.tables import Cell, Table
from steergan.training import JsonLines

GROUPS = ("trivial", "C4", "D4", "SO2")
DEPTHS = ((12, 64), (12, 32, 64), (12, 24, 32, 64, 64, 64))
"""Widths of the discriminator's stages; the first two of any depth end in a pool."""
NORMS = ("bank", "weights", "off")
PLAYS: dict[str, tuple[float, float]] = {"as layers give it": (0.0, 1.0), "gradient 1": (1.0, 1.0)}
"""`initial_gradient` and the weight of R1 by what a table calls them."""


@dataclass(frozen=True)
class Play:
    """How one discriminator plays."""

    group: str
    depth: int
    norm: str
    scale: str
    gradients: tuple[float, float]
    """Root mean square of ||dD/dx|| at training images, before and after the steps."""
    penalty: float
    """Share of R1 beside what the discriminator gains, after them."""
    bent: float
    """Share of the scores where the hinge is flat, after them."""


def measure(
    recipe: Recipe,
    steps: int,
    groups: Sequence[str],
    norms: Sequence[str],
    report: Reporter,
    progress: Progress = unheard,
) -> list[Play]:
    """Train each discriminator for some steps against the recipe's generator.

    Args:
        recipe: with the data, the generator and the loss (a hinge).
        steps: of training.
        groups: of the discriminator.
        norms: see `spectral_norm`.
        report: is told what takes a while.
        progress: hears of discriminators.
    """
    cells = [(g, w, n, s) for g in groups for w in DEPTHS for n in norms for s in PLAYS]
    found = []
    for done, (group, widths, norm, scale) in enumerate(cells):
        with TemporaryDirectory() as folder:
            out = train(of_cell(recipe, steps, group, widths, norm, scale), Path(folder) / "run", report=report)
            first, last = JsonLines(RunFolder(out).metric("players")).rows()
        found.append(
            Play(
                group, len(widths), norm, scale, (first["gradient_norm"], last["gradient_norm"]),
                last["penalty_share"], last["bent_share"],
            )
        )  # fmt: skip
        progress(done + 1, len(cells))
    return found


def of_cell(recipe: Recipe, steps: int, group: str, widths: Sequence[int], norm: str, scale: str) -> Recipe:
    """The recipe with that discriminator, evaluated before and after the steps."""
    gradient, weight = PLAYS[scale]
    table = recipe.model_dump()
    table["discriminator"] |= {
        "group": group, "widths": tuple(widths), "downsample": tuple(i < 2 for i in range(len(widths))),
        "spectral_norm": norm, "initial_gradient": gradient,
    }  # fmt: skip
    table["loss"]["r1_weight"] = weight
    table["training"] |= {"steps": steps, "checkpoint_every": steps}
    table["evaluation"]["every"] = steps
    return Recipe.model_validate(table)


def spread(plays: Sequence[Play]) -> list[float]:
    """The largest over the smallest of the gradients, before and after the steps, and of the penalty's shares."""
    quantities = [
        [play.gradients[0] for play in plays],
        [play.gradients[1] for play in plays],
        [p.penalty for p in plays],
    ]
    return [max(values) / min(values) if min(values) else math.inf for values in quantities]


def report(found: Sequence[Play], recipe: Recipe, steps: int) -> Report:
    """The comparison, ready to be told."""
    norms = dict.fromkeys(play.norm for play in found)
    tables, said = [], []
    for norm in norms:
        rows: list[list[Cell]] = []
        for scale in PLAYS:
            plays = [play for play in found if (play.norm, play.scale) == (norm, scale)]
            rows += [[scale, p.group, p.depth, *p.gradients, p.penalty, p.bent] for p in plays]
            before, after, penalty = spread(plays)
            rows.append([scale, "largest over smallest", "", before, after, penalty, ""])
            said.append(f"{norm}, {scale}: {before:.3g} before, {after:.3g} after, penalty {penalty:.3g}")
        tables.append(
            Table(
                caption=f'spectral_norm = "{norm}": root mean square of ||dD/dx|| at training images before and after '
                f"{steps} steps, share of R1 (weight 1) beside what the discriminator gains, share of scores where the "
                "hinge is flat.",
                columns=["scale", "group", "stages", "before", "after", "penalty", "flat"],
                rows=rows,
            )
        )
    return Report(
        benchmark="scale",
        title="At which scale discriminators play, by group, depth and spectral norm",
        claim="With discriminator.initial_gradient a loss and its penalty mean the same under every group and depth.",
        protocol={
            "recipe": recipe.name,
            "steps": steps,
            "seed": recipe.training.seed,
            "widths": [list(w) for w in DEPTHS],
        },
        tables=tables,
        verdict="Largest over smallest over groups and depths, of the gradient and of the penalty's share: "
        f"{'; '.join(said)}.",
        figures={"plays": [vars(play) for play in found]},
        surroundings=surroundings(torch.device("cpu")),
    )
