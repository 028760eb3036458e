"""How long work says how far it is: one signature for every room."""

from typing import Protocol


class Progress(Protocol):
    """Called while something takes long: `progress(done, total)`, in whatever unit the work counts."""

    def __call__(self, done: int, total: int, /) -> None:
        """Hear that `done` of `total` are done."""


def unheard(done: int, total: int, /) -> None:
    """The progress of work that nobody watches."""


def portion(progress: Progress, before: int, total: int) -> Progress:
    """The progress of a part of some work, told as that of the whole.

    Args:
        progress: hears of the whole.
        before: what was done when the part begins.
        total: of the whole.

    Examples:
        >>> from steergan.progress import portion
        >>> portion(print, before=10, total=30)(5, 20)
        15 30
    """
    return lambda done, _: progress(before + done, total)
