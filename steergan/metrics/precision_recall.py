"""Improved precision and recall: how much of one feature set lies on the manifold that the other one spans."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from steergan.errors import DataError
from steergan.metrics.frechet import Array, checked

CHUNK = 2048
"""Rows whose distances are held at once."""

ROUNDING = 1e-12
"""Squared distances below this share of the squared norms are rounding: the points are the same."""


def precision_recall(real: Array, fake: Array, k: int = 3) -> tuple[float, float]:
    """Precision (share of fakes on the real manifold) and recall (share of reals on the fake manifold).

    A manifold is the union of balls about its samples, each as wide as the distance to the sample's k-th nearest
    neighbour; a sample is not its own neighbour, though an equal one is.

    Args:
        real: features (N, D).
        fake: features (M, D).
        k: neighbours, 3 in the source.

    Source: Kynkaanniemi et al. 2019 (the paper, "Evaluation methodologies" and Figure 5).

    Raises:
        DataError: lengths differ, k is below 1 or not below both counts, or a value is not finite.
    """
    real, fake = checked(real), checked(fake)
    if real.shape[1] != fake.shape[1]:
        raise DataError(f"features of length {real.shape[1]} and {fake.shape[1]} can't be compared; use one extractor")
    if not 1 <= k < min(len(real), len(fake)):
        raise DataError(f"k = {k} neighbours among {len(real)} real and {len(fake)} fake features; more were wanted")
    centre = real.mean(axis=0)  # distances stay, rounding shrinks
    real, fake = real - centre, fake - centre
    return covered(fake, real, squared_radii(real, k)), covered(real, fake, squared_radii(fake, k))


def squared_radii(points: Array, k: int) -> Array:
    """Squared distance of every point (N, D) to its k-th nearest other point, (N,)."""
    radii = np.empty(len(points))
    for rows, distances in squared_distances(points, points):
        distances[np.arange(len(distances)), rows] = np.inf  # itself, by index: its computed distance need not be zero
        radii[rows] = np.partition(distances, k - 1, axis=1)[:, k - 1]
    return radii


def covered(points: Array, centres: Array, radii: Array) -> float:
    """Share of points (M, D) that lie in the ball (squared radius) of at least one centre (N, D)."""
    inside = sum(int((distances <= radii).any(axis=1).sum()) for _, distances in squared_distances(points, centres))
    return inside / len(points)


def squared_distances(a: Array, b: Array) -> Iterator[tuple[NDArray[np.int64], Array]]:
    """Row numbers of a, and their squared distances to all rows of b, chunk by chunk."""
    a_norms, b_norms = (np.einsum("nd,nd->n", rows, rows) for rows in (a, b))
    for start in range(0, len(a), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(a)))
        norms = a_norms[rows, None] + b_norms
        distances = norms - 2 * a[rows] @ b.T
        distances[distances < ROUNDING * norms] = 0
        yield rows, distances
