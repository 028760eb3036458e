import hashlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from steergan.data import ImageSet, checksum

IMAGES = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
LABELS = np.array([1, 0])


def test_checksum_is_the_sha256_of_shape_pixels_and_labels() -> None:
    expected = hashlib.sha256(b"uint8 (2, 3, 4, 5)" + IMAGES.tobytes() + LABELS.astype("<i8").tobytes()).hexdigest()
    assert checksum(IMAGES, LABELS) == expected


def test_checksum_sees_a_pixel_a_label_and_the_shape() -> None:
    other = IMAGES.copy()
    other[1, 2, 3, 4] += 1
    sums = {checksum(*x) for x in ((IMAGES, LABELS), (other, LABELS), (IMAGES, LABELS[::-1]))}
    assert len(sums | {checksum(IMAGES.reshape(2, 3, 5, 4), LABELS)}) == 4


def test_checksum_does_not_depend_on_memory_order() -> None:
    assert checksum(np.asfortranarray(IMAGES), LABELS) == checksum(IMAGES, LABELS)


def test_properties_describe_the_images() -> None:
    images = ImageSet(IMAGES, LABELS, ("a", "b", "c"), "")
    assert (len(images), images.image_shape, images.classes) == (2, (3, 4, 5), 3)
    np.testing.assert_array_equal(images.class_frequencies, [0.5, 0.5, 0])


@pytest.mark.parametrize(
    ("images", "labels", "fault"),
    [
        (IMAGES.astype(np.float32), LABELS, "uint8"),
        (IMAGES[0], LABELS, "uint8"),
        (IMAGES, LABELS.astype(np.int32), "int64"),
        (IMAGES, LABELS[:1], "int64"),
        (IMAGES, LABELS + 2, "class names"),
        (IMAGES, LABELS - 1, "class names"),
    ],
)
def test_other_arrays_are_refused(images: NDArray[Any], labels: NDArray[Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        ImageSet(images, labels, ("a", "b", "c"), "")
