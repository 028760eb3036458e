"""What a set would be that is not there: plans and networks are made before the data are had."""

from typing import NamedTuple

import numpy as np

from steergan.data.loading import survey
from steergan.data.sources import source_of
from steergan.errors import MissingDataError
from steergan.recipe import DataSettings


class Expected(NamedTuple):
    """Sizes and counts of a set, from its publication."""

    image_shape: tuple[int, int, int]
    """(C, H, W)."""
    classes: int
    train: int
    """Training images that `data.fraction` leaves."""
    held_out: int
    inputs: int = 0
    """Of pairs, how many of the channels are the input's."""


def expected(settings: DataSettings) -> Expected | None:
    """What a recipe's data would be if they were there; None for a user's own, and where a path was given.

    Args:
        settings: the recipe's `[data]` section. Patches with too little foreground, and what else is left out when a
            set is prepared, are counted.

    Examples:
        >>> from steergan.recipe.data import Cifar10, Npz
        >>> expected(Cifar10(fraction=0.1))
        Expected(image_shape=(3, 32, 32), classes=10, train=5000, held_out=10000, inputs=0)
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


def assumed(settings: DataSettings) -> Expected | None:
    """What a user's own images are taken for that are not there: colours, one class; None where no size is said.

    Args:
        settings: the recipe's `[data]` section.

    Examples:
        >>> from steergan.recipe.data import Pairs
        >>> assumed(Pairs(path="mine", size=64))
        Expected(image_shape=(6, 64, 64), classes=1, train=0, held_out=0, inputs=3)
    """
    if settings.name not in ("folder", "pairs") or not settings.size:
        return None
    inputs, side = 3 if settings.paired else 0, settings.size
    return Expected((inputs + 3, side, side), 1, 0, 0, inputs)


def pair_kind(settings: DataSettings) -> tuple[tuple[int, int, int], int, int]:
    """(C, H, W), the number of classes, and how many of the channels are a pair's input; 0: there are no pairs.

    For whoever makes networks without images: what is not there is as published, or as `assumed`.

    Raises:
        DataError: as `survey`.
    """
    source = source_of(settings.name)
    if source.kind is not None:
        channels, classes = source.kind
        side = settings.size or source.size
        return (channels, side, side), classes, source.inputs
    try:
        found = survey(settings)
    except MissingDataError:
        known = assumed(settings)
        if known is None:
            raise
        return known.image_shape, known.classes, known.inputs
    return found.image_shape, len(found.class_names), found.inputs


def image_kind(settings: DataSettings) -> tuple[tuple[int, int, int], int]:
    """(C, H, W) and the number of classes; of sets whose images are all of one kind without their files.

    Raises:
        DataError: as `survey`.
    """
    return pair_kind(settings)[:2]
