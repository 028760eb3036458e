"""Label agreement: how often a classifier sees in an image the label that was asked for."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steergan.errors import DataError
from steergan.metrics.backbone import Backbone
from steergan.metrics.features import BackboneExtractor, FeatureExtractor, Features, Images, image_batches
from steergan.networks.classifier import Classifier
from steergan.pixels import to_unit


def label_agreement(classifier: Classifier | Backbone, images: Images, labels: Tensor | NDArray[np.int64]) -> float:
    """Share of uint8 images (N, C, H, W) that the classifier assigns to their label (N,).

    A Frechet distance cannot see swapped labels; this can. On held-out real images it is the classifier's accuracy: the
    most that a generator should be asked for.

    Raises:
        DataError: no images, another number of labels than images, or images that are not uint8.
    """
    if len(images) == 0 or len(images) != len(labels):
        raise DataError(
            f"{len(images)} images with {len(labels)} labels; at least one image, each with a label, was wanted"
        )
    seen = torch.cat([predict(classifier, batch) for batch in image_batches(images)])
    return float((seen.numpy() == np.asarray(labels)).mean())


def agreement_with(
    extractor: FeatureExtractor,
    classifier: Classifier | Backbone,
    features: Features,
    images: Images,
    labels: Tensor | NDArray[np.int64],
) -> float:
    """The same, of images whose features are known: a backbone that gave them is not run a second time.

    Raises:
        DataError: as `label_agreement`.
    """
    if not (isinstance(extractor, BackboneExtractor) and extractor.classifier is classifier):
        return label_agreement(classifier, images, labels)
    if len(features.invariant) != len(labels):
        raise DataError(f"{len(features.invariant)} images with {len(labels)} labels; a label for each was wanted")
    seen = extractor.labels(torch.from_numpy(features.invariant).float())
    return float((seen.numpy() == np.asarray(labels)).mean())


@torch.no_grad()
def predict(classifier: Classifier | Backbone, images: Tensor) -> Tensor:
    """The likeliest label (B,) of uint8 images (B, C, H, W), by the classifier in evaluation mode."""
    device = next(classifier.parameters()).device
    return classifier.eval()(to_unit(images.to(device))).argmax(dim=1).cpu()
