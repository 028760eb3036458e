"""What options change is compared by seed, and the sentences follow from the comparisons."""

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats

from steergan.study.effects import Grid, effects, sentences, table
from steergan.tables import Interval, Mean

AXES = {"discriminator": ["CNN", "C4"], "data": ["10 %", "100 %"]}
NOISE = (1.0, 1.1, 0.9, 1.05)


def grid(seeds: Sequence[int], draw: Callable[[tuple[str, ...], int], float], **others: float) -> Grid:
    """A study whose figures are drawn by labels and seed."""
    cells = {
        labels: {
            "frechet_invariant_mean": {seed: draw(labels, seed) for seed in seeds},
            **{name: dict.fromkeys(seeds, value) for name, value in others.items()},
        }
        for labels in itertools.product(*AXES.values())
    }
    return Grid(AXES, seeds, "frechet_invariant", "", cells)


def halved(labels: tuple[str, ...], seed: int) -> float:
    """C4 has half the distance, up to what the seed does; the data change nothing."""
    return (4.0 * NOISE[seed] if "C4" in labels else 8.0) * (1.01 if labels[1] == "100 %" else 1)


def test_effects_are_paired_by_seed_with_the_first_option_of_each_axis() -> None:
    found = {(e.option, e.within): e.figures["frechet_invariant_mean"] for e in effects(grid(range(3), halved))}
    assert list(found) == [("C4", "10 %"), ("C4", "100 %"), ("100 %", "")]
    assert found["C4", "10 %"].values == pytest.approx({0: 0.5, 1: 0.55, 2: 0.45})
    assert found["100 %", ""].pairs == 6


def test_p_values_are_corrected_for_all_effects_of_the_study() -> None:
    found = effects(grid(range(4), halved))
    first = found[0].figures["frechet_invariant_mean"]
    expected = stats.ttest_1samp(np.log(np.array(NOISE) / 2), 0).pvalue
    assert first.p_value == pytest.approx(expected)
    # Of three, the third (no spread at all) has the smallest, so the others are multiplied by two.
    assert first.adjusted_p_value == pytest.approx(2 * expected)


def test_seeds_that_lack_a_run_are_left_out_and_counted() -> None:
    study = grid(range(3), halved)
    del study.figures["C4", "10 %"]["frechet_invariant_mean"][1]  # type: ignore[attr-defined]
    found = effects(study)
    counts = [len(effect.figures["frechet_invariant_mean"].values) for effect in found]
    assert counts == [2, 3, 2]
    assert [row[2] for row in table(study).rows] == ["2", "3", "2"]


def test_figures_that_are_not_positive_are_compared_by_difference() -> None:
    study = grid(range(3), lambda labels, seed: halved(labels, seed) - 4)
    found = effects(study)[0].figures["frechet_invariant_mean"]
    assert found.by == "difference"
    assert found.centre == pytest.approx(-4)
    assert "mean over training, difference" in table(study).columns
    assert "changed by" in sentences(study)[0]


def test_table_has_an_interval_for_three_seeds_and_none_for_two() -> None:
    three, two = (table(grid(range(n), halved, recall=0.5)) for n in (3, 2))
    assert three.columns[3:] == ["mean over training, ratio", "recall, difference", "p of the first"]
    cell = three.rows[0][3]
    assert isinstance(cell, Interval)
    logs = np.log(np.array(NOISE[:3]) / 2)
    low, high = stats.t.interval(0.95, 2, logs.mean(), stats.sem(logs))
    assert (cell.lower, cell.upper) == pytest.approx((math.exp(low), math.exp(high)))
    assert isinstance(two.rows[0][3], Mean)
    assert two.rows[0][-1] is None


def test_sentences_conclude_from_the_first_figure_alone() -> None:
    said = sentences(grid(range(4), halved, label_agreement=0.5))
    assert said[0].startswith("C4 against CNN (10 %): mean Frechet distance times 0.5")
    assert "corrected for 3 comparisons, lower in 4 of 4 seeds: lower." in said[0]
    assert said[0].endswith("Beside it: label agreement changed by 0.")
    alike = sentences(grid(range(3), lambda labels, seed: NOISE[seed] if "C4" in labels else 1.0))
    assert "no difference that 3 seeds show" in alike[0]
    few = sentences(grid(range(2), halved, label_agreement=0.5))
    assert few[0].endswith("too few seeds for an interval, so nothing is concluded.")
