"""Kernel distance (KID with Inception features): the squared maximum mean discrepancy under a cubic kernel."""

import numpy as np

from steergan.errors import DataError
from steergan.metrics.frechet import Array, check_lengths, checked
from steergan.randomness import numpy_stream


def kernel_distance(x: Array, y: Array, *, seed: int = 0, subsets: int = 100, subset_size: int = 1000) -> float:
    """Mean over random subsets of the unbiased squared maximum mean discrepancy of two feature sets.

    Sets of one size that fit into a subset are compared whole, once. The estimate has no bias and may be below zero.

    Args:
        x: features (N, D).
        y: features (M, D).
        seed: of the subsets; a function of it alone.
        subsets: how many pairs of subsets are drawn, each without replacement.
        subset_size: samples in each; less where a set has fewer.

    Raises:
        DataError: lengths differ, fewer than two rows, a value that is not finite, or no subset was asked for.

    Source: Binkowski et al. 2018 (the paper, appendix on Pix2Pix).

    Examples:
        >>> import numpy as np
        >>> from steergan.metrics import kernel_distance
        >>> x = np.array([[0.0], [1.0]])  # (0 1 + 1)^3 twice in each set, and 1, 1, 1, 8 between them
        >>> kernel_distance(x, x)
        -3.5
    """
    x, y = checked(x), checked(y)
    check_lengths(x, y)
    if subsets < 1 or subset_size < 2:
        raise DataError(f"{subsets} subsets of {subset_size}; at least 1 subset of 2 was wanted")
    size = min(len(x), len(y), subset_size)
    if len(x) == len(y) == size:
        return unbiased_discrepancy(x, y)
    total = 0.0
    for subset in range(subsets):
        draw = numpy_stream(seed, "kernel-distance", subset)
        x_rows, y_rows = (draw.choice(len(rows), size, replace=False) for rows in (x, y))
        total += unbiased_discrepancy(x[x_rows], y[y_rows])
    return total / subsets


def blocked_kernel_distance(x: Array, y: Array, *, most: int = 1024) -> float:
    """Mean over blocks of the unbiased squared maximum mean discrepancy: each row is looked at once, in its order.

    Args:
        x: features (N, D).
        y: features (M, D).
        most: rows of a block; there are as few blocks as that allows, of sizes that differ by one at most.

    Raises:
        DataError: lengths differ, fewer than two rows in a block, a value that is not finite.

    Source: TensorFlow-GAN, `kernel_classifier_distance`, by which Dey et al. 2021, Table 4, is measured: 1,098 images
        are two blocks of 549.

    Examples:
        >>> import numpy as np
        >>> from steergan.metrics.kernel import blocked_kernel_distance
        >>> x = np.array([[0.0], [1.0], [0.0], [1.0]])  # two blocks, of which each is at -3.5 from itself
        >>> blocked_kernel_distance(x, x, most=2)
        -3.5
    """
    x, y = checked(x), checked(y)
    check_lengths(x, y)
    blocks = -(-max(len(x), len(y)) // most)
    if min(len(x), len(y)) < 2 * blocks:
        raise DataError(f"{len(x)} and {len(y)} rows in {blocks} blocks; 2 rows in each were wanted")
    parts = zip(np.array_split(x, blocks), np.array_split(y, blocks), strict=True)
    return float(np.mean([unbiased_discrepancy(*part) for part in parts]))


def unbiased_discrepancy(x: Array, y: Array) -> float:
    """The unbiased squared discrepancy of x (N, D) and y (M, D) under (<x, y> / D + 1)^3."""
    return mean_of_pairs(cubic_kernel(x, x)) + mean_of_pairs(cubic_kernel(y, y)) - 2 * float(cubic_kernel(x, y).mean())


def cubic_kernel(x: Array, y: Array) -> Array:
    """(<x, y> / D + 1)^3 for every pair of rows: (N, M) of x (N, D) and y (M, D)."""
    # numpy's power function is many times slower than two products.
    base = x @ y.T / x.shape[1] + 1
    return np.asarray(base * base * base)


def mean_of_pairs(kernel: Array) -> float:
    """Mean of a square kernel matrix (N, N) without its diagonal."""
    count = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))
