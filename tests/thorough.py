"""How much a test tries: what its rule needs in every run, and everything with `pytest --thorough`.

Every rule and every distinct assertion stands in the run without the option; with it come the cells that repeat them:
larger grids, more examples of hypothesis, more seeds. A test module asks when it is imported, as decorators do.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import combinations, product
from typing import Any

import pytest

_asked = False
LEFT_OUT = pytest.StashKey[int]()


def asked() -> bool:
    """Whether this run is thorough."""
    return _asked


def size(usual: int, thorough: int) -> int:
    """The number of examples, seeds, kills or flips to try."""
    return thorough if _asked else usual


def also(*cells: Any) -> list[Any]:
    """Cells for `pytest.mark.parametrize` that only a thorough run tries; a tuple is a cell of several arguments."""
    spread = [cell if isinstance(cell, tuple) else (cell,) for cell in cells]
    return [pytest.param(*cell, marks=pytest.mark.thorough) for cell in spread]


def grid(*axes: Iterable[Any], pairs: bool = False) -> list[Any]:
    """The cells of a grid: in every run as few as hold each value of each axis, all of them in a thorough one.

    Args:
        axes: the values along each axis.
        pairs: in every run, hold each two values of two axes.
    """
    values = [list(axis) for axis in axes]
    every = list(product(*(range(len(axis)) for axis in values)))
    left = {part for places in every for part in _parts(places, pairs)}
    usual, seen = set(), Counter[tuple[int, int]]()

    def worth(places: tuple[int, ...]) -> tuple[int, int]:
        """What a cell adds; where several add as much, the one of values that were seen least."""
        return len(left & _parts(places, pairs)), -sum(seen[place] for place in enumerate(places))

    while left:
        best = max(every, key=worth)
        usual.add(best)
        seen.update(enumerate(best))
        left -= _parts(best, pairs)
    cells = {places: tuple(axis[place] for axis, place in zip(values, places, strict=True)) for places in every}
    return [pytest.param(*cell) if places in usual else also(cell)[0] for places, cell in cells.items()]


def _parts(places: tuple[int, ...], pairs: bool) -> set[Any]:
    """What a cell holds: (axis, place on it) of every axis, or of every two."""
    return set(combinations(enumerate(places), 2 if pairs else 1))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="every cell of grids, more examples, seeds and kills")


def pytest_configure(config: pytest.Config) -> None:
    global _asked
    config.addinivalue_line("markers", "thorough: repeats a rule that other cells test; runs with --thorough")
    _asked = config.getoption("--thorough")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if asked():
        return
    extra = [item for item in items if item.get_closest_marker("thorough")]
    items[:] = [item for item in items if not item.get_closest_marker("thorough")]
    config.hook.pytest_deselected(items=extra)
    config.stash[LEFT_OUT] = len(extra)
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = len(extra)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Keep what a worker left out, which pytest-xdist does not tell."""
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if left_out := config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(f"{left_out} cells that repeat a rule were left out; --thorough runs them")
