"""Memorisation: whether samples lie closer to the training images than other real images do."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu
from torch import Tensor

from steergan.augmentation.elements import action_table
from steergan.errors import DataError
from steergan.metrics.features import FeatureExtractor, Images, image_batches
from steergan.metrics.precision_recall import squared_distances

QUANTILE = 0.05
"""Of the held-out images' distances: this share of fresh samples of the true law would lie below."""
NEAREST = 5
"""Training images that are kept for every sample."""

Progress = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest training images of every query, nearest first."""

    distances: NDArray[np.float64]
    """(Q, k)."""
    rows: NDArray[np.int64]
    """(Q, k): training images."""


@dataclass(frozen=True, eq=False)
class Memorisation:
    """Distances of samples to their nearest training images, beside those of held-out images to theirs."""

    closer_share: float
    """Share of samples that lie closer than the `quantile` of the held-out images; about `quantile` without copying."""
    quantile: float
    probability_closer: float
    """That a sample lies closer to its nearest training image than a held-out image to its own; 0.5 for one law."""
    z: float
    """Mann-Whitney statistic in standard deviations; far below 0: copies. Far above: samples far from all images."""
    p_value: float
    """One-sided: how likely so low a statistic is without copying."""
    sample_quantiles: tuple[float, ...]
    """0, 5, 25, 50, 75, 95 and 100 % of the samples' distances."""
    held_out_quantiles: tuple[float, ...]
    sample_count: int
    held_out_count: int
    train_count: int
    held_out: str
    """`held-out images`, or `training images, each without itself` where nothing was held out."""
    group: str
    extractor: str
    extractor_sha256: str
    samples: Nearest
    held_out_distances: NDArray[np.float64]

    def record(self) -> dict[str, Any]:
        """Everything but the single distances, ready for JSON."""
        own = {item.name: getattr(self, item.name) for item in fields(self)[:-2]}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in own.items()}


def memorisation(
    extractor: FeatureExtractor,
    samples: Images,
    train: Images,
    held_out: Images,
    *,
    group: str,
    own_rows: NDArray[np.int64] | None = None,
    batch_size: int = 250,
    progress: Progress | None = None,
) -> Memorisation:
    """Nearest training images in feature space, over the group, of samples and of held-out images (N, C, H, W) uint8.

    A pair is compared in every pose: the distance of x to t is the least |f(g x) - f(t)| over g in the group.

    Args:
        group: one that permutes pixels.
        own_rows: where the held-out images are training images, which (-1: none): each is then compared with the
            others only.
        progress: called after every batch with the number of its images, moved copies of queries included.

    Source: Meehan et al. 2020 (the test of data copying: training distances of samples against those of fresh images).

    Differs: one cell, the whole space; distances over the group; a quantile beside the statistic.

    Raises:
        DataError: fewer than two samples or held-out images, or fewer than two training images.
    """
    if min(len(samples), len(train), len(held_out)) < 2:
        counts = f"{len(samples)} samples, {len(train)} training and {len(held_out)} held-out images"
        raise DataError(f"{counts}; at least two of each were wanted to compare distances")
    queries = [moved_features(extractor, some, group, batch_size, progress) for some in (samples, held_out)]
    both = torch.cat(queries, dim=1)
    excluded = np.full(both.shape[1], -1)
    if own_rows is not None:
        excluded[len(samples) :] = own_rows
    found = nearest(extractor, both, train, excluded, batch_size, progress)
    count = len(samples)
    near = Nearest(found.distances[:count], found.rows[:count])
    mine, theirs = near.distances[:, 0], found.distances[len(samples) :, 0]
    return Memorisation(
        **asdict(compare(mine, theirs)),
        sample_quantiles=quantiles(mine),
        held_out_quantiles=quantiles(theirs),
        sample_count=len(samples),
        held_out_count=len(held_out),
        train_count=len(train),
        held_out="held-out images" if own_rows is None else "training images, each without itself",
        group=group,
        extractor=extractor.name,
        extractor_sha256=extractor.sha256,
        samples=near,
        held_out_distances=theirs,
    )


@dataclass(frozen=True)
class Comparison:
    """Two sets of distances; see `Memorisation`."""

    closer_share: float
    quantile: float
    probability_closer: float
    z: float
    p_value: float


def compare(samples: NDArray[np.float64], held_out: NDArray[np.float64]) -> Comparison:
    """Whether distances of samples (N,) are smaller than those of held-out images (M,)."""
    test = mannwhitneyu(samples, held_out, alternative="less", method="asymptotic")
    pairs, count = len(samples) * len(held_out), len(samples) + len(held_out)
    z = (float(test.statistic) - pairs / 2) / np.sqrt(pairs * (count + 1) / 12)
    closer = float((samples < np.quantile(held_out, QUANTILE)).mean())
    return Comparison(closer, QUANTILE, 1 - float(test.statistic) / pairs, float(z), float(test.pvalue))


def quantiles(distances: NDArray[np.float64]) -> tuple[float, ...]:
    """A few quantiles, from the least to the largest distance."""
    return tuple(float(value) for value in np.quantile(distances, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]))


def moved_features(
    extractor: FeatureExtractor, images: Images, group: str, batch_size: int, progress: Progress | None
) -> Tensor:
    """Features of every image moved by every element, (G, N, D) float64.

    Moving the queries compares the same pairs as moving the training images, which are many.
    """
    table, parts = action_table(group, *images.shape[2:]), []
    for batch in image_batches(images, batch_size):
        copies = [batch.flatten(2)[..., source].view(batch.shape) for source in table]
        parts.append(torch.stack([extractor(copy).invariant.cpu().double() for copy in copies]))
        if progress is not None:
            progress(len(batch) * len(table))
    return torch.cat(parts, dim=1)


def nearest(
    extractor: FeatureExtractor,
    queries_GQD: Tensor,
    train: Images,
    excluded: NDArray[np.int64],
    batch_size: int,
    progress: Progress | None,
) -> Nearest:
    """The nearest training images; features of one batch of them are held at a time."""
    count = queries_GQD.shape[1]
    skip = torch.from_numpy(excluded)
    centre = queries_GQD.mean(dim=(0, 1))
    queries = (queries_GQD - centre).flatten(0, 1)
    best, rows, start = torch.zeros(count, 0, dtype=torch.float64), skip.new_zeros(count, 0), 0
    for batch in image_batches(train, batch_size):
        features = extractor(batch).invariant.cpu().double() - centre
        apart = torch.cat([distances for _, distances in squared_distances(queries, features)])
        least = apart.view(-1, count, len(batch)).amin(dim=0)
        here = torch.arange(start, start + len(batch))
        least[here[None] == skip[:, None]] = torch.inf
        best, chosen = torch.cat([best, least], 1).topk(min(NEAREST, best.shape[1] + len(batch)), largest=False)
        rows = torch.cat([rows, here.expand(count, -1)], 1).gather(1, chosen)
        start += len(batch)
        if progress is not None:
            progress(len(batch))
    return Nearest(best.sqrt().numpy(), rows.numpy())
