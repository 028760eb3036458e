"""Images in batches: all of them, chosen ones of a large set, and what is refused."""

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from steergan.errors import DataError
from steergan.metrics import image_batches
from steergan.metrics.images import Chosen


def test_batches_are_all_images_in_their_order() -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 1, 4, 4), dtype=np.uint8)
    images.setflags(write=False)  # as prepared sets are
    batches = list(image_batches(images, 3))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    np.testing.assert_array_equal(torch.cat(batches), images)
    assert all(torch.equal(a, b) for a, b in zip(image_batches(torch.tensor(images), 3), batches, strict=True))


@pytest.mark.parametrize("wrong", [np.zeros((2, 3, 8, 8)), np.zeros((3, 8, 8), np.uint8), torch.zeros(2, 1, 3, 3)])
def test_images_that_are_not_uint8_of_four_axes_are_refused(wrong: NDArray[np.uint8]) -> None:
    with pytest.raises(DataError, match=r"uint8 \(N, C, H, W\) was wanted"):
        next(image_batches(wrong))


def test_chosen_rows_of_a_large_set_are_read_batch_by_batch() -> None:
    class Counted(np.ndarray[Any, np.dtype[np.uint8]]):
        read: ClassVar[list[int]] = []

        def __getitem__(self, rows: Any) -> Any:
            self.read.append(len(rows))
            return np.asarray(self)[rows]

    images = np.random.default_rng(0).integers(0, 256, (50, 1, 4, 4), dtype=np.uint8)
    rows = np.array([3, 7, 20, 21, 49])
    batches = list(image_batches(Chosen(images.view(Counted), rows), 2))
    assert torch.equal(torch.cat(batches), torch.from_numpy(images[rows]))
    assert Counted.read == [2, 2, 1]
