"""Which images a step sees: pure functions of (seed, step, update), so a resumed run sees what it would have seen."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from steergan.data.images import ImageSet, Labels
from steergan.data.rotation import random_angles
from steergan.randomness import numpy_stream


def batch_indices(count: int, batch_size: int, seed: int, step: int, update: int) -> Labels:
    """Indices below `count`, int64 (batch_size,), uniform with replacement; (seed, step, update) decide alone."""
    return numpy_stream(seed, f"batch/{update}", step).integers(count, size=batch_size, dtype=np.int64)


def batch(
    image_set: ImageSet, batch_size: int, seed: int, step: int, update: int, rows: Sequence[slice] = (slice(None),)
) -> tuple[Tensor, Tensor]:
    """Real images, uint8 (B, C, H, W), and labels, int64 (B,), of one update of one step.

    Of a set with `unturned` originals, every image comes at an angle of its own, which (seed, step, update) and its
    place in the batch decide.

    Args:
        image_set: where they come from.
        batch_size: of the whole batch.
        seed: of the run.
        step: generator step.
        update: which update of that step.
        rows: which rows of the batch, one stretch after another.
    """
    chosen = batch_indices(len(image_set), batch_size, seed, step, update)
    own = np.concatenate([chosen[some] for some in rows])
    if image_set.unturned is None:
        images = image_set.images[own]
    else:
        angles = random_angles(batch_size, seed, f"batch/{update}/angles", step, degrees=image_set.unturned.degrees)
        images = image_set.unturned.turned(own, np.concatenate([angles[some] for some in rows]))
    return torch.from_numpy(images), torch.from_numpy(image_set.labels[own])


def class_rows(image_set: ImageSet, columns: int) -> Labels:
    """Indices for a grid with a row a class, int64 (K, columns), spread evenly over the set.

    There are fewer columns if a class has fewer images.
    """
    members = [np.flatnonzero(image_set.labels == label) for label in range(image_set.classes)]
    columns = min(columns, *map(len, members))
    return np.stack([inside[np.arange(columns) * len(inside) // columns] for inside in members])


def stratified_labels(class_frequencies: ArrayLike, count: int) -> Labels:
    """Labels for evaluation, int64 (count,): every class as often as its frequency says, by largest remainder.

    The classes are interleaved, so that any stretch of the labels has about the same frequencies. No randomness.

    Raises:
        ValueError: frequencies that are negative or don't sum to 1.
    """
    frequencies = np.asarray(class_frequencies, dtype=np.float64)
    if frequencies.ndim != 1 or (frequencies < 0).any() or abs(frequencies.sum() - 1) > 1e-6:
        raise ValueError(f"class frequencies {frequencies.tolist()}; shares that sum to 1 were wanted")
    quota = frequencies * count
    counts = np.floor(quota + 1e-9).astype(np.int64)
    counts[np.argsort(counts - quota, kind="stable")[: count - counts.sum()]] += 1
    pace = np.concatenate([(np.arange(n) + 0.5) / n for n in counts])
    return np.repeat(np.arange(len(counts)), counts)[np.argsort(pace, kind="stable")]
