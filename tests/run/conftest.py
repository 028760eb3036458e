"""A reporter that keeps what it is told."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from steergan.recipe import Recipe, read_recipe


class Notes:
    """Keeps messages and rows; asks to stop after a given step."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.messages: list[str] = []
        self.rows: list[Mapping[str, Any]] = []
        self.stop_after = stop_after
        self.steps = 0

    def message(self, text: str) -> None:
        self.messages.append(text)

    def progress(self, row: Mapping[str, Any], step: int, steps: int) -> None:
        self.rows.append(row)

    def stop_requested(self) -> bool:
        self.steps += 1
        return self.steps == self.stop_after


@pytest.fixture
def notes() -> type[Notes]:
    return Notes


@pytest.fixture
def recipe(tiny_recipe: Path) -> Callable[..., Recipe]:
    """The tiny recipe with overrides."""
    return lambda *overrides: read_recipe(tiny_recipe, overrides)
