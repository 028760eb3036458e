"""How long work says how far it is: one signature for every room."""

from typing import Protocol


class Progress(Protocol):
    """Called while something takes long: `progress(done, total)`, in whatever unit the work counts."""

    def __call__(self, done: int, total: int, /) -> None:
        """Hear that `done` of `total` are done."""


def unheard(done: int, total: int, /) -> None:
    """The progress of work that nobody watches."""
