"""What each option of a study changes, by seed: the comparisons, their table, and the sentences that follow."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from steergan.comparisons import CONFIDENCE, By, Comparison, compare, conclusion, corrected
from steergan.tables import Cell, Interval, Table, plain, shown

Distance = Literal["frechet_invariant", "kid"]
Labels = tuple[str, ...]
Values = Mapping[int, float]
"""Seed -> figure."""

COMPARED = ("{distance}_mean", "{distance}_last", "frechet_equivariant_last", "recall", "label_agreement",
            "l1", "turned_l1", "seconds_per_step")  # fmt: skip
"""Figures that options are compared by. The first is tested, and named before anyone looks; of the others intervals are
given, and nothing is concluded from them alone."""
DIFFERENCES = ("recall", "label_agreement")
"""Shares, which may be zero: compared by differences. Figures of any other kind are, too, where one is not positive."""
HEADINGS = {
    "mean": "mean over training", "last": "last", "frechet_equivariant_last": "last, before group pooling",
    "recall": "recall", "label_agreement": "label agreement", "l1": "L1", "turned_l1": "L1, turned",
    "seconds_per_step": "seconds a step",
}  # fmt: skip
NAMES = {"frechet_invariant": "Frechet distance", "kid": "KID"}


@dataclass(frozen=True)
class Grid:
    """Figures of a study's finished runs, by cell and seed."""

    axes: Mapping[str, Sequence[str]]
    """Axis -> labels of its options, the first of which the others are compared with."""
    seeds: Sequence[int]
    """That the study was asked for."""
    distance: Distance
    """What runs are judged by."""
    features: str
    """What has to be said of the features, behind the name of a figure; empty where nothing need be said."""
    figures: Mapping[Labels, Mapping[str, Values]]
    """Labels of a cell -> figure -> seed -> value, as far as it was measured."""

    @property
    def name(self) -> str:
        """Of what runs are judged by, in words."""
        return NAMES[self.distance] + self.features

    @property
    def compared(self) -> list[str]:
        """The figures of `COMPARED` that were measured."""
        names = [name.format(distance=self.distance) for name in COMPARED]
        return [name for name in names if any(figures.get(name) for figures in self.figures.values())]

    def by(self, figure: str) -> By:
        """How a figure is compared."""
        values = [value for figures in self.figures.values() for value in figures.get(figure, {}).values()]
        return "difference" if figure in DIFFERENCES or min(values) <= 0 else "ratio"


@dataclass(frozen=True)
class Effect:
    """What an option changes, against the first of its axis, in pairs of runs that differ in nothing else."""

    option: str
    reference: str
    within: str
    """The option of the last axis that all pairs share; empty if they share none."""
    figures: Mapping[str, Comparison]
    """Figure -> its comparison; the p-value of the first is corrected for all effects of the study."""

    @property
    def title(self) -> str:
        """What is compared, in words."""
        return f"{self.option} against {self.reference}" + (f" ({self.within})" if self.within else "")


def effects(grid: Grid) -> list[Effect]:
    """What each option of each axis changes; within each option of the last axis, for the axes before it.

    Runs are paired that have the same seed and the same options on all other axes. Seeds that lack a run of a pair are
    left out of the comparison.
    """
    figures = grid.compared
    found = []
    for place, options in enumerate(grid.axes.values()):
        last = list(grid.axes.values())[-1]
        shared = last if place < len(grid.axes) - 1 else [""]
        for option, within in itertools.product(options[1:], shared):
            compared = {figure: comparison(grid, place, option, within, figure) for figure in figures}
            known = {figure: found for figure, found in compared.items() if found is not None}
            if known:
                found.append(Effect(option, options[0], within, known))
    return tested(found, figures[:1])


def comparison(grid: Grid, place: int, option: str, within: str, figure: str) -> Comparison | None:
    """One figure with an option and without; None if no seed has all pairs."""
    axes = list(grid.axes.values())
    sides = []
    for label in (option, axes[place][0]):
        chosen = [[label] if i == place else axis for i, axis in enumerate(axes)]
        if within:
            chosen[-1] = [within]
        sides.append([grid.figures.get(labels, {}).get(figure, {}) for labels in itertools.product(*chosen)])
    here, there = sides
    whole = [seed for seed in grid.seeds if all(seed in values for values in (*here, *there))]
    pairs = {seed: [(a[seed], b[seed]) for a, b in zip(here, there, strict=True)] for seed in whole}
    return compare(pairs, grid.by(figure)) if pairs else None


def tested(found: Sequence[Effect], figures: Sequence[str]) -> list[Effect]:
    """The effects with p-values of the figure that is tested corrected for all of them."""
    corrections = {
        figure: iter(corrected([effect.figures[figure] for effect in found if figure in effect.figures]))
        for figure in figures
    }
    return [
        replace(
            effect,
            figures={f: next(corrections[f]) if f in corrections else c for f, c in effect.figures.items()},
        )
        for effect in found
    ]


def table(grid: Grid) -> Table:
    """Every comparison of a study."""
    figures = grid.compared
    rows: list[list[Cell]] = []
    for effect in effects(grid):
        first = effect.figures.get(figures[0])
        known = [found.cell if (found := effect.figures.get(figure)) else None for figure in figures]
        seeds = "0" if first is None else str(len(first.values))
        rows.append(
            [
                f"{effect.option} against {effect.reference}", effect.within, seeds, *known,
                None if first is None else first.adjusted_p_value,
            ]
        )  # fmt: skip
    return Table(
        caption=f"What one option changes ({grid.name}): averages over a seed's pairs of runs that differ in nothing "
        f"else, with their {CONFIDENCE:.0%} interval over seeds (Student; none with fewer than three). "
        "Tested is the first figure alone; its p-values are corrected for all rows (Holm).",
        columns=["option", "within", "seeds", *(heading(grid, figure) for figure in figures), "p of the first"],
        rows=rows,
    )


def heading(grid: Grid, figure: str) -> str:
    """Of a column: the figure, and how it is compared."""
    return f"{words(grid, figure)}, {grid.by(figure)}"


def words(grid: Grid, figure: str) -> str:
    """A figure's name."""
    return HEADINGS[figure.removeprefix(f"{grid.distance}_")]


def sentences(grid: Grid) -> list[str]:
    """What follows from a study, a sentence for every effect; none if nothing is compared."""
    figures, found = grid.compared, effects(grid)
    tests = sum(e.figures[figures[0]].p_value is not None for e in found if figures[0] in e.figures)
    return [sentence(grid, effect, figures, tests) for effect in found]


def sentence(grid: Grid, effect: Effect, figures: Sequence[str], tests: int) -> str:
    """What follows of one effect: the tested figure with its conclusion, then the intervals of the others."""
    first = effect.figures.get(figures[0])
    if first is None:
        return f"{effect.title}: no seed has all of its runs."
    p = first.adjusted_p_value
    said = f"{effect.title}: mean {grid.name} {changed(first)}"
    said += "" if p is None else f", p = {p:.2g}" + (f" corrected for {tests} comparisons" if tests > 1 else "")
    said += f", lower in {first.below} of {len(first.values)} seeds: {conclusion(first)}."
    others = [
        f"{words(grid, f)} {changed(effect.figures[f])}"
        for f in figures[1:]
        if f in effect.figures and isinstance(effect.figures[f].cell, Interval)
    ]
    return said + (f" Beside it: {'; '.join(others)}." if others else "")


def changed(found: Comparison) -> str:
    """A comparison's average and interval, in words."""
    how = "times" if found.by == "ratio" else "changed by"
    cell = found.cell
    if isinstance(cell, Interval):
        return f"{how} {shown(cell)}"
    return f"{how} {plain(found.centre)}"
