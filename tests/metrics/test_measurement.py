"""A measurement is whole: figures, floor and protocol; and the figures see what they are there to see."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from steergan.errors import DataError
from steergan.metrics import (
    ClassifierExtractor,
    Measurement,
    Protocol,
    Reference,
    extract,
    frechet_distance,
    measure,
    moments,
    prepare_reference,
    weights_sha256,
)
from steergan.networks.classifier import Classifier
from steergan.pixels import to_unit
from tests.metrics.drawn import Halves, Pixels, blobs, labelled

PROTOCOL = Protocol(count=300, label_law="stratified", ema="0.99", batch_norm="copy")


@pytest.fixture(scope="module")
def reference() -> Reference:
    return prepare_reference(Halves(), labelled(blobs(0, 400)), labelled(blobs(1, 500), checksum="ef56"), PROTOCOL)


def measured(reference: Reference, images: Pixels) -> Measurement:
    return measure(reference, images, np.zeros(len(images), dtype=np.int64))


def test_samples_of_the_true_law_reach_the_floor(reference: Reference) -> None:
    found, floor = measured(reference, blobs(2, 300)).distances, reference.floor
    assert found.frechet_invariant is not None
    assert floor.frechet_invariant is not None
    assert found.frechet_equivariant is not None
    assert floor.frechet_equivariant is not None
    assert found.frechet_invariant < 10 * floor.frechet_invariant + 0.1
    assert found.frechet_equivariant < 3 * floor.frechet_equivariant
    assert found.precision is found.recall is None  # such features are the same of scrambled images
    whole = reference.reals.distances(extract(Halves(), blobs(2, 300)))
    assert whole.precision is not None
    assert whole.recall is not None
    assert min(whole.precision, whole.recall) > 0.9


def test_orientation_collapse_is_seen_before_group_pooling_only(reference: Reference) -> None:
    fair, collapsed = measured(reference, blobs(2, 300)), measured(reference, blobs(2, 300, turned=False))
    assert collapsed.distances.frechet_invariant == pytest.approx(fair.distances.frechet_invariant, rel=1e-9)
    assert collapsed.distances.frechet_equivariant is not None
    assert fair.distances.frechet_equivariant is not None
    assert collapsed.distances.frechet_equivariant > 20 * fair.distances.frechet_equivariant


def test_figures_are_those_of_the_functions(reference: Reference) -> None:
    images = blobs(3, 250)
    values = Halves()(torch.from_numpy(images))
    found = measured(reference, images)
    invariant = moments(values.invariant.numpy())
    assert found.distances.frechet_invariant == frechet_distance(moments(reference.reals.features.invariant), invariant)


def test_record_is_flat_json_with_the_whole_protocol(reference: Reference) -> None:
    record = json.loads(json.dumps(measured(reference, blobs(2, 200)).record(), allow_nan=False))
    assert set(record) == {
        "frechet_invariant", "frechet_equivariant", "kid", "precision", "recall", "density", "coverage",
        "label_agreement", "label_agreement_real", "rank_deficient", "real_count", "fake_count", "label_law", "ema",
        "batch_norm", "extractor", "extractor_sha256", "classifier_sha256", "seed", "held_out_checksum",
        "precision_recall_count", "protocol", "floor_frechet_invariant",
        "floor_frechet_equivariant", "floor_kid", "floor_precision", "floor_recall", "floor_density",
        "floor_coverage", "floor_count", "left_out", "resize", "scrambled_frechet_invariant",
        "scrambled_frechet_equivariant", "scrambled_kid", "scrambled_precision", "scrambled_recall",
        "scrambled_density", "scrambled_coverage", "scrambled_count",
    }  # fmt: skip
    assert [record[key] for key in ("real_count", "fake_count", "floor_count")] == [300, 200, 300]
    assert (record["held_out_checksum"], record["precision_recall_count"]) == ("ef56", 10_000)
    assert [record[key] for key in ("extractor", "extractor_sha256")] == ["halves", "ab12"]
    assert [record[key] for key in ("label_law", "ema", "batch_norm")] == ["stratified", "0.99", "copy"]


def test_reference_and_measurement_are_functions_of_their_arguments(reference: Reference) -> None:
    again = prepare_reference(Halves(), labelled(blobs(0, 400)), labelled(blobs(1, 500), checksum="ef56"), PROTOCOL)
    assert again.floor == reference.floor
    assert measured(again, blobs(2, 300)) == measured(reference, blobs(2, 300))


def test_protocol_is_that_of_the_reference_and_of_the_samples(reference: Reference) -> None:
    base = measured(reference, blobs(2, 200))
    assert base.protocol == replace(reference.protocol, fake_count=200)
    assert base.record()["protocol"] == base.protocol.hash
    assert measured(reference, blobs(9, 200)).protocol == base.protocol  # another generator is what it is for
    assert measured(reference, blobs(2, 199)).protocol.hash != base.protocol.hash


def test_progress_is_told_of_every_batch() -> None:
    seen: list[tuple[int, int]] = []
    found = prepare_reference(Halves(), labelled(blobs(0, 50)), labelled(blobs(1, 30)), Protocol(25))
    labels = np.zeros(260, dtype=np.int64)
    measure(found, blobs(2, 260), labels, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(250, 260), (260, 260)]


def test_label_agreement_is_measured_on_samples_and_on_held_out_images(classifier: Classifier, images: Pixels) -> None:
    with torch.no_grad():
        seen = classifier(to_unit(torch.tensor(images))).argmax(dim=1).numpy()
    both = labelled(images, np.where(np.arange(37) < 10, (seen + 1) % 4, seen))
    found = prepare_reference(ClassifierExtractor("own", classifier), both, both, Protocol(37), classifier=classifier)
    assert found.label_agreement == pytest.approx(27 / 37)
    result = measure(found, images, seen)
    assert result.label_agreement == 1
    assert result.label_agreement_real == pytest.approx(27 / 37)
    assert result.protocol.classifier_sha256 == weights_sha256(classifier)


def test_too_few_samples_for_the_features_are_flagged(classifier: Classifier, images: Pixels) -> None:
    extractor = ClassifierExtractor("own", classifier)  # 6 invariant features, 24 before group pooling
    both, flags = labelled(images), []
    for count in (37, 24, 6):
        found = prepare_reference(extractor, both, both, Protocol(count))
        flags.append(measure(found, images[:count], both.labels[:count]).rank_deficient)
    assert flags == [(), ("equivariant",), ("invariant", "equivariant")]


def test_too_few_samples_for_any_distance_are_refused(reference: Reference) -> None:
    with pytest.raises(DataError, match="3 samples; at least 6 were wanted for density and coverage; draw more"):
        measured(reference, blobs(0, 3))


def test_float_samples_are_refused(reference: Reference) -> None:
    with pytest.raises(DataError, match="uint8"):
        measured(reference, np.zeros((9, 1, 8, 8)))  # type: ignore[arg-type]


def test_another_number_of_labels_is_refused(classifier: Classifier, images: Pixels) -> None:
    both = labelled(images)
    found = prepare_reference(ClassifierExtractor("own", classifier), both, both, Protocol(37), classifier=classifier)
    with pytest.raises(DataError, match="37 images with 36 labels"):
        measure(found, images, both.labels[:36])
