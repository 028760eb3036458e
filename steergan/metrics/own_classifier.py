"""The classifier that a run trains on its own images, for features and label agreement."""

import json
from pathlib import Path

import torch

from steergan.files import write_whole
from steergan.metrics.classifier_file import classifier_bytes, read_classifier, read_provenance
from steergan.metrics.classifier_training import ClassifierTraining, train_classifier
from steergan.metrics.images import LabelledImages
from steergan.networks.classifier import Classifier
from steergan.progress import Progress, unheard
from steergan.randomness import seed_torch, stream_seed


def own_classifier(
    images: LabelledImages,
    path: Path,
    *,
    seed: int,
    device: str | torch.device = "cpu",
    progress: Progress = unheard,
) -> Classifier:
    """A classifier of the images: trained the first time, kept in a file.

    A set with a single class has nothing to classify; there an untrained network with fixed weights serves, whose
    features still tell distributions apart, if less sharply (Naeem et al. 2020).

    Args:
        images: to train on.
        path: of the .safetensors file; one that was made for other images is replaced.
        seed: of weights, order and angles.
        device: where it is trained, and returned.
        progress: hears of updates.

    Raises:
        DataError: the file is damaged.
        RunError: it can't be written.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from steergan.data import ImageSet
        >>> from steergan.metrics import own_classifier
        >>> from steergan.metrics.own_classifier import is_kept
        >>> images = ImageSet(np.zeros((9, 1, 8, 8), np.uint8), np.zeros(9, np.int64), ("only",), "ab12")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     classifier = own_classifier(images, Path(folder) / "classifier.safetensors", seed=0)
        ...     is_kept(images, Path(folder) / "classifier.safetensors")
        True
    """
    if not is_kept(images, path):
        one_class = len(images.class_names) == 1
        classifier = untrained(images, seed) if one_class else trained(images, seed, device, progress)
        write_whole(path, classifier_bytes(classifier, made_for(images)))
    return read_classifier(path).to(device)


def is_kept(images: LabelledImages, path: Path) -> bool:
    """Whether the file holds a classifier that was made for these images."""
    return path.exists() and made_for(images).items() <= read_provenance(path).items()


def made_for(images: LabelledImages) -> dict[str, str]:
    """What the file says of the images."""
    return {"data_checksum": images.checksum, "class_names": json.dumps(images.class_names)}


def trained(images: LabelledImages, seed: int, device: str | torch.device, progress: Progress) -> Classifier:
    """A classifier that can tell the classes apart."""
    return train_classifier(
        images.images,
        images.labels,
        classes=len(images.class_names),
        seed=seed,
        device=device,
        progress=progress,
    )


def untrained(images: LabelledImages, seed: int) -> Classifier:
    """A classifier with weights from the seed."""
    settings, (channels, height, width) = ClassifierTraining(), images.images.shape[1:]
    with torch.random.fork_rng(devices=[]):
        seed_torch(stream_seed(seed, "untrained classifier"))
        return Classifier(settings.group, 1, (channels, height, width), settings.widths, settings.features)
