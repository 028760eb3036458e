"""Frechet distance: closed forms, clean-fid's implementation, and what a metric must obey."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from steergan.errors import DataError
from steergan.metrics import Moments, frechet_distance, moments
from tests.metrics.drawn import Array


def sample(seed: int, count: int, length: int) -> Array:
    """Correlated features with a mean and scales of their own."""
    draw = np.random.default_rng(seed)
    return draw.normal(size=(count, length)) @ draw.normal(size=(length, length)) + draw.normal(size=length)


def test_distance_of_commuting_gaussians_is_the_closed_form() -> None:
    draw = np.random.default_rng(0)
    turn = np.linalg.qr(draw.normal(size=(6, 6)))[0]
    a, b = draw.uniform(0.1, 9, size=(2, 6))
    means = draw.normal(size=(2, 6))
    found = frechet_distance(Moments(means[0], turn * a @ turn.T, 100), Moments(means[1], turn * b @ turn.T, 100))
    expected = np.square(means[0] - means[1]).sum() + np.square(np.sqrt(a) - np.sqrt(b)).sum()
    assert found == pytest.approx(expected, rel=1e-12)


def test_distance_in_one_dimension_is_the_closed_form() -> None:
    a, b = Moments(np.array([1.0]), np.array([[4.0]]), 9), Moments(np.array([-2.0]), np.array([[25.0]]), 9)
    assert frechet_distance(a, b) == pytest.approx(3**2 + (2 - 5) ** 2, rel=1e-14)


@pytest.mark.parametrize("length", [2, 5, 40])
def test_distance_is_clean_fids(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from cleanfid.fid import frechet_distance as reference

    root = scipy.linalg.sqrtm  # clean-fid calls it with `disp` and expects an error estimate, which SciPy 1.18 dropped
    monkeypatch.setattr(scipy.linalg, "sqrtm", lambda matrix, disp: (root(matrix), None))

    a, b = moments(sample(1, 200, length)), moments(sample(2, 300, length))
    assert frechet_distance(a, b) == pytest.approx(reference(a.mean, a.covariance, b.mean, b.covariance), rel=1e-8)


def test_moments_are_numpys() -> None:
    rows = sample(3, 50, 7)
    found = moments(rows.astype(np.float32))
    wide = rows.astype(np.float32).astype(np.float64)
    np.testing.assert_allclose(found.mean, wide.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(wide, rowvar=False), rtol=1e-10, atol=1e-12)
    assert found.count == 50


def test_distance_of_rank_deficient_sets_is_the_transport_cost_between_their_lines() -> None:
    line = np.linspace(-1, 1, 9)[:, None]
    a, b = moments(line * [3.0, 0.0, 0.0]), moments(line * [0.0, 4.0, 0.0])
    variance = line.var(ddof=1)
    # Orthogonal supports: the root of A B is zero, and only the traces are left.
    assert frechet_distance(a, b) == pytest.approx((9 + 16) * variance, rel=1e-12)


def test_root_of_the_moments_squares_to_their_covariance_and_is_kept() -> None:
    found = moments(sample(4, 30, 8))
    np.testing.assert_allclose(found.root @ found.root, found.covariance, rtol=1e-10, atol=1e-10)
    assert found.root is found.root


@given(st.integers(0, 2**32), st.integers(1, 8))
def test_distance_to_itself_is_zero_and_to_others_symmetric(seed: int, length: int) -> None:
    a, b = moments(sample(seed, 30, length)), moments(sample(seed + 1, 40, length))
    scale = np.trace(a.covariance) + np.trace(b.covariance)
    assert frechet_distance(a, a) <= 1e-7 * scale
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9, abs=1e-7 * scale)


@given(st.integers(0, 2**32))
def test_distance_does_not_see_rotations_and_shifts_of_both(seed: int) -> None:
    draw = np.random.default_rng(seed)
    x, y = sample(seed, 60, 5), sample(seed + 1, 60, 5)
    turn = np.linalg.qr(draw.normal(size=(5, 5)))[0]
    moved = frechet_distance(moments(x @ turn + 3), moments(y @ turn + 3))
    assert moved == pytest.approx(frechet_distance(moments(x), moments(y)), rel=1e-7)


@given(st.floats(0.1, 10), st.lists(st.floats(-5, 5), min_size=4, max_size=4))
def test_shift_costs_its_squared_length(scale: float, shift: list[float]) -> None:
    x = scale * sample(5, 60, 4)
    expected = float(np.square(shift).sum())
    assert frechet_distance(moments(x), moments(x + shift)) == pytest.approx(expected, rel=1e-6, abs=1e-6 * scale**2)


def test_bias_of_two_samples_of_one_gaussian_falls_with_their_number() -> None:
    draw = np.random.default_rng(0)
    distances = [
        frechet_distance(*(moments(draw.normal(size=(count, 64))) for _ in range(2))) for count in (128, 512, 4096)
    ]
    np.testing.assert_allclose(distances, [17.8, 4.5, 0.5], rtol=0.15)


def test_features_of_two_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="length 3 and 4"):
        frechet_distance(moments(sample(0, 9, 3)), moments(sample(0, 9, 4)))


@pytest.mark.parametrize("rows", [np.zeros((1, 4)), np.zeros(4), np.zeros((0, 4))])
def test_fewer_than_two_rows_are_refused(rows: Array) -> None:
    with pytest.raises(DataError, match="at least two rows"):
        moments(rows)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(DataError, match="NaN or infinity"):
        moments(np.full((5, 2), value))
