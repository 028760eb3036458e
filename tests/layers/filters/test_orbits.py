from typing import Any

import numpy as np
import pytest
from escnn.group import Representation
from escnn.gspaces import GSpace2D
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from steergan.errors import SymmetryError
from steergan.layers import FilterOrbits, filter_orbits
from steergan.symmetry import gspace

GROUPS = ("trivial", "C2", "C4", "D1", "D2", "D4")


def representations_of(space: GSpace2D) -> list[Representation]:
    group = space.fibergroup
    found = [space.regular_repr, *group.irreps()]
    if group.name == "C4":
        found.append(space.quotient_repr(2))
    if group.name == "D4":
        found.extend([space.quotient_repr((None, 4)), space.quotient_repr((0, 1)), space.quotient_repr((None, 2))])
    return found


@st.composite
def filters(draw: st.DrawFn) -> tuple[GSpace2D, Representation, Representation, int]:
    space = gspace(draw(st.sampled_from(GROUPS)))
    of_space = st.sampled_from(representations_of(space))
    return space, draw(of_space), draw(of_space), draw(st.integers(1, 6))


def turned(space: GSpace2D, number: int, kernel: NDArray[Any]) -> NDArray[Any]:
    """K(g^-1 x), out of numpy's rot90 and flip."""
    matrix = space.basespace_action(space.fibergroup.elements[number]).round().astype(int)
    for flip in (False, True):
        for turns in range(4):
            # Counter-clockwise, y up; escnn's flips are about the vertical axis first.
            candidate = np.linalg.matrix_power(np.array([[0, -1], [1, 0]]), turns) @ np.diag([-1 if flip else 1, 1])
            if (candidate == matrix).all():
                flipped = kernel[..., ::-1] if flip else kernel
                return np.rot90(flipped, turns, axes=(-2, -1))
    raise AssertionError(matrix)


def expand(orbits: FilterOrbits, weights: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(orbits.sign * weights[orbits.index]) if orbits.count else np.zeros(orbits.index.shape)


@given(filters())
def test_every_choice_of_weights_obeys_the_kernel_constraint_in_integers(
    drawn: tuple[GSpace2D, Representation, Representation, int],
) -> None:
    space, out, into, k = drawn
    orbits = filter_orbits(space, out, into, k)
    kernel = expand(orbits, 1 + np.arange(orbits.count) ** 2)
    for number, element in enumerate(space.fibergroup.elements):
        left, right = out(element).round().astype(int), into(element).round().astype(int)
        moved = np.einsum("ai,ijrc,bj->abrc", left, turned(space, number, kernel), right)
        assert np.array_equal(moved, kernel)


@given(filters())
def test_there_are_as_many_weights_as_the_character_formula_says(
    drawn: tuple[GSpace2D, Representation, Representation, int],
) -> None:
    space, out, into, k = drawn
    position = np.arange(k * k).reshape(k, k)
    trace = 0.0
    for number, element in enumerate(space.fibergroup.elements):
        fixed = (turned(space, number, position) == position).sum()
        trace += fixed * np.trace(out(element)) * np.trace(into(element))
    assert filter_orbits(space, out, into, k).count == round(trace / space.fibergroup.order())


@given(filters())
def test_orbits_are_numbered_as_they_are_met(drawn: tuple[GSpace2D, Representation, Representation, int]) -> None:
    orbits = filter_orbits(*drawn)
    met = orbits.index[orbits.sign != 0]
    first = list(dict.fromkeys(met.tolist()))
    assert first == list(range(orbits.count))
    firsts = [int(np.flatnonzero(met == orbit)[0]) for orbit in range(orbits.count)]
    assert (orbits.sign[orbits.sign != 0][firsts] == 1).all()


@pytest.mark.parametrize("name", ["C4", "D4"])
def test_regular_to_regular_is_the_formula_of_cohen_and_welling(name: str) -> None:
    space, k = gspace(name), 3
    elements = space.fibergroup.elements
    weights = np.arange(len(elements) * k * k)
    orbits = filter_orbits(space, space.regular_repr, space.regular_repr, k)
    assert orbits.count == len(weights)
    kernel, w = expand(orbits, weights), weights.reshape(len(elements), k, k)
    assert np.array_equal(kernel[0], w)
    for a, element in enumerate(elements):
        for b, other in enumerate(elements):
            quotient = elements.index(~element @ other)
            assert np.array_equal(kernel[a, b], turned(space, a, w[quotient]))


def test_a_representation_that_is_no_signed_permutation_has_no_orbits() -> None:
    space = gspace("C4")
    basis = np.array([[0.8, 0.6], [-0.6, 0.8]])
    slanted = Representation(space.fibergroup, "slanted", [(2,), (0,)], basis)
    with pytest.raises(SymmetryError, match="'slanted' is not a signed permutation"):
        filter_orbits(space, space.trivial_repr, slanted, 3)


def test_a_group_that_leaves_the_grid_has_no_orbits() -> None:
    space = gspace("C8")
    with pytest.raises(SymmetryError, match="does not map the pixel grid"):
        filter_orbits(space, space.regular_repr, space.regular_repr, 3)
