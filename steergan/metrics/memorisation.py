"""Memorisation: whether samples lie closer to the training images than other real images do."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu
from torch import Tensor

from steergan.errors import DataError
from steergan.metrics.features import FeatureExtractor
from steergan.metrics.frechet import Array
from steergan.metrics.images import Images, Rows, image_batches
from steergan.metrics.precision_recall import squared_distances
from steergan.progress import Progress, portion, unheard
from steergan.symmetry.actions import action_table

QUANTILE = 0.05
"""Of the held-out images' distances: this share of fresh samples of the true law would lie below."""
NEAREST = 5
"""Training images that are kept for every sample."""


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest training images of every query, nearest first."""

    distances: Array
    """(Q, k)."""
    rows: Rows
    """(Q, k): training images."""


@dataclass(frozen=True)
class Comparison:
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


@dataclass(frozen=True, eq=False)
class Memorisation:
    """What the nearest training images of samples say; `memorisation` makes one.

    Examples:
        >>> import numpy as np
        >>> from steergan.metrics import Memorisation, choose_extractor
        >>> from steergan.metrics.memorisation import Nearest, compare
        >>> near, others = Nearest(np.array([[0.5], [2.0]]), np.array([[4], [1]])), np.array([1.0, 3.0])
        >>> extractor = choose_extractor("rotmnist", (1, 28, 28))
        >>> comparison = compare(near.distances[:, 0], others)
        >>> found = Memorisation(comparison, near, others, 9, "held-out images", "C4", extractor)
        >>> found.record()["probability_closer"]
        0.75
    """

    comparison: Comparison
    samples: Nearest
    held_out_distances: Array
    """(L,): of every held-out image to its nearest training image."""
    train_count: int
    held_out: str
    """`held-out images`, or `training images, each without itself` where nothing was held out."""
    group: str
    extractor: FeatureExtractor

    def record(self) -> dict[str, Any]:
        """Everything but the single distances, ready for JSON; of these 0, 5, 25, 50, 75, 95 and 100 % quantiles."""
        nearest = self.samples.distances[:, 0]
        return {
            **asdict(self.comparison),
            "sample_quantiles": quantiles(nearest),
            "held_out_quantiles": quantiles(self.held_out_distances),
            "sample_count": len(nearest),
            "held_out_count": len(self.held_out_distances),
            "train_count": self.train_count,
            "held_out": self.held_out,
            "group": self.group,
            "extractor": self.extractor.name,
            "extractor_sha256": self.extractor.sha256,
        }


def memorisation(
    extractor: FeatureExtractor,
    samples: Images,
    train: Images,
    held_out: Images,
    *,
    group: str,
    own_rows: Rows | None = None,
    progress: Progress = unheard,
) -> Memorisation:
    """Nearest training images in feature space, over the group, of samples and of held-out images.

    A pair is compared in every pose: the distance of x to t is the least |f(g x) - f(t)| over g in the group.

    Args:
        extractor: f, of which the invariant features count.
        samples: uint8 (N, C, H, W).
        train: uint8 (M, C, H, W).
        held_out: uint8 (L, C, H, W).
        group: one that permutes pixels.
        own_rows: where the held-out images are training images, which (-1: none), int64 (L,): each is then compared
            with the others only.
        progress: hears of images, of samples and held-out ones in every pose, then of training ones.

    Raises:
        DataError: fewer than two samples or held-out images, or fewer than two training images.

    Source: Meehan et al. 2020 (the test of data copying: training distances of samples against those of fresh images).

    Differs: one cell, the whole space; distances over the group; a quantile beside the statistic.

    Examples:
        >>> import numpy as np
        >>> from steergan.metrics import Features, memorisation
        >>> class Pixels:
        ...     name, sha256 = "pixels", ""
        ...     def __call__(self, images):
        ...         return Features(images.flatten(1).float(), None)
        >>> train, held_out = np.random.default_rng(0).integers(0, 256, (2, 40, 1, 4, 4), np.uint8)
        >>> copies = np.rot90(train[:9], axes=(2, 3))
        >>> memorisation(Pixels(), copies, train, held_out, group="C4").comparison.closer_share
        1.0
    """
    if min(len(samples), len(train), len(held_out)) < 2:
        counts = f"{len(samples)} samples, {len(train)} training and {len(held_out)} held-out images"
        raise DataError(f"{counts}; at least two of each were wanted to compare distances")
    table, count = action_table(group, *samples.shape[2:]), len(samples)
    moved = len(table) * count, len(table) * (count + len(held_out))
    total = moved[1] + len(train)
    queries_GQD = torch.cat(
        [
            moved_features(extractor, samples, table, portion(progress, 0, total)),
            moved_features(extractor, held_out, table, portion(progress, moved[0], total)),
        ],
        dim=1,
    )
    excluded = np.full(queries_GQD.shape[1], -1)
    if own_rows is not None:
        excluded[count:] = own_rows
    found = nearest(extractor, queries_GQD, train, excluded, portion(progress, moved[1], total))
    held_out_distances = found.distances[count:, 0]
    return Memorisation(
        comparison=compare(found.distances[:count, 0], held_out_distances),
        samples=Nearest(found.distances[:count], found.rows[:count]),
        held_out_distances=held_out_distances,
        train_count=len(train),
        held_out="held-out images" if own_rows is None else "training images, each without itself",
        group=group,
        extractor=extractor,
    )


def compare(samples: Array, held_out: Array) -> Comparison:
    """Whether distances of samples (N,) are smaller than those of held-out images (L,)."""
    test = mannwhitneyu(samples, held_out, alternative="less", method="asymptotic")
    pairs, count = len(samples) * len(held_out), len(samples) + len(held_out)
    # Without copying, the statistic has mean N L / 2 and variance N L (N + L + 1) / 12.
    z = (float(test.statistic) - pairs / 2) / np.sqrt(pairs * (count + 1) / 12)
    closer = float((samples < np.quantile(held_out, QUANTILE)).mean())
    return Comparison(closer, QUANTILE, 1 - float(test.statistic) / pairs, float(z), float(test.pvalue))


def quantiles(distances: Array) -> list[float]:
    """A few quantiles, from the least to the largest distance."""
    return [float(value) for value in np.quantile(distances, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1])]


def moved_features(extractor: FeatureExtractor, images: Images, table: Tensor, progress: Progress) -> Tensor:
    """Features of every image moved by every element, (G, N, D) float64.

    Moving the queries compares the same pairs as moving the training images, which are many.

    Args:
        extractor: of which the invariant features count.
        images: uint8 (N, C, H, W).
        table: where each element's pixels come from, int64 (G, H * W).
        progress: hears of moved images.
    """
    parts, done = [], 0
    for batch in image_batches(images):
        copies = [batch.flatten(2)[..., source].view(batch.shape) for source in table]
        parts.append(torch.stack([extractor(copy).invariant.cpu().double() for copy in copies]))
        done += len(batch) * len(table)
        progress(done, len(images) * len(table))
    return torch.cat(parts, dim=1)


def nearest(
    extractor: FeatureExtractor, queries_GQD: Tensor, train: Images, excluded: NDArray[np.int64], progress: Progress
) -> Nearest:
    """The nearest training images of every query; features of one batch of them are held at a time.

    Args:
        extractor: of which the invariant features count.
        queries_GQD: features of Q queries in G poses, float64.
        train: uint8 (M, C, H, W).
        excluded: the training image that a query is not compared with, or -1: int64 (Q,).
        progress: hears of training images.
    """
    count = queries_GQD.shape[1]
    skip = torch.from_numpy(excluded)
    centre = queries_GQD.mean(dim=(0, 1))
    queries = (queries_GQD - centre).flatten(0, 1)
    best, rows, start = torch.zeros(count, 0, dtype=torch.float64), skip.new_zeros(count, 0), 0
    for batch in image_batches(train):
        features = extractor(batch).invariant.cpu().double() - centre
        apart = torch.cat([distances for _, distances in squared_distances(queries, features)])
        least = apart.view(-1, count, len(batch)).amin(dim=0)
        here = torch.arange(start, start + len(batch))
        least[here[None] == skip[:, None]] = torch.inf
        best, chosen = torch.cat([best, least], 1).topk(min(NEAREST, best.shape[1] + len(batch)), largest=False)
        rows = torch.cat([rows, here.expand(count, -1)], 1).gather(1, chosen)
        start += len(batch)
        progress(start, len(train))
    return Nearest(best.sqrt().numpy(), rows.numpy())
