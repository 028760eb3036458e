"""Groups by name: their gspaces, field types, and how their elements act on channels and on the pixel grid."""

import re
from functools import cache, lru_cache
from math import isqrt, sqrt

import numpy as np
from escnn import gspaces
from escnn.group import GroupElement, Representation, directsum
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType
from numpy.typing import NDArray

from steergan.errors import SymmetryError

GROUPS = ("trivial", "C2", "C4", "C8", "C16", "D1", "D2", "D4", "D8", "SO2", "O2")
"""The groups of the recipes, by name (the papers' z2, p4 and p4m are trivial, C4 and D4); any C_N and D_N will do."""

LARGEST_ORDER = 64
"""N of C_N and D_N, at most."""

GROUP_NAME = re.compile(r"trivial|SO2|O2|D1|[CD]([2-9]|[1-5][0-9]|6[0-4])")
"""What `gspace` knows and a recipe may name: N is 1 (D only) or 2 to `LARGEST_ORDER`."""

HIGHEST_FREQUENCY = 16
"""Of irreps of SO(2) and O(2) that escnn is asked to prepare."""

ROUNDING = 1e-9
"""How far escnn's float64 matrices may lie from the signed permutations that they stand for."""

SignedPermutation = tuple[NDArray[np.int64], NDArray[np.int64]]


@cache
def gspace(name: str) -> GSpace2D:
    """The gspace of a group name: trivial, C_N, D_N (N up to 64), SO2 or O2.

    Raises:
        SymmetryError: another name.

    Examples:
        >>> gspace("D4").fibergroup.order()
        8
    """
    if not GROUP_NAME.fullmatch(name):
        raise SymmetryError(
            f"group {name!r} is not known; choose one of {', '.join(GROUPS)}, or C_N, D_N with N up to {LARGEST_ORDER}"
        )
    if name == "trivial":
        return gspaces.trivialOnR2()
    if name == "SO2":
        return gspaces.rot2dOnR2(-1, maximum_frequency=HIGHEST_FREQUENCY)
    if name == "O2":
        return gspaces.flipRot2dOnR2(-1, maximum_frequency=HIGHEST_FREQUENCY)
    order = int(name[1:])
    if name[0] == "C":
        return gspaces.rot2dOnR2(order)
    return gspaces.flip2dOnR2() if order == 1 else gspaces.flipRot2dOnR2(order)


def group_name(space: GSpace2D) -> str:
    """The recipe's name of a gspace, or escnn's own name of one that has none.

    Examples:
        >>> group_name(gspaces.flipRot2dOnR2(4)), group_name(gspaces.trivialOnR2())
        ('D4', 'trivial')
    """
    order = int(space.fibergroup.order())
    names = ["SO2", "O2"] if order < 1 else ["trivial", f"C{order}", f"D{order // 2}"]
    return next((name for name in names if is_gspace(name, space)), str(space.name))


def is_gspace(name: str, space: GSpace2D) -> bool:
    """Whether a gspace is the one of this name.

    Examples:
        >>> is_gspace("C4", gspaces.rot2dOnR2(4)), is_gspace("C4", gspaces.rot2dOnR2(8))
        (True, False)
    """
    try:
        return gspace(name) == space
    except SymmetryError:
        return False


def is_trivial(space: GSpace2D) -> bool:
    """Whether there is nothing but the identity.

    Examples:
        >>> is_trivial(gspace("trivial")), is_trivial(gspace("C2"))
        (True, False)
    """
    return int(space.fibergroup.order()) == 1


def is_continuous(space: GSpace2D) -> bool:
    """Whether the group has infinitely many elements: SO(2), O(2).

    Examples:
        >>> is_continuous(gspace("SO2")), is_continuous(gspace("C16"))
        (True, False)
    """
    return int(space.fibergroup.order()) < 1


def group_order(space: GSpace2D) -> int:
    """Number of elements.

    Raises:
        SymmetryError: the group is continuous.

    Examples:
        >>> group_order(gspace("D8"))
        16
    """
    order = int(space.fibergroup.order())
    if order < 1:
        raise SymmetryError(f"{space.name} has infinitely many elements; a finite group was wanted")
    return order


def regular_type(space: GSpace2D, fields: int) -> FieldType:
    """`fields` regular fields: functions on the group at every pixel.

    Examples:
        >>> regular = regular_type(gspace("C4"), 3)
        >>> len(regular), regular.size  # fields, channels
        (3, 12)
    """
    return FieldType(space, [space.regular_repr] * fields)


def trivial_type(space: GSpace2D, fields: int) -> FieldType:
    """`fields` trivial fields: plain channels, such as an image's.

    Examples:
        >>> trivial_type(gspace("C4"), 3).size
        3
    """
    return FieldType(space, [space.trivial_repr] * fields)


@cache
def fourier_representation(space: GSpace2D, frequency: int) -> Representation:
    """Functions on SO(2) or O(2) up to an angular frequency: their Fourier coefficients, in a basis of irreps.

    The size is 2 frequency + 1 for SO(2), twice as much for O(2).

    Raises:
        SymmetryError: the group is finite, or the frequency is out of range.

    Examples:
        >>> fourier_representation(gspace("SO2"), 3).size, fourier_representation(gspace("O2"), 3).size
        (7, 14)
    """
    if not is_continuous(space):
        raise SymmetryError(f"{group_name(space)} is finite; its functions are regular fields, not Fourier fields")
    if not 0 <= frequency <= HIGHEST_FREQUENCY:
        raise SymmetryError(f"frequency {frequency}: 0 to {HIGHEST_FREQUENCY} was wanted")
    reflections = group_name(space) == "O2"
    irreps: list[tuple[int, ...]] = [(0, 0), (1, 0)] if reflections else [(0,)]
    irreps += [(1, f) if reflections else (f,) for f in range(1, frequency + 1)]
    return space.fibergroup.spectral_regular_representation(*irreps)


def field_name(representation: Representation) -> str:
    """A representation's name for tables: `trivial`, `fourier_3` where escnn spells out every irrep, else escnn's.

    Examples:
        >>> space = gspace("SO2")
        >>> field_name(space.trivial_repr), field_name(fourier_representation(space, 2))
        ('trivial', 'fourier_2')
    """
    if representation.is_trivial():
        return "trivial"
    name = str(representation.name)
    return f"fourier_{representation.irreps[-1][-1]}" if name.startswith("regular_[") else name


@cache
def gated_representation(space: GSpace2D, frequency: int) -> Representation:
    """A gate, which is a trivial irrep, and behind it a Fourier field.

    Examples:
        >>> gated_representation(gspace("SO2"), 3).size  # the gate, and 7 coefficients
        8
    """
    parts = [space.trivial_repr, fourier_representation(space, frequency)]
    return directsum(parts, name=f"gated_{frequency}")


def fields_for_width(
    space: GSpace2D, width: int, kernel_size: int = 5, representation: Representation | None = None
) -> int:
    """How many fields stand in for `width` channels of a plain CNN with 3x3 filters, at about as many parameters.

    Groups that permute pixels: int(width / sqrt(|G|)) regular fields, the rule of Dey et al. 2021, section 3 ("divided
    by the square root of the cardinality of the symmetry set"). Between two layers of so many fields there are
    9 |G| fields^2 = 9 width^2 weights. All others (C_N, D_N beyond 4, SO2, O2) are made to have as many: with d free
    weights of a filter between two fields (`filter_weights`), 3 width / sqrt(d) fields, rounded. At least one.

    Args:
        space: the group's gspace.
        width: channels of the plain CNN.
        kernel_size: of the filters; groups that permute pixels do without.
        representation: of a field; None: the regular one.

    Examples:
        >>> [fields_for_width(gspace(name), 64) for name in ("trivial", "C4", "D4", "C8")]
        [64, 32, 22, 20]
    """
    if is_grid_group(space):
        return max(1, isqrt(width * width // group_order(space)))
    field = space.regular_repr if representation is None else representation
    return max(1, round(3 * width / sqrt(filter_weights(space, field, field, kernel_size))))


def ring_frequencies(kernel_size: int) -> list[int]:
    """The highest angular frequency that escnn's basis has on each ring of a kernel, from the centre to the rim.

    Rings are one pixel apart. Source: escnn's default band limit for `R2Conv`.

    Examples:
        >>> ring_frequencies(3), ring_frequencies(7)
        ([0, 2], [0, 2, 3, 2])
    """
    rim = kernel_size // 2
    return [0] + [2 * r - (r + 1) % 2 if r < rim else 2 for r in range(1, rim + 1)]


def filter_weights(space: GSpace2D, out_field: Representation, in_field: Representation, kernel_size: int) -> int:
    """Free weights of a band-limited filter between two fields, on a square kernel of odd size.

    The dimension of the filters that satisfy K(g x) = rho_out(g) K(x) rho_in(g)^-1, counted by characters: the mean
    over the group of trace(rho_out) trace(rho_in) times the trace on each ring's circular harmonics.

    Examples:
        >>> space = gspace("C8")
        >>> filter_weights(space, space.regular_repr, space.trivial_repr, 3)
        6
    """
    elements = elements_of(space, 8 * HIGHEST_FREQUENCY)
    rings, total = ring_frequencies(kernel_size), 0.0
    for element in elements:
        (a, b), (c, d) = np.asarray(space.basespace_action(element), dtype=np.float64)
        angle, turns = np.arctan2(c, a), a * d - b * c > 0
        harmonics = sum(1 + turns * 2 * sum(np.cos(m * angle) for m in range(1, f + 1)) for f in rings)
        total += np.trace(out_field(element)) * np.trace(in_field(element)) * harmonics
    return round(total / len(elements))


def elements_of(space: GSpace2D, angles: int) -> list[GroupElement]:
    """All elements of a finite group; of a continuous one those at so many equal angles, reflected ones too.

    Examples:
        >>> len(elements_of(gspace("D4"), 100)), len(elements_of(gspace("SO2"), 100))
        (8, 100)
    """
    group = space.fibergroup
    return list(group.grid(angles, "regular") if is_continuous(space) else group.elements)


@lru_cache(maxsize=64)  # escnn builds every matrix anew
def plane_matrices(space: GSpace2D) -> NDArray[np.float64]:
    """The action on the plane, (G, 2, 2), on column vectors (x to the right, y up), in the order of the elements.

    Raises:
        SymmetryError: the group is continuous.

    Examples:
        >>> plane_matrices(gspace("C4"))[1].round().tolist()  # a quarter turn, counterclockwise
        [[0.0, -1.0], [1.0, 0.0]]
    """
    group_order(space)
    action = space.basespace_action
    return np.stack([np.asarray(action(element), dtype=np.float64) for element in space.fibergroup.elements])


def contains(group: str, part: str) -> bool:
    """Whether every element of the group `part` acts on the plane as one of `group` does; both by name.

    Raises:
        SymmetryError: an unknown group.

    Examples:
        >>> contains("D4", "C2"), contains("C8", "D4"), contains("O2", "D8")
        (True, False, True)
    """
    whole, wanted = gspace(group), gspace(part)
    if is_continuous(whole):
        orientations = np.linalg.det([np.asarray(wanted.basespace_action(g)) for g in elements_of(wanted, 4)])
        return group == "O2" or bool((orientations > 0).all())
    if is_continuous(wanted):
        return False
    matrices = plane_matrices(whole)
    return all(bool((np.abs(matrices - m).max(axis=(1, 2)) < ROUNDING).any()) for m in plane_matrices(wanted))


def pixel_group(name: str) -> str:
    """What of a group permutes pixels: of C8 and SO2 C4, of O2 D4.

    Examples:
        >>> pixel_group("C8"), pixel_group("O2"), pixel_group("D2")
        ('C4', 'D4', 'D2')
    """
    return next(part for part in ("D4", "C4", "D2", "C2", "D1", "trivial") if contains(name, part))


def grid_elements(space: GSpace2D) -> list[int]:
    """Positions of the elements that map the square pixel grid onto itself: quarter turns and axis reflections.

    Examples:
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
