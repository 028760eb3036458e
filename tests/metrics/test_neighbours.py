"""Samples beside their nearest training images: which are looked at, and what the picture shows."""

import numpy as np
import pytest
import torch

from steergan.metrics import compare_neighbours
from steergan.metrics.neighbours import rows_among, spread
from tests.metrics.drawn import FirstPixels, noise

ALL = FirstPixels(16)


def test_images_are_found_again_by_their_pixels() -> None:
    images = noise(0, 20)
    assert rows_among(images, np.concatenate([images[[7, 3]], 255 - images[:1]])).tolist() == [7, 3, -1]


def test_at_most_256_are_looked_at_from_all_over_the_set() -> None:
    rows = spread(1000, "samples")
    assert len(np.unique(rows)) == len(rows) == 256
    assert rows[0] < 50 < 950 < rows[-1]
    assert spread(9, "samples").tolist() == list(range(9))


def test_copies_lie_beside_what_they_copy_in_its_pose() -> None:
    train = noise(0, 40)
    copies = torch.from_numpy(train[:12]).rot90(1, (2, 3))
    found, figure = compare_neighbours(ALL, copies, train, noise(1, 30), group="C4")
    assert found.comparison.closer_share == 1
    assert found.samples.rows[:, 0].tolist() == list(range(12))
    shown = np.asarray(figure.axes[0].images[0].get_array())
    side = next(row for row in range(1, len(shown)) if (shown[row - 1] != 255).any() and (shown[row] == 255).all())
    assert shown.shape[0] > side
    assert found.record()["group"] == "C4"


@pytest.mark.parametrize("one_set", [True, False])
def test_training_images_that_stand_in_for_held_out_ones_are_compared_with_the_others(one_set: bool) -> None:
    train = noise(0, 40)
    found, _ = compare_neighbours(ALL, torch.from_numpy(noise(2, 9)), train, train, group="C4", one_set=one_set)
    assert (found.held_out_distances.min() > 0) == one_set


def test_progress_ends_at_its_total() -> None:
    seen: list[tuple[int, int]] = []
    compare_neighbours(
        ALL,
        torch.from_numpy(noise(2, 9)),
        noise(0, 40),
        noise(1, 30),
        group="D4",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (8 * (9 + 30) + 40,) * 2
