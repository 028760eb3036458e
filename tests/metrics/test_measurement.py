"""A measurement is whole: figures, floor and protocol; and the figures see what they are there to see."""

import json
from dataclasses import replace
from typing import TypedDict

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from steergan.errors import DataError
from steergan.metrics import (
    ClassifierExtractor,
    FeatureBatch,
    Features,
    Measurement,
    Reference,
    floor,
    frechet_distance,
    measure,
    moments,
    precision_recall,
    prepare_reference,
    weights_sha256,
)
from steergan.metrics.distances import real_side, subset
from steergan.networks.classifier import Classifier


class Halves:
    """Mean brightness of the left, upper, right and lower half: equivariant under C4; the largest: invariant."""

    name, sha256 = "halves", "ab12"

    def __call__(self, images: Tensor) -> FeatureBatch:
        pixels = images.double()[:, 0]
        halves = [pixels[:, :, :4], pixels[:, :4], pixels[:, :, 4:], pixels[:, 4:]]
        values = torch.stack([half.mean(dim=(1, 2)) for half in halves], dim=1)
        return FeatureBatch(values.amax(dim=1, keepdim=True), values)


def blobs(seed: int, count: int, turned: bool = True) -> NDArray[np.uint8]:
    """One bright row at the top, each image turned by a random quarter."""
    draw = np.random.default_rng(seed)
    images = draw.integers(0, 100, size=(count, 1, 8, 8))
    images[:, :, 0] += 120
    quarters = draw.integers(0, 4, size=count) if turned else np.zeros(count, dtype=int)
    return np.stack([np.rot90(image, q, (1, 2)) for image, q in zip(images, quarters, strict=True)]).astype(np.uint8)


class Settings(TypedDict):
    count: int
    held_out_checksum: str


SETTINGS: Settings = {"count": 300, "held_out_checksum": "ef56"}


@pytest.fixture(scope="module")
def reference() -> Reference:
    return prepare_reference(Halves(), blobs(0, 400), blobs(1, 500), np.zeros(500, dtype=np.int64), **SETTINGS)


def measured(reference: Reference, images: NDArray[np.uint8], **protocol: str) -> Measurement:
    said = {"label_law": "stratified", "ema": "0.99", "batch_norm": "copy", **protocol}
    return measure(reference, images, np.zeros(len(images), dtype=np.int64), **said)


def test_samples_of_the_true_law_reach_the_floor(reference: Reference) -> None:
    found = measured(reference, blobs(2, 300))
    assert found.frechet_equivariant is not None
    assert reference.floor.frechet_equivariant is not None
    assert found.frechet_invariant < 10 * reference.floor.frechet_invariant + 0.1
    assert found.frechet_equivariant < 3 * reference.floor.frechet_equivariant
    assert found.precision > 0.9
    assert found.recall > 0.9


def test_orientation_collapse_is_seen_before_group_pooling_only(reference: Reference) -> None:
    fair, collapsed = measured(reference, blobs(2, 300)), measured(reference, blobs(2, 300, turned=False))
    assert collapsed.frechet_invariant == pytest.approx(fair.frechet_invariant, rel=1e-9)
    assert collapsed.frechet_equivariant is not None
    assert fair.frechet_equivariant is not None
    assert collapsed.frechet_equivariant > 20 * fair.frechet_equivariant


def test_figures_are_those_of_the_functions(reference: Reference) -> None:
    images = blobs(3, 250)
    values = Halves()(torch.from_numpy(images))
    found = measured(reference, images)
    invariant = moments(values.invariant.numpy())
    assert found.frechet_invariant == frechet_distance(moments(reference.real.features), invariant)


def test_record_is_flat_json_with_the_whole_protocol(reference: Reference) -> None:
    record = json.loads(json.dumps(measured(reference, blobs(2, 200)).record(), allow_nan=False))
    assert set(record) == {
        "frechet_invariant", "frechet_equivariant", "kid", "precision", "recall", "density", "coverage",
        "label_agreement", "label_agreement_real", "rank_deficient", "real_count", "fake_count", "label_law", "ema",
        "batch_norm", "extractor", "extractor_sha256", "classifier_sha256", "seed", "held_out_checksum",
        "precision_recall_count", "protocol", "floor_frechet_invariant",
        "floor_frechet_equivariant", "floor_kid", "floor_precision", "floor_recall", "floor_density",
        "floor_coverage", "floor_count",
    }  # fmt: skip
    assert [record[key] for key in ("real_count", "fake_count", "floor_count")] == [300, 200, 300]
    assert (record["held_out_checksum"], record["precision_recall_count"]) == ("ef56", 10_000)
    assert [record[key] for key in ("extractor", "extractor_sha256")] == ["halves", "ab12"]
    assert [record[key] for key in ("label_law", "ema", "batch_norm")] == ["stratified", "0.99", "copy"]


def test_reference_and_measurement_are_functions_of_their_arguments(reference: Reference) -> None:
    again = prepare_reference(Halves(), blobs(0, 400), blobs(1, 500), np.zeros(500, dtype=np.int64), **SETTINGS)
    assert again.floor == reference.floor
    assert measured(again, blobs(2, 300)) == measured(reference, blobs(2, 300))


def test_protocol_differs_with_everything_that_forbids_a_comparison(reference: Reference) -> None:
    images = blobs(2, 200)
    base = measured(reference, images)
    assert measured(reference, blobs(9, 200)).protocol == base.protocol  # another generator is what it is for
    others = [
        measured(reference, images, label_law="uniform"),
        measured(reference, images, ema="0.9"),
        measured(reference, images, batch_norm="reestimate"),
        measured(reference, images[:199]),
        replace(base, real_count=299),
        replace(base, held_out_checksum="another"),
        replace(base, seed=1),
        replace(base, precision_recall_count=9000),
        replace(base, extractor_sha256="cd34"),
        replace(base, classifier_sha256="cd34"),
    ]
    assert len({base.protocol, *(other.protocol for other in others)}) == 1 + len(others)


def test_label_agreement_is_measured_on_samples_and_on_held_out_images(
    classifier: Classifier, images: NDArray[np.uint8]
) -> None:
    with torch.no_grad():
        seen = classifier(torch.tensor(images) / 127.5 - 1).argmax(dim=1).numpy()
    wrong = np.where(np.arange(37) < 10, (seen + 1) % 4, seen)
    found = prepare_reference(
        ClassifierExtractor("own", classifier),
        images,
        images,
        wrong,
        count=37,
        classifier=classifier,
        held_out_checksum="",
    )
    assert found.label_agreement == pytest.approx(27 / 37)
    result = measure(found, images, seen, label_law="", ema="", batch_norm="")
    assert (result.label_agreement, result.label_agreement_real) == (1, pytest.approx(27 / 37))
    assert result.classifier_sha256 == weights_sha256(classifier)


def test_too_few_samples_for_the_features_are_flagged(classifier: Classifier, images: NDArray[np.uint8]) -> None:
    extractor = ClassifierExtractor("own", classifier)  # 6 invariant features, 24 before group pooling
    labels = np.zeros(37, dtype=np.int64)
    flags = []
    for count in (37, 24, 6):
        found = prepare_reference(extractor, images, images, labels, count=count, held_out_checksum="")
        flags.append(measure(found, images[:count], labels[:count], label_law="", ema="", batch_norm="").rank_deficient)
    assert flags == [(), ("equivariant",), ("invariant", "equivariant")]


def test_floor_takes_a_seeded_part_of_the_training_images() -> None:
    draw = np.random.default_rng(0)
    train = Features(draw.normal(size=(90, 3)), None)
    held_out = real_side(Features(draw.normal(size=(50, 3)), None), 0)
    small, same, other = (floor(train, held_out, 50, seed) for seed in (0, 0, 1))
    assert small == same
    assert small.frechet_invariant != other.frechet_invariant
    assert small.count == 50
    assert small.frechet_equivariant is None


def test_floor_of_a_small_training_set_takes_all_of_it_and_says_so() -> None:
    draw = np.random.default_rng(0)
    train = Features(draw.normal(size=(20, 3)), None)
    held_out = real_side(Features(draw.normal(size=(50, 3)), None), 0)
    found = floor(train, held_out, 50, 0)
    assert found.count == 20
    assert found.frechet_invariant == frechet_distance(held_out.invariant, moments(train.invariant))


def test_held_out_images_and_labels_are_thinned_out_alike(classifier: Classifier, images: NDArray[np.uint8]) -> None:
    with torch.no_grad():
        seen = classifier(torch.tensor(images) / 127.5 - 1).argmax(dim=1).numpy()
    assert len(set(seen)) == 4
    found = prepare_reference(
        ClassifierExtractor("own", classifier),
        images,
        images,
        seen,
        count=20,
        classifier=classifier,
        held_out_checksum="",
    )
    assert len(found.real.features) == 20
    assert found.label_agreement == 1


def test_too_few_samples_for_any_distance_are_refused(reference: Reference) -> None:
    with pytest.raises(DataError, match="3 samples; at least 6 were wanted for density and coverage; draw more"):
        measured(reference, blobs(0, 3))


class Never:
    """An extractor that no test should reach."""

    name, sha256 = "never", "0"

    def __call__(self, images: Tensor) -> FeatureBatch:
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
    labels = np.zeros(held_out, dtype=np.int64)
    with pytest.raises(DataError, match=said):
        prepare_reference(Never(), blobs(0, train), blobs(1, held_out), labels, count=count, held_out_checksum="")


def test_six_images_of_each_kind_are_enough() -> None:
    labels = np.zeros(6, dtype=np.int64)
    found = prepare_reference(Halves(), blobs(0, 6), blobs(1, 6), labels, count=6, held_out_checksum="")
    assert np.isfinite(measured(found, blobs(2, 6)).kid)


def test_progress_is_told_of_every_batch_of_reals_and_of_samples() -> None:
    seen: list[int] = []
    labels = np.zeros(30, dtype=np.int64)
    found = prepare_reference(
        Halves(),
        blobs(0, 50),
        blobs(1, 30),
        labels,
        count=25,
        held_out_checksum="",
        batch_size=10,
        progress=seen.append,
    )
    assert seen == [10, 10, 5, 10, 10, 5]  # held-out images, then training images
    seen.clear()
    said = {"label_law": "", "ema": "", "batch_norm": ""}
    measure(found, blobs(2, 24), np.zeros(24, dtype=np.int64), **said, batch_size=10, progress=seen.append)
    assert seen == [10, 10, 4]


def test_precision_and_recall_look_at_a_seeded_part_of_large_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steergan.metrics.distances.PRECISION_RECALL_COUNT", 40)
    draw = np.random.default_rng(0)
    real, fake = Features(draw.normal(size=(90, 3)), None), Features(draw.normal(size=(70, 3)), None)
    found = floor(fake, real_side(real, 0), 70, 0)
    chosen = subset(90, 40, 0, "precision-recall-real"), subset(70, 40, 0, "precision-recall-fake")
    assert (found.precision, found.recall) == precision_recall(real.invariant[chosen[0]], fake.invariant[chosen[1]])
    assert found.frechet_invariant == frechet_distance(moments(real.invariant), moments(fake.invariant))


def test_float_samples_are_refused(reference: Reference) -> None:
    with pytest.raises(DataError, match="uint8"):
        measured(reference, np.zeros((9, 1, 8, 8)))


def test_another_number_of_labels_is_refused(classifier: Classifier, images: NDArray[np.uint8]) -> None:
    labels = np.zeros(37, dtype=np.int64)
    found = prepare_reference(
        ClassifierExtractor("own", classifier),
        images,
        images,
        labels,
        count=37,
        classifier=classifier,
        held_out_checksum="",
    )
    with pytest.raises(DataError, match="37 images with 36 labels"):
        measure(found, images, labels[:36], label_law="", ema="", batch_norm="")
