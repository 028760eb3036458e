"""Samples beside their nearest training images: which ones are looked at, and the picture."""

import hashlib

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from steergan.metrics.features import FeatureExtractor
from steergan.metrics.images import Rows
from steergan.metrics.memorisation import Memorisation, memorisation
from steergan.pictures import neighbours
from steergan.progress import Progress, unheard
from steergan.randomness import numpy_stream
from steergan.symmetry.actions import act, action_table

MOST = 256
"""Samples, and held-out images, at most, whose neighbours are looked for."""
SHOWN = 10
"""Samples in the picture."""

Pixels = NDArray[np.uint8]


def compare_neighbours(
    extractor: FeatureExtractor,
    drawn: Tensor,
    train: Pixels,
    held_out: Pixels,
    *,
    group: str,
    one_set: bool = False,
    progress: Progress = unheard,
) -> tuple[Memorisation, Figure]:
    """Compare at most 256 samples and held-out images with all training images: the figures, and a picture.

    Args:
        extractor: sees the images.
        drawn: samples, uint8 (N, C, H, W).
        train: training images, uint8 (M, C, H, W).
        held_out: images beside which samples look close or far, uint8 (L, C, H, W).
        group: one that permutes pixels; images are compared in every pose.
        one_set: nothing was held out: held-out images are training images, and are compared with the others.
        progress: hears of images, in as many poses as are looked at.

    Raises:
        DataError: too few images.
        SymmetryError: a group that does not map the images onto themselves.

    Examples:
        >>> import numpy as np
        >>> import torch
        >>> from steergan.metrics import Features, compare_neighbours
        >>> class Brightness:
        ...     name, sha256 = "brightness of halves", ""
        ...     def __call__(self, images):
        ...         return Features(images.float().unflatten(2, (2, 4)).mean(dim=(3, 4)).flatten(1), None)
        >>> images = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), np.uint8)
        >>> found, figure = compare_neighbours(
        ...     Brightness(), torch.from_numpy(images[:5]).flip(3), images, 255 - images, group="D4"
        ... )
        >>> found.comparison.closer_share  # all samples are reflected training images
        1.0
    """
    samples = drawn[spread(len(drawn), "samples")]
    chosen = held_out[spread(len(held_out), "held-out")]
    own = rows_among(train, chosen) if one_set else None
    found = memorisation(extractor, samples, train, chosen, group=group, own_rows=own, progress=progress)
    return found, picture(found, samples, train)


def rows_among(images: Pixels, wanted: Pixels) -> Rows:
    """Which of the images (N, C, H, W) each wanted one (M, C, H, W) is, by its pixels: int64 (M,); -1: none."""
    known = {hashlib.sha256(image.tobytes()).digest(): row for row, image in enumerate(images)}
    return np.array([known.get(hashlib.sha256(image.tobytes()).digest(), -1) for image in wanted])


def spread(available: int, stream: str) -> Rows:
    """Sorted numbers of at most 256 images, from all classes."""
    return np.sort(numpy_stream(0, f"neighbours/{stream}").permutation(available)[:MOST])


def picture(found: Memorisation, samples: Tensor, train: Pixels) -> Figure:
    """The closest samples, each with the nearest training images, moved to lie as close to it in pixels as they can.

    Args:
        found: what was found of the samples.
        samples: uint8 (N, C, H, W).
        train: training images, uint8 (M, C, H, W).
    """
    tiles, nearest, columns = pairs(found, samples, train)
    distances = {"samples": found.samples.distances[:, 0], found.held_out: found.held_out_distances}
    labels = [f"{distance:.3g}" for distance in nearest]
    return neighbours(tiles.numpy(), labels, distances, columns, in_a_line(found))


def in_a_line(found: Memorisation) -> str:
    """How many samples lie closer to training images than real images do."""
    comparison = found.comparison
    closer = f"{comparison.closer_share:.1%} of samples closer than {comparison.quantile:.0%}"
    return f"{closer} of {found.held_out} (z = {comparison.z:.1f})"


def pairs(found: Memorisation, samples: Tensor, train: Pixels) -> tuple[Tensor, list[float], int]:
    """The closest samples, each before the training images that are nearest, these moved as close to it as they can be.

    Args:
        found: what was found of the samples.
        samples: uint8 (N, C, H, W).
        train: training images, uint8 (M, C, H, W).

    Returns:
        uint8 (rows * columns, C, H, W); the distance of each row's sample to the nearest; and how many columns.
    """
    near = found.samples
    closest = np.argsort(near.distances[:, 0], kind="stable")[:SHOWN]
    table, tiles = action_table(found.group, *samples.shape[2:]), []
    for row in closest:
        sample = samples[row : row + 1]
        tiles.append(sample)
        for place in near.rows[row]:
            copies = torch.from_numpy(np.array(train[[place]])).expand(len(table), -1, -1, -1)
            poses = act(copies, table, torch.arange(len(table)))
            best = (poses.float() - sample.float()).square().sum(dim=(1, 2, 3)).argmin()
            tiles.append(poses[best : best + 1])
    return torch.cat(tiles), [float(near.distances[row, 0]) for row in closest], 1 + near.rows.shape[1]
