"""A reporter for tests, which keeps what it is told."""

from collections.abc import Mapping
from typing import Any


class Notes:
    """Keeps messages and rows; asks to stop after a given step, or as soon as it hears of a stage."""

    def __init__(self, stop_after: int | None = None, leave_at: str | None = None) -> None:
        self.messages: list[str] = []
        self.rows: list[Mapping[str, Any]] = []
        self.stages: dict[str, list[tuple[int, int]]] = {}
        self.stop_after, self.leave_at = stop_after, leave_at
        self.steps = 0

    def message(self, text: str) -> None:
        self.messages.append(text)

    def progress(self, row: Mapping[str, Any], step: int, steps: int) -> None:
        self.rows.append(row)

    def stage(self, name: str, done: int, total: int) -> None:
        self.stages.setdefault(name, []).append((done, total))

    def stop_requested(self) -> bool:
        self.steps += 1
        return self.steps == self.stop_after

    def leave_requested(self) -> bool:
        return self.leave_at is not None and self.leave_at in self.stages
