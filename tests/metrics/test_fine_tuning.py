"""A backbone that is trained on some images, chosen by others, and tested on others again."""

from pathlib import Path

import numpy as np
import pytest
import torch

from steergan.errors import RecipeError
from steergan.files import file_sha256
from steergan.metrics import BackboneTraining, FineTuning, build_backbone, fine_tune
from steergan.metrics.backbone_training import predicted
from tests.metrics.drawn import labelled, shades

TUNING = FineTuning("shufflenet_v2_x0_5", side=32, training=BackboneTraining(epochs=1, batch_size=4))
ROWS = np.arange(8), np.arange(8, 12)


def test_accuracies_are_those_of_the_images_that_were_kept_apart() -> None:
    images, told, heard = labelled(*shades(20)), list[tuple[int, float]](), list[tuple[int, int]]()
    test = np.array([13, 15, 16, 17, 19])
    found = fine_tune(
        TUNING,
        images,
        ROWS,
        (images, test),
        progress=lambda done, total: heard.append((done, total)),
        on_epoch=lambda epoch, accuracy: told.append((epoch, accuracy)),
    )
    assert found.counts == (8, 4, 5)
    assert told == [(1, found.validation_accuracy)]
    assert heard == [(1, 2), (2, 2)]
    right = predicted(found.backbone, images.images, test) == images.labels[test]
    assert found.test_accuracy == right.mean()
    assert found.by_class == {"class-0": right[2], "class-1": right[[0, 1, 3, 4]].mean()}
    assert found.started_from == "random weights"


def test_weights_that_it_started_from_are_named_by_their_hash(tmp_path: Path) -> None:
    torch.save(build_backbone("shufflenet_v2_x0_5", 3, side=32).network.state_dict(), tmp_path / "weights.pth")
    tuning = FineTuning("shufflenet_v2_x0_5", tmp_path / "weights.pth", 32, BackboneTraining(epochs=1))
    images = labelled(*shades(12))
    assert fine_tune(tuning, images, ROWS, (images, ROWS[1])).started_from == file_sha256(tmp_path / "weights.pth")


def test_images_of_two_channels_are_refused_before_any_work() -> None:
    images = labelled(shades(12)[0][:, :2])
    with pytest.raises(RecipeError, match="images of 2 channels; 1 or 3 were wanted"):
        fine_tune(TUNING, images, ROWS, (images, ROWS[1]))
