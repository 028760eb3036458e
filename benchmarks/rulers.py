"""Whether several features agree on which checkpoint of a run is the better one: rank correlations of their figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from scipy.stats import spearmanr

from steergan.benchmark.report import Report
from steergan.progress import Progress, unheard
from steergan.recipe import Recipe
from steergan.run import Reporter, evaluate, resume, surroundings, train
from steergan.tables import Table

FIGURES = ("frechet_invariant", "kid")


@dataclass(frozen=True)
class RulerBenchmark:
    """Figures of the checkpoints of a run."""

    recipe: Recipe
    steps: tuple[int, ...]
    figures: dict[str, tuple[float | None, ...]]
    """By features and figure, `scattering kid`: of every checkpoint."""

    @property
    def known(self) -> dict[str, list[float]]:
        """Figures that were measured at every checkpoint."""
        whole = {name: [one for one in values if one is not None] for name, values in self.figures.items()}
        return {name: values for name, values in whole.items() if len(values) == len(self.steps)}

    def correlation(self, first: str, second: str) -> float:
        """Spearman's of two figures over the checkpoints."""
        return float(spearmanr(self.known[first], self.known[second]).statistic)


def measure(
    recipe: Recipe,
    steps: Sequence[int],
    features: Sequence[str],
    out: Path,
    report: Reporter,
    progress: Progress = unheard,
) -> RulerBenchmark:
    """Train a recipe from one checkpoint to the next, and measure each with all features.

    Args:
        recipe: its own steps and features don't count.
        steps: of the checkpoints, in order.
        features: that measure them, see `evaluation.features`.
        out: the run's folder; what was trained there goes on.
        report: is told what takes a while.
        progress: hears of checkpoints.
    """
    training = recipe.training.model_copy(update={"steps": steps[0], "checkpoint_every": steps[-1]})
    settings = recipe.evaluation.model_copy(update={"features": "none", "every": steps[-1]})
    recipe = recipe.model_copy(update={"training": training, "evaluation": settings})
    figures: dict[str, list[float | None]] = {f"{name} {figure}": [] for name in features for figure in FIGURES}
    for done, step in enumerate(steps):
        if step == steps[0]:
            train(recipe, out, report=report)
        else:
            resume(out, report=report, steps=step)
        for name in features:
            found = evaluate(out, features=name, report=report)
            for figure in FIGURES:
                figures[f"{name} {figure}"].append(found[figure])
        progress(done + 1, len(steps))
    return RulerBenchmark(recipe, tuple(steps), {name: tuple(values) for name, values in figures.items()})


def report(found: RulerBenchmark) -> Report:
    """The comparison, ready to be told."""
    known = found.known
    figures = Table(
        caption="Figures of the averaged generator after so many steps, by features.",
        columns=["figure", *map(str, found.steps)],
        rows=[[name, *values] for name, values in known.items()],
    )
    correlations = Table(
        caption="Spearman's rank correlation of two figures over these checkpoints.",
        columns=["figure", *known],
        rows=[[name, *(found.correlation(name, other) for other in known)] for name in known],
    )
    textures = [name for name in known if name.startswith("scattering")]
    pairs = [(a, b, found.correlation(a, b)) for a in textures for b in known if b not in textures]
    said = "; ".join(f"{a} with {b}: {value:.2f}" for a, b, value in pairs)
    return Report(
        benchmark="rulers",
        title=f"The texture metric beside other features, over the checkpoints of {found.recipe.name}",
        claim="None: a measurement. Scattering features are a texture metric; do they rank checkpoints as others do?",
        protocol={
            "recipe": found.recipe.name,
            "steps": list(found.steps),
            "samples": found.recipe.evaluation.samples,
            "seed": found.recipe.training.seed,
        },
        tables=[figures, correlations],
        verdict=f"Rank correlation over {len(found.steps)} checkpoints of one run: {said or 'nothing to compare'}.",
        figures={"figures": found.figures},
        surroundings=surroundings(torch.device("cpu")),
    )

