"""Precision and recall, density and coverage: independent implementations, closed forms, hand-made sets, and ties."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steergan.errors import DataError
from steergan.metrics import density_coverage, precision_recall
from steergan.metrics.precision_recall import manifold
from tests.metrics.drawn import Array


def reference(real: Array, fake: Array, k: int) -> tuple[float, float]:
    """By scikit-learn's neighbours; `kneighbors()` without a query leaves each point itself out."""
    from sklearn.metrics import pairwise_distances
    from sklearn.neighbors import NearestNeighbors

    def radii(points: Array) -> Array:
        return NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points).kneighbors()[0][:, -1]

    apart = pairwise_distances(real, fake)
    precision = (apart <= radii(real)[:, None]).any(axis=0).mean()
    return float(precision), float((apart <= radii(fake)).any(axis=1).mean())


def reference_by_differences(real: Array, fake: Array, k: int) -> tuple[float, float]:
    """Without the squares of large norms."""

    def apart(a: Array, b: Array) -> Array:
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
    # The package exports a function of the module's name.
    monkeypatch.setattr(sys.modules["steergan.metrics.precision_recall"], "CHUNK", 37)
    assert precision_recall(real, fake) == whole


def test_one_real_manifold_serves_any_number_of_fake_sets() -> None:
    draw = np.random.default_rng(0)
    real = draw.normal(size=(150, 5))
    kept = manifold(real, 3)
    for scale in (0.5, 1.0, 2.0):
        fake = scale * draw.normal(size=(140, 5))
        assert kept.precision_recall(fake) == pytest.approx(reference(real, fake, 3), abs=1e-12)


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


# --- density and coverage


def density_reference(real: Array, fake: Array, k: int) -> tuple[float, float]:
    """Naeem et al. 2020, as in the authors' `prdc`, by scikit-learn's distances."""
    from sklearn.metrics import pairwise_distances

    radii = np.partition(pairwise_distances(real), k, axis=1)[:, k]
    across = pairwise_distances(real, fake)
    density = (across < radii[:, None]).sum(axis=0).mean() / k
    return float(density), float((across.min(axis=1) < radii).mean())


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("length", [2, 64])
def test_densities_are_the_authors(k: int, length: int) -> None:
    draw = np.random.default_rng(k)
    real, fake = draw.normal(size=(300, length)) + 50, 0.9 * draw.normal(size=(200, length)) + 50.1
    assert density_coverage(real, fake, k) == pytest.approx(density_reference(real, fake, k), rel=1e-12)


def test_one_law_has_density_one_and_the_coverage_of_the_closed_form() -> None:
    draw = np.random.default_rng(0)
    density, coverage = density_coverage(draw.normal(size=(2000, 3)), draw.normal(size=(2000, 3)))
    assert density == pytest.approx(1, abs=0.05)
    assert coverage == pytest.approx(1 - 0.5**5, abs=0.02)


def test_an_outlier_among_the_reals_spoils_precision_and_not_density() -> None:
    draw = np.random.default_rng(0)
    real = draw.normal(size=(400, 3))
    real[0] += 50
    far = draw.normal(size=(400, 3)) + 15
    assert precision_recall(real, far)[0] == 1  # all lie in the ball of the outlier
    assert density_coverage(real, far)[0] < 0.3


def test_densities_of_two_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="length 3 and 4"):
        density_coverage(np.zeros((9, 3)), np.zeros((9, 4)))


def test_neighbours_of_densities_that_do_not_exist_are_refused() -> None:
    with pytest.raises(DataError, match="k = 5 neighbours among 5 features"):
        density_coverage(np.zeros((5, 3)), np.zeros((9, 3)))


def test_densities_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="NaN or infinity"):
        density_coverage(np.zeros((9, 3)), np.full((9, 3), np.nan))


def test_a_fake_exactly_on_a_border_lies_in_the_ball() -> None:
    real = np.array([[0.0], [1.0], [2.0], [10.0]])  # with k = 1 the radii are 1, 1, 1, 8
    # 3 is 1 from 2, at its border, and 7 from 10; -1 is 1 from 0, at its border.
    assert density_coverage(real, np.array([[3.0], [-1.0]]), k=1) == (3 / 2, 3 / 4)
    # 0 is 0 from itself, 1 from 1, at its border, and 2 from 2, beyond it; 10 is 10 away.
    assert density_coverage(real, np.array([[0.0], [0.0]]), k=1) == (4 / 2, 2 / 4)


def test_balls_that_hold_a_fake_are_counted_once_for_coverage_and_each_time_for_density() -> None:
    real = np.array([[0.0], [1.0], [5.0], [7.0]])  # with k = 1 the radii are 1, 1, 2, 2
    assert density_coverage(real, np.array([[0.5], [0.5], [0.25]]), k=1) == (6 / 3, 2 / 4)
    # Over k: with k = 2 the radii are 5, 4, 4, 6, and 4 lies in all four balls.
    assert density_coverage(real, np.array([[4.0], [4.0]]), k=2) == (8 / (2 * 2), 4 / 4)
