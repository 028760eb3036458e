"""Precision and recall, density and coverage: how far two feature sets lie on the manifolds that they span."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from steergan.errors import DataError
from steergan.metrics.frechet import Array, check_lengths, checked

CHUNK = 1024
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

    Raises:
        DataError: lengths differ, k is below 1 or not below both counts, or a value is not finite.

    Source: Kynkaanniemi et al. 2019 (the paper, "Evaluation methodologies" and Figure 5).

    Examples:
        >>> import numpy as np
        >>> from steergan.metrics import precision_recall
        >>> real, fake = np.array([[0.0], [1.0], [2.0]]), np.array([[0.5], [9.0]])
        >>> precision_recall(real, fake, k=1)  # 0.5 lies among the reals, 9 does not; its ball reaches all of them
        (0.5, 1.0)
    """
    return manifold(real, k).precision_recall(fake)


def density_coverage(real: Array, fake: Array, k: int = 5) -> tuple[float, float]:
    """Density (balls of reals that a fake lies in, over k, on average) and coverage (share of balls that hold a fake).

    Only balls about reals count, so a single outlier among the fakes spoils neither. Sets of one law have a density of
    about 1, which it may exceed, and a coverage of about 1 - 2^-k.

    Args:
        real: features (N, D).
        fake: features (M, D).
        k: neighbours, 5 in the source.

    Raises:
        DataError: lengths differ, k is below 1 or not below N, or a value is not finite.

    Source: Naeem et al. 2020.

    Differs: a fake exactly on a ball's border lies in it, as for precision; the authors' code leaves it out.

    Examples:
        >>> import numpy as np
        >>> from steergan.metrics import density_coverage
        >>> real, fake = np.array([[0.0], [1.0], [2.0]]), np.array([[0.5], [9.0]])
        >>> density_coverage(real, fake, k=1)  # 0.5 lies in the balls of 0 and of 1, 9 in none
        (1.0, 0.6666666666666666)
    """
    return manifold(real, k).density_coverage(fake)


@dataclass(frozen=True, eq=False)
class Manifold:
    """A union of balls about samples, each as wide as the distance to the sample's k-th nearest neighbour."""

    points: Tensor
    """(N, D) float64, as differences from `centre`."""
    radii: Tensor
    """(N,), squared."""
    centre: Array
    """(D,): distances don't depend on it, but their rounding is least near the samples' mean."""
    k: int

    def precision_recall(self, fake: Array) -> tuple[float, float]:
        """Precision and recall of fake features (M, D), this manifold being the reals'.

        Raises:
            DataError: as `precision_recall`.
        """
        other = manifold(self.comparable(fake), self.k, self.centre)
        precise, recalled = torch.zeros(len(fake), dtype=torch.bool), 0
        for rows, distances in squared_distances(self.points, other.points):
            precise |= (distances <= self.radii[rows, None]).any(dim=0)
            recalled += int((distances <= other.radii).any(dim=1).sum())
        return int(precise.sum()) / len(fake), recalled / len(self.points)

    def density_coverage(self, fake: Array) -> tuple[float, float]:
        """Density and coverage of fake features (M, D), this manifold being the reals'.

        Raises:
            DataError: as `density_coverage`.
        """
        points = torch.from_numpy(self.comparable(fake) - self.centre)
        inside, covered = 0, 0
        for rows, distances in squared_distances(self.points, points):
            within = distances <= self.radii[rows, None]
            inside += int(within.sum())
            covered += int(within.any(dim=1).sum())
        return inside / (self.k * len(points)), covered / len(self.points)

    def comparable(self, fake: Array) -> Array:
        """Checked features (M, D) of the manifold's length."""
        rows = checked(fake)
        check_lengths(self.centre[None], rows)
        return rows


def manifold(features: Array, k: int, centre: Array | None = None) -> Manifold:
    """The manifold of features (N, D), about their mean or another centre (D,).

    Raises:
        DataError: k is below 1 or not below N, or a value is not finite.
    """
    rows = checked(features)
    if not 1 <= k < len(rows):
        raise DataError(f"k = {k} neighbours among {len(rows)} features; k from 1 on, and more features, were wanted")
    if centre is None:
        centre = rows.mean(axis=0)
    points = torch.from_numpy(rows - centre)
    return Manifold(points, squared_radii(points, k), centre, k)


def squared_radii(points: Tensor, k: int) -> Tensor:
    """Squared distance of every point (N, D) to its k-th nearest other point, (N,)."""
    radii = []
    for rows, distances in squared_distances(points, points):
        distances[:, rows].fill_diagonal_(torch.inf)  # itself, by index: its computed distance need not be zero
        radii.append(distances.topk(k, dim=1, largest=False).values[:, -1])
    return torch.cat(radii)


def squared_distances(a: Tensor, b: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Squared distances of all rows of a (N, D) to all rows of b (M, D), chunk by chunk.

    In float64 throughout: in float32, equal points would not be told from close ones.

    Yields:
        Which rows of a (a slice of n), and their squared distances (n, M).
    """
    a_norms, b_norms = (rows.square().sum(dim=1) for rows in (a, b))
    for start in range(0, len(a), CHUNK):
        rows = slice(start, min(start + CHUNK, len(a)))
        norms = a_norms[rows, None] + b_norms
        distances = torch.addmm(norms, a[rows], b.T, alpha=-2)
        # |a - b|^2 = |a|^2 + |b|^2 - 2 a b cancels where a is close to b: what is left of the norms' rounding is 0.
        yield rows, distances.masked_fill_(distances < norms.mul_(ROUNDING), 0)
