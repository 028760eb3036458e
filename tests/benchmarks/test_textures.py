"""The study of the texture metric: what it does to images, and that a metric which does not rise is told of."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.textures import (
    DROPPED,
    KINDS,
    MISSING,
    Sets,
    TextureBenchmark,
    blurred,
    compressed,
    figure,
    measure,
    noisy,
    photographs,
    report,
    tissue,
    without,
)
from steergan.metrics import Features, ScatteringExtractor


class Invariant:
    """The few of the scattering features that don't see orientation."""

    name, sha256 = ScatteringExtractor.name, ScatteringExtractor.sha256

    def __call__(self, images: Tensor) -> Features[Tensor]:
        return Features(ScatteringExtractor()(images).invariant, None)


@pytest.fixture(scope="module")
def sets() -> Sets:
    return photographs(60, 16)


@pytest.fixture(scope="module")
def found(sets: Sets) -> TextureBenchmark:
    return measure([sets], Invariant())


def test_distances_rise_with_noise_and_with_dropped_modes(found: TextureBenchmark) -> None:
    metric = "Frechet distance, invariant"
    rises = {rise.kind: rise for rise in found.rises}
    assert rises["noise, deviation in gray levels"].rises(metric)
    assert rises[DROPPED].rises(metric)
    blur = rises["blur, deviation in pixels"].distances[metric]
    assert list(blur[1:]) == sorted(blur[1:])
    assert blur[5] > 3 * blur[0]


def test_a_metric_that_does_not_rise_is_told_of(sets: Sets) -> None:
    class Red:
        name, sha256 = "red", ""

        def __call__(self, images: Tensor) -> Features[Tensor]:
            return Features(images[:, :1].float().mean(dim=(2, 3)), None)

    made = measure([sets], Red())
    assert not made.monotone
    assert "Not: " in report(made).verdict
    assert "KID, invariant under blur" in report(made).verdict


def test_both_samples_hold_all_modes_and_no_patch_in_common(sets: Sets) -> None:
    assert np.bincount(sets.modes).tolist() == [6] * 10
    assert {image.tobytes() for image in sets.reference}.isdisjoint(image.tobytes() for image in sets.others)
    assert sets.others.shape == (60, 3, 16, 16)
    assert np.bincount(tissue(40, 64).modes).tolist() == [4] * 10


def test_dropped_modes_are_gone_and_others_stay_where_they_are(sets: Sets) -> None:
    gone = []
    for count in MISSING:
        rows = without(sets.modes, count, order=3)
        left = set(sets.modes[rows])
        assert len(left) == 10 - count
        gone.append(set(range(10)) - left)
        stay = ~np.isin(sets.modes, list(gone[-1]))
        assert rows[stay].tolist() == np.flatnonzero(stay).tolist()
    assert all(fewer < more for fewer, more in pairwise(gone))


def test_strengths_do_more_and_more_to_the_pixels(sets: Sets) -> None:
    for kind, (make, strengths) in KINDS.items():
        errors = [np.abs(make(sets, s).astype(float) - sets.others).mean() for s in strengths]
        assert errors == sorted(errors), kind
    assert noisy(sets, 8).std() > sets.others.std()
    assert blurred(sets, 2).std() < sets.others.std()
    assert compressed(sets, 90).dtype == np.uint8


def test_the_study_is_drawn_and_told(found: TextureBenchmark) -> None:
    told = report(found)
    assert "texture metric" in told.claim
    assert all("Texture metric" in table.caption for table in told.tables)
    assert [len(table.rows) for table in told.tables] == [4, 4]
    assert len(figure(found).axes) == 4
    assert torch.tensor(told.tables[0].rows[0][1:]).shape == (6,)
