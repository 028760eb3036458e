"""The real side: held-out images, and the floor, which real images that were not compared with give."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from steergan.errors import DataError
from steergan.metrics import (
    ClassifierExtractor,
    Features,
    Protocol,
    Reals,
    Reference,
    extract,
    frechet_distance,
    measure,
    moments,
    prepare_reference,
    weights_sha256,
)
from steergan.metrics.reference import floor_rows, halves
from steergan.networks.classifier import Classifier
from steergan.pixels import to_unit
from tests.metrics.drawn import FirstPixels, Halves, Pixels, blobs, labelled, noise


def numbered(count: int) -> Pixels:
    """Images whose first pixels say which one they are."""
    images = noise(0, count)
    images[:, 0, 0, 0] = np.arange(count)
    return images


def numbers(images: list[Tensor]) -> list[int]:
    return [int(image[0, 0, 0]) for image in images]


def prepared(
    extractor: FirstPixels, cache: Path | None, *, count: int = 40, held_out: str = "h", train: str = "t", seed: int = 0
) -> Reference:
    sets = labelled(noise(0, 70), checksum=train), labelled(noise(1, 60), checksum=held_out)
    return prepare_reference(extractor, *sets, Protocol(count, seed=seed), cache=cache)


def test_a_kept_reference_is_taken_instead_of_features(tmp_path: Path) -> None:
    extractor = FirstPixels()
    first = prepared(extractor, tmp_path)
    assert len(extractor.seen) == 120
    again = prepared(extractor, tmp_path)
    assert len(extractor.seen) == 120
    assert again.floor == first.floor
    assert again.scrambled == first.scrambled
    np.testing.assert_array_equal(again.reals.features.invariant, first.reals.features.invariant)
    fakes, labels = noise(2, 40), np.zeros(40, dtype=np.int64)
    assert measure(again, fakes, labels) == measure(first, fakes, labels)


@pytest.mark.parametrize("change", [{"count": 39}, {"held_out": "x"}, {"train": "x"}, {"seed": 1}])
def test_another_protocol_is_computed_anew(tmp_path: Path, change: dict[str, object]) -> None:
    extractor = FirstPixels()
    prepared(extractor, tmp_path)
    before = len(extractor.seen)
    prepared(extractor, tmp_path, **change)  # type: ignore[arg-type]
    assert len(extractor.seen) > before
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("missing", ["held_out", "train"])
def test_sets_without_a_checksum_are_not_kept(tmp_path: Path, missing: str) -> None:
    prepared(FirstPixels(), tmp_path, **{missing: ""})  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_what_was_found_stands_in_the_protocol(classifier: Classifier, images: Pixels) -> None:
    sets = labelled(images, checksum="t"), labelled(images[:30], checksum="h")
    extractor = ClassifierExtractor("own", classifier)
    found = prepare_reference(extractor, *sets, Protocol(20, label_law="uniform"), classifier=classifier).protocol
    assert found == Protocol(
        20,
        label_law="uniform",
        extractor="own",
        extractor_sha256=weights_sha256(classifier),
        classifier_sha256=weights_sha256(classifier),
        held_out_checksum="h",
        train_checksum="t",
        real_count=20,
    )


# --- the floor


def test_floor_is_of_training_images_against_held_out_ones() -> None:
    extractor = FirstPixels()
    found = prepared(extractor, None)
    held_out, train, _ = np.stack([image.numpy() for image in extractor.seen]).reshape(3, 40, 16)[:, :, :3]
    assert found.floor == Reals(Features(held_out.astype(np.float64), None), found.protocol, picky=True).distances(
        Features(train.astype(np.float64), None)
    )
    assert {tuple(row) for row in train} <= {tuple(row) for row in noise(0, 70).reshape(70, 16)[:, :3]}


def test_floor_of_one_set_is_that_of_two_disjoint_halves() -> None:
    both, extractor = labelled(numbered(51), checksum="s"), FirstPixels()
    found = prepare_reference(extractor, both, both, Protocol(51))
    assert numbers(extractor.seen[:51]) == list(range(51))
    assert len(extractor.seen) == 102  # nothing is looked at twice, but scrambled
    first, second = halves(51, 0)
    assert sorted([*first, *second]) == list(range(51))
    rows = found.reals.features
    half = Reals(rows.rows(first), found.protocol, picky=True)
    assert found.floor == half.distances(rows.rows(second))
    assert found.floor.count == 25
    assert found.floor.frechet_invariant is not None
    assert found.floor.frechet_invariant > 1


@pytest.mark.parametrize("seed", range(4))
def test_floor_of_a_large_enough_set_is_of_images_that_were_not_held_out(seed: int) -> None:
    both, extractor = labelled(numbered(90), checksum="s"), FirstPixels()
    found = prepare_reference(extractor, both, both, Protocol(40, seed=seed))
    held_out, train = numbers(extractor.seen[:40]), numbers(extractor.seen[40:80])
    assert len(set(held_out)) == 40
    assert len(set(train)) == found.floor.count == 40
    assert set(held_out).isdisjoint(train)


def test_other_images_are_seeded_and_all_where_there_are_no_more() -> None:
    taken = np.array([3, 5, 8])
    rows = floor_rows(30, taken, Protocol(10))
    assert rows.tolist() == sorted(set(rows.tolist()) - {3, 5, 8})
    assert len(rows) == 10
    assert floor_rows(30, taken, Protocol(10, seed=1)).tolist() != rows.tolist()
    assert floor_rows(9, taken, Protocol(10)).tolist() == [0, 1, 2, 4, 6, 7]


def test_floor_of_a_small_training_set_takes_all_of_it_and_says_so() -> None:
    held_out = labelled(noise(1, 60))
    found = prepare_reference(FirstPixels(), labelled(noise(0, 20)), held_out, Protocol(60))
    assert found.floor.count == 20
    train = moments(extract(FirstPixels(), noise(0, 20)).invariant)
    assert found.floor.frechet_invariant == frechet_distance(found.reals.invariant, train)


@pytest.mark.parametrize(("count", "refused"), [(16, True), (17, False)])
def test_frechet_distance_of_no_more_images_than_features_is_refused(count: int, refused: bool) -> None:
    reference = prepared(FirstPixels(16), None, count=count)
    fakes = noise(2, count)
    found = measure(reference, fakes, np.zeros(count, dtype=np.int64))
    assert (found.distances.frechet_invariant is None) == refused
    assert (reference.floor.frechet_invariant is None) == refused
    assert np.isfinite(found.distances.kid)
    assert ("invariant" in found.rank_deficient) == refused
    if not refused:
        features = FirstPixels(16)(torch.from_numpy(fakes)).invariant.double().numpy()
        assert found.distances.frechet_invariant == frechet_distance(reference.reals.invariant, moments(features))


# --- labels, refusals, progress


def test_held_out_images_and_labels_are_thinned_out_alike(classifier: Classifier, images: NDArray[np.uint8]) -> None:
    with torch.no_grad():
        seen = classifier(to_unit(torch.tensor(images))).argmax(dim=1).numpy()
    assert len(set(seen)) == 4
    both = labelled(images, seen)
    found = prepare_reference(ClassifierExtractor("own", classifier), both, both, Protocol(20), classifier=classifier)
    assert len(found.reals.features.invariant) == 20
    assert found.label_agreement == 1


class Never:
    """An extractor that no test should reach."""

    name, sha256 = "never", "0"

    def __call__(self, images: Tensor) -> Features[Tensor]:
        raise AssertionError("work was begun")


@pytest.mark.parametrize(
    ("train", "held_out", "count", "said"),
    [
        (9, 5, 9, "5 held-out images; at least 6 were wanted for density and coverage; raise data.held_out or add"),
        (5, 9, 9, "5 training images; at least 6 were wanted for density and coverage; add images, or lower"),
        (9, 9, 5, "5 samples to measure; at least 6 were wanted for density and coverage; raise evaluation.samples"),
    ],
)
def test_too_few_images_for_any_neighbours_are_refused_before_any_work(
    train: int, held_out: int, count: int, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        prepare_reference(Never(), labelled(blobs(0, train)), labelled(blobs(1, held_out)), Protocol(count))


def test_too_few_images_in_half_of_a_set_are_refused() -> None:
    both = labelled(noise(0, 11), checksum="s")
    with pytest.raises(DataError, match="5 images in half of the set; at least 6 were wanted"):
        prepare_reference(FirstPixels(), both, both, Protocol(11))


def test_six_images_of_each_kind_are_enough() -> None:
    found = prepare_reference(Halves(), labelled(blobs(0, 6)), labelled(blobs(1, 6)), Protocol(6))
    assert np.isfinite(measure(found, blobs(2, 6), np.zeros(6, dtype=np.int64)).distances.kid)


def test_progress_is_told_of_held_out_images_then_of_training_and_of_scrambled_ones() -> None:
    seen: list[tuple[int, int]] = []
    prepare_reference(
        Halves(),
        labelled(blobs(0, 300)),
        labelled(blobs(1, 280)),
        Protocol(260),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(250, 780), (260, 780), (510, 780), (520, 780), (770, 780), (780, 780)]
