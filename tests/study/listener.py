"""A user of a study."""

from collections.abc import Sequence


class Listener:
    """Reads everything; may wish to stop, or leave once so many reports have come."""

    def __init__(self, leave_at: int = -1) -> None:
        self.lines: list[str] = []
        self.seen: list[tuple[int, int, int, int]] = []
        self.leave_at, self.stop = leave_at, False

    def message(self, text: str) -> None:
        self.lines.append(text)

    def overall(self, steps: int, total: int, runs: int, running: Sequence[str]) -> None:
        self.seen.append((steps, total, runs, len(running)))

    def stop_requested(self) -> bool:
        return self.stop or len(self.seen) == self.leave_at
