"""Backbones fine-tuned on images like those that will be measured: as extractors, and to see whether classes differ."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from steergan.files import file_sha256
from steergan.metrics.backbone import Backbone, build_backbone, refuse_channels
from steergan.metrics.backbone_training import (
    BackboneTraining,
    Epoch,
    class_accuracies,
    predicted,
    train_backbone,
    untold,
)
from steergan.metrics.images import LabelledImages, Rows
from steergan.progress import Progress, unheard

VALIDATION = 0.2
"""Share of the training images that chooses the epoch."""
TEST = 0.4
"""Share of all images that shows whether classes can be told apart. Source: Dey et al. 2021, C.1.1."""


@dataclass(frozen=True)
class FineTuning:
    """What a backbone is, what it starts from and how it is trained.

    Examples:
        >>> from steergan.metrics import FineTuning
        >>> FineTuning("resnet18", side=64).training.epochs
        10
    """

    backbone: str = "inception_v3"
    """Torchvision's name."""
    weights: Path | None = None
    """Torchvision's ImageNet weights; None: random ones, which need many images and many epochs."""
    side: int = 0
    """Pixels that images are resized to; 0: what the backbone was designed for."""
    training: BackboneTraining = field(default_factory=BackboneTraining)


@dataclass(frozen=True, eq=False)
class FineTuned:
    """A fine-tuned backbone, and how good it is; `fine_tune` makes one.

    Examples:
        >>> from steergan.metrics import FineTuned, build_backbone
        >>> backbone = build_backbone("shufflenet_v2_x0_5", 2, side=32)
        >>> found = FineTuned(backbone, (8, 2, 4), 1.0, 0.75, {"cat": 0.5, "dog": 1.0}, "random weights")
        >>> found.test_accuracy
        0.75
    """

    backbone: Backbone
    counts: tuple[int, int, int]
    """Training, validation and test images."""
    validation_accuracy: float
    """Of the epoch that was kept."""
    test_accuracy: float
    by_class: dict[str, float | None]
    """Test accuracy of every class; None without test images."""
    started_from: str
    """`random weights`, or the hash of the weights' file."""


def fine_tune(
    tuning: FineTuning,
    images: LabelledImages,
    rows: tuple[Rows, Rows],
    test: tuple[LabelledImages, Rows],
    *,
    device: str | torch.device = "cpu",
    progress: Progress = unheard,
    on_epoch: Epoch = untold,
) -> FineTuned:
    """Fine-tune a backbone on some images, choose its epoch by others, and test it on others again.

    Args:
        tuning: what and how.
        images: to train and to validate on, uint8 (N, 1 or 3, H, W).
        rows: which of them to train on, and which to validate on.
        test: a set, and which of its images to test on.
        device: where it is trained.
        progress: hears of updates.
        on_epoch: hears of validation accuracies.

    Raises:
        DataError: an unknown backbone, or weights that can't be read or are another network's.
        RecipeError: images of two channels, or of more than three.
        RunError: the loss is not finite.

    Source: Dey et al. 2021, "Evaluation methodologies" (Inception-v3 fine-tuned on ANHIR and LYSTO); C.1.1 (VGG16 on
        LYSTO's organs: 98 %).

    Examples:
        >>> import numpy as np
        >>> from steergan.data import ImageSet
        >>> from steergan.metrics import BackboneTraining, FineTuning, fine_tune
        >>> images = ImageSet(np.zeros((6, 1, 8, 8), np.uint8), np.arange(6) % 2, ("a", "b"), "")
        >>> tuning = FineTuning("shufflenet_v2_x0_5", side=32, training=BackboneTraining(epochs=1))
        >>> fine_tune(tuning, images, (np.arange(4), np.arange(4, 6)), (images, np.arange(6))).test_accuracy
        0.5
    """
    refuse_channels(images.images.shape[1], tuning.backbone)
    classes, seed = len(images.class_names), tuning.training.seed
    backbone = build_backbone(tuning.backbone, classes, side=tuning.side, weights=tuning.weights, seed=seed).to(device)
    started_from = "random weights" if tuning.weights is None else file_sha256(tuning.weights)
    accuracy = train_backbone(
        backbone, images.images, images.labels, rows, tuning.training, progress=progress, on_epoch=on_epoch
    )
    test_set, test_rows = test
    seen, labels = predicted(backbone, test_set.images, test_rows), test_set.labels[test_rows]
    by_class = class_accuracies(seen, labels, classes)
    return FineTuned(
        backbone,
        (len(rows[0]), len(rows[1]), len(test_rows)),
        accuracy,
        float((seen == labels).mean()),
        dict(zip(images.class_names, by_class, strict=True)),
        started_from,
    )
