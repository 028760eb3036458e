"""The two-sample test: its statistic by definition, its level under one law, its power, its seed."""

import numpy as np
import pytest

from steergan.errors import DataError
from steergan.invariance import two_sample as module
from steergan.invariance.two_sample import discrepancies, exchanges, gaussian_kernel, standardised, two_sample_test
from steergan.metrics.frechet import Array


def draw(seed: int, count: int, length: int = 6, shift: float = 0.0) -> Array:
    return np.random.default_rng(seed).normal(size=(count, length)) + shift


def by_definition(x: Array, y: Array) -> float:
    """The unbiased squared discrepancy by loops over pairs, on features standardised over both sets."""
    both = np.concatenate([x, y])
    both = (both - both.mean(axis=0)) / both.std(axis=0)
    first, second = both[: len(x)], both[len(x) :]
    median = np.median([((a - b) ** 2).sum() for i, a in enumerate(both) for b in both[:i]])

    def kernel(a: Array, b: Array) -> float:
        return float(np.exp(-((a - b) ** 2).sum() / (2 * median)))

    def within(rows: Array) -> float:
        return float(np.mean([kernel(a, b) for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j]))

    return within(first) + within(second) - 2 * float(np.mean([kernel(a, b) for a in first for b in second]))


@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_the_statistic_is_that_of_the_definition(shift: float) -> None:
    x, y = draw(0, 9), draw(1, 13, shift=shift)
    found = two_sample_test(x, y, permutations=199, seed=0)
    assert found.mmd2 == pytest.approx(by_definition(x, y), rel=1e-10)
    assert found.counts == (9, 13)
    assert found.permutations == 199


def test_permuted_statistics_are_those_of_permuted_rows() -> None:
    x, y = draw(0, 8), draw(1, 11, shift=0.5)
    both = np.concatenate([x, y])
    exchanged = exchanges(np.arange(19) < 8, np.zeros(19, dtype=np.int64), 5, seed=3)
    found = discrepancies(gaussian_kernel(standardised(both)), exchanged)
    wanted = [by_definition(both[is_first], both[~is_first]) for is_first in exchanged]
    assert found == pytest.approx(wanted, rel=1e-10)


def test_exchanges_keep_the_sizes_of_every_stratum() -> None:
    is_first = np.arange(30) < 12
    strata = np.random.default_rng(0).integers(0, 3, 30) - 1
    exchanged = exchanges(is_first, strata, 50, seed=0)
    for stratum in range(-1, 2):
        inside = strata == stratum
        assert (exchanged[:, inside].sum(axis=1) == (is_first & inside).sum()).all()
    assert len(np.unique(exchanged, axis=0)) > 45


def test_all_exchanges_are_equally_likely() -> None:
    exchanged = exchanges(np.array([True, True, False, False]), np.zeros(4, dtype=np.int64), 6000, seed=0)
    _, counts = np.unique(exchanged, axis=0, return_counts=True)
    assert len(counts) == 6
    assert abs(counts - 1000).max() < 120


def largest_gap(p_values: list[float]) -> float:
    """How far the p-values' distribution lies from the uniform one (Kolmogorov's statistic)."""
    ordered = np.sort(p_values)
    return float(np.abs(ordered - (np.arange(len(ordered)) + 0.5) / len(ordered)).max())


def test_p_values_of_one_law_are_uniform() -> None:
    found = [two_sample_test(draw(2 * i, 20), draw(2 * i + 1, 15), permutations=199, seed=i) for i in range(300)]
    assert largest_gap([test.p_value for test in found]) < 1.36 / np.sqrt(300)
    assert np.mean([test.p_value <= 0.05 for test in found]) == pytest.approx(0.05, abs=0.03)
    assert np.mean([test.effect for test in found]) == pytest.approx(0, abs=0.2)


def test_p_values_of_samples_drawn_to_labels_are_uniform_within_strata_only() -> None:
    labels = np.arange(20) % 4
    with_strata, without = [], []
    for i in range(200):
        x, y = (draw(2 * i + side, 20) + 3 * labels[:, None] for side in range(2))
        with_strata.append(two_sample_test(x, y, permutations=199, seed=i, strata=(labels, labels)).p_value)
        without.append(two_sample_test(x, y, permutations=199, seed=i).p_value)
    assert largest_gap(with_strata) < 1.36 / np.sqrt(200)
    assert min(without) > 0.2  # too cautious: labels that balance by chance are rarer than by design


def test_a_shifted_law_is_detected_at_the_smallest_p_value() -> None:
    found = two_sample_test(draw(0, 100), draw(1, 100, shift=0.6), permutations=999, seed=0)
    assert found.p_value == 1 / 1000
    assert found.mmd2 > 0
    assert found.effect > 10


def test_another_spread_and_another_dependence_are_detected_too() -> None:
    x, y = draw(0, 200), draw(1, 200)
    assert two_sample_test(x, 1.5 * y, permutations=199, seed=0).p_value == 1 / 200
    y[:, 1] = y[:, 0]
    assert two_sample_test(x, y, permutations=199, seed=0).p_value == 1 / 200


def test_power_grows_with_the_samples_and_the_discrepancy_does_not() -> None:
    few, many = (two_sample_test(draw(0, n), draw(1, n, shift=0.5), permutations=199, seed=0) for n in (50, 400))
    assert many.effect > 3 * few.effect
    assert many.mmd2 == pytest.approx(few.mmd2, rel=0.6)


def test_units_of_features_do_not_matter() -> None:
    x, y, units = draw(0, 30), draw(1, 30, shift=0.3), np.array([1e-3, 1, 1e3, 7, 1, 1])
    a, b = (two_sample_test(x * u, y * u, permutations=199, seed=0) for u in (1.0, units))
    assert b.mmd2 == pytest.approx(a.mmd2, rel=1e-9)
    assert b.p_value == a.p_value


def test_constant_features_and_equal_samples_are_no_evidence() -> None:
    found = two_sample_test(np.ones((8, 3)), np.ones((9, 3)), permutations=199, seed=0)
    assert (found.mmd2, found.p_value, found.effect) == (0, 1, 0)


def test_rounding_of_a_constant_feature_is_no_evidence() -> None:
    x, y = draw(0, 40), draw(1, 40)
    x[:, 0] = y[:, 0] = 5
    wanted = two_sample_test(x, y, permutations=199, seed=0)
    y[:, 0] += 1e-7
    assert two_sample_test(x, y, permutations=199, seed=0) == wanted


def test_seed_decides_the_permutations_and_nothing_else_does() -> None:
    x, y = draw(0, 30), draw(1, 30, shift=0.1)
    first = two_sample_test(x, y, permutations=199, seed=3)
    np.random.default_rng().normal(size=9)
    assert two_sample_test(x, y, permutations=199, seed=3) == first
    other = two_sample_test(x, y, permutations=199, seed=4)
    assert (other.mmd2, other.effect != first.effect) == (first.mmd2, True)


def test_one_kernel_serves_all_permutations(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counted(rows: Array) -> Array:
        made.append(len(rows))
        return gaussian_kernel(rows)

    monkeypatch.setattr(module, "gaussian_kernel", counted)
    two_sample_test(draw(0, 30), draw(1, 20), permutations=999, seed=0)
    assert made == [50]


def test_too_few_permutations_are_refused() -> None:
    with pytest.raises(DataError, match="198 permutations; at least 199"):
        two_sample_test(draw(0, 9), draw(1, 9), permutations=198, seed=0)


def test_features_of_two_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="length 3 and 4"):
        two_sample_test(draw(0, 9, 3), draw(0, 9, 4), seed=0)


def test_features_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="NaN or infinity"):
        two_sample_test(draw(0, 9), np.full((9, 6), np.inf), seed=0)


def test_single_feature_vector_is_refused() -> None:
    with pytest.raises(DataError, match="at least two rows"):
        two_sample_test(draw(0, 9), draw(1, 1), seed=0)


def test_labels_that_do_not_fit_the_rows_are_refused() -> None:
    labels = np.zeros(9, dtype=np.int64)
    with pytest.raises(DataError, match="one each is wanted"):
        two_sample_test(draw(0, 9), draw(1, 8), seed=0, strata=(labels, labels))
