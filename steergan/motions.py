"""Rotations and reflections of the plane by their angles, and the group elements that they are."""

from math import radians

import numpy as np
from escnn.group import GroupElement
from escnn.gspaces import GSpace2D
from numpy.typing import NDArray

from steergan.errors import SymmetryError
from steergan.symmetry import elements_of, group_name, is_continuous

ALIGNED = 1e-6
"""How far an element's matrix may lie from that of the angle that was asked for."""


def plane_motion(degrees: float, reflect: bool = False) -> NDArray[np.float64]:
    """Reflect left and right (if asked), then rotate counterclockwise: (2, 2), on column vectors, y up.

    Examples:
        >>> plane_motion(90).round().tolist()
        [[0.0, -1.0], [1.0, 0.0]]
    """
    angle = radians(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return rotation @ np.diag([-1.0, 1.0]) if reflect else rotation


def element_at(space: GSpace2D, degrees: float, reflect: bool = False) -> GroupElement:
    """The element that reflects left and right (if asked) and then rotates counterclockwise.

    Raises:
        SymmetryError: the group has no such element.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> element_at(gspace("C8"), 90) == gspace("C8").fibergroup.element(2)
        True
    """
    wanted, group, angle = plane_motion(degrees, reflect), space.fibergroup, radians(degrees)
    candidates = elements_of(space, 4)
    if is_continuous(space):
        rotation = group.element((0, angle) if group_name(space) == "O2" else angle, "radians")
        candidates = [rotation @ g for g in candidates]
    for element in candidates:
        if np.abs(np.asarray(space.basespace_action(element)) - wanted).max() < ALIGNED:
            return element
    asked = f"{'reflection and ' * reflect}rotation by {degrees:g} degrees"
    raise SymmetryError(f"{group_name(space)} has no {asked}; {angles_of(space)}")


def angles_of(space: GSpace2D) -> str:
    """By what a group turns, in words.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> angles_of(gspace("C8"))
        'its angles are the multiples of 45; it has no reflections'
    """
    matrices = [np.asarray(space.basespace_action(g)) for g in elements_of(space, 4)]
    reflections = "" if any(np.linalg.det(m) < 0 for m in matrices) else "; it has no reflections"
    if is_continuous(space):
        return f"it has every angle{reflections}"
    rotations = sum(np.linalg.det(m) > 0 for m in matrices)
    return f"its angles are the multiples of {360 / rotations:g}{reflections}"
