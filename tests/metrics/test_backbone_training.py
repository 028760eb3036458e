"""Fine-tuning learns, repeats itself, and stops where nothing can be learned."""

import numpy as np
import pytest
import torch

from steergan.errors import RunError
from steergan.metrics import BackboneTraining, build_backbone, class_accuracies, train_backbone, weights_sha256
from steergan.metrics.backbone_training import moved, predicted
from tests.metrics.drawn import shades


def test_fine_tuning_learns_and_repeats_itself() -> None:
    images, labels = shades(48)
    rows = np.arange(36), np.arange(36, 48)
    hashes, accuracies = [], []
    for _ in range(2):
        tuned, epochs = build_backbone("resnet18", 2, side=32), list[tuple[int, float]]()
        settings = BackboneTraining(epochs=2, batch_size=12, peak_rate=1e-3)
        best = train_backbone(
            tuned,
            images,
            labels,
            rows,
            settings,
            on_epoch=lambda *epoch, to=epochs: to.append(epoch),
        )
        assert [epoch for epoch, _ in epochs] == [1, 2]
        assert best == max(found for _, found in epochs)
        assert not tuned.training
        accuracies.append(float((predicted(tuned, images, rows[1]) == labels[rows[1]]).mean()))
        assert accuracies[-1] == best
        hashes.append(weights_sha256(tuned))
    assert hashes[0] == hashes[1]
    assert accuracies[0] == 1


def test_images_are_moved_by_elements_of_the_group_and_of_no_other() -> None:
    image = torch.arange(16.0).view(1, 1, 4, 4).repeat(64, 1, 1, 1)
    turned = {tuple(found.flatten().tolist()) for found in moved(image, "D4", 0, 0)}
    assert len(turned) == 8
    assert torch.equal(moved(image, "trivial", 0, 0), image)


def test_a_loss_that_is_not_finite_stops() -> None:
    tuned = build_backbone("shufflenet_v2_x0_5", 2, side=32)
    with torch.no_grad():
        tuned.head.bias.fill_(torch.nan)
    with pytest.raises(RunError, match="the loss is nan at update 0; lower --rate"):
        train_backbone(tuned, *shades(8), (np.arange(4), np.arange(4, 8)), BackboneTraining())


def test_accuracy_by_class_says_where_there_was_nothing_to_see() -> None:
    seen, labels = np.array([0, 1, 1]), np.array([0, 0, 1])
    assert class_accuracies(seen, labels, 3) == [0.5, 1.0, None]
