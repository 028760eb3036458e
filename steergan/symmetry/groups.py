"""Groups by name: their gspaces, their elements, and how these act on the plane."""

import re
from functools import cache, lru_cache

import numpy as np
from escnn import gspaces
from escnn.group import GroupElement
from escnn.gspaces import GSpace2D
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
