"""Which figures mean nothing: because of the features, or because there are too few images."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from steergan.metrics.distances import Distances
from steergan.metrics.features import UNTRAINED
from steergan.metrics.images import Chosen
from steergan.metrics.protocol import Protocol
from steergan.randomness import numpy_stream

FEWEST = 50
"""Images for each neighbour: a ball about one of N images that reaches to its k-th neighbour holds about k / N of all,
and beyond 2 % it is no neighbourhood any more, but a good part of the whole law."""
LEAST = 0.25
"""Of a figure that real training images have to reach in the generator's place. Below it lies the curse of dimension
(the nearest neighbours of an image are as far as any others), or held-out images that are of another law."""
HALF = 0.5
"""Share of that figure which scrambled images may reach at most, in one of the two figures of a pair at least."""
CONTROLS = 1000
"""Scrambled images, at most."""


class Scrambled:
    """Images whose pixels all lie at random places: their colours are real, and nothing else is.

    Args:
        images: real ones.
        seed: of the places.
    """

    def __init__(self, images: Chosen, seed: int) -> None:
        self.images, self.seed, self.dtype, self.ndim = images, seed, images.dtype, images.ndim
        self.shape = (min(len(images), CONTROLS), *images.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, part: slice) -> NDArray[np.uint8]:
        numbers = range(*part.indices(len(self)))
        pixels = self.images[slice(numbers.start, numbers.stop)].reshape(len(numbers), self.shape[1], -1)
        orders = [numpy_stream(self.seed, "metrics/scrambled", k).permutation(pixels.shape[2]) for k in numbers]
        scrambled = [image[:, order] for image, order in zip(pixels, orders, strict=True)]
        return np.stack(scrambled).reshape(-1, *self.shape[1:])


def left_out(
    extractor: str, protocol: Protocol, count: int, floor: Distances, scrambled: Distances
) -> dict[str, str]:
    """Of precision, recall, density and coverage those that mean nothing, each with the reason.

    Both of a pair go together: either one alone is easily had, and precision means little where recall means nothing.

    Args:
        extractor: its name.
        protocol: of the real side.
        count: samples.
        floor: of real training images.
        scrambled: of scrambled held-out ones.

    Examples:
        >>> from steergan.metrics import Distances, Protocol
        >>> from steergan.metrics.meaning import left_out
        >>> real = Distances(0.1, None, 0.0, precision=0.9, recall=0.9, density=1.0, coverage=0.97, count=200)
        >>> noise = Distances(9.0, None, 3.0, precision=0.0, recall=0.8, density=0.0, coverage=0.0, count=200)
        >>> for name, why in left_out("mine", Protocol(200, real_count=200), 200, real, noise).items():
        ...     print(name, why)
        density 200 images, fewer than 50 for each of k = 5 neighbours
        coverage 200 images, fewer than 50 for each of k = 5 neighbours
    """
    pairs = ((("precision", "recall"), protocol.neighbours), (("density", "coverage"), protocol.density_neighbours))
    fewest = min(protocol.real_count, count, floor.count)
    reasons: dict[str, str] = {}
    for names, neighbours in pairs:
        if extractor.startswith(UNTRAINED):
            reason = "untrained features don't know what makes images alike"
        elif fewest < FEWEST * neighbours:
            reason = f"{fewest:,} images, fewer than {FEWEST} for each of k = {neighbours} neighbours"
        else:
            reason = blindness(names, figures_of(floor, names), figures_of(scrambled, names))
        if reason:
            reasons |= dict.fromkeys(names, reason)
    return reasons


def blindness(names: Sequence[str], real: Sequence[float], scrambled: Sequence[float]) -> str:
    """Why two figures mean nothing with these features; empty where they mean something."""
    for name, value in zip(names, real, strict=True):
        if value < LEAST:
            return f"real images in the generator's place have a {name} of {value:.2f}: too few for these features"
    if all(other > HALF * value for value, other in zip(real, scrambled, strict=True)):
        values = " and ".join(f"{name} {value:.2f}" for name, value in zip(names, scrambled, strict=True))
        return f"scrambled images have {values}: these features don't see them"
    return ""


def figures_of(found: Distances, names: Sequence[str]) -> list[float]:
    """Figures by name; all of them are known of the real side."""
    return [float(getattr(found, name)) for name in names]


def in_words(reasons: Mapping[str, str]) -> list[str]:
    """What is left out, a line for each reason."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        by_reason.setdefault(reason, []).append(name)
    return [f"left out: {', '.join(names)} ({reason})" for reason, names in by_reason.items()]
