"""Density and coverage: the authors' formula written out, closed forms, and what precision and recall can't see."""

import numpy as np
import pytest

from steergan.errors import DataError
from steergan.metrics import density_coverage, precision_recall


def reference(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[float, float]:
    """Naeem et al. 2020, as in the authors' `prdc`, by scikit-learn's distances."""
    from sklearn.metrics import pairwise_distances

    radii = np.partition(pairwise_distances(real), k, axis=1)[:, k]
    across = pairwise_distances(real, fake)
    density = (across < radii[:, None]).sum(axis=0).mean() / k
    return float(density), float((across.min(axis=1) < radii).mean())


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("length", [2, 64])
def test_values_are_the_authors(k: int, length: int) -> None:
    draw = np.random.default_rng(k)
    real, fake = draw.normal(size=(300, length)) + 50, 0.9 * draw.normal(size=(200, length)) + 50.1
    assert density_coverage(real, fake, k) == pytest.approx(reference(real, fake, k), rel=1e-12)


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


def test_features_of_two_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="length 3 and 4"):
        density_coverage(np.zeros((9, 3)), np.zeros((9, 4)))


def test_neighbours_that_do_not_exist_are_refused() -> None:
    with pytest.raises(DataError, match="k = 5 neighbours among 5 features"):
        density_coverage(np.zeros((5, 3)), np.zeros((9, 3)))


def test_features_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="NaN or infinity"):
        density_coverage(np.zeros((9, 3)), np.full((9, 3), np.nan))
