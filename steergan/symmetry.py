"""Groups by name: their gspaces, field types, and how their elements act on channels and on the pixel grid."""

from functools import cache
from math import isqrt

import numpy as np
from escnn import gspaces
from escnn.group import Representation
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType
from numpy.typing import NDArray

from steergan.errors import SymmetryError

GROUPS = {
    "trivial": gspaces.trivialOnR2,
    "C2": lambda: gspaces.rot2dOnR2(2),
    "C4": lambda: gspaces.rot2dOnR2(4),
    "C8": lambda: gspaces.rot2dOnR2(8),
    "D1": gspaces.flip2dOnR2,
    "D2": lambda: gspaces.flipRot2dOnR2(2),
    "D4": lambda: gspaces.flipRot2dOnR2(4),
    "D8": lambda: gspaces.flipRot2dOnR2(8),
}
"""A recipe's group names (the papers' z2, p4 and p4m are trivial, C4 and D4) and escnn's gspaces."""

ROUNDING = 1e-9
"""How far escnn's float64 matrices may lie from the signed permutations that they stand for."""

SignedPermutation = tuple[NDArray[np.int64], NDArray[np.int64]]


@cache
def gspace(name: str) -> GSpace2D:
    """escnn's gspace of a group name.

    Raises:
        SymmetryError: the name is not one of `GROUPS`.
    """
    if name not in GROUPS:
        raise SymmetryError(f"group {name!r} is not known; choose one of {', '.join(GROUPS)}")
    return GROUPS[name]()


def group_name(space: GSpace2D) -> str:
    """The name in `GROUPS`, or escnn's own name of a gspace that has none there."""
    return next((name for name in GROUPS if gspace(name) == space), str(space.name))


def group_order(space: GSpace2D) -> int:
    """Number of elements.

    Raises:
        SymmetryError: the group is continuous.
    """
    order = int(space.fibergroup.order())
    if order < 1:
        raise SymmetryError(f"{space.name} has infinitely many elements; a finite group was wanted")
    return order


def regular_type(space: GSpace2D, fields: int) -> FieldType:
    """`fields` regular fields: functions on the group at every pixel."""
    return FieldType(space, [space.regular_repr] * fields)


def trivial_type(space: GSpace2D, fields: int) -> FieldType:
    """`fields` trivial fields: plain channels, such as an image's."""
    return FieldType(space, [space.trivial_repr] * fields)


def fields_for_width(space: GSpace2D, width: int) -> int:
    """How many regular fields stand in for `width` channels of a plain CNN at about as many parameters.

    int(width / sqrt(|G|)), at least one. Source: Dey et al. 2021, section 3 ("divided by the square root of the
    cardinality of the symmetry set").
    """
    return max(1, isqrt(width * width // group_order(space)))


def plane_matrices(space: GSpace2D) -> NDArray[np.float64]:
    """The action on the plane, (G, 2, 2), on column vectors (x to the right, y up), in the order of the elements."""
    group_order(space)
    action = space.basespace_action
    return np.stack([np.asarray(action(element), dtype=np.float64) for element in space.fibergroup.elements])


def contains(group: str, part: str) -> bool:
    """Whether every element of the group `part` acts on the plane as one of `group` does; both by name.

    Raises:
        SymmetryError: an unknown group.
    """
    whole, wanted = plane_matrices(gspace(group)), plane_matrices(gspace(part))
    return all(bool((np.abs(whole - matrix).max(axis=(1, 2)) < ROUNDING).any()) for matrix in wanted)


def grid_elements(space: GSpace2D) -> list[int]:
    """Positions of the elements that map the square pixel grid onto itself: quarter turns and axis reflections."""
    matrices = plane_matrices(space)
    deviation = np.abs(matrices - matrices.round()).max(axis=(1, 2))
    return [int(i) for i in np.flatnonzero(deviation < ROUNDING)]


def is_grid_group(space: GSpace2D) -> bool:
    """Whether every element maps the square pixel grid onto itself."""
    order = int(space.fibergroup.order())
    return order > 0 and len(grid_elements(space)) == order


def signed_permutation(representation: Representation) -> SignedPermutation | None:
    """A representation as (index, sign), each (G, size) int64, so that (rho(g) v)[i] = sign[g, i] * v[index[g, i]].

    None if one of its matrices is not a signed permutation.
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
    """Whether every matrix of the representation is a permutation (so pointwise functions and maxima commute)."""
    found = signed_permutation(representation)
    return found is not None and bool((found[1] == 1).all())


def grid_permutation(space: GSpace2D, height: int, width: int) -> NDArray[np.int64]:
    """The action on an H x W map as gathers, (elements, H * W): (g x).flatten() == x.flatten()[index[g]].

    One row for each of `grid_elements(space)`, in that order; the action is (g x)(p) = x(g^-1 p), as in escnn.

    Raises:
        SymmetryError: 90-degree rotations of a rectangle.
    """
    index = pixel_permutations(plane_matrices(space)[grid_elements(space)].round().astype(np.int64), height, width)
    if index is None:
        name = group_name(space)
        raise SymmetryError(f"{name} turns a map of {height} x {width} onto another shape; use a square one")
    return index


def pixel_permutations(matrices: NDArray[np.int64], height: int, width: int) -> NDArray[np.int64] | None:
    """The same for orthogonal integer matrices (E, 2, 2); None where one turns a rectangle onto another shape."""
    row, column = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    # Twice the centred coordinates, so that they are integers on even sizes too.
    point = np.stack([2 * column - (width - 1), (height - 1) - 2 * row]).reshape(2, -1)
    source_x, source_y = (matrices.transpose(0, 2, 1) @ point).transpose(1, 0, 2)
    source_column, source_row = (source_x + width - 1) // 2, (height - 1 - source_y) // 2
    inside = (source_column >= 0) & (source_column < width) & (source_row >= 0) & (source_row < height)
    if not inside.all() or ((source_x + width - 1) % 2).any():
        return None
    return np.asarray(source_row * width + source_column, dtype=np.int64)
