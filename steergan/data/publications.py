"""What a set would be that is not there: plans are made before the data are had."""

from typing import NamedTuple

import numpy as np

from steergan.data.sources import source_of
from steergan.recipe import DataSettings


class Expected(NamedTuple):
    """Sizes and counts of a set, from its publication."""

    image_shape: tuple[int, int, int]
    """(C, H, W)."""
    classes: int
    train: int
    """Training images that `data.fraction` leaves."""
    held_out: int


def expected(settings: DataSettings) -> Expected | None:
    """What a recipe's data would be if they were there; None for a user's own, and where a path was given.

    Args:
        settings: the recipe's `[data]` section. Patches with too little foreground, and what else is left out when a
            set is prepared, are counted.

    Examples:
        >>> from steergan.recipe.data import Cifar10, Npz
        >>> expected(Cifar10(fraction=0.1))
        Expected(image_shape=(3, 32, 32), classes=10, train=5000, held_out=10000)
        >>> expected(Npz(path="mine.npz")) is None
        True
    """
    source = source_of(settings.name)
    if source.published is None or settings.path:
        return None
    channels, classes, images = source.published
    if not isinstance(images, int):
        train, held_out = images
    elif settings.division == "none":
        train = held_out = images
    else:
        held_out = int(np.floor(settings.held_out * images + 0.5))
        train = images - held_out
    side = settings.size or source.size
    return Expected((channels, side, side), classes, int(np.floor(settings.fraction * train + 0.5)), held_out)
