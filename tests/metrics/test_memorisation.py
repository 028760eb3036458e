"""Memorisation: copies are caught in any pose, fresh samples are not, and the numbers are those of a plain loop."""

import json
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from steergan.errors import DataError
from steergan.metrics import image_batches, memorisation
from steergan.metrics.memorisation import compare
from tests.metrics.drawn import FirstPixels, noise

ALL = FirstPixels(16)
TRAIN, HELD_OUT = noise(0, 200), noise(1, 60)


def poses(image: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
    turned = [np.rot90(image, k, (1, 2)) for k in range(4)]
    return [pose.astype(float) for pose in (*turned, *(np.flip(pose, 2) for pose in turned))]


@pytest.mark.parametrize(("group", "count"), [("D4", 8), ("C4", 4), ("trivial", 1)])
def test_distances_are_the_least_over_the_group(group: str, count: int) -> None:
    found = memorisation(ALL, noise(2, 6), TRAIN, HELD_OUT, group=group)
    for sample, distances, rows in zip(noise(2, 6), found.samples.distances, found.samples.rows, strict=True):
        least = [min(np.linalg.norm(pose - t) for pose in poses(sample)[:count]) for t in TRAIN.astype(float)]
        assert rows.tolist() == np.argsort(least)[:5].tolist()
        np.testing.assert_allclose(distances, np.sort(least)[:5], rtol=1e-9)


def test_turned_copies_are_caught() -> None:
    copies = np.ascontiguousarray(np.flip(np.rot90(TRAIN[:50], 1, (2, 3)), 3))
    found = memorisation(ALL, copies, TRAIN, HELD_OUT, group="D4")
    assert found.comparison.closer_share == 1
    assert found.comparison.probability_closer == 1
    assert found.comparison.z < -8
    assert found.comparison.p_value < 1e-12
    assert found.samples.distances[:, 0].max() == 0
    assert found.samples.rows[:, 0].tolist() == list(range(50))
    # Without the group they look like any other image.
    assert memorisation(ALL, copies, TRAIN, HELD_OUT, group="trivial").comparison.closer_share < 0.3


def test_fresh_samples_are_not_accused() -> None:
    found = memorisation(ALL, noise(3, 60), TRAIN, HELD_OUT, group="D4")
    assert found.comparison.closer_share <= 0.2
    assert abs(found.comparison.z) < 3


def test_training_images_in_the_place_of_held_out_ones_are_compared_with_the_others() -> None:
    rows = np.arange(40, 80)
    found = memorisation(ALL, noise(3, 60), TRAIN, TRAIN[rows], group="C4", own_rows=rows)
    assert found.held_out_distances.min() > 0
    assert "each without itself" in found.held_out
    assert abs(found.comparison.z) < 3


def test_batches_do_not_change_the_figures_and_progress_counts_all(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    whole = memorisation(ALL, noise(2, 30), TRAIN, HELD_OUT, group="C4")
    # The package exports a function of the module's name.
    module = sys.modules["steergan.metrics.memorisation"]
    monkeypatch.setattr(module, "image_batches", lambda images: image_batches(images, 7))
    parts = memorisation(
        ALL, noise(2, 30), TRAIN, HELD_OUT, group="C4", progress=lambda done, total: seen.append((done, total))
    )
    assert parts.comparison == whole.comparison
    np.testing.assert_allclose(parts.samples.distances, whole.samples.distances, rtol=1e-12)
    total = 4 * 30 + 4 * 60 + 200
    assert {of for _, of in seen} == {total}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert (seen[0][0], seen[-1][0]) == (4 * 7, total)


def test_statistic_is_that_of_all_pairs() -> None:
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=40), draw.normal(size=30) + 0.5
    found = compare(a, b)
    assert found.probability_closer == pytest.approx((a[:, None] < b[None]).mean())
    assert found.z < 0
    assert found.closer_share == (a < np.quantile(b, 0.05)).mean()


def test_record_is_json() -> None:
    record = memorisation(ALL, noise(2, 9), TRAIN, HELD_OUT, group="C4").record()
    again = json.loads(json.dumps(record, allow_nan=False))
    assert (again["sample_count"], again["held_out_count"], again["train_count"]) == (9, 60, 200)
    assert len(again["sample_quantiles"]) == 7


def test_too_few_images_are_refused() -> None:
    with pytest.raises(DataError, match="1 samples, 200 training and 60 held-out images"):
        memorisation(ALL, noise(2, 1), TRAIN, HELD_OUT, group="C4")
