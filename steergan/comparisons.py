"""Comparisons of runs: pairs, seeds, intervals, and the correction for looking at many.

Two runs of one seed share their data, their order and often their first weights, so the pairs of one seed are not
independent of one another: **the seed is the unit**. A seed's pairs are averaged first. The interval is Student's over
the seeds' averages, on logarithms where figures are compared by their ratio; with fewer than three seeds there is none,
and nothing is concluded. Where several comparisons are made, their p-values are corrected together (Holm).
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from scipy.special import stdtr, stdtrit

from steergan.tables import Cell, Interval, Mean

CONFIDENCE = 0.95
LEVEL = 0.05
"""Corrected p-values up to this are called a difference."""
LEAST_SEEDS = 3
"""With fewer, no interval is given: that of two seeds is 12.7 standard errors to either side."""

By = Literal["ratio", "difference"]


@dataclass(frozen=True)
class Comparison:
    """One figure of two kinds of runs, compared in pairs of the same seed."""

    by: By
    """Whether `centre`, `lower`, `upper` and `values` are ratios of the one over the other, or differences."""
    centre: float
    """Geometric mean of the seeds' ratios, or mean of their differences."""
    lower: float | None
    """Of the 95 % interval; None with fewer than three seeds."""
    upper: float | None
    p_value: float | None
    """That there is no difference, two-sided, not corrected; None with fewer than three seeds."""
    adjusted_p_value: float | None
    """Corrected for the comparisons that were made together (`corrected`)."""
    values: dict[int, float]
    """Seed -> the average of its pairs."""
    pairs: int

    @property
    def below(self) -> int:
        """Seeds in which the figure is lower."""
        return sum(value < neutral(self.by) for value in self.values.values())

    @property
    def cell(self) -> Cell:
        """For a table: the interval, or the bare average where there is none, with the seeds' values."""
        values = list(self.values.values())
        if self.lower is None or self.upper is None:
            return Mean(mean=self.centre, sd=None, values=values)
        return Interval(centre=self.centre, lower=self.lower, upper=self.upper, values=values)


def neutral(by: By) -> float:
    """What says that there is no difference."""
    return 1.0 if by == "ratio" else 0.0


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """Student's interval of the mean of independent normal values, such as one of each seed.

    Args:
        values: of the seeds, one each.
        confidence: how often such intervals hold the mean.

    Returns:
        Its ends, or None with fewer than `LEAST_SEEDS` values.

    Examples:
        >>> [round(end, 3) for end in mean_interval([1.0, 2.0, 3.0])]
        [-0.484, 4.484]
    """
    if len(values) < LEAST_SEEDS:
        return None
    half = float(stdtrit(len(values) - 1, (1 + confidence) / 2)) * standard_error(values)
    centre = statistics.fmean(values)
    return centre - half, centre + half


def standard_error(values: Sequence[float]) -> float:
    """Of the mean of independent values."""
    return statistics.stdev(values) / math.sqrt(len(values))


def p_of_mean(values: Sequence[float]) -> float | None:
    """Student's two-sided p-value that independent normal values have mean 0; None with fewer than `LEAST_SEEDS`.

    Values that are all alike have no spread to measure by: 1 if they are 0, else 0.
    """
    if len(values) < LEAST_SEEDS:
        return None
    centre, error = statistics.fmean(values), standard_error(values)
    if error == 0:
        return float(centre == 0)
    return float(2 * stdtr(len(values) - 1, -abs(centre) / error))


def compare(pairs: Mapping[int, Sequence[tuple[float, float]]], by: By) -> Comparison:
    """Compare paired figures with the seed as the unit.

    Args:
        pairs: seed -> its pairs (here, there), one at least; equally many for all seeds.
        by: `"ratio"` of here over there, for which all figures have to be positive; or `"difference"`, here less there.

    Raises:
        ValueError: no seed, a seed without pairs, or a ratio of figures that are not positive.

    Examples:
        >>> found = compare({0: [(1.0, 2.0)], 1: [(2.0, 4.0)], 2: [(3.0, 6.0)]}, "ratio")
        >>> (round(found.centre, 3), found.below)
        (0.5, 3)
    """
    if not pairs or not all(pairs.values()):
        raise ValueError("nothing to compare: give at least one seed, and one pair for each")
    if by == "ratio" and any(min(pair) <= 0 for seed in pairs.values() for pair in seed):
        raise ValueError('figures that are not positive have no ratio; compare them by "difference"')
    logs = by == "ratio"
    averages = {
        seed: statistics.fmean(math.log(here / there) if logs else here - there for here, there in found)
        for seed, found in pairs.items()
    }
    values, interval = list(averages.values()), mean_interval(list(averages.values()))
    back = math.exp if logs else float
    p = p_of_mean(values)
    return Comparison(
        by,
        back(statistics.fmean(values)),
        None if interval is None else back(interval[0]),
        None if interval is None else back(interval[1]),
        p,
        p,
        {seed: back(value) for seed, value in averages.items()},
        sum(map(len, pairs.values())),
    )


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with p-values that hold for all of them together; those without an interval count as none."""
    tested = [p for found in comparisons if (p := found.p_value) is not None]
    adjusted = iter(holm(tested))
    return [
        found if found.p_value is None else replace(found, adjusted_p_value=next(adjusted)) for found in comparisons
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values under which the chance of any false alarm is as they say, however the tests depend on one another.

    Source: Holm 1979.

    Examples:
        >>> from steergan.comparisons import holm
        >>> holm([0.5, 0.02])
        [0.5, 0.04]
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        # The smallest of n is multiplied by n, the next by n - 1 ...; none may fall below a smaller one's.
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def conclusion(found: Comparison) -> str:
    """What follows from a comparison, in words: lower, higher, no difference that is shown, or nothing."""
    if found.adjusted_p_value is None:
        return "too few seeds for an interval, so nothing is concluded"
    if found.adjusted_p_value > LEVEL:
        if found.p_value is not None and found.p_value <= LEVEL:
            return f"not shown by {len(found.values)} seeds, once corrected"
        return f"no difference that {len(found.values)} seeds show"
    return "lower" if found.centre < neutral(found.by) else "higher"
