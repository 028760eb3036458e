"""Kernel distance: its definition by loops, clean-fid's implementation, its seed and its lack of bias."""

import numpy as np
import pytest

from steergan.errors import DataError
from steergan.metrics import kernel_distance
from steergan.metrics.kernel import blocked_kernel_distance
from tests.metrics.drawn import Array


def draw(seed: int, count: int, length: int = 6, shift: float = 0.0) -> Array:
    return np.random.default_rng(seed).normal(size=(count, length)) + shift


def test_whole_sets_give_the_definition() -> None:
    x, y = draw(0, 7), draw(1, 7, shift=0.5)

    def kernel(a: Array, b: Array) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    apart = [(i, j) for i in range(7) for j in range(7) if i != j]
    expected = (
        np.mean([kernel(x[i], x[j]) for i, j in apart])
        + np.mean([kernel(y[i], y[j]) for i, j in apart])
        - 2 * np.mean([kernel(a, b) for a in x for b in y])
    )
    assert kernel_distance(x, y) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.3, 2.0])
def test_whole_sets_give_clean_fids_value(shift: float) -> None:
    from cleanfid.fid import kernel_distance as reference

    x, y = draw(0, 120), draw(1, 120, shift=shift)
    # With one subset as large as the sets clean-fid's draw is only an order, whatever its seed.
    expected = reference(x, y, num_subsets=1, max_subset_size=120)
    assert kernel_distance(x, y, subset_size=120) == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_many_subsets_agree_with_clean_fids_on_average() -> None:
    from cleanfid.fid import kernel_distance as reference

    x, y = draw(0, 300), draw(1, 260, shift=0.4)
    np.random.seed(0)  # noqa: NPY002 (clean-fid draws from numpy's global stream)
    expected = reference(x, y, num_subsets=400, max_subset_size=60)
    assert kernel_distance(x, y, subsets=400, subset_size=60) == pytest.approx(expected, rel=0.05)


def test_seed_decides_the_subsets_and_nothing_else_does() -> None:
    x, y = draw(0, 90), draw(1, 80, shift=0.2)
    first = kernel_distance(x, y, seed=3, subsets=4, subset_size=20)
    np.random.default_rng().normal(size=9)
    assert kernel_distance(x, y, seed=3, subsets=4, subset_size=20) == first
    assert kernel_distance(x, y, seed=4, subsets=4, subset_size=20) != first


def test_samples_of_one_law_are_at_distance_zero_on_average() -> None:
    found = [kernel_distance(draw(2 * i, 50), draw(2 * i + 1, 50)) for i in range(200)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))
    assert np.min(found) < 0 < np.max(found)  # no bias: below zero as often as above


def test_blocks_are_two_of_549_as_the_papers_implementation_cuts_1098() -> None:
    x, y = draw(0, 1098), draw(1, 1098, shift=0.1)
    halves = [kernel_distance(x[part], y[part]) for part in (slice(0, 549), slice(549, None))]
    assert blocked_kernel_distance(x, y) == pytest.approx(np.mean(halves), rel=1e-12)
    assert blocked_kernel_distance(x[:1024], y[:1024]) == kernel_distance(x[:1024], y[:1024], subset_size=1024)
    with pytest.raises(DataError, match="3 and 3 rows in 2 blocks"):
        blocked_kernel_distance(x[:3], y[:3], most=2)


def test_distance_grows_with_the_shift() -> None:
    found = [kernel_distance(draw(0, 200), draw(1, 200, shift=shift)) for shift in (0.0, 0.3, 0.6, 1.2)]
    assert found == sorted(found)


def test_features_of_two_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="length 3 and 4"):
        kernel_distance(draw(0, 9, 3), draw(0, 9, 4))


def test_features_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="NaN or infinity"):
        kernel_distance(draw(0, 9), np.full((9, 6), np.nan))


@pytest.mark.parametrize("asked", [{"subsets": 0}, {"subset_size": 1}])
def test_no_subset_is_refused(asked: dict[str, int]) -> None:
    with pytest.raises(DataError, match="at least 1 subset of 2"):
        kernel_distance(draw(0, 9), draw(1, 9), **asked)


def test_single_feature_vector_is_refused() -> None:
    with pytest.raises(DataError, match="at least two rows"):
        kernel_distance(draw(0, 9), draw(1, 1))
