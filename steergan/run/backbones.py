"""Backbones fine-tuned on the data that a recipe names: as extractors, and to see whether classes can be told apart."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steergan.data import ImageSet, load
from steergan.data.subsets import hold_out
from steergan.files import file_sha256
from steergan.metrics import Backbone, BackboneTraining, build_backbone, class_accuracies, train_backbone
from steergan.metrics.backbone import refuse_channels
from steergan.metrics.backbone_training import predicted
from steergan.recipe import DataSettings
from steergan.run.reporting import Reporter

VALIDATION = 0.2
"""Share of the training images that chooses the epoch."""
TEST = 0.4
"""Share of all images that `check_classes` tests on. Source: Dey et al. 2021, C.1.1."""

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FineTuned:
    """A fine-tuned backbone, and how good it is."""

    backbone: Backbone
    counts: tuple[int, int, int]
    """Training, validation and test images."""
    validation_accuracy: float
    """Of the epoch that was kept."""
    test_accuracy: float
    by_class: dict[str, float | None]
    """Test accuracy of every class; None without test images."""
    test_checksum: str
    train: ImageSet
    started_from: str
    """`random weights`, or the hash of the weights' file."""


@dataclass(frozen=True)
class FineTuning:
    """What a backbone is, what it starts from and how it is trained."""

    backbone: str = "inception_v3"
    weights: Path | None = None
    """Torchvision's ImageNet weights; None: random ones, which need many images and many epochs."""
    side: int = 0
    """Pixels that images are resized to; 0: what the backbone was designed for."""
    seed: int = 0
    training: BackboneTraining = field(default_factory=BackboneTraining)


def fine_tune(settings: DataSettings, tuning: FineTuning, *, device: str, report: Reporter) -> FineTuned:
    """Fine-tune on the training images, a fifth of them for validation; test on the held-out images.

    Source: Dey et al. 2021, "Evaluation methodologies" (Inception-v3 fine-tuned on ANHIR and LYSTO).

    Raises:
        SteerganError: data that can't be found, a class with fewer than two images, an unknown backbone, other weights.
    """
    train, held_out = load(settings, "train"), load(settings, "held_out")
    rows = hold_out(train.labels, VALIDATION, tuning.seed, train.class_names)
    return tuned(tuning, train, rows, (held_out, np.arange(len(held_out))), device, report)


def check_classes(settings: DataSettings, tuning: FineTuning, *, device: str, report: Reporter) -> FineTuned:
    """Whether classes can be told apart: 60 % of the images, of which a fifth validates, against the other 40 %.

    All images where the source can give them undivided (`split = "none"`), else the training images.

    Source: Dey et al. 2021, C.1.1 (VGG16 on LYSTO's organs: 98 %).

    Raises:
        SteerganError: as `fine_tune`.
    """
    if settings.split == "auto" and "none" in settings.divisions:
        settings = settings.model_copy(update={"split": "none"})
    whole = load(settings, "train")
    rest, test = hold_out(whole.labels, TEST, tuning.seed, whole.class_names)
    train, validation = hold_out(whole.labels[rest], VALIDATION, tuning.seed, whole.class_names)
    return tuned(tuning, whole, (rest[train], rest[validation]), (whole, test), device, report)


def tuned(
    tuning: FineTuning,
    images: ImageSet,
    rows: tuple[Rows, Rows],
    test: tuple[ImageSet, Rows],
    device: str,
    report: Reporter,
) -> FineTuned:
    """Build, train and test a backbone."""
    refuse_channels(images.image_shape[0], tuning.backbone)
    backbone = build_backbone(
        tuning.backbone, images.classes, side=tuning.side, weights=tuning.weights, seed=tuning.seed
    )
    started_from = "random weights" if tuning.weights is None else file_sha256(tuning.weights)
    if tuning.weights is None:
        report.message(f"{tuning.backbone}: random weights; --weights FILE starts from torchvision's ImageNet ones")
    accuracy = train_backbone(
        backbone,
        images.images,
        images.labels,
        rows,
        tuning.training,
        seed=tuning.seed,
        device=device,
        progress=lambda done, total, loss: report.stage("fine-tuning", done, total),
        on_epoch=lambda epoch, found: report.message(f"epoch {epoch}: {found:.2%} of validation images right"),
    )
    test_set, test_rows = test
    seen, labels = predicted(backbone, test_set.images, test_rows), test_set.labels[test_rows]
    by_class = class_accuracies(seen, labels, images.classes)
    return FineTuned(
        backbone,
        (len(rows[0]), len(rows[1]), len(test_rows)),
        accuracy,
        float((seen == labels).mean()),
        dict(zip(images.class_names, by_class, strict=True)),
        test_set.checksum,
        images,
        started_from,
    )
