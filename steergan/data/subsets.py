"""Seeded, class-stratified parts of a set: held-out images, and nested shares of the training images."""

from collections.abc import Sequence

import numpy as np

from steergan.data.images import Labels
from steergan.errors import DataError
from steergan.randomness import numpy_stream


def ranks_within_class(labels: Labels, seed: int, stream: str) -> Labels:
    """Every image's place, from 0, in a seeded random order of its class; int64 (N,)."""
    shuffled = numpy_stream(seed, stream).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels)
    ranks = np.empty(len(labels), dtype=np.int64)
    ranks[by_class] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    return ranks


def hold_out(labels: Labels, share: float, seed: int, class_names: Sequence[str]) -> tuple[Labels, Labels]:
    """Indices of the training and of the held-out images, sorted, disjoint, together all of them.

    Of every class, `share` is held out (rounded; at least one image, and never the last one).

    Raises:
        DataError: a class with fewer than two images.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    if counts.min() < 2:
        name = class_names[int(counts.argmin())]
        raise DataError(f"class {name} has {counts.min()} image(s); 2 are needed: one to train on, one to hold out")
    wanted = np.clip(np.floor(share * counts + 0.5).astype(np.int64), 1, counts - 1)
    held_out = ranks_within_class(labels, seed, "data/held_out") < wanted[labels]
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def hold_out_exactly(count: int, share: float, seed: int) -> tuple[Labels, Labels]:
    """Indices of training and of held-out images, whatever their classes; sorted, disjoint, together all of them.

    Exactly round(share * count) are held out, but at least 1 and at most count - 1.

    Raises:
        DataError: fewer than two images.
    """
    if count < 2:
        raise DataError(f"{count} image(s) came; 2 are needed: one to train on, one to hold out")
    order = numpy_stream(seed, "data/held_out").permutation(count)
    wanted = int(np.clip(np.floor(share * count + 0.5), 1, count - 1))
    return np.sort(order[wanted:]), np.sort(order[:wanted])


def nested_share(labels: Labels, fraction: float, seed: int) -> Labels:
    """Sorted indices of `fraction` of the images: a smaller fraction gives a part of what a larger one gives.

    All images stand in one seeded order that runs through all classes at the same pace; the first
    round(fraction * N) are taken. So every class has its share, to within an image where the classes are of like size,
    and to within half the number of classes always.

    Raises:
        DataError: a class would be left without an image.
    """
    counts = np.bincount(labels)
    pace = (ranks_within_class(labels, seed, "data/fraction") + 0.5) / counts[labels]
    chosen = np.argsort(pace, kind="stable")[: int(np.floor(fraction * len(labels) + 0.5))]
    missing = np.flatnonzero((np.bincount(labels[chosen], minlength=len(counts)) == 0) & (counts > 0))
    if len(missing):
        raise DataError(f"data.fraction = {fraction} leaves {len(missing)} of {len(counts)} classes empty; raise it")
    return np.sort(chosen)
