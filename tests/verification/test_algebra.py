"""The foundation holds for the groups in use, and a wrong table, representation or grid is refuted."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from escnn.group import Representation

from steergan.symmetry import gspace
from steergan.verification import algebra
from steergan.verification.algebra import (
    algebra_records,
    grid_finding,
    group_table,
    plane_action,
    representation_finding,
)
from steergan.verification.elements import IDENTITY, grid_elements, pixel_action

QUARTER = (0, -1, 1, 0)
ORDERS = {"C4": (4, 4), "D4": (8, 8), "C8": (8, 4), "D8": (16, 8), "D1": (2, 2)}
"""Group -> elements, and those of them that permute pixels."""


@pytest.mark.parametrize("group", ORDERS)
def test_groups_and_their_actions_hold(group: str) -> None:
    space, (order, on_grid) = gspace(group), ORDERS[group]
    found = group_table(space)
    assert (found.verdict, found.kind) == ("holds", "exact")
    assert f" {order} elements" in found.argument
    found = plane_action(space)
    assert (found.verdict, found.kind) == ("holds", "exact")
    assert found.argument.startswith(f"{on_grid} elements")


@pytest.mark.parametrize("group", ORDERS)
def test_representations_hold_exactly_where_they_permute_and_to_rounding_elsewhere(group: str) -> None:
    space = gspace(group)
    for representation in [space.regular_repr, space.trivial_repr, *space.fibergroup.irreps()]:
        found = representation_finding(representation)
        assert found.verdict == "holds", (representation.name, found)
        matrices = [representation(element) for element in space.fibergroup.elements]
        integral = all(np.abs(m - m.round()).max() < 1e-9 for m in matrices)
        assert found.kind == ("exact" if integral else "bounded")
        assert found.bound is not None
        assert found.bound < 1e-12
        assert (found.bound == 0) or not integral


@pytest.mark.parametrize("group", ORDERS)
def test_every_record_of_a_group_holds(group: str) -> None:
    space = gspace(group)
    elements = tuple(grid_elements(space))
    rows = list(algebra_records([space], [space.regular_repr], elements, {(4, 4), (7, 7), (1, 1)}))
    assert len(rows) == 2 + 1 + 3
    assert {(r.level, r.finding.verdict) for r in rows} == {(0, "holds")}


class Element:
    """An element whose product is looked up."""

    def __init__(self, number: int, table: list[list[int]]) -> None:
        self.number, self.table = number, table

    def __matmul__(self, other: "Element") -> "Element":
        return Element(self.table[self.number][other.number], self.table)

    def __invert__(self) -> "Element":
        return Element(self.table[self.number].index(0) if 0 in self.table[self.number] else 0, self.table)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Element) and self.number == other.number

    def __hash__(self) -> int:
        return self.number

    def __str__(self) -> str:
        return f"element {self.number}"


CYCLIC = [[(a + b) % 3 for b in range(3)] for a in range(3)]
LOOP = [
    [0, 1, 2, 3, 4],
    [1, 0, 3, 4, 2],
    [2, 4, 0, 1, 3],
    [3, 2, 4, 0, 1],
    [4, 3, 1, 2, 0],
]
"""A Latin square with an identity and inverses that is not associative."""


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        (CYCLIC, None),
        ([[0, 1, 2], [1, 2, 7], [2, 0, 1]], "among them"),
        ([[0, 1, 1], [1, 2, 0], [2, 0, 1]], "identity"),
        (LOOP, "associative"),
        ([[0, 1], [1, 1]], "inverses"),
    ],
)
def test_a_wrong_table_is_broken_by_the_law_that_it_breaks(
    table: list[list[int]], wrong: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    elements = [Element(n, table) for n in range(len(table))]
    monkeypatch.setattr(algebra, "group_elements", lambda space: elements)
    space: Any = SimpleNamespace(name="made up", fibergroup=SimpleNamespace(identity=elements[0]))
    found = group_table(space)
    assert found.verdict == ("holds" if wrong is None else "broken")
    assert wrong is None or wrong in found.argument


def test_an_action_on_the_plane_in_the_wrong_sense_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    space = gspace("D4")
    right = grid_elements(space)
    # Each rotation called by its inverse's name, the reflections as they were.
    wrong = {(a, c, b, d) if a * d - b * c == 1 else (a, b, c, d): g for (a, b, c, d), g in right.items()}
    assert wrong != right
    monkeypatch.setattr(algebra, "grid_elements", lambda space: wrong)
    assert plane_action(space).verdict == "broken"


@pytest.mark.parametrize("change", ["swap", "scale", "sign", "rounding"])
def test_a_wrong_representation_is_broken(change: str) -> None:
    regular = gspace("C4").regular_repr
    matrices = {element: np.array(regular(element)) for element in regular.group.elements}
    turn = regular.group.elements[1]
    if change == "swap":
        matrices[turn] = matrices[turn][[1, 0, 2, 3]]
    elif change == "scale":
        matrices = {element: 2 * matrix for element, matrix in matrices.items()}
    elif change == "sign":
        matrices[turn] = -matrices[turn]
    else:
        matrices[turn] = matrices[turn] + 1e-6
    copy = Representation.__new__(Representation)
    copy.__dict__.update(regular.__dict__)
    copy.representation = lambda element: matrices[element]
    copy._cached_group_grid = None
    assert np.array_equal(copy(turn), matrices[turn])
    assert representation_finding(copy).verdict == "broken"
    assert representation_finding(regular).verdict == "holds"


@pytest.mark.parametrize("group", ORDERS)
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (5, 5), (6, 6)])
def test_squares_are_permuted(group: str, size: tuple[int, int]) -> None:
    assert grid_finding(tuple(grid_elements(gspace(group))), size).verdict == "holds"


@pytest.mark.parametrize(("group", "verdict"), [("C2", "holds"), ("D1", "holds"), ("D2", "holds"), ("C4", "broken")])
def test_rectangles_are_permuted_by_half_turns_and_upright_reflections_only(group: str, verdict: str) -> None:
    found = grid_finding(tuple(grid_elements(gspace(group))), (4, 6))
    assert found.verdict == verdict
    assert ("another shape" in found.witness) == (verdict == "broken")


def test_elements_that_are_not_closed_are_broken() -> None:
    found = grid_finding((IDENTITY, QUARTER), (3, 3))
    assert found.verdict == "broken"
    assert "multiply" in found.argument


def test_permutations_in_the_wrong_order_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    right = pixel_action

    def wrong(matrix: Any, height: int, width: int) -> Any:
        a, b, c, d = matrix
        turned = a * d - b * c == 1
        return right((a, c, b, d) if turned else matrix, height, width)

    elements = tuple(grid_elements(gspace("D4")))
    assert grid_finding(elements, (4, 4)).verdict == "holds"
    monkeypatch.setattr(algebra, "pixel_action", wrong)
    assert grid_finding(elements, (4, 4)).verdict == "broken"


def test_pixels_that_are_met_twice_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algebra, "pixel_action", lambda *_: algebra_pixels())
    found = grid_finding((IDENTITY,), (2, 2))
    assert found.verdict == "broken"
    assert "permutation of pixels" in found.argument


def algebra_pixels() -> Any:
    import torch

    return torch.tensor([0, 1, 2, 2])
