"""Images to features: one way for reals and fakes, whatever the batches."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from steergan.errors import DataError
from steergan.metrics import ClassifierExtractor, Features, extract, weights_sha256
from steergan.networks.classifier import Classifier
from steergan.pixels import to_unit


def test_features_are_the_classifiers_of_scaled_pixels_in_evaluation_mode(
    classifier: Classifier, images: NDArray[np.uint8]
) -> None:
    expected = classifier(to_unit(torch.tensor(images)))
    found = extract(ClassifierExtractor("own", classifier.train()), images)
    logits = classifier.head.double()(torch.from_numpy(found.invariant))
    torch.testing.assert_close(logits, expected.double(), rtol=1e-5, atol=1e-6)
    assert found.equivariant is not None
    np.testing.assert_array_equal(found.equivariant.reshape(37, 6, 4).max(axis=2), found.invariant)


def test_batches_change_neither_order_nor_values(classifier: Classifier, images: NDArray[np.uint8]) -> None:
    extractor = ClassifierExtractor("own", classifier)
    whole = extract(extractor, images, batch_size=37)
    parts = extract(extractor, images, batch_size=5)
    assert whole.invariant.dtype == np.float64
    np.testing.assert_allclose(parts.invariant, whole.invariant, rtol=1e-5, atol=1e-6)
    assert parts.equivariant is not None
    np.testing.assert_allclose(parts.equivariant, whole.equivariant, rtol=1e-5, atol=1e-6)  # type: ignore[arg-type]


def test_arrays_and_tensors_give_the_same_features(classifier: Classifier, images: NDArray[np.uint8]) -> None:
    extractor = ClassifierExtractor("own", classifier)
    tensors = extract(extractor, torch.tensor(images))
    np.testing.assert_array_equal(tensors.invariant, extract(extractor, images).invariant)


def test_progress_counts_every_image_once(classifier: Classifier, images: NDArray[np.uint8]) -> None:
    seen: list[tuple[int, int]] = []
    extract(
        ClassifierExtractor("own", classifier),
        images,
        batch_size=10,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(10, 37), (20, 37), (30, 37), (37, 37)]


def test_extractor_without_a_group_has_no_equivariant_features(images: NDArray[np.uint8]) -> None:
    class Means:
        name, sha256 = "means", "0"

        def __call__(self, batch: torch.Tensor) -> Features[torch.Tensor]:
            return Features(batch.float().mean(dim=(2, 3)), None)

    found = extract(Means(), images, batch_size=8)
    np.testing.assert_allclose(found.invariant, images.mean(axis=(2, 3)), rtol=1e-6)
    assert found.equivariant is None
    assert found.rows(np.array([4])).equivariant is None


class WithoutFloat64(torch.Tensor):
    """As on an accelerator that has no float64: widening fails until the tensor is on the CPU."""

    def double(self, *_: object, **__: object) -> torch.Tensor:
        raise TypeError("this device has no float64")

    def cpu(self, *_: object, **__: object) -> torch.Tensor:
        return self.as_subclass(torch.Tensor)


def test_accelerator_without_float64_gives_float64_features(images: NDArray[np.uint8]) -> None:
    class Means:
        name, sha256 = "means", "0"

        def __call__(self, batch: torch.Tensor) -> Features[torch.Tensor]:
            values = batch.float().mean(dim=(2, 3)).as_subclass(WithoutFloat64)
            return Features(values, values)

    found = extract(Means(), images, batch_size=8)
    assert found.equivariant is not None
    for rows in (found.invariant, found.equivariant):
        assert rows.dtype == np.float64
        np.testing.assert_allclose(rows, images.mean(axis=(2, 3)), rtol=1e-6)


def test_rows_are_those_of_both_sets() -> None:
    features = Features(np.arange(10.0)[:, None], np.arange(20.0).reshape(10, 2))
    chosen = features.rows(np.array([7, 2]))
    assert chosen.invariant.tolist() == [[7], [2]]
    assert chosen.equivariant is not None
    assert chosen.equivariant.tolist() == [[14, 15], [4, 5]]


def test_hash_is_of_every_weight_and_the_architecture(classifier: Classifier) -> None:
    before = weights_sha256(classifier)
    other_shape = Classifier("C4", 4, (3, 13, 13), (3, 3, 4, 4), 6)
    other_shape.load_state_dict(classifier.state_dict())
    assert weights_sha256(other_shape) != before
    with torch.no_grad():
        next(b for name, b in classifier.named_buffers() if name.endswith("running_var"))[0] += 1e-6
    assert weights_sha256(classifier) != before


def test_no_images_are_refused(classifier: Classifier) -> None:
    with pytest.raises(DataError, match="no images"):
        extract(ClassifierExtractor("own", classifier), np.zeros((0, 3, 12, 12), np.uint8))
