"""Label agreement: how often a classifier sees in an image the label that was asked for."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steergan.errors import DataError
from steergan.metrics.classifier_file import Network
from steergan.metrics.features import BackboneExtractor, FeatureExtractor, Features
from steergan.metrics.frechet import Array
from steergan.metrics.images import Images, image_batches
from steergan.pixels import to_unit


def label_agreement(classifier: Network, images: Images, labels: Tensor | NDArray[np.int64]) -> float:
    """Share of images that the classifier assigns to their label.

    A Frechet distance cannot see swapped labels; this can. On held-out real images it is the classifier's accuracy: the
    most that a generator should be asked for.

    Args:
        classifier: is put into evaluation mode.
        images: uint8 (N, C, H, W).
        labels: int64 (N,).

    Raises:
        DataError: no images, another number of labels than images, or images that are not uint8.

    Examples:
        >>> import torch
        >>> from steergan.metrics import label_agreement, predict
        >>> from steergan.networks.classifier import Classifier
        >>> classifier = Classifier("C4", 2, (1, 8, 8), widths=(2, 2), features=3)
        >>> images = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
        >>> label_agreement(classifier, images, predict(classifier, images))
        1.0
    """
    if len(images) == 0 or len(images) != len(labels):
        raise DataError(
            f"{len(images)} images with {len(labels)} labels; at least one image, each with a label, was wanted"
        )
    seen = torch.cat([predict(classifier, batch) for batch in image_batches(images)])
    return float((seen.numpy() == np.asarray(labels)).mean())


def agreement_with(
    extractor: FeatureExtractor,
    classifier: Network,
    features: Features[Array],
    images: Images,
    labels: Tensor | NDArray[np.int64],
) -> float:
    """Label agreement of images whose features are known: a backbone that gave them is not run a second time.

    Args:
        extractor: that gave the features.
        classifier: sees labels.
        features: of the N images.
        images: uint8 (N, C, H, W).
        labels: int64 (N,).

    Raises:
        DataError: another number of labels than images.
    """
    if not (isinstance(extractor, BackboneExtractor) and extractor.classifier is classifier):
        return label_agreement(classifier, images, labels)
    if len(features.invariant) != len(labels):
        raise DataError(f"{len(features.invariant)} images with {len(labels)} labels; a label for each was wanted")
    seen = extractor.labels(torch.from_numpy(features.invariant).float())
    return float((seen.numpy() == np.asarray(labels)).mean())


@torch.no_grad()
def predict(classifier: Network, images: Tensor) -> Tensor:
    """The likeliest label of every image, by the classifier in evaluation mode.

    Shapes: images (B, C, H, W) uint8 -> labels (B,) int64, on the CPU.

    Examples:
        >>> import torch
        >>> from steergan.metrics import predict
        >>> from steergan.networks.classifier import Classifier
        >>> classifier = Classifier("C4", 2, (1, 8, 8), widths=(2, 2), features=3)
        >>> predict(classifier, torch.zeros(3, 1, 8, 8, dtype=torch.uint8)).shape
        torch.Size([3])
    """
    device = next(classifier.parameters()).device
    return classifier.eval()(to_unit(images.to(device))).argmax(dim=1).cpu()
