"""The Fourier bases in which convolutions of regular fields fall apart into small products.

A group convolution of regular fields, K[a, b](x) = w[a^-1 b](a^-1 x), becomes free of taps when each group element
looks at its own: with x_t[s](p) = x[s](p + s t) and f_t[u] = w[u](u t),

    y[a](p) = sum over taps t and elements u of  f_t[u] x_t[a u](p).

For every tap this is a convolution on the group; it commutes with the group, so that by Schur's lemma a basis of matrix
entries of irreps makes it block diagonal: y = T' P(T f, T x), where T is an integer butterfly, T' its transpose, and P
a short list of products of one number of f with one of x.

For C2, written out: y[0] = f[0] x[0] + f[1] x[1] and y[1] = f[0] x[1] + f[1] x[0], four products. With x' = (x[0] +
x[1], x[0] - x[1]), and f' = (f[0] + f[1], f[0] - f[1]) / 2, it is y[0] = f'[0] x'[0] + f'[1] x'[1] and y[1] =
f'[0] x'[0] - f'[1] x'[1]: two products, and additions.

    group   products, real   of the dense matrix's   what the blocks are
    C2, D1  2                4                       two signs
    C4      6 (5)            16                      two signs, and one complex number (three products by Karatsuba)
    D2      4                16                      four signs
    D4      12               64                      four signs, and one 2 x 2 matrix
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from escnn.gspaces import GSpace2D
from numpy.typing import NDArray

from steergan.symmetry import grid_elements, grid_permutation, group_name

IntArray = NDArray[np.int64]


class Product(NamedTuple):
    """y'[out] += sign * f'[filter] * x'[into], for Fourier coefficients y', f', x'."""

    out: int
    into: int
    filter: int
    sign: int


@dataclass(frozen=True)
class FourierBasis:
    """A group algebra in its Fourier basis, in integers.

    y[a] = sum_u f[u] x[a u] equals transform.T @ y' with y' the sum of `products` of x' = transform @ x and
    f' = transform @ f / norm. The elements are in escnn's order: r^i, then r^i m with the reflection m.

    Attributes:
        transform: (G, G), entries in {-1, 0, 1}; rows are orthogonal, row i of squared length norm[i].
        norm: (G,).
        products: on the coefficients, as few as the irreps' dimensions allow without Karatsuba's trick.
    """

    transform: IntArray
    norm: IntArray
    products: tuple[Product, ...]


def _basis(rows: list[list[int]], products: list[tuple[int, int, int, int]]) -> FourierBasis:
    transform = np.array(rows, dtype=np.int64)
    return FourierBasis(transform, (transform**2).sum(1), tuple(Product(*product) for product in products))


def _signs(*rows: list[int]) -> FourierBasis:
    """An abelian group of involutions: every irrep is a sign."""
    return _basis(list(rows), [(i, i, i, 1) for i in range(len(rows))])


_TWO = _signs([1, 1], [1, -1])
_FOUR_SIGNS = _signs([1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1])

BASES = {
    "C2": _TWO,
    "D1": _TWO,
    "D2": _FOUR_SIGNS,
    # The complex irrep i^r: y' = conj(f') x' on the pairs (x_0 - x_2, x_1 - x_3).
    "C4": _basis(
        [[1, 1, 1, 1], [1, -1, 1, -1], [1, 0, -1, 0], [0, 1, 0, -1]],
        [(0, 0, 0, 1), (1, 1, 1, 1), (2, 2, 2, 1), (2, 3, 3, 1), (3, 3, 2, 1), (3, 2, 3, -1)],
    ),
    # Four signs, and the entries (column by column) of the 2 x 2 irrep: y' = x' f'^T for matrices of coefficients.
    "D4": _basis(
        [
            [1, 1, 1, 1, 1, 1, 1, 1],
            [1, -1, 1, -1, 1, -1, 1, -1],
            [1, 1, 1, 1, -1, -1, -1, -1],
            [1, -1, 1, -1, -1, 1, -1, 1],
            [1, 0, -1, 0, 1, 0, -1, 0],
            [0, 1, 0, -1, 0, 1, 0, -1],
            [0, -1, 0, 1, 0, 1, 0, -1],
            [1, 0, -1, 0, -1, 0, 1, 0],
        ],
        [(i, i, i, 1) for i in range(4)]
        + [(4, 4, 4, 1), (4, 6, 6, 1), (6, 4, 5, 1), (6, 6, 7, 1)]
        + [(5, 5, 4, 1), (5, 7, 6, 1), (7, 5, 5, 1), (7, 7, 7, 1)],
    ),
}
"""By group name, for the groups in which the algebra saves products."""


def fourier_basis(space: GSpace2D) -> FourierBasis | None:
    """The basis of a gspace's group, or None where none is at hand or none saves anything."""
    return BASES.get(group_name(space))


class TapTables(NamedTuple):
    """Where each group element finds its taps; taps are numbered row by row.

    image (G, k * k): the tap g t of element g and tap t.
    filter (G, k * k): the place, in a filter (G, k, k), of f_t[u] = w[u](u t).
    """

    image: IntArray
    filter: IntArray


@cache
def tap_tables(space: GSpace2D, kernel_size: int) -> TapTables:
    """The tables of a group that permutes the taps of a k x k filter."""
    taps = kernel_size**2
    # grid_permutation tells where a pixel comes from, [g, p] -> g^-1 p. The inverse of a permutation is its argsort, so
    # this is [g, t] -> g t. In a filter (G, k * k), w[u](u t) stands at u k^2 + u t.
    image = grid_permutation(space, kernel_size, kernel_size).argsort(axis=1)
    assert len(image) == len(grid_elements(space))
    return TapTables(image, image + taps * np.arange(len(image))[:, None])
