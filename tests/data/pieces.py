"""Plans of small pieces, and what became of them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from steergan.data.images import Labels, Pixels
from steergan.data.plan import Piece, Plan
from steergan.data.prepared import folder_for
from steergan.errors import DataError

IDENTITY = {"name": "patches", "seed": 0}
SHAPE = (3, 8, 8)
ADVICE = "do this"
Load = Callable[[], tuple[Pixels, Labels]]


def rows(k: int) -> tuple[Pixels, Labels]:
    """Images and labels of piece k: 100 + k images of two classes."""
    count = 100 + k
    return np.random.default_rng(k).integers(0, 256, (count, *SHAPE), np.uint8), np.arange(count) % 2


def piece(k: int, load: Load | None = None) -> Piece:
    """Piece k of the plans."""
    return Piece(f"slide-{k}.png", 100 + k, load or (lambda: rows(k)))


def plan_of(
    train: Sequence[Piece],
    held_out: Sequence[Piece],
    divide: Callable[[Labels], tuple[Labels, Labels]] | None = None,
    advice: str = ADVICE,
) -> Plan:
    """A plan of such pieces, which goes on without damaged ones."""
    return Plan(SHAPE, ("a", "b"), {"train": train, "held_out": held_out}, "a rule", divide, advice=advice)


def whole_plan() -> Plan:
    """Seven pieces, five to train on."""
    return plan_of([piece(k) for k in range(5)], [piece(5), piece(6)])


def refuse(reason: str) -> Load:
    """What loading a damaged piece does."""

    def load() -> tuple[Pixels, Labels]:
        raise DataError(reason)

    return load


def stop() -> tuple[Pixels, Labels]:
    """Loading a piece while a user presses Ctrl-C."""
    raise KeyboardInterrupt


def contents(folder: Path | None) -> Mapping[str, bytes]:
    """Arrays and manifest of a set; the stamp has times in it."""
    assert folder is not None
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "verified.json"}


def partial_folder() -> Path:
    """Where the set lies until it is finished."""
    return folder_for(IDENTITY).with_name(f".{folder_for(IDENTITY).name}.partial")
