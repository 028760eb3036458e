"""What is left out without --thorough repeats a rule, is counted, and runs with it."""

from itertools import product
from typing import Any

import pytest

from tests.thorough import also, asked, grid

pytest_plugins = ["pytester"]
TESTS = """
import pytest
from tests.thorough import also, grid, size

SIZE = size(2, 9)

@pytest.mark.parametrize("cell", ["first", *also("second", "third")])
def test_cells(cell):
    assert SIZE == (2 if cell == "first" and not RUNS_ALL else 9)
"""


def usual(cells: list[Any]) -> list[tuple[Any, ...]]:
    return [cell.values for cell in cells if not cell.marks]


def test_a_grid_tries_each_value_always_and_each_cell_when_thorough() -> None:
    groups, sizes, modes = ("C4", "D4", "C8"), (5, 6), ("same",)
    cells = grid(groups, sizes, modes)
    assert [cell.values for cell in cells] == [(group, size, "same") for group in groups for size in sizes]
    tried = [set(values) for values in zip(*usual(cells), strict=True)]
    assert tried == [set(groups), set(sizes), set(modes)]
    assert len(usual(cells)) == 3
    assert all([mark.name for mark in cell.marks] in ([], ["thorough"]) for cell in cells)


def test_a_grid_of_pairs_tries_each_two_values_in_every_run() -> None:
    axes = ("C4", "D4", "C8"), (5, 6), ("same", "valid")
    usually = usual(grid(*axes, pairs=True))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert {(cell[one], cell[other]) for cell in usually} == set(product(axes[one], axes[other]))
    assert len(usually) == 6


def test_a_tuple_is_a_cell_of_several_arguments() -> None:
    assert [cell.values for cell in also("C4", ("D4", 5))] == [("C4",), ("D4", 5)]


@pytest.mark.parametrize("thorough", [False, True])
def test_the_option_runs_every_cell_and_without_it_they_are_counted(
    thorough: bool, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(TESTS.replace("RUNS_ALL", str(thorough)))
    options = ["-p", "tests.thorough", "-p", "no:cacheprovider", *["--thorough"] * thorough]
    monkeypatch.setattr("tests.thorough._asked", asked())  # and back to what it was when this test is over
    found = pytester.runpytest_inprocess(*options)
    if thorough:
        found.assert_outcomes(passed=3)
        assert "left out" not in str(found.stdout)
    else:
        found.assert_outcomes(passed=1, deselected=2)
        found.stdout.fnmatch_lines(["2 cells that repeat a rule were left out; --thorough runs them"])
