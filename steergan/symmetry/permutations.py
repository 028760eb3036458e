"""Which elements permute pixels or channels, and how, as gathers of whole numbers."""

from functools import lru_cache

import numpy as np
from escnn.group import Representation
from escnn.gspaces import GSpace2D
from numpy.typing import NDArray

from steergan.errors import SymmetryError
from steergan.symmetry.groups import ROUNDING, group_name, is_continuous, plane_matrices

SignedPermutation = tuple[NDArray[np.int64], NDArray[np.int64]]


def grid_elements(space: GSpace2D) -> list[int]:
    """Positions of the elements that map the square pixel grid onto itself: quarter turns and axis reflections.

    Raises:
        SymmetryError: the group is continuous.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> grid_elements(gspace("C8"))  # of eight rotations every second
        [0, 2, 4, 6]
    """
    if is_continuous(space):
        raise SymmetryError(f"{group_name(space)} is continuous; name a finite subgroup of it, C4 or D4")
    matrices = plane_matrices(space)
    deviation = np.abs(matrices - matrices.round()).max(axis=(1, 2))
    return [int(i) for i in np.flatnonzero(deviation < ROUNDING)]


def is_grid_group(space: GSpace2D) -> bool:
    """Whether every element maps the square pixel grid onto itself.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> is_grid_group(gspace("D4")), is_grid_group(gspace("C8"))
        (True, False)
    """
    order = int(space.fibergroup.order())
    return order > 0 and len(grid_elements(space)) == order


@lru_cache(maxsize=256)
def signed_permutation(representation: Representation) -> SignedPermutation | None:
    """A representation as (index, sign), each (G, size) int64, so that (rho(g) v)[i] = sign[g, i] * v[index[g, i]].

    None if one of its matrices is not a signed permutation.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> index, sign = signed_permutation(gspace("C2").irrep(1))
        >>> index.tolist(), sign.tolist()
        ([[0], [0]], [[1], [-1]])
        >>> signed_permutation(gspace("C8").irrep(1)) is None
        True
    """
    if int(representation.group.order()) < 1:
        return None
    matrices = np.stack([np.asarray(representation(element)) for element in representation.group.elements])
    rounded = matrices.round().astype(np.int64)
    one_per_row = (np.abs(rounded).sum(axis=2) == 1).all() and (np.abs(rounded).sum(axis=1) == 1).all()
    if not one_per_row or np.abs(matrices - rounded).max() > ROUNDING:
        return None
    return np.abs(rounded).argmax(axis=2), rounded.sum(axis=2)


def is_permutation(representation: Representation) -> bool:
    """Whether every matrix of the representation is a permutation (so pointwise functions and maxima commute).

    Examples:
        >>> from steergan.symmetry import gspace
        >>> is_permutation(gspace("C2").regular_repr), is_permutation(gspace("C2").irrep(1))
        (True, False)
    """
    if int(representation.group.order()) < 1:  # connected but for reflections: only what never moves
        return all(bool(representation.group.irrep(*irrep).is_trivial()) for irrep in representation.irreps)
    found = signed_permutation(representation)
    return found is not None and bool((found[1] == 1).all())


def grid_permutation(space: GSpace2D, height: int, width: int) -> NDArray[np.int64]:
    """The action on an H x W map as gathers, (elements, H * W): (g x).flatten() == x.flatten()[index[g]].

    One row for each of `grid_elements(space)`, in that order; the action is (g x)(p) = x(g^-1 p), as in escnn.

    Raises:
        SymmetryError: 90-degree rotations of a rectangle.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> grid_permutation(gspace("C2"), 1, 3).tolist()
        [[0, 1, 2], [2, 1, 0]]
    """
    index = pixel_permutations(plane_matrices(space)[grid_elements(space)].round().astype(np.int64), height, width)
    if index is None:
        name = group_name(space)
        raise SymmetryError(f"{name} turns a map of {height} x {width} onto another shape; use a square one")
    return index


def pixel_permutations(matrices: NDArray[np.int64], height: int, width: int) -> NDArray[np.int64] | None:
    """How orthogonal integer matrices move the pixels of an H x W map, as gathers; None where one leaves the shape.

    With coordinates (x, y) from the centre, x to the right and y up, (g f)(p) = f(g^-1 p): the value at p comes from
    g^-1 p, and g^-1 is the transpose.

    Shapes: matrices (E, 2, 2) int64, on column vectors -> (E, H * W) int64, (g f).flatten() == f.flatten()[index[g]].

    Examples:
        >>> half_turn = -np.eye(2, dtype=np.int64)
        >>> pixel_permutations(half_turn[None], 2, 2).tolist()
        [[3, 2, 1, 0]]
    """
    row, column = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    # Twice the centred coordinates, so that they are integers on even sizes too.
    point = np.stack([2 * column - (width - 1), (height - 1) - 2 * row]).reshape(2, -1)
    source_x, source_y = (matrices.transpose(0, 2, 1) @ point).transpose(1, 0, 2)
    source_column, source_row = (source_x + width - 1) // 2, (height - 1 - source_y) // 2
    inside = (source_column >= 0) & (source_column < width) & (source_row >= 0) & (source_row < height)
    if not inside.all() or ((source_x + width - 1) % 2).any():
        return None
    return np.asarray(source_row * width + source_column, dtype=np.int64)
