"""Orbits of a group on the entries of a filter bank: which entries are equal, which are opposite, which are zero."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from escnn.group import Representation
from escnn.gspaces import GSpace2D
from numpy.typing import NDArray

from steergan.errors import SymmetryError
from steergan.symmetry import grid_permutation, is_grid_group, signed_permutation


@dataclass(frozen=True)
class FilterOrbits:
    """K[i, j, r, c] = sign[i, j, r, c] * w[index[i, j, r, c]] for `count` free weights w.

    Shapes: `index` int64 (out size, in size, k, k), 0 where the sign is 0; `sign` int64, the same shape, in {-1, 0, 1}.
    Orbits are numbered as they are met when (out channel, in channel, row, column) is read in order.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> space = gspace("C2")
        >>> filter_orbits(space, space.trivial_repr, space.irrep(1), 2).sign[0, 0].tolist()  # odd filters
        [[1, 1], [-1, -1]]
    """

    index: NDArray[np.int64]
    sign: NDArray[np.int64]
    count: int


@cache
def filter_orbits(
    space: GSpace2D, out_representation: Representation, in_representation: Representation, kernel_size: int
) -> FilterOrbits:
    """The orbits of one pair of fields under K(g x) = rho_out(g) K(x) rho_in(g)^-1.

    For regular -> regular, the weights are (|G|, k, k), the identity rows of the bank:
    `K[a, b](x) = w[a^-1 b](a^-1 x)`.

    Args:
        space: a group that permutes the pixel grid.
        out_representation: a signed permutation.
        in_representation: a signed permutation.
        kernel_size: taps along one side, k.

    Raises:
        SymmetryError: a representation is not a signed permutation, or the group does not permute the pixel grid.

    Source: Cohen and Welling 2016 (the filter bank of p4 and p4m), stated for any signed permutation.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> space = gspace("C4")
        >>> orbits = filter_orbits(space, space.trivial_repr, space.trivial_repr, 3)
        >>> orbits.count, orbits.index[0, 0].tolist()  # corners, edges, centre
        (3, [[0, 1, 0], [1, 2, 1], [0, 1, 0]])
    """
    if not is_grid_group(space):
        raise SymmetryError(f"{space.name} does not map the pixel grid onto itself; C4, D4 and their subgroups do")
    out_action, in_action = signed_permutation(out_representation), signed_permutation(in_representation)
    if out_action is None or in_action is None:
        name = (out_representation if out_action is None else in_representation).name
        raise SymmetryError(f"{name!r} is not a signed permutation, so its filters have no orbits; use escnn's basis")
    # With signed permutations, (rho(g) v)[i] = sign[g, i] v[index[g, i]], the constraint says of every single entry
    #   K[i, j](x) = out_sign[g, i] in_sign[g, j] K[out_index[g, i], in_index[g, j]](g^-1 x)    for every g:
    # K is fixed by g's permutation of the positions (i, j, x). One weight is left for each orbit of positions.
    taps = grid_permutation(space, kernel_size, kernel_size)  # [g, x] -> g^-1 x
    (out_index, out_sign), (in_index, in_sign) = out_action, in_action
    shape = (out_index.shape[1], in_index.shape[1], kernel_size, kernel_size)
    rows = out_index[:, :, None, None] * shape[1] + in_index[:, None, :, None]
    image = (rows * kernel_size**2 + taps[:, None, None, :]).reshape(len(taps), -1)
    sign = out_sign[:, :, None, None] * in_sign[:, None, :, None] * np.ones_like(taps)[:, None, None, :]
    sign = sign.reshape(len(taps), -1)

    position = np.arange(image.shape[1])
    # The orbit of a position is its column of images. The least of them stands for it; element `first` leads there.
    first = image.argmin(axis=0)
    representative = image[first, position]
    # An element that keeps a position and turns its sign says K = -K there: zero, with all of the orbit.
    zero = ((image == position) & (sign < 0)).any(axis=0)
    # Least members in ascending order are the orbits in the order in which they are met.
    free = np.unique(representative[~zero])
    index = np.where(zero, 0, np.searchsorted(free, representative))
    return FilterOrbits(
        index.astype(np.int64).reshape(shape),
        np.where(zero, 0, sign[first, position]).reshape(shape),
        len(free),
    )
