"""Rotations and reflections by their angles, and the elements that they are."""

import numpy as np
import pytest

from steergan.errors import SymmetryError
from steergan.motions import angles_of, element_at, plane_motion
from steergan.symmetry import gspace


def test_a_motion_reflects_left_and_right_and_then_turns_counterclockwise() -> None:
    right, up = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert np.allclose(plane_motion(90) @ right, up)
    assert np.allclose(plane_motion(0, reflect=True) @ right, -right)
    assert np.allclose(plane_motion(0, reflect=True) @ up, up)
    assert np.allclose(plane_motion(90, reflect=True) @ right, -up)


@pytest.mark.parametrize(
    ("name", "degrees", "reflect"),
    [("C4", 270, False), ("C8", 45, False), ("D4", 90, True), ("SO2", 12.5, False), ("O2", -77, True), ("D1", 0, True)],
)
def test_the_element_acts_on_the_plane_as_the_motion(name: str, degrees: float, reflect: bool) -> None:
    space = gspace(name)
    found = np.asarray(space.basespace_action(element_at(space, degrees, reflect)))
    assert np.allclose(found, plane_motion(degrees, reflect))


@pytest.mark.parametrize(
    ("name", "degrees", "reflect", "asked", "has"),
    [
        ("C4", 45, False, "rotation by 45 degrees", "its angles are the multiples of 90; it has no reflections"),
        ("D8", 30, True, "reflection and rotation by 30 degrees", "its angles are the multiples of 45"),
        ("SO2", 30, True, "reflection and rotation by 30 degrees", "it has every angle; it has no reflections"),
    ],
)
def test_an_element_that_a_group_lacks_is_refused_with_those_that_it_has(
    name: str, degrees: float, reflect: bool, asked: str, has: str
) -> None:
    with pytest.raises(SymmetryError) as caught:
        element_at(gspace(name), degrees, reflect)
    assert str(caught.value) == f"{name} has no {asked}; {has}"


def test_angles_in_words() -> None:
    assert angles_of(gspace("O2")) == "it has every angle"
    assert angles_of(gspace("D4")) == "its angles are the multiples of 90"
