"""Who tells the user what is going on."""

from collections.abc import Mapping
from typing import Any, Protocol


class Reporter(Protocol):
    """What a run reports to; the library itself prints nothing."""

    def message(self, text: str) -> None:
        """A line that stays."""

    def progress(self, row: Mapping[str, Any], step: int, steps: int) -> None:
        """What a generator step recorded."""

    def stage(self, name: str, done: int, total: int) -> None:
        """How far a part is that takes a while and is no training step: data, classifier, samples."""

    def stop_requested(self) -> bool:
        """Whether to stop after the step that is running."""

    def leave_requested(self) -> bool:
        """Whether to leave at once; asked before the first step, when nothing is done that would be lost."""


class Stopped(KeyboardInterrupt):
    """The user asked to stop before the first step, and nothing was under way that is worth its end."""


def stage_before_training(report: Reporter, name: str, done: int, total: int) -> None:
    """Report how far a part is that can be done again, or go on, another time.

    Raises:
        Stopped: the user asked for it.
    """
    report.stage(name, done, total)
    if report.leave_requested():
        raise Stopped


class Silence:
    """A reporter that tells nobody, and never asks to stop."""

    def message(self, text: str) -> None:
        """Nothing."""

    def progress(self, row: Mapping[str, Any], step: int, steps: int) -> None:
        """Nothing."""

    def stage(self, name: str, done: int, total: int) -> None:
        """Nothing."""

    def stop_requested(self) -> bool:
        """Never."""
        return False

    def leave_requested(self) -> bool:
        """Never."""
        return False


class Unheard(Silence):
    """Reports of a process that is not the first of its run: it may be asked to stop, and tells nobody.

    Args:
        report: who may ask.
    """

    def __init__(self, report: Reporter) -> None:
        self.stop_requested, self.leave_requested = report.stop_requested, report.leave_requested  # type: ignore[method-assign]
