"""Rows of a picture of transforms."""

import pytest
import torch

from steergan.augmentation import KINDS, preview_transforms


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 8, 12)])
def test_there_is_a_row_for_each_transform_that_such_images_can_have(shape: tuple[int, int, int]) -> None:
    images = torch.randint(256, (6, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found = preview_transforms(images, KINDS)
    impossible = {"hue", "quarter-turns"} if shape[0] == 1 else set()
    assert list(found) == ["none", *(kind for kind in KINDS if kind not in impossible), "all, at 1/2"]
    assert torch.equal(found["none"], images)
    assert all(rows.dtype == torch.uint8 and rows.shape == images.shape for rows in found.values())
    assert not any(torch.equal(rows, images) for name, rows in found.items() if name != "none")
    assert torch.equal(found["rotation"], preview_transforms(images, ["rotation"])["rotation"])
