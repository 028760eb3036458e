"""Improved precision and recall: scikit-learn's neighbours, hand-made sets, and ties."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steergan.errors import DataError
from steergan.metrics import precision_recall
from steergan.metrics.precision_recall import coverage, manifold


def reference(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[float, float]:
    """By scikit-learn's neighbours; `kneighbors()` without a query leaves each point itself out."""
    from sklearn.metrics import pairwise_distances
    from sklearn.neighbors import NearestNeighbors

    def radii(points: np.ndarray) -> np.ndarray:
        return NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points).kneighbors()[0][:, -1]

    apart = pairwise_distances(real, fake)
    precision = (apart <= radii(real)[:, None]).any(axis=0).mean()
    return float(precision), float((apart <= radii(fake)).any(axis=1).mean())


def reference_by_differences(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[float, float]:
    """Without the squares of large norms."""

    def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return ((a[:, None] - b[None]) ** 2).sum(axis=2)

    real_radii, fake_radii = (np.sort(apart(rows, rows), axis=1)[:, k] for rows in (real, fake))
    across = apart(real, fake)
    return float((across <= real_radii[:, None]).any(axis=0).mean()), float((across <= fake_radii).any(axis=1).mean())


@pytest.mark.parametrize("k", [1, 3, 7])
@pytest.mark.parametrize("length", [2, 64])
def test_values_are_those_of_scikit_learns_neighbours(k: int, length: int) -> None:
    draw = np.random.default_rng(k)
    real, fake = draw.normal(size=(300, length)) + 50, 0.9 * draw.normal(size=(200, length)) + 50.1
    assert precision_recall(real, fake, k) == pytest.approx(reference(real, fake, k), abs=1e-12)


def test_chunks_do_not_change_the_values(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    real, fake = draw.normal(size=(150, 5)), 1.3 * draw.normal(size=(140, 5))
    whole = precision_recall(real, fake)
    # The package re-exports a function of the module's name.
    monkeypatch.setattr(sys.modules["steergan.metrics.precision_recall"], "CHUNK", 37)
    assert precision_recall(real, fake) == whole


def test_one_real_manifold_serves_any_number_of_fake_sets() -> None:
    draw = np.random.default_rng(0)
    real = draw.normal(size=(150, 5))
    kept = manifold(real)
    for scale in (0.5, 1.0, 2.0):
        fake = scale * draw.normal(size=(140, 5))
        assert coverage(kept, fake) == pytest.approx(reference(real, fake, 3), abs=1e-12)


def test_close_features_far_from_their_mean_are_told_apart() -> None:
    # Two clusters 2e4 apart: the squares of float32 would not tell the points of one from each other.
    draw = np.random.default_rng(0)
    real, fake = draw.normal(size=(2, 80, 3))
    for rows in (real, fake):
        rows[:40] += 2e4
    assert precision_recall(real, fake) == pytest.approx(reference_by_differences(real, fake, 3), abs=1e-12)


def test_fakes_at_one_mode_are_precise_but_recall_half() -> None:
    draw = np.random.default_rng(0)
    real = draw.normal(size=(400, 3))
    real[200:] += 100
    precision, recall = precision_recall(real, draw.normal(size=(400, 3)))
    assert precision > 0.9
    assert 0.4 < recall <= 0.5


def test_sets_far_apart_share_nothing() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 4))
    assert precision_recall(rows, rows + 1000) == (0.0, 0.0)


def test_balls_reach_to_the_neighbour_and_no_further() -> None:
    real = np.array([[0.0], [1.0], [2.0], [10.0]])  # with k = 1 the radii are 1, 1, 1, 8
    fake = np.array([[3.0], [2.9], [-1.1], [18.5], [2.0]])  # within 1 of 2, within 8 of 10, and twice nowhere
    assert precision_recall(real, fake, k=1)[0] == pytest.approx(3 / 5)


@given(st.integers(0, 2**32), st.floats(0, 1000), st.integers(2, 5))
def test_copies_of_the_real_set_are_all_covered(seed: int, centre: float, copies: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(23, 131)) + centre
    # More copies than neighbours: radii are zero, and rounding must not push a copy out of its own ball.
    repeated = np.repeat(rows, copies, axis=0)
    assert precision_recall(repeated, repeated[::-1], k=1) == (1.0, 1.0)


def test_values_do_not_depend_on_where_the_features_lie() -> None:
    draw = np.random.default_rng(0)
    real, fake = draw.integers(0, 50, size=(2, 80, 3)).astype(float)
    assert precision_recall(real + 2.0**30, fake + 2.0**30) == precision_recall(real, fake)


def test_sample_is_not_its_own_neighbour() -> None:
    real = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 7.0]])
    fake = np.array([[4.0, 3.0], [100.0, 0.0]])  # as far from the origin as its nearest other sample
    assert precision_recall(real, fake, k=1)[0] == 0.5


def test_features_of_two_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="length 3 and 4"):
        precision_recall(np.zeros((9, 3)), np.zeros((9, 4)))


@pytest.mark.parametrize("k", [0, 5])
def test_neighbours_that_do_not_exist_are_refused(k: int) -> None:
    with pytest.raises(DataError, match=f"k = {k} neighbours among"):
        precision_recall(np.zeros((9, 3)), np.zeros((5, 3)), k)


def test_features_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="NaN or infinity"):
        precision_recall(np.zeros((9, 3)), np.full((5, 3), np.inf))
