"""Comparisons of runs are Student's and Holm's, with the seed as the unit."""

import math

import numpy as np
import pytest
from scipy import stats

from steergan.comparisons import Comparison, compare, conclusion, corrected, holm, mean_interval, p_of_mean
from steergan.tables import Interval, Mean

HERE, THERE = [[5.0, 4.0], [6.5, 7.0], [3.0, 5.0], [4.0, 4.5]], [[8.0, 9.0], [7.0, 9.5], [6.0, 5.5], [9.0, 7.0]]
PAIRS = {seed: list(zip(here, there, strict=True)) for seed, (here, there) in enumerate(zip(HERE, THERE, strict=True))}


def test_interval_of_three_seeds_is_the_closed_form() -> None:
    # t with two degrees of freedom has a quantile in closed form: t = a sqrt(2 / (1 - a^2)) with a = 2 p - 1.
    quantile = 0.95 * math.sqrt(2 / (1 - 0.95**2))
    found = mean_interval([1.0, 2.0, 6.0])
    half = quantile * math.sqrt((4 + 1 + 9) / 2 / 3)
    assert found == pytest.approx((3 - half, 3 + half))


def test_differences_are_the_paired_t_test_of_seed_averages() -> None:
    found = compare(PAIRS, "difference")
    here, there = np.mean(HERE, 1), np.mean(THERE, 1)
    expected = stats.ttest_rel(here, there)
    interval = expected.confidence_interval(0.95)
    assert (found.centre, found.p_value) == pytest.approx((np.mean(here - there), expected.pvalue))
    assert (found.lower, found.upper) == pytest.approx((interval.low, interval.high))
    assert found.pairs == 8
    assert list(found.values.values()) == pytest.approx(list(here - there))


def test_ratios_are_the_t_test_of_logarithms() -> None:
    found = compare(PAIRS, "ratio")
    logs = np.mean(np.log(np.array(HERE) / np.array(THERE)), 1)
    expected = stats.ttest_1samp(logs, 0)
    interval = expected.confidence_interval(0.95)
    assert (found.centre, found.p_value) == pytest.approx((np.exp(logs.mean()), expected.pvalue))
    assert (found.lower, found.upper) == pytest.approx((math.exp(interval.low), math.exp(interval.high)))
    assert found.below == 4


def test_pairs_of_one_seed_do_not_make_the_interval_narrower() -> None:
    once = {seed: [(2.0 + seed, 1.0)] for seed in range(3)}
    often = {seed: 4 * pairs for seed, pairs in once.items()}
    assert compare(often, "ratio").upper == pytest.approx(compare(once, "ratio").upper)


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_have_no_interval_and_conclude_nothing(seeds: int) -> None:
    found = compare({seed: PAIRS[seed] for seed in range(seeds)}, "ratio")
    assert (found.lower, found.upper, found.p_value, found.adjusted_p_value) == (None,) * 4
    assert isinstance(found.cell, Mean)
    assert found.cell.sd is None
    assert len(found.cell.values) == seeds
    assert "nothing is concluded" in conclusion(found)


def test_values_without_spread_are_zero_or_not() -> None:
    assert p_of_mean([0.0, 0.0, 0.0]) == 1
    assert p_of_mean([0.5, 0.5, 0.5]) == 0
    assert compare({seed: [(1.0, 1.0)] for seed in range(3)}, "ratio").p_value == 1


def test_p_values_of_a_true_zero_are_uniform() -> None:
    draws = np.random.default_rng(0).normal(size=(2000, 3))
    below = np.mean([p <= 0.05 for row in draws if (p := p_of_mean(list(row))) is not None])
    assert below == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 2000))


def test_holms_correction_is_that_of_its_definition() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_correction_counts_what_has_an_interval() -> None:
    three, two = compare(PAIRS, "ratio"), compare({0: PAIRS[0]}, "ratio")
    found = corrected([three, two, three])
    assert three.p_value is not None
    assert [c.adjusted_p_value for c in found] == [pytest.approx(2 * three.p_value), None, found[0].adjusted_p_value]
    assert isinstance(found[0].cell, Interval)


@pytest.mark.parametrize(
    ("centre", "p", "adjusted", "words"),
    [
        (0.5, 0.01, 0.05, "lower"),
        (1.5, 0.01, 0.05, "higher"),
        (0.5, 0.06, 0.06, "no difference that 3 seeds show"),
        (0.5, 0.04, 0.12, "not shown by 3 seeds, once corrected"),
    ],
)
def test_conclusions_follow_from_the_corrected_p_value(centre: float, p: float, adjusted: float, words: str) -> None:
    found = Comparison("ratio", centre, 0.1, 2.0, p, adjusted, dict.fromkeys(range(3), centre), 3)
    assert conclusion(found).startswith(words)


@pytest.mark.parametrize("pairs", [{}, {0: []}, {0: [(0.0, 1.0)]}, {0: [(1.0, -1.0)]}])
def test_what_cannot_be_compared_is_refused(pairs: dict[int, list[tuple[float, float]]]) -> None:
    with pytest.raises(ValueError, match=r"nothing to compare|not positive"):
        compare(pairs, "ratio")
