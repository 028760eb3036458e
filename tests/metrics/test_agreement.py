"""Label agreement counts what it says."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from steergan.errors import DataError
from steergan.metrics import label_agreement, predict
from tests.metrics.drawn import Labels, Pixels


class BrightestQuadrant(nn.Module):
    """Sees the label in the image: which channel is brightest. Batch norm must be in evaluation mode for that."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, image: Tensor) -> Tensor:
        assert image.min() >= -1
        assert image.max() <= 1
        return image.mean(dim=(2, 3)) + (100 * torch.randn(image.shape[:2]) if self.training else 0)


def images_of(labels: Labels) -> Pixels:
    images = np.zeros((len(labels), 4, 3, 3), dtype=np.uint8)
    images[np.arange(len(labels)), labels] = 255
    return images


def test_share_of_right_labels_is_counted_across_batches() -> None:
    labels = np.arange(1001) % 4
    wrong = labels.copy()
    wrong[:143] = (wrong[:143] + 1) % 4
    classifier = BrightestQuadrant()
    assert label_agreement(classifier, images_of(labels), labels) == 1  # type: ignore[arg-type]
    assert label_agreement(classifier, images_of(labels), wrong) == pytest.approx(858 / 1001)  # type: ignore[arg-type]


def test_swapped_labels_are_seen() -> None:
    labels = np.array([0, 1] * 8)
    assert label_agreement(BrightestQuadrant(), images_of(labels), 1 - labels) == 0  # type: ignore[arg-type]


def test_tensors_and_read_only_arrays_count_alike() -> None:
    labels = np.array([0, 1, 2, 3, 0])
    images = images_of(labels)
    images.setflags(write=False)
    labels.setflags(write=False)
    assert label_agreement(BrightestQuadrant(), images, labels) == 1  # type: ignore[arg-type]
    tensors = torch.from_numpy(images.copy()), torch.from_numpy(labels.copy())
    assert label_agreement(BrightestQuadrant(), *tensors) == 1  # type: ignore[arg-type]
    assert predict(BrightestQuadrant(), tensors[0]).tolist() == [0, 1, 2, 3, 0]  # type: ignore[arg-type]


@pytest.mark.parametrize(("images", "labels"), [(0, 0), (3, 2)])
def test_images_without_labels_are_refused(images: int, labels: int) -> None:
    with pytest.raises(DataError, match=f"{images} images with {labels} labels"):
        label_agreement(
            BrightestQuadrant(),  # type: ignore[arg-type]
            images_of(np.zeros(images, dtype=np.int64)),
            np.zeros(labels, dtype=np.int64),
        )


def test_float_images_are_refused() -> None:
    with pytest.raises(DataError, match="uint8"):
        label_agreement(BrightestQuadrant(), torch.zeros(2, 4, 3, 3), np.zeros(2, dtype=np.int64))  # type: ignore[arg-type]
