"""Frechet distance between the Gaussians that share two feature sets' moments."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from steergan.errors import DataError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of some feature vectors, which is all that a Frechet distance knows of them.

    Examples:
        >>> import numpy as np
        >>> from steergan.metrics import Moments
        >>> Moments(np.zeros(2), np.diag([4.0, 9.0]), 100).root.tolist()
        [[2.0, 0.0], [0.0, 3.0]]
    """

    mean: Array
    """(D,) float64."""
    covariance: Array
    """(D, D) float64, unbiased."""
    count: int
    """Vectors that they are of."""

    @cached_property
    def root(self) -> Array:
        """The root (D, D) of the covariance, computed once for all distances from these moments."""
        return symmetric_root(self.covariance)


def moments(features: Array) -> Moments:
    """Mean and unbiased covariance of features.

    Args:
        features: (N, D).

    Raises:
        DataError: fewer than two rows, or a value that is not finite.

    Examples:
        >>> import numpy as np
        >>> from steergan.metrics import moments
        >>> found = moments(np.array([[0.0, 1.0], [2.0, 1.0]]))
        >>> found.mean.tolist(), found.covariance.tolist(), found.count
        ([1.0, 1.0], [[2.0, 0.0], [0.0, 0.0]], 2)
    """
    rows = checked(features)
    mean = rows.mean(axis=0)
    centred = rows - mean
    return Moments(mean, centred.T @ centred / (len(rows) - 1), len(rows))


def frechet_distance(a: Moments, b: Moments) -> float:
    """|mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)), at least zero; with Inception features the FID.

    The trace of the root of A B is the sum of the roots of the eigenvalues of A^(1/2) B A^(1/2), which is symmetric:
    no complex numbers arise, and covariances that lack ranks need no offset.

    Raises:
        DataError: the two have features of different lengths.

    Source: Heusel et al. 2017 (the paper's Frechet distance, "Evaluation methodologies").

    Examples:
        >>> import numpy as np
        >>> from steergan.metrics import Moments, frechet_distance
        >>> a, b = Moments(np.zeros(1), np.array([[4.0]]), 9), Moments(np.ones(1), np.array([[25.0]]), 9)
        >>> round(frechet_distance(a, b), 6)  # 1 between the means, (5 - 2)^2 between the deviations
        10.0
    """
    if a.mean.shape != b.mean.shape:
        raise DataError(f"features of length {len(a.mean)} and {len(b.mean)} can't be compared; use one extractor")
    product = np.linalg.eigvalsh(a.root @ b.covariance @ a.root)
    trace = np.trace(a.covariance) + np.trace(b.covariance) - 2 * np.sqrt(product.clip(min=0)).sum()
    return max(0.0, float(((a.mean - b.mean) ** 2).sum() + trace))


def symmetric_root(matrix: Array) -> Array:
    """The positive semi-definite root of a positive semi-definite matrix; eigenvalues below zero are rounding."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(values.clip(min=0))) @ vectors.T)


def checked(features: Array) -> Array:
    """Features (N, D) as float64.

    Raises:
        DataError: fewer than two rows, or a value that is not finite.
    """
    rows = np.asarray(features, dtype=np.float64)
    if rows.ndim != 2 or len(rows) < 2:
        raise DataError(f"features of shape {rows.shape}; at least two rows (N, D) were wanted, so give more images")
    if not np.isfinite(rows).all():
        raise DataError("features hold NaN or infinity; check the images and the extractor's weights")
    return rows


def check_lengths(x: Array, y: Array) -> None:
    """Refuse features (N, D) and (M, D') of different lengths.

    Raises:
        DataError: D and D' differ.
    """
    if x.shape[1] != y.shape[1]:
        raise DataError(f"features of length {x.shape[1]} and {y.shape[1]} can't be compared; use one extractor")
