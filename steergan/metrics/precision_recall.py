"""Precision and recall, density and coverage: how far two feature sets lie on the manifolds that they span."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from steergan.errors import DataError
from steergan.metrics.frechet import Array, checked

NEIGHBOURS = 3
"""k of precision and recall in their source."""

DENSITY_NEIGHBOURS = 5
"""k of density and coverage in theirs."""

CHUNK = 1024
"""Rows whose distances are held at once."""

ROUNDING = 1e-12
"""Squared distances below this share of the squared norms are rounding: the points are the same."""


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


def precision_recall(real: Array, fake: Array, k: int = NEIGHBOURS) -> tuple[float, float]:
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
    return coverage(manifold(real, k), fake)


def density_coverage(real: Array, fake: Array, k: int = DENSITY_NEIGHBOURS) -> tuple[float, float]:
    """Density (balls of reals that a fake lies in, over k, on average) and coverage (share of balls that hold a fake).

    Only balls about reals count, so a single outlier among the fakes spoils neither. Sets of one law have a density of
    about 1, which it may exceed, and a coverage of about 1 - 2^-k.

    Args:
        real: features (N, D).
        fake: features (M, D).
        k: neighbours, 5 in the source.

    Source: Naeem et al. 2020.

    Differs: a fake exactly on a ball's border lies in it, as for precision; the authors' code leaves it out.

    Raises:
        DataError: lengths differ, k is below 1 or not below N, or a value is not finite.
    """
    return density(manifold(real, k), fake)


def density(real: Manifold, fake: Array) -> tuple[float, float]:
    """Density and coverage of features (M, D); what depends on the reals alone is computed already.

    Raises:
        DataError: as `density_coverage`.
    """
    fake = same_length(real, fake)
    inside, covered = 0, 0
    for rows, distances in squared_distances(real.points, torch.from_numpy(fake - real.centre)):
        within = distances <= real.radii[rows, None]
        inside += int(within.sum())
        covered += int(within.any(dim=1).sum())
    return inside / (real.k * len(fake)), covered / len(real.points)


def manifold(features: Array, k: int = NEIGHBOURS, centre: Array | None = None) -> Manifold:
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


def coverage(real: Manifold, fake: Array) -> tuple[float, float]:
    """Precision and recall of features (M, D); what depends on the reals alone is computed already.

    Raises:
        DataError: as `precision_recall`.
    """
    fake = same_length(real, fake)
    other = manifold(fake, real.k, real.centre)
    precise, recalled = torch.zeros(len(fake), dtype=torch.bool), 0
    for rows, distances in squared_distances(real.points, other.points):
        precise |= (distances <= real.radii[rows, None]).any(dim=0)
        recalled += int((distances <= other.radii).any(dim=1).sum())
    return int(precise.sum()) / len(fake), recalled / len(real.points)


def same_length(real: Manifold, fake: Array) -> Array:
    """Checked features (M, D) of the reals' length."""
    rows = checked(fake)
    if len(real.centre) != rows.shape[1]:
        raise DataError(
            f"features of length {len(real.centre)} and {rows.shape[1]} can't be compared; use one extractor"
        )
    return rows


def squared_radii(points: Tensor, k: int) -> Tensor:
    """Squared distance of every point (N, D) to its k-th nearest other point, (N,)."""
    radii = []
    for rows, distances in squared_distances(points, points):
        distances[:, rows].fill_diagonal_(torch.inf)  # itself, by index: its computed distance need not be zero
        radii.append(distances.topk(k, dim=1, largest=False).values[:, -1])
    return torch.cat(radii)


def squared_distances(a: Tensor, b: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Rows of a, and their squared distances to all rows of b, chunk by chunk.

    In float64 throughout: in float32, equal points would not be told from close ones.
    """
    a_norms, b_norms = (rows.square().sum(dim=1) for rows in (a, b))
    for start in range(0, len(a), CHUNK):
        rows = slice(start, min(start + CHUNK, len(a)))
        norms = a_norms[rows, None] + b_norms
        distances = torch.addmm(norms, a[rows], b.T, alpha=-2)
        yield rows, distances.masked_fill_(distances < norms.mul_(ROUNDING), 0)
