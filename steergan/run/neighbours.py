"""Samples of a run beside their nearest training images."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from steergan.augmentation.elements import act, action_table
from steergan.data.images import Pixels
from steergan.metrics import FeatureExtractor, Memorisation, memorisation
from steergan.pictures import neighbours, save_png
from steergan.randomness import numpy_stream
from steergan.recipe import Recipe
from steergan.run.load import RunData
from steergan.run.reporting import Reporter
from steergan.symmetry import group_order, gspace, pixel_group

MOST = 256
"""Samples, and held-out images, at most, whose neighbours are looked for."""
SHOWN = 10


def larger_group(recipe: Recipe) -> str:
    """The larger one of the two networks' groups, or what of it permutes pixels; of a restricted one the first."""
    groups = (pixel_group(recipe.discriminator.groups[0]), pixel_group(recipe.generator.group))
    return max(groups, key=lambda name: group_order(gspace(name)))


def compare_neighbours(
    extractor: FeatureExtractor, drawn: Tensor, images: RunData, path: Path, group: str, report: Reporter
) -> dict[str, Any]:
    """Compare at most 256 samples and held-out images with all training images; write the picture, return figures.

    Raises:
        SteerganError: too few images; a group that does not map the images onto themselves; a disk that is full.
    """
    held_out = images.held_out.images
    samples = drawn[spread(len(drawn), "samples")]
    rows = spread(len(held_out), "held-out")
    own = None
    if images.held_out.checksum == images.whole_train.checksum:  # data.split = "none"
        own = rows_among(images.train.images, held_out[rows])
    total, done = group_order(gspace(group)) * (len(samples) + len(rows)) + len(images.train), 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        report.stage("nearest training images", done, total)

    found = memorisation(
        extractor, samples, images.train.images, held_out[rows], group=group, own_rows=own, progress=progress
    )
    save_png(picture(found, samples, images), path)
    return found.record()


def rows_among(images: Pixels, wanted: Pixels) -> NDArray[np.int64]:
    """Which of the images each wanted one is, by its pixels; -1: none."""
    known = {hashlib.sha256(image.tobytes()).digest(): row for row, image in enumerate(images)}
    return np.array([known.get(hashlib.sha256(image.tobytes()).digest(), -1) for image in wanted])


def spread(available: int, stream: str) -> NDArray[np.int64]:
    """Sorted numbers of at most 256 images, from all classes."""
    return np.sort(numpy_stream(0, f"neighbours/{stream}").permutation(available)[:MOST])


def picture(found: Memorisation, samples: Tensor, images: RunData) -> Figure:
    """The closest samples, each with the nearest training images, moved to lie as close to it in pixels as they can."""
    near = found.samples
    closest = np.argsort(near.distances[:, 0], kind="stable")[:SHOWN]
    table, tiles = action_table(found.group, *samples.shape[2:]), []
    for row in closest:
        sample = samples[row : row + 1]
        tiles.append(sample)
        for place in near.rows[row]:
            copies = torch.from_numpy(np.array(images.train.images[[place]])).expand(len(table), -1, -1, -1)
            poses = act(copies, table, torch.arange(len(table)))
            best = (poses.float() - sample.float()).square().sum(dim=(1, 2, 3)).argmin()
            tiles.append(poses[best : best + 1])
    said = (
        f"{found.closer_share:.1%} of samples closer than {found.quantile:.0%} of {found.held_out} (z = {found.z:.1f})"
    )
    labels = [f"{near.distances[row, 0]:.3g}" for row in closest]
    columns = 1 + near.rows.shape[1]
    distances = {"samples": near.distances[:, 0], found.held_out: found.held_out_distances}
    return neighbours(torch.cat(tiles).numpy(), labels, distances, columns, said)
