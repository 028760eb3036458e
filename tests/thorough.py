"""How much a test tries: what its rule needs in every run, and everything with `pytest --thorough`.

Every rule and every distinct assertion stands in the run without the option; with it come the cells that repeat them:
larger grids, more examples of hypothesis, more seeds. A test module asks when it is imported, as decorators do.
"""

from itertools import product
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


def grid(*axes: list[Any] | tuple[Any, ...]) -> list[Any]:
    """The cells of a grid: each value of each axis in every run, all their combinations in a thorough one.

    As many cells are tried in every run as the longest axis has values; shorter axes begin again.
    """
    longest = max(len(axis) for axis in axes)
    usual = {tuple(place % len(axis) for axis in axes) for place in range(longest)}
    every = product(*(range(len(axis)) for axis in axes))
    cells = [(places, tuple(axis[place] for axis, place in zip(axes, places, strict=True))) for places in every]
    return [pytest.param(*cell) if places in usual else also(cell)[0] for places, cell in cells]


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
